package verdict

import (
	"errors"
	"io"
	"os"
	"slices"

	"github.com/wsdump/wsdump/internal/outfile"
)

// Destination is a format and the file that a verdict is written to in it.
type Destination struct {
	Format Format
	File   string // "" is standard output
}

// FormatNamed returns the format of that name.
func FormatNamed(name string) (f Format, known bool) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}

// WriteAll writes v to all destinations: to stdout as text, unless to names another
// format for it. On GitHub's runners (the variable GITHUB_ACTIONS) it adds annotations,
// where stdout has room for them, and the summary of the step.
func (v *Verdict) WriteAll(stdout io.Writer, to []Destination) error {
	onStdout := slices.ContainsFunc(to, func(d Destination) bool { return d.File == "" })
	annotated := slices.ContainsFunc(to, func(d Destination) bool { return d.Format.Name == "github" })
	var errs []error
	for _, d := range to {
		errs = append(errs, v.write(stdout, d))
	}
	if !onStdout {
		errs = append(errs, v.write(stdout, Destination{Format: Formats()[0]}))
	}
	if os.Getenv("GITHUB_ACTIONS") == "true" && !annotated && !onStdout {
		errs = append(errs, writeGitHub(stdout, v))
		if file := os.Getenv("GITHUB_STEP_SUMMARY"); file != "" {
			errs = append(errs, outfile.Append(file, func(w io.Writer) error { return writeMarkdown(w, v) }))
		}
	}
	return errors.Join(errs...)
}

func (v *Verdict) write(stdout io.Writer, d Destination) error {
	plain := *v
	plain.Color = v.Color && d.File == ""
	return outfile.Write(d.File, stdout, func(w io.Writer) error { return d.Format.Write(w, &plain) })
}

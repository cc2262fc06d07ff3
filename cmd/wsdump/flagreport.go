package main

import (
	"errors"
	"io"
	"os"
	"strings"

	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/outfile"
	"github.com/wsdump/wsdump/report/verdict"
)

func reportKinds() (names []string) {
	for _, f := range verdict.Formats() {
		names = append(names, f.Name)
	}
	return names
}

// reportFlags are the reports that are asked for.
type reportFlags []reportTo

type reportTo struct {
	format verdict.Format
	file   string // "" for standard output
}

func (r *reportFlags) String() string { return "" }
func (r *reportFlags) Type() string   { return "KIND=FILE" }

// Set adds a report.
func (r *reportFlags) Set(s string) error {
	kind, file, named := strings.Cut(s, "=")
	if named && file == "" {
		return console.Usage("a report without a file", "--report "+kind+" writes to standard output")
	}
	if file == "-" {
		file = ""
	}
	for _, f := range verdict.Formats() {
		if f.Name != kind {
			continue
		}
		for _, have := range *r {
			if have.file == "" && file == "" {
				return console.Usage("two reports for standard output", "give one of them a file: "+kind+"=FILE")
			}
		}
		*r = append(*r, reportTo{f, file})
		return nil
	}
	return console.UnknownWord(kind, reportKinds())
}

// write writes all reports: to standard output as text, unless another is asked
// for there; and on GitHub's runners the annotations and the step's summary.
func (r reportFlags) write(v *verdict.Verdict, stdout io.Writer) error {
	all := append(reportFlags(nil), r...)
	if !all.has("") {
		all = append(all, reportTo{verdict.Formats()[0], ""})
	}
	var errs []error
	for _, one := range all {
		errs = append(errs, one.write(v, stdout))
	}
	if os.Getenv("GITHUB_ACTIONS") == "true" && !r.hasKind("github") && (len(r) == 0 || !r.has("")) {
		errs = append(errs, r.kind("github").Write(stdout, v))
		if file := os.Getenv("GITHUB_STEP_SUMMARY"); file != "" {
			errs = append(errs, outfile.Append(file, func(w io.Writer) error { return r.kind("markdown").Write(w, v) }))
		}
	}
	return errors.Join(errs...)
}

func (r reportFlags) has(file string) bool {
	for _, one := range r {
		if one.file == file {
			return true
		}
	}
	return false
}

func (r reportFlags) hasKind(kind string) bool {
	for _, one := range r {
		if one.format.Name == kind {
			return true
		}
	}
	return false
}

func (r reportFlags) kind(name string) verdict.Format {
	for _, f := range verdict.Formats() {
		if f.Name == name {
			return f
		}
	}
	panic("no report " + name) // it is one of ours
}

func (r reportTo) write(v *verdict.Verdict, stdout io.Writer) error {
	plain := *v
	plain.Color = v.Color && r.file == ""
	return outfile.Write(r.file, stdout, func(w io.Writer) error { return r.format.Write(w, &plain) })
}

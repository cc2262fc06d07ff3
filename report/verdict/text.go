package verdict

import (
	"io"
	"strings"

	"github.com/wsdump/wsdump/check"
	"github.com/wsdump/wsdump/internal/terminal"
)

func writeText(w io.Writer, v *Verdict) error {
	var b strings.Builder
	words := map[standing][2]string{passes: {"PASS", "\x1b[32m"}, warns: {"WARN", terminal.ColorWarning}, undecided: {"????", terminal.ColorWarning}, fails: {"FAIL", terminal.ColorError}}
	for i := range v.Results {
		r := &v.Results[i]
		word := words[v.standing(r)]
		if v.Color {
			word[0] = word[1] + word[0] + terminal.ColorReset
		}
		b.WriteString(word[0] + " " + terminal.Safe(r.Check.ID) + "\n")
		if place := placeOf(r.Check); place != "" && r.Outcome != check.Pass {
			b.WriteString("     " + place + ": " + terminal.Safe(r.Check.Text) + "\n")
		}
		b.WriteString("     " + verdictReason(r) + "\n")
		for _, line := range verdictLines(r) {
			b.WriteString("     " + line + "\n")
		}
	}
	if len(v.Results) > 1 {
		b.WriteString("\n" + v.summary() + ".\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

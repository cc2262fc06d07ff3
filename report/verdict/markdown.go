package verdict

import (
	"fmt"
	"io"
	"strings"

	"github.com/wsdump/wsdump/check"
	"github.com/wsdump/wsdump/internal/terminal"
)

func writeMarkdown(w io.Writer, v *Verdict) error {
	cell := strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "`", "&#96;", "*", `\*`, "_", `\_`, "[", `\[`, "\\", `\\`, "@", "&#64;", "#", "&#35;")
	var b strings.Builder
	fmt.Fprintf(&b, "### wsdump check: %s\n\n", v.summary())
	b.WriteString("| | check | what | verdict |\n|---|---|---|---|\n")
	words := map[standing]string{passes: "✅ pass", warns: "⚠️ warning", undecided: "❔ inconclusive", fails: "❌ fail"}
	for i := range v.Results {
		r := &v.Results[i]
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", words[v.standing(r)], cell.Replace(terminal.Safe(r.Check.ID)), cell.Replace(terminal.Safe(r.Check.Text)), cell.Replace(verdictReason(r)))
	}
	for i := range v.Results {
		r := &v.Results[i]
		rows := verdictRows(r)
		if r.Outcome == check.Pass || rows == "" {
			continue
		}
		fence := "```"
		for strings.Contains(rows, fence) {
			fence += "`"
		}
		fmt.Fprintf(&b, "\n**%s** %s\n\n%stext\n%s\n%s\n", cell.Replace(terminal.Safe(r.Check.ID)), cell.Replace(placeOf(r.Check)), fence, rows, fence)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

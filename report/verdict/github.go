package verdict

import (
	"fmt"
	"io"
	"strings"

	"github.com/wsdump/wsdump/internal/terminal"
)

// maxAnnotations is how many annotations GitHub shows for one step.
const maxAnnotations = 10

func writeGitHub(w io.Writer, v *Verdict) error {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	var b strings.Builder
	shown, all := 0, 0
	for i := range v.Results {
		r := &v.Results[i]
		level := map[standing]string{warns: "warning", undecided: "error", fails: "error"}[v.standing(r)]
		if level == "" {
			continue
		}
		if all++; shown == maxAnnotations-1 {
			continue
		}
		shown++
		place := ""
		if r.Check.File != "" {
			place = fmt.Sprintf("file=%s,line=%d,", property.Replace(terminal.Safe(r.Check.File)), r.Check.Line)
		}
		text := verdictReason(r) + "\n" + terminal.Safe(r.Check.Text)
		if rows := verdictRows(r); rows != "" {
			text += "\n" + rows
		}
		fmt.Fprintf(&b, "::%s %stitle=%s::%s\n", level, place, property.Replace("wsdump check: "+terminal.Safe(r.Check.ID)), data.Replace(text))
	}
	if all > shown {
		fmt.Fprintf(&b, "::error title=wsdump check::%d of %d are shown; %s\n", shown, all, data.Replace(v.summary()))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

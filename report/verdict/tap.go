package verdict

import (
	"fmt"
	"io"
	"strings"

	"github.com/wsdump/wsdump/check"
	"github.com/wsdump/wsdump/internal/ndjson"
	"github.com/wsdump/wsdump/internal/terminal"
)

// writeTAP writes TAP. A failed check is "not ok"; one that only warns or is
// tolerated is skipped.
func writeTAP(w io.Writer, v *Verdict) error {
	var b strings.Builder
	fmt.Fprintf(&b, "TAP version 14\n1..%d\n", len(v.Results))
	for i := range v.Results {
		r := &v.Results[i]
		ok, directive := "ok", ""
		switch v.standing(r) {
		case fails, undecided:
			ok = "not ok"
		case warns:
			directive = " # SKIP " + r.Outcome.String()
		}
		name := strings.NewReplacer(`\`, `\\`, "#", `\#`).Replace(terminal.Safe(r.Check.ID))
		fmt.Fprintf(&b, "%s %d - %s%s\n", ok, i+1, name, directive)
		if r.Outcome == check.Pass {
			continue
		}
		b.WriteString("  ---\n")
		fmt.Fprintf(&b, "  message: %s\n", jsonText(verdictReason(r)))
		fmt.Fprintf(&b, "  severity: %s\n", r.Outcome)
		if place := placeOf(r.Check); place != "" {
			fmt.Fprintf(&b, "  at: %s\n", jsonText(place))
		}
		if lines := verdictLines(r); len(lines) > 0 {
			b.WriteString("  rows:\n")
			for _, line := range lines {
				fmt.Fprintf(&b, "    - %s\n", jsonText(line))
			}
		}
		b.WriteString("  ...\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// jsonText quotes s so that JSON and YAML read it alike.
func jsonText(s string) string { return string(ndjson.AppendString(nil, s)) }

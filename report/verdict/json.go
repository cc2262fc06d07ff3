package verdict

import (
	"encoding/json"
	"io"

	"github.com/wsdump/wsdump/internal/terminal"
)

type verdictJSON struct {
	Outcome string      `json:"outcome"`
	Inputs  []string    `json:"inputs"`
	Passed  int         `json:"passed"`
	Warned  int         `json:"warned"`
	Failed  int         `json:"failed"`
	Unclear int         `json:"inconclusive"`
	Checks  []checkJSON `json:"checks"`
}

type checkJSON struct {
	ID         string          `json:"id"`
	Text       string          `json:"text"`
	File       string          `json:"file,omitempty"`
	Line       int             `json:"line,omitempty"`
	Severity   string          `json:"severity"`
	Outcome    string          `json:"outcome"`
	Judged     uint64          `json:"judged"`
	Violated   uint64          `json:"violated"`
	Unknown    uint64          `json:"unknown"`
	Wanted     string          `json:"wanted,omitempty"`
	Doubts     []string        `json:"doubts,omitempty"`
	Violations []violationJSON `json:"violations,omitempty"`
}

type violationJSON struct {
	Conn     uint64    `json:"conn,omitempty"`
	URL      string    `json:"url,omitempty"`
	Expected string    `json:"expected,omitempty"`
	Actual   string    `json:"actual,omitempty"`
	Rows     []rowJSON `json:"rows"`
}

type rowJSON struct {
	N      uint64 `json:"n,omitempty"`
	Packet uint64 `json:"packet,omitempty"`
	Time   string `json:"time"`
	Line   string `json:"line"`
}

func writeJSON(w io.Writer, v *Verdict) error {
	n := v.count()
	out := verdictJSON{Outcome: "pass", Inputs: v.Inputs, Passed: n[passes], Warned: n[warns], Failed: n[fails], Unclear: n[undecided], Checks: []checkJSON{}}
	switch {
	case n[fails] > 0:
		out.Outcome = "fail"
	case n[undecided] > 0:
		out.Outcome = "inconclusive"
	}
	for i := range v.Results {
		r := &v.Results[i]
		severity := "error"
		if r.Check.Warning {
			severity = "warning"
		}
		c := checkJSON{
			ID: r.Check.ID, Text: r.Check.Text, File: r.Check.File, Line: r.Check.Line, Severity: severity, Outcome: r.Outcome.String(),
			Judged: r.Judged, Violated: r.Violated, Unknown: r.Unknown, Wanted: r.Wanted, Doubts: r.Doubts,
		}
		for _, x := range r.Violations {
			one := violationJSON{Conn: x.Conn, URL: x.URL, Expected: x.Expected, Actual: x.Actual, Rows: []rowJSON{}}
			for _, row := range x.Rows {
				one.Rows = append(one.Rows, rowJSON{row.N, row.At.Packet, stampTime(&row), row.Line})
			}
			c.Violations = append(c.Violations, one)
		}
		out.Checks = append(out.Checks, c)
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	safe := appendVisible(nil, text)
	_, err = w.Write(append(safe, '\n'))
	return err
}

// appendVisible appends JSON and escapes all that a terminal might obey. Such
// characters are only inside its strings.
func appendVisible(dst, text []byte) []byte {
	for _, r := range string(text) {
		if r != '\n' && terminal.IsControl(r) {
			dst = terminal.AppendEscape(dst, r)
		} else {
			dst = append(dst, string(r)...)
		}
	}
	return dst
}

package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/wsdump/wsdump/check"
)

// Verdict is what checks came to, to be written in any of the formats of
// [VerdictFormats].
type Verdict struct {
	Results  []check.Result
	Inputs   []string // names of what was judged
	Tolerant bool     // what the capture does not decide is no failure
	Color    bool     // text only
}

// VerdictFormat writes a verdict.
type VerdictFormat struct {
	Name, About string
	Write       func(io.Writer, *Verdict) error
}

// VerdictFormats are all of them; the first is the default.
func VerdictFormats() []VerdictFormat {
	return []VerdictFormat{
		{"text", "for people", writeVerdictText},
		{"json", "for programs", writeVerdictJSON},
		{"junit", "XML, for CI systems", writeJUnit},
		{"tap", "Test Anything Protocol 14", writeTAP},
		{"github", "annotations of GitHub Actions", writeGitHub},
		{"markdown", "for a pull request or a step summary", writeMarkdown},
	}
}

// standing is what a check means for the whole.
type standing uint8

const (
	passes standing = iota
	warns           // a failure of a check that only warns, or what is tolerated
	undecided
	fails
)

func (v *Verdict) standing(r *check.Result) standing {
	switch {
	case r.Outcome == check.Pass:
		return passes
	case r.Check.Warning, r.Outcome == check.Inconclusive && v.Tolerant:
		return warns
	case r.Outcome == check.Inconclusive:
		return undecided
	}
	return fails
}

// count counts checks by standing.
func (v *Verdict) count() (n [4]int) {
	for i := range v.Results {
		n[v.standing(&v.Results[i])]++
	}
	return n
}

// Failed reports whether a check fails, and Undecided whether one is not
// decided, of those that count.
func (v *Verdict) Failed() bool    { return v.count()[fails] > 0 }
func (v *Verdict) Undecided() bool { return v.count()[undecided] > 0 }

// summary says in a line what all came to.
func (v *Verdict) summary() string {
	n := v.count()
	parts := []string{}
	for i, word := range []string{"passed", "warned", "could not be decided", "failed"} {
		if n[i] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[i], word))
		}
	}
	return plural(uint64(len(v.Results)), "check") + ": " + strings.Join(parts, ", ")
}

func writeVerdictText(w io.Writer, v *Verdict) error {
	var b strings.Builder
	words := map[standing][2]string{passes: {"PASS", "\x1b[32m"}, warns: {"WARN", colorWarning}, undecided: {"????", colorWarning}, fails: {"FAIL", colorError}}
	for i := range v.Results {
		r := &v.Results[i]
		word := words[v.standing(r)]
		if v.Color {
			word[0] = word[1] + word[0] + colorReset
		}
		b.WriteString(word[0] + " " + Safe(r.Check.ID) + "\n")
		if place := placeOf(r.Check); place != "" && r.Outcome != check.Pass {
			b.WriteString("     " + place + ": " + Safe(r.Check.Text) + "\n")
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

// placeOf returns "rules.yaml:12", "" for what was not in a file.
func placeOf(c *check.Check) string {
	if c.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", Safe(c.File), c.Line)
}

// verdictReason says in one line what the outcome of a check goes by.
func verdictReason(r *check.Result) string {
	text := fmt.Sprintf("%s: %d judged", r.Outcome, r.Judged)
	if r.Violated > 0 {
		text += fmt.Sprintf(", %d against it", r.Violated)
	}
	if r.Unknown > 0 {
		text += fmt.Sprintf(", %d not known", r.Unknown)
	}
	if r.Wanted != "" {
		text += "; " + Safe(r.Wanted)
	}
	for _, doubt := range r.Doubts {
		text += "; " + doubt
	}
	return text
}

// verdictLines returns the violations, each with what was expected, what was
// there, and its rows; then how many more there are. They are safe for
// terminals.
func verdictLines(r *check.Result) (lines []string) {
	for _, v := range r.Violations {
		if v.Expected != "" && v.Expected != r.Check.Text {
			lines = append(lines, "expected "+Safe(v.Expected))
		}
		if v.Actual != "" {
			lines = append(lines, "actual   "+Safe(v.Actual))
		}
		for _, row := range v.Rows {
			lines = append(lines, whereOf(&v, &row), "  "+Safe(row.Line))
		}
	}
	if more := r.Violated - min(r.Violated, uint64(len(r.Violations))); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return lines
}

// whereOf returns "connection 1 ws://host/chat, row 2, packet 7, TIME".
func whereOf(v *check.Violation, row *check.Row) string {
	where := ""
	if v.Conn != 0 {
		where = fmt.Sprintf("connection %d %s, ", v.Conn, Safe(v.URL))
	}
	if row.N != 0 {
		where += fmt.Sprintf("row %d, ", row.N)
	}
	if row.At.Packet != 0 {
		where += fmt.Sprintf("packet %d, ", row.At.Packet)
	}
	return where + stampTime(row)
}

func stampTime(row *check.Row) string {
	return time.Unix(0, row.At.Time).UTC().Format(time.RFC3339Nano)
}

func verdictRows(r *check.Result) string { return strings.Join(verdictLines(r), "\n") }

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

func writeVerdictJSON(w io.Writer, v *Verdict) error {
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

// appendVisible appends JSON with everything that a terminal might obey escaped;
// such characters are only in its strings.
func appendVisible(dst, text []byte) []byte {
	for _, r := range string(text) {
		if r != '\n' && formats(r) {
			dst = appendRuneEscape(dst, r)
		} else {
			dst = append(dst, string(r)...)
		}
	}
	return dst
}

// writeTAP writes a failed check as not ok; what is tolerated is skipped.
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
		name := strings.NewReplacer(`\`, `\\`, "#", `\#`).Replace(Safe(r.Check.ID))
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

// jsonText quotes a text so that JSON and YAML read it alike.
func jsonText(s string) string { return string(appendString(nil, s)) }

// maxAnnotations is how many GitHub shows of one step.
const maxAnnotations = 10

func writeGitHub(w io.Writer, v *Verdict) error {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	var b strings.Builder
	told, all := 0, 0
	for i := range v.Results {
		r := &v.Results[i]
		level := map[standing]string{warns: "warning", undecided: "error", fails: "error"}[v.standing(r)]
		if level == "" {
			continue
		}
		if all++; told == maxAnnotations-1 {
			continue
		}
		told++
		place := ""
		if r.Check.File != "" {
			place = fmt.Sprintf("file=%s,line=%d,", property.Replace(Safe(r.Check.File)), r.Check.Line)
		}
		text := verdictReason(r) + "\n" + Safe(r.Check.Text)
		if rows := verdictRows(r); rows != "" {
			text += "\n" + rows
		}
		fmt.Fprintf(&b, "::%s %stitle=%s::%s\n", level, place, property.Replace("wsdump check: "+Safe(r.Check.ID)), data.Replace(text))
	}
	if all > told {
		fmt.Fprintf(&b, "::error title=wsdump check::%d of %d are shown; %s\n", told, all, data.Replace(v.summary()))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeMarkdown(w io.Writer, v *Verdict) error {
	cell := strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "`", "&#96;", "*", `\*`, "_", `\_`, "[", `\[`, "\\", `\\`, "@", "&#64;", "#", "&#35;")
	var b strings.Builder
	fmt.Fprintf(&b, "### wsdump check: %s\n\n", v.summary())
	b.WriteString("| | check | what | verdict |\n|---|---|---|---|\n")
	words := map[standing]string{passes: "✅ pass", warns: "⚠️ warning", undecided: "❔ inconclusive", fails: "❌ fail"}
	for i := range v.Results {
		r := &v.Results[i]
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", words[v.standing(r)], cell.Replace(Safe(r.Check.ID)), cell.Replace(Safe(r.Check.Text)), cell.Replace(verdictReason(r)))
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
		fmt.Fprintf(&b, "\n**%s** %s\n\n%stext\n%s\n%s\n", cell.Replace(Safe(r.Check.ID)), cell.Replace(placeOf(r.Check)), fence, rows, fence)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

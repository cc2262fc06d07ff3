package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/wsdump/wsdump/timeline"
)

// verdict is what a tool made of a capture, held to what it holds.
type verdict struct {
	missing, extra []string // what it does not show; what it shows and is not there
	findings       []string // what it says about the traffic, without notes
}

// right reports whether all was shown, and nothing else.
func (v verdict) right() bool { return len(v.missing)+len(v.extra) == 0 }

// cell are the words of a verdict in a table.
func (v verdict) cell() string {
	var parts []string
	raw := slices.DeleteFunc(slices.Clone(v.extra), func(s string) bool { return !strings.HasSuffix(s, "(compressed)") })
	switch {
	case v.right():
		parts = append(parts, "right")
	case len(raw) == len(v.extra) && len(raw) == len(v.missing):
		parts = append(parts, fmt.Sprintf("not yet: %d messages are marked as compressed and not inflated", len(raw)))
	case len(v.extra) == 0:
		parts = append(parts, "misses "+list(v.missing))
	case len(v.missing) == 0:
		parts = append(parts, "wrong: shows "+list(v.extra)+" as well")
	default:
		parts = append(parts, "wrong: shows "+list(v.extra)+" instead of "+list(v.missing))
	}
	if len(v.findings) > 0 {
		parts = append(parts, "says `"+strings.Join(v.findings, "`, `")+"`")
	}
	return strings.ReplaceAll(strings.Join(parts, "; "), "|", `\|`)
}

// word is the verdict in one.
func (v verdict) word() string {
	word, _, _ := strings.Cut(v.cell(), " ")
	return strings.TrimRight(word, ":;") // right, misses, wrong, not
}

// agreed reports whether all are right.
func (j judged) agreed() bool { return j.tshark.right() && j.best.right() && j.wsdump.right() }

// bestCell is the cell of tshark's best options: shorter where they change
// nothing.
func (j judged) bestCell() string {
	if j.best.cell() == j.tshark.cell() && !j.best.right() {
		return "the same"
	}
	return j.best.cell()
}

// list quotes the first few of many.
func list(lines []string) string {
	const most = 2
	out := "`" + strings.Join(lines[:min(len(lines), most)], "`, `") + "`"
	if more := len(lines) - most; more > 0 {
		out += fmt.Sprintf(" and %d more", more)
	}
	return out
}

// judge holds messages and control frames to the truth, in any order.
func judge(want []string, rows []row) verdict {
	var got []string
	for _, r := range rows {
		if r.Kind == "frame" {
			continue
		}
		side := "S "
		if r.From.Port() > r.To.Port() { // a client's port is the higher one, in all captures here
			side = "C "
		}
		got = append(got, side+r.Words)
	}
	return verdict{missing: only(want, got), extra: only(got, want)}
}

// judged is a trial with everybody's verdict.
type judged struct {
	trial
	tshark, best, wsdump verdict
}

// ours asks wsdump alone.
func (c trial) ours(root, dir string) (path string, want []string, v verdict, err error) {
	if path, err = c.build(root, dir); err != nil {
		return path, nil, v, err
	}
	if want = c.want; c.fixture != "" {
		if want, err = truth(root, c.fixture); err != nil {
			return path, nil, v, err
		}
	}
	us, err := ourRows(path, nil)
	if err != nil {
		return path, nil, v, err
	}
	v = judge(want, us.rows)
	v.findings = us.findings
	return path, want, v, nil
}

// all asks tshark as well, twice.
func (c trial) all(root, dir string) (j judged, err error) {
	j.trial = c
	path, want, v, err := c.ours(root, dir)
	if err != nil {
		return j, err
	}
	j.wsdump = v
	rows, err := tsharkRows(path)
	if err != nil {
		return j, err
	}
	j.tshark = judge(want, rows)
	if rows, err = tsharkRows(path, append(best(), c.options...)...); err != nil {
		return j, err
	}
	j.best = judge(want, rows)
	return j, nil
}

// announced returns what wsdump says about a violation.
func (v violation) announced(dir string) (path string, rules []string, err error) {
	c := trial{title: v.what, scripts: []string{v.script}}
	if path, err = c.build("", dir); err != nil {
		return path, nil, err
	}
	us, err := ourRows(path, nil)
	return path, us.findings, err
}

// experts returns tshark's expert information of a capture from the severity
// note on, but for TCP: every FIN is a note.
func experts(path string) (out []string, err error) {
	text, err := tshark(append(best(), "-r", path, "-q", "-z", "expert,note")...)
	if err != nil {
		return nil, err
	}
	for _, m := range regexp.MustCompile(`(?m)^ +\d+ +\S+ +(\S+) +(.+)$`).FindAllStringSubmatch(string(text), -1) {
		if m[1] != "Protocol" && m[1] != "TCP" {
			out = append(out, m[1]+": "+strings.TrimSpace(m[2]))
		}
	}
	return out, nil
}

// severe leaves notes out, which are no judgement.
func severe(f *timeline.Finding) bool { return f.Severity != timeline.Note }

package check

import (
	"fmt"

	"github.com/wsdump/wsdump/timeline"
	"github.com/wsdump/wsdump/transcript"
)

// Profile is which findings of the protocol's rules fail.
type Profile uint8

const (
	Basic  Profile = iota // errors
	Strict                // warnings too
)

// String returns "basic" or "strict".
func (p Profile) String() string { return [...]string{"basic", "strict"}[min(p, Strict)] }

// Protocol returns the check that fails on findings as p says. set changes the severity
// of rules; it may be nil.
func Protocol(p Profile, set map[string]Override) *Check {
	v := &protocol{p, set}
	return &Check{ID: "protocol " + p.String(), Text: v.String(), ZeroMatch: Fail, verb: v}
}

// Override is the severity that a rule's findings get.
type Override struct {
	Off      bool
	Severity timeline.Severity
}

// protocol judges findings.
type protocol struct {
	profile Profile
	set     map[string]Override
}

func (p *protocol) String() string {
	text := "no errors by the protocol's rules"
	if p.profile == Strict {
		text = "no errors and no warnings by the protocol's rules"
	}
	return text
}

func (p *protocol) assess(j *Judge, r *Result) assessor {
	return &findings{assessing{j, r}, p}
}

type findings struct {
	assessing
	*protocol
}

func (f *findings) needs() timeline.Needs { return timeline.Needs{Payload: true} }

func (f *findings) open(c *timeline.Conn) {
	f.r.Judged++
	if c.Recorded {
		f.r.doubt("a HAR does not tell how the protocol was kept")
	}
}

func (f *findings) finding(x *timeline.Finding) {
	severity := x.Severity
	if o, is := f.set[x.Rule.ID]; is && o.Off {
		return
	} else if is {
		severity = o.Severity
	}
	if severity == timeline.Note || severity == timeline.Warning && f.profile != Strict {
		return
	}
	f.r.against(max(x.Count, 1), func() Violation {
		v := Violation{Expected: f.r.Check.Text, Rows: []Row{{N: x.N, At: x.At, Line: findingLine(x)}}}
		if x.Conn != nil {
			v.Conn, v.URL = x.Conn.ID, x.Conn.URL()
		}
		return v
	})
}

func findingLine(f *timeline.Finding) string {
	e := transcript.Event{Kind: transcript.Finding, HasDir: f.HasDir, Dir: f.Dir, Words: f.Severity.String() + " " + f.Rule.ID + ": " + f.Rule.Title}
	if f.Detail != "" {
		e.Words += "; " + f.Detail
	}
	if f.Got != "" || f.Want != "" {
		e.Words += fmt.Sprintf("; got %.*q, want %.*q", maxShown, f.Got, maxShown, f.Want)
	}
	return string(e.Append(nil))
}

package check

import (
	"bytes"
	"fmt"

	"github.com/wsdump/wsdump/normalize"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
	"github.com/wsdump/wsdump/transcript"
)

// golden wants exactly the conversations of a transcript.
type golden struct {
	file      string // path to open
	name      string // path in the rules
	want      []byte // nil: the file does not exist yet
	where     *query.Program
	normalize []normalize.Rule
}

// maxGolden is how many bytes a transcript may have.
const maxGolden = 64 << 20

func (v *golden) String() string {
	text := "golden " + v.name
	if v.where != nil {
		text += " where " + v.where.String()
	}
	return text
}

func (v *golden) assess(j *Judge, r *Result) assessor {
	c := &comparing{assessing: assessing{j, r}, golden: v}
	c.writer = transcript.NewWriter(&c.got, transcript.Options{NoFindings: true})
	c.sink = c.writer
	if len(v.normalize) > 0 {
		c.sink = normalize.New(c.sink, v.normalize)
	}
	return c
}

type comparing struct {
	assessing
	*golden
	got    limited
	writer *transcript.Writer
	sink   timeline.Sink
}

// limited is a writer that keeps up to maxGolden bytes.
type limited struct {
	bytes.Buffer
	full bool
}

func (l *limited) Write(b []byte) (int, error) {
	if l.full = l.full || l.Len()+len(b) > maxGolden; l.full {
		return len(b), nil
	}
	return l.Buffer.Write(b)
}

func (v *comparing) could(c *timeline.Conn) bool {
	return v.where == nil || v.where.CouldMatch(&v.j.row, c)
}

func (v *comparing) mindsTLS(o *timeline.Other) bool { return v.where != nil || o.Guess }

func (v *comparing) needs() timeline.Needs { return timeline.Needs{Payload: true} }

// in reports whether the row in j.row is compared.
func (v *comparing) in() bool {
	return v.where == nil || v.where.Match(&v.j.row) != query.False
}

func (v *comparing) open(c *timeline.Conn) {
	v.r.Judged++
	v.sink.Open(c)
}

func (v *comparing) message(m *timeline.Message) {
	if v.in() {
		v.sink.Message(m)
	}
}

func (v *comparing) control(f *timeline.Frame) {
	if v.in() {
		v.sink.Frame(f)
	}
}

func (v *comparing) close(c *timeline.Conn, at timeline.Stamp) { v.sink.Close(c, at) }

func (v *comparing) done(t *timeline.Totals) {
	v.sink.Done(t)
	if err := v.writer.Flush(); err != nil {
		v.r.doubt("the transcript could not be kept: " + err.Error())
	}
	if v.got.full {
		v.r.doubt(fmt.Sprintf("the transcript has more than %d MiB", maxGolden>>20))
		return
	}
	v.r.Transcript = v.urls(v.got.Bytes())
	if bytes.Equal(v.want, v.r.Transcript) {
		return
	}
	if v.want == nil {
		v.r.Wanted = "there is no " + v.name + " yet (-U writes it)"
		return
	}
	v.difference()
}

// urls normalizes the lines that open conversations. Messages were normalized before.
func (v *comparing) urls(text []byte) []byte {
	if len(v.normalize) == 0 {
		return text
	}
	var out []byte
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte("! open ")) {
			line = normalize.Payload(nil, line, v.normalize)
		}
		out = append(out, line...)
	}
	return out
}

// difference reports the first line that differs. Where the capture lacks something,
// that may be the reason.
func (v *comparing) difference() {
	want, got := bytes.Split(v.want, []byte{'\n'}), bytes.Split(v.r.Transcript, []byte{'\n'})
	n := 0
	for n < len(want) && n < len(got) && bytes.Equal(want[n], got[n]) {
		n++
	}
	at := func(lines [][]byte) string {
		if n < len(lines) && (n < len(lines)-1 || len(lines[n]) > 0) {
			return string(lines[n][:min(len(lines[n]), 2*maxShown)])
		}
		return "(the end)"
	}
	if len(v.r.Doubts) > 0 {
		v.r.Unknown++
		return
	}
	v.r.against(1, func() Violation {
		return Violation{Expected: fmt.Sprintf("%s:%d: %s", v.name, n+1, at(want)), Actual: at(got)}
	})
}

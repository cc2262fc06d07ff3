package query_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

var update = flag.Bool("update", false, "write the table of fields and the counts of the examples anew")

const guide = "../docs/FILTERS.md"

func readGuide(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// fieldTable is what docs/FILTERS.md has between its marks.
func fieldTable() string {
	var b strings.Builder
	b.WriteString("| field | type | rows | what it is |\n|---|---|---|---|\n")
	listed := slices.Clone(query.Fields(query.Rows))
	for _, f := range query.Fields(query.Connections) {
		if !slices.Contains(listed, f) {
			listed = append(listed, f)
		}
	}
	for _, f := range listed {
		what := f.Text
		if f.Words != nil {
			what += ": `" + strings.Join(f.Words, "` `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, f.Type, f.Rows, what)
	}
	return b.String()
}

func TestFieldTable(t *testing.T) {
	const from, to = "<!-- fields -->\n\n", "\n<!-- end of fields -->"
	text := readGuide(t)
	before, rest, ok1 := strings.Cut(text, from)
	table, after, ok2 := strings.Cut(rest, to)
	if !ok1 || !ok2 {
		t.Fatal("the marks of the table are gone")
	}
	if table == fieldTable() {
		return
	}
	if !*update {
		t.Fatal("the table of fields is not that of the code: go test ./query -update")
	}
	if err := os.WriteFile(guide, []byte(before+from+fieldTable()+to+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// rows returns the cells of the tables under a heading of the guide.
func rows(t *testing.T, heading string) (all [][]string) {
	t.Helper()
	_, text, ok := strings.Cut(readGuide(t), "\n"+heading+"\n")
	if !ok {
		t.Fatalf("no heading %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n#")
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(lines[i+1], "|--") { // not a row, or the head
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		for k := range cells {
			cells[k] = strings.Trim(strings.TrimSpace(cells[k]), "`")
		}
		if len(cells) < 2 {
			t.Fatalf("line %d under %s: %q", i, heading, line)
		}
		all = append(all, cells)
	}
	return all
}

// frames wants rows of frames too.
type frames struct{ timeline.Nop }

func (frames) Needs(*timeline.Conn) timeline.Needs { return timeline.Needs{Frames: true} }

// TestExamples runs what the guide shows over the captures it names.
func TestExamples(t *testing.T) {
	examples := 0
	for heading, scope := range map[string]query.Scope{"## Examples": query.Rows, "### Of connections": query.Connections} {
		for _, cells := range rows(t, heading) {
			if len(cells) != 4 {
				t.Errorf("an example has %d cells: %q", len(cells), cells)
				continue
			}
			examples++
			expr, file := cells[1], cells[2]
			p, err := query.Compile(expr, scope)
			if err != nil {
				t.Errorf("%v", err)
				continue
			}
			counts := run(t, p, file)
			got := strconv.FormatUint(counts.Matched, 10)
			if counts.Unknown > 0 {
				got += fmt.Sprintf(" (%d unknown)", counts.Unknown)
			}
			if got != cells[3] {
				t.Errorf("%s on %s: %s, the guide says %s", expr, file, got, cells[3])
			}
		}
	}
	if examples < 20 {
		t.Errorf("only %d examples were run", examples)
	}
}

func run(t *testing.T, p *query.Program, file string) query.Counts {
	t.Helper()
	in, err := capture.Open([]string{"../testdata/pcaps/" + file}, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	type counting interface {
		timeline.Sink
		Counts() query.Counts
	}
	var f counting
	if p.Scope() == query.Connections {
		f = query.NewConnectionFilter(timeline.Nop{}, p)
	} else if p.Needs().Frames {
		f = query.NewFilter(frames{}, p)
	} else {
		f = query.NewFilter(timeline.Nop{}, p)
	}
	if err := pipeline.Run(context.Background(), in, f, pipeline.Options{}); err != nil {
		t.Fatal(err)
	}
	return f.Counts()
}

// greedy wants every payload, and notes what it gets.
type greedy struct {
	timeline.Nop
	payloads, inflated int
	headersOnly        bool
}

func (*greedy) Needs(*timeline.Conn) timeline.Needs { return timeline.Needs{Payload: true} }
func (g *greedy) Done(t *timeline.Totals)           { g.headersOnly = t.HeadersOnly }

func (g *greedy) Message(m *timeline.Message) {
	if m.HasPayload {
		g.payloads++
	}
	if m.Compressed && !m.Opaque {
		g.inflated++
	}
}

// TestWorkSaved: what cannot match is not looked into, though the output would
// have wanted it; a filter on dir asks for no payload of its own.
func TestWorkSaved(t *testing.T) {
	look := func(expr string, behind timeline.Sink) *greedy {
		p, err := query.Compile(expr, query.Rows)
		if err != nil {
			t.Fatal(err)
		}
		g := &greedy{}
		var filter timeline.Sink
		if behind == nil {
			filter = query.NewFilter(g, p)
		} else {
			filter = timeline.Tee(query.NewFilter(behind, p), bystander{g})
		}
		in, err := capture.Open([]string{"../testdata/pcaps/deflate-node.pcap"}, capture.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		if err := pipeline.Run(context.Background(), in, filter, pipeline.Options{}); err != nil {
			t.Fatal(err)
		}
		return g
	}
	if g := look(`path == "/echo"`, nil); g.inflated != 36 || g.headersOnly {
		t.Errorf("a connection that matches: %+v", g)
	}
	if g := look(`path == "/other" or conn == 9`, nil); !g.headersOnly {
		t.Error("payload was looked at for a connection that cannot match")
	}
	if g := look(`dir == "send" and path == "/echo"`, timeline.Nop{}); g.payloads != 0 {
		t.Errorf("a filter on dir had %d payloads collected", g.payloads)
	}
	if g := look(`length > 3`, timeline.Nop{}); g.inflated != 36 {
		t.Errorf("a filter on length had %d messages inflated", g.inflated)
	}
}

// bystander gets all calls and needs nothing.
type bystander struct{ *greedy }

func (bystander) Needs(*timeline.Conn) timeline.Needs { return timeline.Needs{} }

// TestTruthTable compares the guide's table of and, or, not with the code.
func TestTruthTable(t *testing.T) {
	// On an open row of a connection that began before the capture, a path is
	// unknown.
	literal := map[string]string{"true": "true", "false": "false", "unknown": `path == "/"`}
	var r query.Row
	r.OfOpen(&timeline.Conn{ID: 1, Midstream: true})
	verdict := func(expr string) string {
		p, err := query.Compile(expr, query.Rows)
		if err != nil {
			t.Fatal(err)
		}
		return p.Match(&r).String()
	}
	table := rows(t, "### Joining conditions")
	if len(table) != 9 {
		t.Errorf("the table has %d lines", len(table))
	}
	for _, c := range table {
		a, b := literal[c[0]], literal[c[1]]
		for i, expr := range []string{a + " and " + b, a + " or " + b, "not (" + a + ")"} {
			if got := verdict(expr); got != c[2+i] {
				t.Errorf("%s: %s, the guide says %s", expr, got, c[2+i])
			}
		}
	}

	// On the same row rtt_ms is absent, conn is known.
	for _, c := range rows(t, "### Fields") {
		for i, x := range []string{"conn", "rtt_ms", "status"} {
			expr := strings.ReplaceAll(c[0], "x", x)
			if strings.HasPrefix(c[0], "has") || strings.HasPrefix(c[0], "not has") {
				expr = strings.Replace(c[0], "(x)", "("+x+")", 1)
			}
			if got := verdict(expr); got != c[1+i] {
				t.Errorf("%s: %s, the guide says %s", expr, got, c[1+i])
			}
		}
	}
}

// TestSchema: every key of every row is a field, with the same words, but for
// those whose place something better has taken.
func TestSchema(t *testing.T) {
	other := map[string]string{
		"base64": "bytes", "request_headers": "request_header()", "response_headers": "response_header()",
		"redacted": "filters see what there is, before it is taken out", "community_id": "not a field yet", "sent": "sent.messages", "received": "received.messages", "findings": "findings.error",
	}
	var schema struct {
		Defs map[string]struct {
			Properties map[string]struct {
				Enum []string `json:"enum"`
				Type any      `json:"type"`
			} `json:"properties"`
		} `json:"$defs"`
	}
	b, err := os.ReadFile("../docs/schema.json")
	if err == nil {
		err = json.Unmarshal(b, &schema)
	}
	if err != nil {
		t.Fatal(err)
	}
	for scope, types := range map[query.Scope][]string{
		query.Rows: {"open", "message", "control", "frame", "finding", "close"}, query.Connections: {"connection"},
	} {
		fields := query.Fields(scope)
		for _, typ := range types {
			if len(schema.Defs[typ].Properties) == 0 {
				t.Errorf("the schema has no %s", typ)
			}
			for key, property := range schema.Defs[typ].Properties {
				i := slices.IndexFunc(fields, func(f *query.Field) bool { return f.Name == key })
				if i < 0 {
					if other[key] == "" {
						t.Errorf("%s of %s is not a field", key, typ)
					}
					continue
				}
				f := fields[i]
				for _, word := range property.Enum {
					if f.Words != nil && !slices.Contains(f.Words, word) {
						t.Errorf("%s can be %q in %s, not in the language", key, word, typ)
					}
				}
				want := map[any]query.Type{"integer": query.Number, "number": query.Number, "boolean": query.Bool, "array": query.List}
				if w, ok := want[property.Type]; ok && f.Type != w {
					t.Errorf("%s is %v in the schema and %s in the language", key, property.Type, f.Type)
				}
			}
		}
	}
}

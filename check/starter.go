package check

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// Starter is a [timeline.Sink] that looks at good traffic and writes a first file of
// rules. That traffic passes them.
type Starter struct {
	timeline.Nop
	paths    map[string]*observed
	order    []string
	conns    map[*timeline.Conn]*observed
	document query.Document
	kind     query.Path
	more     bool // there were more paths
	errors   bool // by the protocol's rules
	warnings bool
}

// observed is what the connections of one path did.
type observed struct {
	conns        uint64
	refused      bool
	damaged      bool
	subprotocols []string
	codes        []int
	unclean      bool
	open         bool
	largest      [2]uint64
	messages     [2]uint64
	texts        [2]bool
	other        [2]bool // messages that are no JSON with a type
	types        [2][]string
	pings        bool
}

const (
	maxStarterPaths = 20
	maxStarterTypes = 12
)

// NewStarter returns a Starter.
func NewStarter() *Starter {
	kind, err := query.ParsePath("type")
	if err != nil {
		panic(err) // the expression is a constant
	}
	return &Starter{paths: make(map[string]*observed), conns: make(map[*timeline.Conn]*observed), kind: kind}
}

// Needs asks for payload.
func (s *Starter) Needs(*timeline.Conn) timeline.Needs { return timeline.Needs{Payload: true} }

// Open notes a connection.
func (s *Starter) Open(c *timeline.Conn) {
	if c.Handshake == nil {
		return
	}
	path := c.Handshake.Path
	o := s.paths[path]
	if o == nil {
		if len(s.paths) >= maxStarterPaths {
			s.more = true
			return
		}
		o = &observed{}
		s.paths[path] = o
		s.order = append(s.order, path)
	}
	o.conns++
	s.conns[c] = o
	if name := c.Handshake.Subprotocol; !slices.Contains(o.subprotocols, name) {
		o.subprotocols = append(o.subprotocols, name)
	}
}

// Message notes a message.
func (s *Starter) Message(m *timeline.Message) {
	o := s.conns[m.Conn]
	if o == nil {
		return
	}
	o.messages[m.Dir]++
	o.largest[m.Dir] = max(o.largest[m.Dir], m.Length)
	o.damaged = o.damaged || m.Incomplete || m.Truncated || m.Opaque || !m.HasLength
	if !m.Text {
		o.other[m.Dir] = true
		return
	}
	o.texts[m.Dir] = true
	if !query.LooksJSON(m.Payload) || !s.document.Read(m.Payload) {
		o.other[m.Dir] = true
		return
	}
	text, ok := s.document.Text(s.kind)
	switch {
	case !ok:
		o.other[m.Dir] = true
	case !slices.Contains(o.types[m.Dir], string(text)):
		if len(o.types[m.Dir]) > maxStarterTypes {
			o.other[m.Dir] = true
			return
		}
		o.types[m.Dir] = append(o.types[m.Dir], string(text))
	}
}

// Frame notes pings.
func (s *Starter) Frame(f *timeline.Frame) {
	if o := s.conns[f.Conn]; o != nil && f.Opcode == timeline.OpPing {
		o.pings = true
	}
}

// Finding notes findings.
func (s *Starter) Finding(f *timeline.Finding) {
	if observers[f.Rule.ID] != "" {
		if o := s.conns[f.Conn]; o != nil {
			o.damaged = true
		}
		return
	}
	s.errors = s.errors || f.Severity == timeline.Error
	s.warnings = s.warnings || f.Severity == timeline.Warning
}

// Close notes how a connection ended.
func (s *Starter) Close(c *timeline.Conn, _ timeline.Stamp) {
	o := s.conns[c]
	delete(s.conns, c)
	if o == nil {
		return
	}
	o.refused = o.refused || c.Refused() || c.Handshake.Status == 0
	o.unclean = o.unclean || !c.Clean() || c.Recorded
	o.open = o.open || c.TCP == timeline.TCPOpen || c.TCP == timeline.TCPUnknown
	if code := int(c.CloseCode); !slices.Contains(o.codes, code) {
		o.codes = append(o.codes, code)
	}
}

// Rules returns the file: YAML with comments.
func (s *Starter) Rules() []byte {
	var b bytes.Buffer
	b.WriteString("# Rules for wsdump check, written by wsdump check --init from good traffic, which keeps them.\n" +
		"# Read them, take out what was chance, and add what you know: docs/CHECK.md; `wsdump check --schema` helps editors.\nversion: 1\n")
	switch {
	case !s.errors && !s.warnings:
		b.WriteString("protocol:\n  profile: strict # off | basic | strict\n")
	case !s.errors:
		b.WriteString("protocol:\n  profile: basic # off | basic | strict: there were warnings (wsdump FILE shows them)\n")
	default:
		b.WriteString("protocol:\n  profile: off # off | basic | strict: there were errors (wsdump FILE shows them)\n")
	}
	b.WriteString("checks:\n")
	for i, path := range s.order {
		s.paths[path].write(&b, i+1, path)
	}
	if s.more {
		fmt.Fprintf(&b, "# There were more paths than %d.\n", maxStarterPaths)
	}
	return b.Bytes()
}

// write writes the checks for one path.
func (o *observed) write(b *bytes.Buffer, n int, path string) {
	on := "path == " + strconv.Quote(path)
	id := func(what string) string {
		words := strings.FieldsFunc(path, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') })
		name := strings.Join(append(words, what), "-")
		if n > 1 {
			name += fmt.Sprintf("-%d", n)
		}
		return name
	}
	fmt.Fprintf(b, "  - id: %s\n    connection:\n      where: %s\n      count: { min: 1 } # there were %d\n", id("connections"), yamlText(on), o.conns)
	var expect []string
	if !o.refused {
		expect = append(expect, "status == 101 or status == 200")
	}
	if len(o.subprotocols) == 1 && o.subprotocols[0] != "" {
		expect = append(expect, "subprotocol == "+strconv.Quote(o.subprotocols[0]))
	}
	if !o.unclean && !o.open && !o.refused {
		expect = append(expect, "clean")
		if !slices.Contains(o.codes, 0) {
			slices.Sort(o.codes)
			expect = append(expect, "code in "+strings.ReplaceAll(fmt.Sprint(o.codes), " ", ", "))
		}
	}
	if len(expect) > 0 {
		b.WriteString("      expect:\n")
		for _, text := range expect {
			fmt.Fprintf(b, "        - %s\n", yamlText(text))
		}
	}
	for dir, word := range []string{"send", "receive"} {
		if o.messages[dir] == 0 || o.damaged {
			continue
		}
		where := on + " and dir == " + strconv.Quote(word)
		if !o.other[dir] && len(o.types[dir]) > 0 && len(o.types[dir]) <= maxStarterTypes {
			slices.Sort(o.types[dir])
			quoted := make([]string, len(o.types[dir]))
			for i, text := range o.types[dir] {
				quoted[i] = strconv.Quote(text)
			}
			fmt.Fprintf(b, "  - id: %s\n    message:\n      where: %s\n      every: %s\n", id(word+"-types"), yamlText(where), yamlText("json.type in ["+strings.Join(quoted, ", ")+"]"))
		}
		fmt.Fprintf(b, "  - id: %s\n    message:\n      where: %s\n      every: length <= %d # the largest had %d bytes\n", id(word+"-size"), yamlText(where), budget(o.largest[dir]), o.largest[dir])
	}
	if o.pings && !o.damaged {
		fmt.Fprintf(b, "  - id: %s\n    zero_match: pass\n    ping:\n      where: %s\n      unanswered: 0\n", id("heartbeat"), yamlText(on))
	}
}

// budget returns a round number well above n.
func budget(n uint64) uint64 {
	size := uint64(1024)
	for size < 2*n && size < 1<<62 {
		size *= 2
	}
	return size
}

// yamlText quotes a text for YAML, as JSON does it.
func yamlText(s string) string {
	if strings.ContainsAny(s, "\\\n\r\t\x1b") || strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f || r > 0x7e }) {
		return strconv.QuoteToASCII(s)
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

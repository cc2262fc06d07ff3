// Package scenario is a test language: a text is a conversation between a
// client and a server with the expectation beside its cause. It compiles to
// packets, deterministically, and can be replayed in many disguises that must
// tell the same story.
//
//	# RFC 6455 5.4: control frames may stand between fragments
//	C> upgrade /chat         = open 101 /chat
//	S> 101
//	C> text "Hel" fin=0
//	C> ping "x"              = ping C "x"
//	C> cont "lo"             = message C text "Hello" frames=2
//	S> text "no" masked      = message S text "no" = finding ws/mask-unexpected
//
// "C>" sends a segment; "C+" adds to the segment before. Beside frames and
// HTTP there are fin, rst, raw HEX, http "..."; "wait 12s" lets time pass;
// "end" stands for the end of the capture. The option lost sends a segment
// that the capture misses. A first line "midstream" leaves the SYNs out.
package scenario

import (
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// Scenario is a parsed conversation.
type Scenario struct {
	Name      string
	Midstream bool
	Steps     []Step
	Expect    []string // all events, in order
}

// Step is one segment that somebody sends.
type Step struct {
	Dir   timeline.Direction
	Bytes []byte
	FIN   bool
	RST   bool
	Lost  bool          // the capture misses it
	Wait  time.Duration // before it
}

// Load reads a scenario file.
func Load(path string) (*Scenario, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, string(text))
}

// Parse reads a scenario. Errors name the line.
func Parse(name, text string) (*Scenario, error) {
	s := &Scenario{Name: name}
	p := parser{s: s, key: "dGhlIHNhbXBsZSBub25jZQ=="}
	for i, line := range strings.Split(text, "\n") {
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
		}
	}
	return s, nil
}

type parser struct {
	s    *Scenario
	key  string // of the latest upgrade
	wait time.Duration
	seed uint32 // of masking keys

	deflate [2]deflate
}

func (p *parser) line(line string) error {
	words, err := split(line)
	if err != nil || len(words) == 0 {
		return err
	}
	var step, expect []string
	for i, w := range words {
		if w == "=" {
			expect = words[i:]
			break
		}
		step = append(step, w)
	}
	p.expect(expect)
	if len(step) == 0 {
		return nil
	}
	switch who := step[0]; who {
	case "midstream":
		p.s.Midstream = true
	case "end":
	case "wait":
		if len(step) != 2 {
			return fmt.Errorf("wait takes a duration")
		}
		d, err := time.ParseDuration(step[1])
		p.wait += d
		return err
	case "C>", "S>", "C+", "S+":
		dir := timeline.ClientToServer
		if who[0] == 'S' {
			dir = timeline.ServerToClient
		}
		return p.send(dir, who[1] == '+', step[1:])
	default:
		return fmt.Errorf("unknown word %q", who)
	}
	return nil
}

// expect takes "= a b = c d": two events.
func (p *parser) expect(words []string) {
	var event []string
	flush := func() {
		if len(event) > 0 {
			p.s.Expect = append(p.s.Expect, strings.Join(event, " "))
		}
		event = nil
	}
	for _, w := range words {
		if w == "=" {
			flush()
			continue
		}
		event = append(event, w)
	}
	flush()
}

func (p *parser) send(dir timeline.Direction, join bool, words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("nothing to send")
	}
	step := Step{Dir: dir, Wait: p.wait}
	p.wait = 0
	var rest []string
	for _, w := range words[1:] {
		if w == "lost" {
			step.Lost = true
		} else {
			rest = append(rest, w)
		}
	}
	var err error
	switch verb := words[0]; verb {
	case "fin":
		step.FIN = true
	case "rst":
		step.RST = true
	case "raw":
		step.Bytes, err = hex.DecodeString(strings.Join(rest, ""))
	case "http":
		var text string
		text, err = strconv.Unquote(strings.Join(rest, " "))
		step.Bytes = []byte(text)
	case "upgrade":
		step.Bytes, err = p.upgrade(rest)
	default:
		if status, e := strconv.Atoi(verb); e == nil {
			step.Bytes, err = p.response(status, rest)
		} else {
			step.Bytes, err = p.frame(dir, verb, rest)
		}
	}
	if err != nil {
		return err
	}
	if n := len(p.s.Steps); join {
		if n == 0 || p.s.Steps[n-1].Dir != dir {
			return fmt.Errorf("nothing to add to")
		}
		last := &p.s.Steps[n-1]
		last.Bytes = append(last.Bytes, step.Bytes...)
		last.FIN = last.FIN || step.FIN
		return nil
	}
	p.s.Steps = append(p.s.Steps, step)
	return nil
}

// split cuts a line into words; quoted strings stay whole, with their quotes.
func split(line string) (words []string, err error) {
	for {
		line = strings.TrimLeft(line, " \t")
		if line == "" || line[0] == '#' {
			return words, nil
		}
		i := strings.IndexAny(line, " \t\"")
		switch {
		case i < 0:
			return append(words, line), nil
		case line[i] == '"':
			quoted, err := strconv.QuotedPrefix(line[i:])
			if err != nil {
				return nil, fmt.Errorf("a string does not end: %s", line[i:])
			}
			i += len(quoted)
		}
		words = append(words, line[:i])
		line = line[i:]
	}
}

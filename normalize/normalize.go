// Package normalize replaces what differs from run to run, such as identifiers and
// times, by fixed words. So two recordings of the same conversation become equal, for
// goldens and for diffs.
//
// A [Rule] names a path in JSON, or a pattern. [New] returns a sink that applies rules
// before an output. The result depends on nothing but the rules and the payload.
package normalize

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wsdump/wsdump/query"
)

// MaxWith is how many bytes the word of a rule may have. So no payload grows by more
// than that for each of its bytes.
const MaxWith = 256

// Rule is one replacement. The zero value replaces nothing. A Rule never changes, so
// any number of goroutines may use it.
type Rule struct {
	text    string // in the form that [Parse] reads
	path    query.Path
	pattern *regexp.Regexp // nil: path
	with    []byte         // the word; for a path, as a JSON string
}

// Path returns a rule for the values at a JSON path (json.id, items[*].time: see
// [query.ParsePath]). Each becomes the string with, whatever its type; all other bytes
// stay. Payload that is not JSON stays as it is.
func Path(path, with string) (Rule, error) {
	if err := usable(with); err != nil {
		return Rule{}, err
	}
	p, err := query.ParsePath(path)
	if err != nil {
		return Rule{}, err
	}
	var quoted bytes.Buffer
	out := json.NewEncoder(&quoted)
	out.SetEscapeHTML(false) // keep <id> readable
	if err := out.Encode(with); err != nil {
		return Rule{}, err
	}
	return Rule{text: path + "=" + with, path: p, with: bytes.TrimSpace(quoted.Bytes())}, nil
}

// Match returns a rule for what a regular expression (RE2) matches in text. A match
// becomes the word with, in which $ has no special meaning. Empty matches stay.
func Match(pattern, with string) (Rule, error) {
	if err := usable(with); err != nil {
		return Rule{}, err
	}
	if pattern == "" {
		return Rule{}, errors.New("the pattern is empty")
	}
	if len(pattern) > query.MaxText {
		return Rule{}, fmt.Errorf("the pattern has %d bytes; at most %d are read", len(pattern), query.MaxText)
	}
	r, err := regexp.Compile(pattern)
	if err != nil {
		return Rule{}, fmt.Errorf("the pattern %q cannot be read: %w", pattern, err)
	}
	return Rule{text: matchPrefix + pattern + "=" + with, pattern: r, with: []byte(with)}, nil
}

func usable(with string) error {
	switch {
	case len(with) > MaxWith:
		return fmt.Errorf("the word that is put in place has %d bytes; at most %d are taken", len(with), MaxWith)
	case !utf8.ValidString(with):
		return errors.New("the word that is put in place is not UTF-8")
	}
	return nil
}

const matchPrefix = "match:"

// Parse parses a rule of the command line: PATH=WORD, or match:PATTERN=WORD. The last
// equals sign separates the two, so a pattern may contain others.
func Parse(text string) (Rule, error) {
	at := strings.LastIndexByte(text, '=')
	if at < 0 {
		return Rule{}, fmt.Errorf("in %q the word to put in place is missing", text)
	}
	what, with := text[:at], text[at+1:]
	if pattern, ok := strings.CutPrefix(what, matchPrefix); ok {
		return Match(pattern, with)
	}
	return Path(what, with)
}

// String returns the rule in the form that [Parse] reads.
func (r Rule) String() string { return r.text }

// Payload applies rules to payload, and appends the result to dst. First come the paths:
// all are found in the original payload, and of two values that overlap the outer one
// is replaced. Then come the patterns, one after the other. For many payloads, use a
// [Normalizer].
func Payload(dst, payload []byte, rules []Rule) []byte {
	n := NewNormalizer(rules)
	p, _ := n.Payload(payload)
	return append(dst, p...)
}

// Normalizer applies rules to many payloads. It uses its memory again, so it is for one
// goroutine.
type Normalizer struct {
	paths    []Rule
	patterns []Rule
	document query.Document
	spans    []span
	scratch  []byte
}

// span is a value to be replaced.
type span struct {
	start, end int
	rule       int // index into paths
}

// NewNormalizer returns a Normalizer for rules, of which it keeps a copy.
func NewNormalizer(rules []Rule) *Normalizer {
	n := &Normalizer{}
	for _, r := range rules {
		switch {
		case r.pattern != nil:
			n.patterns = append(n.patterns, r)
		case r.text != "":
			n.paths = append(n.paths, r)
		}
	}
	return n
}

// Empty reports whether there is no rule.
func (n *Normalizer) Empty() bool { return len(n.paths)+len(n.patterns) == 0 }

// Payload applies the rules to payload. It returns the result, and whether that differs
// from payload. The result is borrowed until the next call, or is payload itself.
func (n *Normalizer) Payload(payload []byte) (_ []byte, changed bool) {
	p := payload
	if len(n.paths) > 0 && n.document.Read(p) {
		p = n.inJSON(p)
	}
	p = n.matches(p)
	return p, len(p) != len(payload) || !bytes.Equal(p, payload)
}

// Text applies the patterns to text that is no payload, such as a URL or the reason of a
// close frame.
func (n *Normalizer) Text(text string) string {
	for i := range n.patterns {
		if !n.patterns[i].pattern.MatchString(text) {
			continue
		}
		with := string(n.patterns[i].with)
		text = n.patterns[i].pattern.ReplaceAllStringFunc(text, func(match string) string {
			if match == "" {
				return match
			}
			return with
		})
	}
	return text
}

// maxHeld is how many bytes of memory are kept for the next payload.
const maxHeld = 1 << 20

// inJSON replaces values in the JSON text p, which document holds.
func (n *Normalizer) inJSON(p []byte) []byte {
	n.spans = n.spans[:0]
	for i := range n.paths {
		for _, place := range n.document.Places(n.paths[i].path) {
			n.spans = append(n.spans, span{place.Start, place.End, i})
		}
	}
	if len(n.spans) == 0 {
		return p
	}
	slices.SortFunc(n.spans, func(a, b span) int {
		return cmp.Or(a.start-b.start, b.end-a.end, a.rule-b.rule) // the outer one first
	})
	out, at := n.scratch[:0], 0
	for _, s := range n.spans {
		if s.start < at {
			continue // inside a value that is replaced already
		}
		out = append(append(out, p[at:s.start]...), n.paths[s.rule].with...)
		at = s.end
	}
	out = append(out, p[at:]...)
	n.scratch = out
	if cap(out) > maxHeld {
		n.scratch = nil
	}
	if cap(n.spans)*24 > maxHeld {
		n.spans = nil
	}
	return out
}

// matches replaces what patterns match in p.
func (n *Normalizer) matches(p []byte) []byte {
	for i := range n.patterns {
		if n.patterns[i].pattern.Match(p) { // unlike replace, this does not allocate
			p = replace(p, n.patterns[i].pattern, n.patterns[i].with)
		}
	}
	return p
}

func replace(p []byte, pattern *regexp.Regexp, with []byte) []byte {
	return pattern.ReplaceAllFunc(p, func(match []byte) []byte {
		if len(match) == 0 {
			return match
		}
		return with
	})
}

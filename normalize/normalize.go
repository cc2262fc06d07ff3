// Package normalize replaces what differs from run to run, such as identifiers
// and times, by fixed words, so that two recordings of the same conversation
// say the same: for goldens and for diffs.
//
// A [Rule] names a place in JSON, or a pattern. [New] puts rules before any
// output; what it was given stays as it was. The result depends on the rules and
// the payload alone.
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

// MaxWith is how many bytes the word of a rule may have. A payload grows by no
// more than that for each of its bytes, whatever it holds.
const MaxWith = 256

// Rule is one replacement. The zero value replaces nothing. A Rule never
// changes: any number of goroutines may use it.
type Rule struct {
	text    string // as [Parse] reads it
	path    query.Path
	pattern *regexp.Regexp // nil: path
	with    []byte         // of a path: as a string of JSON
}

// Path returns a rule for the values that a path of JSON leads to (json.id,
// items[*].time: see [query.ParsePath]). They become the string with, whatever
// they were; what is beside them stays byte by byte. Payload that is not JSON
// stays as it is.
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
	out.SetEscapeHTML(false) // <id> is to look like that
	if err := out.Encode(with); err != nil {
		return Rule{}, err
	}
	return Rule{text: path + "=" + with, path: p, with: bytes.TrimSpace(quoted.Bytes())}, nil
}

// Match returns a rule for what a regular expression (RE2) matches in text. A
// match becomes the word with, in which $ means nothing; a match of no bytes
// stays.
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

// Parse reads a rule as the command line has it: PATH=WORD, or
// match:PATTERN=WORD. The last equals sign counts, so that a pattern may hold
// others.
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

// String returns the rule as [Parse] reads it.
func (r Rule) String() string { return r.text }

// Payload appends payload to dst as rules make it: first the paths, all of them
// in what was given and of two that overlap the outer one, then the patterns
// one after the other. It is for a single payload; for many use a
// [Normalizer].
func Payload(dst, payload []byte, rules []Rule) []byte {
	n := NewNormalizer(rules)
	p, _ := n.Payload(payload)
	return append(dst, p...)
}

// Normalizer applies rules to many payloads. Its memory is used again: it is
// not for several goroutines.
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

// Payload returns payload as the rules make it, and whether that is something
// else than it was. It is borrowed until the next call, or payload itself.
func (n *Normalizer) Payload(payload []byte) (_ []byte, changed bool) {
	p := payload
	if len(n.paths) > 0 && n.document.Read(p) {
		p = n.inJSON(p)
	}
	p = n.matches(p)
	return p, len(p) != len(payload) || !bytes.Equal(p, payload)
}

// Text returns what is text and no payload, such as a URL or the reason beside
// a close code, as the patterns make it.
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

// maxHeld is how much memory is kept for the next payload.
const maxHeld = 1 << 20

// inJSON replaces values in p, which document holds.
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
			continue // inside of one that is gone already
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
		if n.patterns[i].pattern.Match(p) { // which costs no memory
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

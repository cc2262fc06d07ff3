package redact

import (
	"slices"

	"github.com/wsdump/wsdump/query"
)

// payload returns p without what the rules remove, and whether that differs from p. The
// result is borrowed until the next call, or is p.
func (s *Sink) payload(p []byte, text bool) (_ []byte, changed bool) {
	if text && len(s.opt.JSON) > 0 && query.LooksJSON(p) {
		if !s.document.Read(p) { // cut, too large, or no JSON: the values cannot be found
			return []byte(s.blank(string(p))), true
		}
		p, changed = s.json(p)
	}
	for _, pattern := range s.opt.Patterns {
		out := pattern.ReplaceAllFunc(p, func(match []byte) []byte {
			if len(match) == 0 {
				return match
			}
			changed = true
			return []byte(s.blank(string(match)))
		})
		p = out
	}
	return p, changed
}

// json replaces values in the JSON text p, which document holds. The rest of the text
// stays as it is.
func (s *Sink) json(p []byte) (_ []byte, changed bool) {
	type span struct{ start, end int }
	var spans []span
	for _, path := range s.opt.JSON {
		for _, place := range s.document.Places(path) {
			spans = append(spans, span{place.Start, place.End})
		}
	}
	if len(spans) == 0 {
		return p, false
	}
	slices.SortFunc(spans, func(a, b span) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return b.end - a.end // the outer one first
	})
	out, at := s.scratch[:0], 0
	for _, place := range spans {
		if place.start < at {
			continue // inside a value that is replaced already
		}
		out = append(out, p[at:place.start]...)
		out = append(append(append(out, '"'), s.blank(string(p[place.start:place.end]))...), '"')
		at = place.end
	}
	s.scratch = append(out, p[at:]...)
	return s.scratch, true
}

// text applies the patterns to a text that is no payload.
func (s *Sink) text(text string) string {
	for _, pattern := range s.opt.Patterns {
		text = pattern.ReplaceAllStringFunc(text, func(match string) string {
			if match == "" {
				return match
			}
			return s.blank(match)
		})
	}
	return text
}

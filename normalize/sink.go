package normalize

import (
	"slices"
	"unicode/utf8"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// sink hands a normalized timeline on.
type sink struct {
	timeline.Sink
	rules   *Normalizer
	message timeline.Message // memory for the copy that is handed on
	frame   timeline.Frame
}

// New returns a Sink that hands a timeline on to next with the payload of text
// messages, and of control frames that are text, as rules make it. What is
// changed is a copy: what the Sink was given stays as it was, its lengths too.
// Data frames pass as they are, for a part of a message tells no path.
func New(next timeline.Sink, rules []Rule) timeline.Sink {
	n := NewNormalizer(rules)
	if n.Empty() {
		return next
	}
	return &sink{Sink: next, rules: n}
}

// Select implements [query.Selective]: it passes.
func (s *sink) Select(m query.Match) {
	if next, ok := s.Sink.(query.Selective); ok {
		next.Select(m)
	}
}

// Message hands on a copy where a rule applies.
func (s *sink) Message(m *timeline.Message) {
	if m.Kind == timeline.OpText && !m.Opaque {
		if p, changed := s.rules.Payload(m.Payload); changed {
			s.message = *m
			s.message.SetPayload(p)
			m = &s.message
		}
	}
	s.Sink.Message(m)
}

// Frame hands on a copy of a control frame where a rule applies.
func (s *sink) Frame(f *timeline.Frame) {
	if f.Opcode.Control() && len(f.Payload) > 0 {
		before := f.Payload
		if f.Opcode == timeline.OpClose {
			before = f.CloseReason
		}
		if p, changed := s.rules.Payload(before); changed && utf8.Valid(before) {
			if f.Opcode == timeline.OpClose {
				p = slices.Concat(f.Payload[:len(f.Payload)-len(f.CloseReason)], p)
			}
			s.frame = *f
			s.frame.SetPayload(p)
			f = &s.frame
		}
	}
	s.Sink.Frame(f)
}

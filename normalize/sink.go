package normalize

import (
	"slices"
	"unicode/utf8"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// sink passes a normalized timeline on.
type sink struct {
	timeline.Sink
	rules   *Normalizer
	message timeline.Message // memory for the copy that is passed on
	frame   timeline.Frame
}

// New returns a Sink that applies rules to a timeline and passes it on to next. It
// changes the payload of text messages, and of control frames that are text, in
// copies. Lengths stay as they were. Data frames pass as they are: in a part of a
// message no path can be found.
func New(next timeline.Sink, rules []Rule) timeline.Sink {
	n := NewNormalizer(rules)
	if n.Empty() {
		return next
	}
	return &sink{Sink: next, rules: n}
}

// Select implements [query.Selective]. It passes the match on.
func (s *sink) Select(m query.Match) {
	if next, ok := s.Sink.(query.Selective); ok {
		next.Select(m)
	}
}

// Message passes a copy on where a rule applies.
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

// Frame passes a copy of a control frame on where a rule applies.
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

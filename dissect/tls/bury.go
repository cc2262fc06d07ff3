package tls

import (
	"github.com/wsdump/wsdump/timeline"
)

// bury stops decrypting a direction. When the other direction cannot be decrypted either,
// and nothing was decrypted so far, it reports the whole connection as undecipherable.
func (s *Stream) bury(dir timeline.Direction, at timeline.Stamp, rule *timeline.Rule, why Reason) {
	h, other := &s.half[dir], &s.half[dir.Reverse()]
	if h.dead {
		return
	}
	h.dead, h.why = true, why
	s.changed = true // the other direction need not wait for this one
	s.drop(h)
	h.open, h.openers, h.hs, h.hunt = nil, [4]opener{}, nil, nil
	f := timeline.Finding{Rule: rule, At: at, Detail: why.Text, Got: s.info.ServerName}
	if rule == ruleUnsupported {
		f.Got = s.info.CipherName()
	}
	switch {
	case s.next != nil || s.hopeful(dir.Reverse()):
		f.Dir, f.HasDir = dir, true
	case s.refused:
		return
	default:
		if !other.dead {
			other.dead, other.why = true, why
			// Where its records begin is known only if nothing of it is cut.
			other.blind = other.lost || len(other.buf) > 0 || other.left > 0
			s.drop(other)
			other.hs, other.hunt = nil, nil
		}
		s.undecipherable(why)
	}
	s.handler.Finding(&f)
}

// hopeful reports whether a direction may still be read.
func (s *Stream) hopeful(dir timeline.Direction) bool {
	h := &s.half[dir]
	if h.dead || h.ended {
		return false
	}
	if s.shake.tls13 {
		return h.proven || s.secrets().at(dir, inData) != nil && s.shake.unsupported() == ""
	}
	return h.open != nil
}

// fall counts a record of a direction that bury has stopped.
func (s *Stream) fall(dir timeline.Direction, at timeline.Stamp, rec []byte) {
	s.pass(dir, at, uint64(len(rec)))
}

// pass emits a gap of n bytes that cannot be decrypted.
func (s *Stream) pass(dir timeline.Direction, at timeline.Stamp, n uint64) {
	if s.next != nil {
		s.tellGap(dir, at)
		s.next.Gap(dir, at, n)
		return
	}
	s.half[dir].gap += n
}

// count walks over the records of a direction that is not read.
func (s *Stream) count(dir timeline.Direction, at timeline.Stamp, b []byte) {
	h := &s.half[dir]
	s.pass(dir, at, uint64(len(b)))
	for len(b) > 0 && !h.blind {
		if h.left > 0 {
			n := min(h.left, len(b))
			h.left -= n
			b = b[n:]
			continue
		}
		n := copy(h.head[h.headN:], b)
		b = b[n:]
		if h.headN += n; h.headN < headerSize {
			return
		}
		h.headN = 0
		size, ok := recordSize(h.head[:])
		h.blind = !ok
		h.left = size - headerSize
		s.tally(dir, h.head[0], h.left)
	}
}

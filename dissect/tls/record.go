package tls

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/wsdump/wsdump/timeline"
)

// Content types (RFC 8446 5.1).
const (
	typeCipher    = 20 // change_cipher_spec
	typeAlert     = 21
	typeHandshake = 22
	typeData      = 23
	typeHeartbeat = 24
)

// recordSize returns the length of the record that begins with header b, at
// least headerSize bytes; ok is false when b is no record header.
func recordSize(b []byte) (n int, ok bool) {
	n = int(binary.BigEndian.Uint16(b[3:]))
	return headerSize + n, b[0] >= typeCipher && b[0] <= typeHeartbeat && b[1] == 3 && b[2] <= 4 && n <= maxBody
}

// feed takes bytes of a direction and returns those that have to wait.
func (s *Stream) feed(dir timeline.Direction, at timeline.Stamp, b []byte) (rest []byte) {
	h := &s.half[dir]
	for len(b) > 0 {
		switch {
		case h.dead:
			s.count(dir, at, b)
			return nil
		case h.left > 0:
			n := min(h.left, len(b))
			h.left -= n
			h.missing += uint64(n)
			b = b[n:]
			if h.left == 0 {
				s.passed(dir)
			}
		case h.lost:
			b = s.search(dir, at, b, false)
			if h.lost {
				return b
			}
		case len(h.buf) == 0 && len(b) >= headerSize:
			size, ok := recordSize(b)
			switch {
			case !ok:
				s.derail(dir, at, b)
			case len(b) < size:
				h.buf = append(s.keys.buffer(), b...)
				return nil
			case !s.take(dir, at, b[:size]):
				return b
			default:
				b = b[size:]
				if len(h.hunt) > 0 {
					if b = s.search(dir, at, b, false); h.lost {
						return b
					}
				}
			}
		default:
			if h.buf == nil {
				h.buf = s.keys.buffer()
			}
			want := headerSize
			if len(h.buf) >= headerSize {
				want, _ = recordSize(h.buf)
			}
			n := min(want-len(h.buf), len(b))
			h.buf = append(h.buf, b[:n]...)
			b = b[n:]
			if len(h.buf) < want {
				return nil
			}
			rec := h.buf
			if size, ok := recordSize(rec); !ok || len(rec) < size {
				if !ok {
					b = slices.Concat(rec, b)
					s.drop(h)
					s.derail(dir, at, b)
				}
				continue
			}
			h.buf = nil
			done := s.take(dir, at, rec)
			if !done {
				b = slices.Concat(rec, b)
			}
			s.keys.release(rec)
			if !done {
				return b
			}
			if len(h.hunt) > 0 {
				if b = s.search(dir, at, b, false); h.lost {
					return b
				}
			}
		}
	}
	return nil
}

func (s *Stream) drop(h *half) {
	s.keys.release(h.buf)
	h.buf = nil
}

// take handles a whole record; done is false when it has to wait.
func (s *Stream) take(dir timeline.Direction, at timeline.Stamp, rec []byte) (done bool) {
	h := &s.half[dir]
	switch {
	case s.shake.tls13:
		done = s.record13(dir, at, rec)
	case h.open != nil:
		done = s.record12(dir, at, rec)
	default:
		done = s.recordClear(dir, at, rec)
	}
	if done {
		s.tally(dir, rec[0], len(rec)-headerSize)
	}
	return done
}

func (s *Stream) tally(dir timeline.Direction, kind byte, n int) {
	if kind == typeData {
		s.info.Records[dir]++
		s.info.Largest[dir] = max(s.info.Largest[dir], n)
	}
}

// recordClear handles a record before the first key.
func (s *Stream) recordClear(dir timeline.Direction, at timeline.Stamp, rec []byte) (done bool) {
	h, k := &s.half[dir], &s.shake
	if !s.final && len(h.hs) == 0 && rec[0] != typeAlert {
		server := &s.half[timeline.ServerToClient]
		switch {
		case dir == timeline.ServerToClient:
			if !k.haveClient {
				return false
			}
		case k.haveClient && !k.haveServer && !k.retry, // the version is not agreed; or early data
			k.haveServer && !k.done && server.open == nil && !server.loss && !server.dead:
			return false
		}
	}
	switch rec[0] {
	case typeHandshake:
		s.handshake(dir, rec[headerSize:])
	case typeCipher:
		op, wait := s.pending(dir, at)
		if wait {
			return false
		}
		if op != nil {
			h.install(op)
			s.remember()
		}
	case typeData:
		if h.loss {
			h.seek(rec)
			return true
		}
		s.bury(dir, at, ruleNoKeys, s.reason(NoHandshake, ""))
		s.fall(dir, at, rec)
	}
	return true
}

// install makes op the key of a direction.
func (h *half) install(op opener) {
	h.open, h.seq, h.proven, h.skipped = op, 0, false, 0
	h.hs, h.hsSkip = nil, 0
}

func (h *half) opened() {
	h.proven, h.loss, h.missing, h.fails, h.skipped = true, false, 0, 0, 0
}

// record12 handles a record of TLS 1.2 and older behind ChangeCipherSpec.
func (s *Stream) record12(dir timeline.Direction, at timeline.Stamp, rec []byte) (done bool) {
	h := &s.half[dir]
	var next opener
	switch rec[0] {
	case typeData:
		if s.polite(dir) {
			return false
		}
	case typeCipher: // the end of a renegotiation
		var wait bool
		if next, wait = s.pending(dir, at); wait {
			return false
		}
	}
	if h.dead {
		s.fall(dir, at, rec)
		return true
	}
	buf := s.keys.scratch()
	plain, ok := h.open.open(buf, h.seq, rec)
	if !ok {
		s.keys.release(buf)
		s.fail(dir, at, rec)
		return true
	}
	h.seq++
	h.opened()
	switch rec[0] {
	case typeData:
		s.deliver(dir, at, plain)
	case typeHandshake:
		s.handshake(dir, plain)
	case typeCipher:
		if next != nil {
			h.install(next)
			s.remember()
		}
	}
	s.keys.release(buf)
	return true
}

// record13 handles a record of TLS 1.3.
func (s *Stream) record13(dir timeline.Direction, at timeline.Stamp, rec []byte) (done bool) {
	h, k := &s.half[dir], &s.shake
	switch rec[0] {
	case typeHandshake:
		if h.epoch == inClear {
			s.handshake(dir, rec[headerSize:])
		}
		return true
	case typeData:
	default:
		return true // ChangeCipherSpec for middleboxes (RFC 8446 D.4), early alerts
	}
	if !k.haveServer && k.retry && !k.second {
		return true // early data before HelloRetryRequest: the server passes over it
	}
	if !k.haveServer {
		if !s.final {
			return false
		}
		s.bury(dir, at, ruleNoKeys, s.reason(NoHandshake, "there is no ServerHello"))
		s.fall(dir, at, rec)
		return true
	}
	if why := k.unsupported(); why != "" {
		s.bury(dir, at, ruleUnsupported, s.reason(Unsupported, why))
		s.fall(dir, at, rec)
		return true
	}
	if h.epoch == inClear {
		if server := &s.half[dir.Reverse()]; k.client.early && !k.retry && !k.earlyKnown && !s.final && !server.dead && server.epoch != inData {
			return false
		}
		h.epoch = inHandshake
		if k.client.early && !k.retry && (!k.earlyKnown || k.early) {
			h.epoch = inEarly
		}
	}
	if k.client.ech && dir == timeline.ServerToClient && h.epoch == inHandshake && s.secrets() == nil {
		s.guess(rec)
	}
	buf := s.keys.scratch()
	defer s.keys.release(buf)
	tried := false
	for e := h.epoch; e <= inData; e++ {
		op := s.opener13(dir, e)
		if op == nil {
			continue
		}
		if e != inHandshake && s.polite(dir) {
			return false
		}
		tried = true
		seq := h.seq
		if e != h.epoch {
			seq = 0
		}
		if plain, ok := op.open(buf, seq, rec); ok {
			s.enter(h, e)
			h.seq = seq + 1
			h.opened()
			s.inner(dir, at, plain)
			return true
		}
	}
	switch {
	case s.opener13(dir, inData) == nil:
		return !s.noKeys(dir, at, rec, tried)
	case s.opener13(dir, h.epoch) == nil || h.epoch == inHandshake && k.client.early && !h.proven:
		// Of a part whose key is missing, or early data that the server refused.
		if h.epoch == inEarly {
			h.gap += uint64(len(rec))
		}
		if h.skipped++; h.skipped < 1024 {
			return true
		}
	}
	s.fail(dir, at, rec)
	return true
}

// inner handles the inside of a record of TLS 1.3 (RFC 8446 5.2).
func (s *Stream) inner(dir timeline.Direction, at timeline.Stamp, plain []byte) {
	end := len(plain)
	for end > 0 && plain[end-1] == 0 {
		end--
	}
	if end == 0 {
		return
	}
	switch plain[end-1] {
	case typeData:
		switch h := &s.half[dir]; {
		case h.epoch == inEarly && !s.shake.earlyKnown:
			// The server may have refused it, and the client said it again.
			h.gap += uint64(end)
		case h.epoch != inHandshake:
			s.deliver(dir, at, plain[:end-1])
		}
	case typeHandshake:
		s.handshake(dir, plain[:end-1])
	}
}

// enter makes e the epoch of a direction.
func (s *Stream) enter(h *half, e epoch) {
	if e != h.epoch {
		h.epoch = e
		h.install(nil)
		s.changed = true
	}
}

// noKeys is called for a record whose key is not known; tried says that
// another key of the session was. wait is false when it was given up.
func (s *Stream) noKeys(dir timeline.Direction, at timeline.Stamp, rec []byte, tried bool) (wait bool) {
	if !s.final && !s.keys.complete {
		return true
	}
	h := &s.half[dir]
	switch {
	case s.limited:
		s.bury(dir, at, ruleLimit, s.reason(Limit, fmt.Sprintf("more than %d KiB were waiting", heldBytes>>10)))
	case tried && !h.proven && !h.loss:
		s.bury(dir, at, ruleDecryptFailed, s.reason(BadKeys, ""))
	case s.secrets() != nil:
		s.bury(dir, at, ruleNoKeys, s.reason(PartialKeys, "no "+trafficLabel(dir)+" in the key log"))
	default:
		s.bury(dir, at, ruleNoKeys, s.reason(NoKeys, ""))
	}
	if rec != nil {
		s.fall(dir, at, rec)
	}
	return false
}

func trafficLabel(dir timeline.Direction) string {
	if dir == timeline.ClientToServer {
		return "CLIENT_TRAFFIC_SECRET_0"
	}
	return "SERVER_TRAFFIC_SECRET_0"
}

package tls

import (
	"bytes"
	"fmt"

	"github.com/wsdump/wsdump/timeline"
)

// How hard the next record is searched for behind a gap.
const (
	smallestRecord = headerSize + 17          // that counts a sequence number: TLS 1.3, empty
	mostAhead      = 1 << 16                  // sequence numbers tried for one candidate
	effortOnce     = 16 << 20                 // bytes decrypted in vain for one candidate
	effortMost     = 256 << 20                // and for a connection, since a record was found
	largestRecord  = headerSize + 16384 + 512 // that real peers send
	mostFails      = 16                       // records in a row that do not open
	openCost       = 256                      // bytes that one more trial is worth
	mostMissing    = uint64(1) << 40          // a gap is not larger than this
)

// tear handles n bytes that are not in the capture.
func (s *Stream) tear(dir timeline.Direction, at timeline.Stamp, n uint64) {
	h := &s.half[dir]
	if h.dead {
		h.blind = true
		s.pass(dir, at, n)
		return
	}
	h.loss = true
	h.hs, h.hsSkip = nil, 0
	n = min(n, mostMissing)
	rest := uint64(h.left) // of the record in progress
	if h.left == 0 && len(h.buf) >= headerSize {
		size, _ := recordSize(h.buf)
		rest = uint64(size - len(h.buf))
		h.torn = h.buf[0]
		h.missing += uint64(len(h.buf))
	} else if len(h.buf) > 0 {
		rest = 0
		h.missing += uint64(len(h.buf))
	}
	s.drop(h)
	h.missing += n
	switch {
	case h.lost:
		h.missing += uint64(len(h.hunt))
		h.hunt = nil
	case rest == 0 || n > rest:
		h.left, h.lost = 0, true
	default:
		h.left = int(rest - n)
		if h.left == 0 {
			s.passed(dir)
		}
	}
}

// passed is called at the end of a record that is not whole, but whose length
// is known: the next one stands where it should.
func (s *Stream) passed(dir timeline.Direction) {
	h := &s.half[dir]
	if h.open == nil && h.epoch == inClear || s.shake.tls13 && h.torn != typeData {
		return
	}
	h.seq++
	if h.torn == typeData && h.epoch != inHandshake {
		h.gap += h.missing
		h.missing = 0
		h.hope()
	}
}

// hope keeps missing above 0: the window of sequence numbers is made of it.
func (h *half) hope() { h.missing = max(h.missing, 1) }

// seek is called for a record that does not open behind a gap: more was lost
// than could be seen, so it is searched for like any other, from its own first
// byte. feed does the search.
func (h *half) seek(rec []byte) {
	h.lost, h.kept = true, false
	h.hunt = bytes.Clone(rec)
	h.hs, h.hsSkip = nil, 0
	h.hope()
}

// lose drops a record of n bytes and searches for the next one.
func (s *Stream) lose(h *half, n int) {
	h.missing += uint64(n)
	h.lost, h.loss = true, true
	h.hs, h.hsSkip = nil, 0
}

// derail is called where a record should begin and b does not.
func (s *Stream) derail(dir timeline.Direction, at timeline.Stamp, b []byte) {
	h := &s.half[dir]
	if dir == timeline.ServerToClient && s.info.Cipher == 0 && bytes.HasPrefix(b, []byte("HTTP/")) {
		line, _, _ := bytes.Cut(b, []byte("\r\n"))
		s.handler.AnsweredPlain(at, string(line[:min(len(line), 100)]))
	}
	if h.proven && !h.loss {
		s.handler.Finding(&timeline.Finding{Rule: ruleDecryptFailed, Dir: dir, HasDir: true, At: at, Detail: "there is no record header where one is due"})
	}
	s.lose(h, 0)
}

// fail handles a record that does not open.
func (s *Stream) fail(dir timeline.Direction, at timeline.Stamp, rec []byte) {
	h := &s.half[dir]
	switch {
	case h.loss:
		h.seek(rec)
		return
	case !h.proven:
		s.bury(dir, at, ruleDecryptFailed, s.reason(BadKeys, ""))
		s.fall(dir, at, rec)
		return
	}
	s.handler.Finding(&timeline.Finding{
		Rule: ruleDecryptFailed, Dir: dir, HasDir: true, At: at, Got: s.info.ServerName,
		Detail: fmt.Sprintf("record number %d under its key, of %d bytes; those before it did open", h.seq, len(rec)-headerSize),
	})
	if h.fails++; h.fails > mostFails {
		s.bury(dir, at, ruleDecryptFailed, s.reason(BadKeys, "too many records in a row do not open"))
		s.fall(dir, at, rec)
		return
	}
	s.lose(h, len(rec))
}

// search looks for the next record behind a gap in what was heard since and in
// b. It returns the bytes from that record on when there is one (lost is then
// false), or those that have to wait; both are owned by the caller. last reports
// that no more bytes will come.
func (s *Stream) search(dir timeline.Direction, at timeline.Stamp, b []byte, last bool) (rest []byte) {
	h := &s.half[dir]
	hunt := append(h.hunt, b...)
	h.hunt = nil              // but for the last lines: somebody else's from here
	pos := min(len(hunt), 16) // what stands before is the vector of TLS 1.0
	if !h.kept {
		pos = 0
	}
	for ; pos < len(hunt); pos++ {
		c := hunt[pos:]
		if len(c) < headerSize {
			break
		}
		size, ok := recordSize(c)
		if !ok || !s.plausible(c) {
			continue
		}
		if len(c) < size {
			if last {
				continue
			}
			break
		}
		switch s.find(dir, c[:size], hunt[:pos]) {
		case found:
			h.lost, h.kept = false, false
			h.missing += uint64(pos)
			return c
		case wait:
			if s.noKeys(dir, at, nil, false) {
				h.kept = false
				h.missing += uint64(pos)
				return c
			}
			s.count(dir, at, c)
			h.lost = false
			return nil
		case tooMuch:
			s.bury(dir, at, ruleLimit, s.reason(Limit, "the next record behind a gap was not found"))
			h.lost = false
			s.fall(dir, at, c)
			return nil
		}
	}
	if last {
		h.missing += uint64(len(hunt))
		return nil
	}
	from := max(0, pos-16)
	h.missing += uint64(from)
	h.hunt = append(hunt[:0], hunt[from:]...)
	h.kept = pos >= 16
	return nil
}

// plausible reports whether a record header may stand behind a gap here.
func (s *Stream) plausible(c []byte) bool {
	if c[0] == typeHeartbeat || c[2] == 0 || c[2] > 3 {
		return false
	}
	return !s.shake.haveServer || c[0] == typeData || !s.shake.tls13
}

type verdict uint8

const (
	none verdict = iota
	found
	wait
	tooMuch
)

// find tries whether rec opens with a key that may be in use by now, under a
// sequence number that the missing bytes allow. before are the bytes before it.
func (s *Stream) find(dir timeline.Direction, rec, before []byte) verdict {
	h, k := &s.half[dir], &s.shake
	if !k.haveServer || !k.tls13 && h.open == nil {
		if v := s.findClear(dir, rec); v != none || !k.haveServer {
			return v
		}
	}
	if !k.tls13 {
		op := h.open
		if op == nil {
			var blocked bool
			if op, blocked = s.pending(dir, timeline.Stamp{}); blocked {
				return wait
			}
			if op == nil {
				return none
			}
		}
		seq, ok := s.probe(h, op, h.seq, rec, before)
		if ok && h.open == nil {
			h.install(op)
			s.remember()
		}
		return s.settle(h, seq, ok, seq <= 1 && !h.proven || seq == h.seq)
	}
	if rec[0] != typeData || k.unsupported() != "" {
		return none
	}
	from, missing := h.epoch, true
	if from == inClear {
		from = inHandshake
		if k.client.early && dir == timeline.ClientToServer {
			from = inEarly
		}
	}
	for e := from; e <= inData; e++ {
		op := s.opener13(dir, e)
		if op == nil {
			continue
		}
		missing = false
		first := uint64(0)
		if e == h.epoch {
			first = h.seq
		}
		if seq, ok := s.probe(h, op, first, rec, before); ok {
			fresh := e != h.epoch
			if fresh && h.epoch == inEarly {
				h.gap += h.missing
			}
			s.enter(h, e)
			return s.settle(h, seq, true, seq == first || e == inHandshake)
		}
	}
	if missing || h.epoch != inData && s.opener13(dir, inData) == nil {
		return wait
	}
	if h.epoch == inData {
		if secret := s.shake.suite.nextSecret(s.current(dir)); secret != nil {
			op := s.shake.suite.open13(secret)
			if seq, ok := s.probe(h, op, 0, rec, before); ok {
				s.updated(dir, secret, op)
				return s.settle(h, seq, true, false)
			}
		}
	}
	return s.settle(h, 0, false, false)
}

// settle makes seq the number of the next record; due says that it shows that
// no application data was lost.
func (s *Stream) settle(h *half, seq uint64, ok, due bool) verdict {
	switch {
	case !ok && s.effort > effortMost:
		return tooMuch
	case !ok:
		return none
	}
	s.effort = 0
	h.seq = seq
	if !due {
		h.gap += max(h.missing, 1)
	}
	h.missing = 0
	return found
}

// probe looks for the sequence number of rec, from first on.
func (s *Stream) probe(h *half, op opener, first uint64, rec, before []byte) (seq uint64, ok bool) {
	cost := len(rec) + openCost
	window := min((h.missing+uint64(len(before)))/smallestRecord+2, mostAhead, uint64(effortOnce/cost))
	if first == h.seq && h.proven {
		// So many records at least were lost.
		if least := h.missing / largestRecord; least > 0 {
			first += least - 1
		}
	}
	cbc, _ := op.(*openerCBC)
	chained := cbc != nil && cbc.chained && len(before) >= 16
	if cbc != nil && cbc.chained && !chained {
		return 0, false
	}
	buf := s.keys.scratch()
	defer s.keys.release(buf)
	for seq = first; seq < first+window && s.effort <= effortMost; seq++ {
		if chained {
			copy(cbc.iv[:], before[len(before)-16:])
		}
		if _, ok = op.open(buf, seq, rec); ok {
			if chained {
				copy(cbc.iv[:], before[len(before)-16:])
			}
			return seq, true
		}
		s.effort += cost
	}
	return 0, false
}

// findClear accepts a record of the handshake before any key: a message's
// beginning, or ChangeCipherSpec.
func (s *Stream) findClear(dir timeline.Direction, rec []byte) verdict {
	body := rec[headerSize:]
	switch {
	case rec[0] == typeCipher && len(body) == 1 && body[0] == 1,
		rec[0] == typeHandshake && len(body) >= 4 && body[0] <= finishedMessage && body[1] == 0 && int(body[2]) < maxMessage>>8:
		s.half[dir].missing = 0
		return found
	}
	return none
}

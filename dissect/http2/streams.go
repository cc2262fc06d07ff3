package http2

import (
	"fmt"

	"github.com/wsdump/wsdump/timeline"
)

// stream is an HTTP/2 stream that is, or may be, a WebSocket.
type stream struct {
	id        uint32
	handshake *timeline.Handshake // nil when the request was not captured
	next      timeline.Stream     // nil until the handshake is decided
	ended     [2]bool

	code    uint32 // of the server's reset before its response
	isReset bool   // code is known

	unsure     bool // what opened it could not be read
	quiet      bool // DATA interests nobody
	answered   bool // a final response came, readable or not
	unreadable bool // some of the handshake's fields are unknown

	held    timeline.Backlog // until next is known
	charged int              // its part of Stream.held
	limited bool             // not all was held
	early   int              // bytes of the client in held
	earlyAt timeline.Stamp
}

// mayBeOpen reports whether the client may have opened the stream id where the
// capture does not show it.
func (s *Stream) mayBeOpen(id uint32) bool { return id&1 == 1 && id > s.lo && id < s.hi }

// follow returns the record of a stream, a new one when there is none; nil when
// there are too many.
func (s *Stream) follow(dir timeline.Direction, at timeline.Stamp, id uint32) *stream {
	if st := s.streams[id]; st != nil {
		return st
	}
	if len(s.streams) >= maxStreams {
		s.forgetQuiet()
	}
	if len(s.streams) >= maxStreams {
		if !s.full {
			s.full = true
			s.handler.Limit(dir, at, "WebSocket streams of one HTTP/2 connection", maxStreams)
		}
		return nil
	}
	st := &stream{id: id}
	s.streams[id] = st
	return st
}

// forgetQuiet makes room: the streams that nobody wants to hear are so old
// that none below them is asked about any more.
func (s *Stream) forgetQuiet() {
	for id, st := range s.streams {
		if st.quiet && st.handshake == nil {
			s.lo = max(s.lo, id)
			delete(s.streams, id)
		}
	}
}

// forget drops a stream that is over.
func (s *Stream) forget(st *stream) {
	s.release(st)
	if s.mayBeOpen(st.id) { // it is not to be asked about again
		*st = stream{id: st.id, quiet: true, ended: [2]bool{true, true}}
		return
	}
	delete(s.streams, st.id)
}

// release gives back what st holds of the memory for held bytes.
func (s *Stream) release(st *stream) {
	s.held -= st.charged
	st.charged = 0
}

// data passes DATA of a stream to its receiver.
func (s *Stream) data(dir timeline.Direction, at timeline.Stamp, id uint32, p []byte) {
	st := s.streams[id]
	if st == nil {
		if !s.mayBeOpen(id) {
			return
		}
		if st = s.follow(dir, at, id); st == nil {
			return
		}
		st.unsure = true
	}
	switch {
	case st.ended[dir] || st.quiet:
		return
	case st.next == nil && (st.unsure || dir == timeline.ServerToClient):
		if !s.midstream(st, at) {
			return
		}
	case st.next == nil:
		s.hold(dir, at, st, p)
		return
	}
	st.next.Data(dir, at, p)
}

// midstream asks the Handler for the receiver of a stream whose request, or response,
// is not in the capture.
func (s *Stream) midstream(st *stream, at timeline.Stamp) bool {
	next := s.handler.Midstream(st.id, st.handshake)
	st.unsure = false
	if next == nil {
		st.quiet = true
		s.release(st)
		st.held = timeline.Backlog{}
		for dir := timeline.ClientToServer; dir <= timeline.ServerToClient; dir++ {
			st.held.Gap(dir, at, timeline.GapUnknown)
			if st.ended[dir] {
				st.held.End(dir, at, timeline.EndFIN)
			}
		}
		return false
	}
	s.hand(st, next)
	if st.handshake != nil && !st.answered {
		next.Gap(timeline.ServerToClient, at, timeline.GapUnknown)
	}
	return true
}

// hand passes to next what st has carried so far.
func (s *Stream) hand(st *stream, next timeline.Stream) {
	st.next = next
	s.release(st)
	st.held.Replay(next)
}

// charge takes memory for held bytes; false when there is no more.
func (s *Stream) charge(st *stream, n int) bool {
	n += 64 // for what the bytes are
	if s.held+n > s.limits.Held {
		return false
	}
	s.held += n
	st.charged += n
	return true
}

// hold keeps bytes of the client until the response decides the protocol.
func (s *Stream) hold(dir timeline.Direction, at timeline.Stamp, st *stream, p []byte) {
	if st.early == 0 {
		st.earlyAt = at
	}
	st.early += len(p)
	if s.charge(st, len(p)) {
		st.held.Data(dir, at, p)
		return
	}
	if !st.limited {
		st.limited = true
		s.handler.Limit(dir, at, "bytes of a stream before its response", s.limits.Held)
	}
	st.held.Gap(dir, at, uint64(len(p)))
}

// gap passes a gap to the receiver of a stream.
func (s *Stream) gap(dir timeline.Direction, at timeline.Stamp, id uint32, n uint64) {
	st := s.streams[id]
	switch {
	case st == nil || st.ended[dir] || st.quiet:
	case st.next != nil:
		st.next.Gap(dir, at, n)
	case dir == timeline.ServerToClient:
		st.answered = false // where the server's DATA begins is not known any more
	case st.handshake != nil:
		st.held.Gap(dir, at, n)
	}
}

// end ends one direction of a stream.
func (s *Stream) end(dir timeline.Direction, at timeline.Stamp, id uint32, why timeline.End) {
	st := s.streams[id]
	if st == nil || st.ended[dir] {
		return
	}
	st.ended[dir] = true
	switch {
	case st.next != nil:
		st.next.End(dir, at, why)
	case st.handshake != nil:
		st.held.End(dir, at, why)
	}
	if !st.ended[0] || !st.ended[1] {
		return
	}
	if st.next == nil && st.handshake != nil {
		s.conclude(at, st)
		return
	}
	s.forget(st)
}

// reset ends both directions, the sender's first.
func (s *Stream) reset(dir timeline.Direction, at timeline.Stamp, id uint32) {
	s.end(dir, at, id, timeline.EndReset)
	s.end(dir.Reverse(), at, id, timeline.EndReset)
}

// refused notes the error code of a reset by the server.
func (st *stream) refused(dir timeline.Direction, code uint32) {
	if dir == timeline.ServerToClient && st.next == nil {
		st.code, st.isReset = code, true
	}
}

// errorNames are the error codes of RFC 9113 7.
var errorNames = [...]string{
	"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
	"REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
}

func errorName(code uint32) string {
	if int(code) < len(errorNames) {
		return fmt.Sprintf("%s (%d)", errorNames[code], code)
	}
	return fmt.Sprintf("error %d", code)
}

// conclude emits the handshake of st, with or without a response.
func (s *Stream) conclude(at timeline.Stamp, st *stream) {
	hs := st.handshake
	next := s.handler.Handshake(hs)
	tell := s.handler.Finding
	if next != nil {
		tell = next.Finding
	}
	server := &s.half[timeline.ServerToClient]
	if hs.Method != "" && s.settings && !s.enabled && !server.blind {
		tell(&timeline.Finding{
			Rule: ruleConnectNotEnabled, Dir: timeline.ClientToServer, HasDir: true, At: hs.Request,
			Got: ":protocol websocket", Want: "SETTINGS_ENABLE_CONNECT_PROTOCOL = 1",
		})
	}
	if hs.Status == 0 && st.isReset {
		f := timeline.Finding{Rule: ruleReset, Dir: timeline.ServerToClient, HasDir: true, At: at, Got: errorName(st.code), Want: "a response"}
		if st.code == 0xd {
			f.Detail = "the server wants HTTP/1.1 for this"
		}
		tell(&f)
	}
	if st.unreadable {
		tell(&timeline.Finding{Rule: ruleHeadersUnknown, Dir: timeline.ClientToServer, HasDir: true, At: hs.Request})
	}
	if hs.Accepted() && st.early > 0 {
		s.handler.EarlyData(st.earlyAt, st.early)
	}
	if next == nil {
		next = timeline.Deaf{}
	}
	s.hand(st, next)
	if st.ended[0] && st.ended[1] {
		s.forget(st)
	}
}

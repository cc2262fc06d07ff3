package dissect

import (
	"strconv"
	"strings"

	"github.com/wsdump/wsdump/timeline"
)

// unframed is the stream of a WebSocket whose 101 announced a body. When the server's
// bytes begin with the size of a chunk it reads through the chunks (RFC 9112 7.1). When
// they cannot begin a frame it passes over a body of the announced length. Else the bytes
// are frames, whatever the 101 says.
type unframed struct {
	timeline.Stream
	opener  *opener
	chunked bool
	length  uint64 // Content-Length
	state   unframedState
	line    []byte // the size of a chunk, so far
	left    uint64 // of the chunk or body in progress
}

type unframedState uint8

const (
	unframedFirst unframedState = iota // no byte came
	unframedSize
	unframedChunk
	unframedBehind // the line end behind a chunk
	unframedBody
	unframedOff // the bytes are frames
	unframedEnd // behind the last chunk
)

// unframe returns next, behind an unframed where the response of h announces a body.
func (o *opener) unframe(h *timeline.Handshake, next timeline.Stream) timeline.Stream {
	if o.layers == "h2" || o.layers == "h2+tls" || framing(h.ResponseHeaders) == "" {
		return next
	}
	length, _ := timeline.Get(h.ResponseHeaders, "Content-Length")
	n, _ := strconv.ParseUint(strings.TrimSpace(length), 10, 32)
	return &unframed{Stream: next, opener: o, chunked: lists(h.ResponseHeaders, "Transfer-Encoding", "chunked"), length: n}
}

// Data implements [timeline.Stream].
func (u *unframed) Data(dir timeline.Direction, at timeline.Stamp, b []byte) {
	if dir == timeline.ClientToServer {
		u.Stream.Data(dir, at, b)
		return
	}
	for len(b) > 0 {
		switch u.state {
		case unframedFirst:
			u.begin(at, b[0])
		case unframedOff:
			u.Stream.Data(dir, at, b)
			return
		case unframedEnd:
			return
		case unframedSize, unframedBehind:
			b = u.readSize(b)
		default:
			n := min(u.left, uint64(len(b)))
			if u.state == unframedChunk {
				u.Stream.Data(dir, at, b[:n])
			}
			b = b[n:]
			if u.left -= n; u.left > 0 {
				continue
			}
			if u.state == unframedChunk {
				u.state = unframedBehind
			} else {
				u.state = unframedOff
			}
		}
	}
}

// begin decides by the first byte of the server what its bytes are.
func (u *unframed) begin(at timeline.Stamp, b byte) {
	hex := b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
	f := timeline.Finding{Rule: ruleResponseBody, Dir: timeline.ServerToClient, HasDir: true, At: at}
	switch {
	case u.chunked && hex: // none of them begins a frame without an extension
		u.state = unframedSize
		f.Got, f.Want, f.Detail = "frames in chunks", "frames", "the frames are read through the chunks"
	case u.length > 0 && b&0x70 != 0:
		u.state, u.left = unframedBody, u.length
		f.Got, f.Want, f.Detail = strconv.FormatUint(u.length, 10)+" bytes of a body", "frames", "the body is passed over"
	default:
		u.state = unframedOff
		return
	}
	u.opener.Finding(&f)
}

// readSize reads the line with the size of a chunk, or the end of the line behind one.
func (u *unframed) readSize(b []byte) []byte {
	for i, c := range b {
		if c != '\n' {
			if len(u.line) < 64 {
				u.line = append(u.line, c)
			}
			continue
		}
		if u.state == unframedBehind {
			u.state, u.line = unframedSize, u.line[:0]
			continue
		}
		word, _, _ := strings.Cut(strings.TrimSpace(string(u.line)), ";")
		n, err := strconv.ParseUint(strings.TrimSpace(word), 16, 40)
		u.line = u.line[:0]
		switch {
		case err != nil:
			u.state = unframedOff
		case n == 0:
			u.state = unframedEnd
		default:
			u.state, u.left = unframedChunk, n
		}
		return b[i+1:]
	}
	return nil
}

// Gap implements [timeline.Stream]. Bytes behind a gap are taken for frames.
func (u *unframed) Gap(dir timeline.Direction, at timeline.Stamp, n uint64) {
	if dir == timeline.ServerToClient {
		if u.state == unframedChunk && n < u.left {
			u.left -= n
		} else if u.state != unframedFirst {
			u.state = unframedOff
		}
	}
	u.Stream.Gap(dir, at, n)
}

// Weight implements [timeline.Weighed].
func (u *unframed) Weight() int { return timeline.Weight(u.Stream) }

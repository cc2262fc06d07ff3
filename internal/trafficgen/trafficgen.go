// Package trafficgen writes synthetic captures of WebSocket traffic, of any size
// and always the same for a seed, with the counts that a reader must come to.
// They are what speed and memory are measured on; correctness is not: that needs
// real peers.
//
// A capture is written as it is made up: memory depends on how many connections
// are alive, not on the size, so that ten gigabytes can go through a pipe.
package trafficgen

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Spec says what to write.
type Spec struct {
	Kind        string // one of Kinds
	Bytes       int64  // of the file, about
	Seed        uint64
	Connections int       // alive at once; 0: as the kind has it. "conns" has a few
	Deflated    io.Writer // "deflate": every compressed message once more, for other inflaters; nil: not
}

// Kinds are the kinds of captures.
//
//	small     1,000 connections in turns, JSON of 60 to 200 bytes; segments with two or three frames, frames in two segments
//	bulk      100 connections, binary messages of 64 KiB in segments of 1,448 bytes
//	mixed     small, and four times as many bytes of TLS, HTTP, QUIC and DNS
//	conns     connections that live for six messages
//	deflate   JSON compressed with context takeover, 100 connections
//	disorder  small, and of the data segments 1 % overtaken, 1 % twice, 0.1 % lost
//	wide      200,000 connections, or as many as fit, alive at once
func Kinds() []string {
	return []string{"small", "bulk", "mixed", "conns", "deflate", "disorder", "wide"}
}

// Manifest is what is in a capture: what a reader must come to.
type Manifest struct {
	Kind           string `json:"kind"`
	Seed           uint64 `json:"seed"`
	FileBytes      int64  `json:"file_bytes"`
	Packets        uint64 `json:"packets"`
	Bytes          uint64 `json:"bytes"` // of packets
	TCPConnections uint64 `json:"tcp_connections"`
	Connections    uint64 `json:"connections"` // WebSockets
	Sent           Count  `json:"sent"`        // by clients
	Received       Count  `json:"received"`

	// Of "disorder" alone. A frame is touched when a byte of it was in a lost
	// segment. All others can be found.
	Lost          uint64 `json:"lost,omitempty"`
	Overtaken     uint64 `json:"overtaken,omitempty"`
	Doubled       uint64 `json:"doubled,omitempty"`
	FramesTouched uint64 `json:"frames_touched,omitempty"`
}

// Count is what one direction of all WebSockets has.
type Count struct {
	Frames    uint64 `json:"frames"` // control frames included
	Messages  uint64 `json:"messages"`
	Bytes     uint64 `json:"bytes"`      // of payload, inflated, control frames included
	WireBytes uint64 `json:"wire_bytes"` // of payload as it was sent
}

// Frames returns how many frames both directions have.
func (m *Manifest) Frames() uint64 { return m.Sent.Frames + m.Received.Frames }

// Messages returns how many messages both directions have.
func (m *Manifest) Messages() uint64 { return m.Sent.Messages + m.Received.Messages }

// Write writes a capture (pcap) and returns what is in it.
func Write(w io.Writer, spec Spec) (*Manifest, error) {
	if !slices.Contains(Kinds(), spec.Kind) {
		return nil, fmt.Errorf("there is no kind %q; it is one of %v", spec.Kind, Kinds())
	}
	g := &generator{
		Spec:     spec,
		random:   rand.New(rand.NewPCG(spec.Seed, 0x77736475)),
		manifest: &Manifest{Kind: spec.Kind, Seed: spec.Seed},
	}
	g.begin(w)
	switch spec.Kind {
	case "small", "disorder":
		g.chat(1000, 0)
	case "mixed":
		g.chat(1000, 4)
	case "wide":
		g.chat(int(min(200_000, spec.Bytes/4000)), 0)
	case "bulk":
		g.bulk(int(min(100, spec.Bytes/1_000_000)))
	case "conns":
		g.short(20)
	case "deflate":
		g.compressed(100)
	}
	return g.manifest, g.end()
}

// generator is one run.
type generator struct {
	Spec
	pcap
	random   *rand.Rand
	manifest *Manifest
	ids      uint64 // of connections
	texts    uint64 // of messages
	text     []byte // scratch of a message
	segment  []byte // scratch of a segment's payload
}

// full reports whether the capture is long enough, but for the ends of what is
// open.
func (g *generator) full(open int) bool {
	const ending = 5 * 90 // bytes that ending a connection takes
	return g.err != nil || g.written+int64(open)*ending >= g.Bytes
}

// alive returns how many connections a kind has at once.
func (g *generator) alive(usual int) int {
	if g.Connections > 0 {
		return g.Connections
	}
	return max(usual, 1)
}

// chance reports one time in n.
func (g *generator) chance(n uint64) bool { return g.random.Uint64N(n) == 0 }

// ParseSize reads a size such as "256MB"; KB, MB and GB are powers of ten.
func ParseSize(s string) (int64, error) {
	factor := int64(1)
	for unit, f := range map[string]int64{"KB": 1e3, "MB": 1e6, "GB": 1e9} {
		if n, ok := strings.CutSuffix(s, unit); ok {
			s, factor = n, f
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("not a size: %q; such as 256MB", s)
	}
	return n * factor, nil
}

package main

import (
	"time"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/reassembly"
	"github.com/wsdump/wsdump/timeline"
)

// flight is a flight recorder: it holds the latest packets, and those that leave
// it are kept when their connection was chosen, which is known when it has ended.
// So packets are kept in their order, and memory is bounded: of a connection that
// is older than what is held the beginning is lost.
//
// Packets come from the goroutine that captures, connections from the one that
// dissects; the recorder's lock is held for both.
type flight struct {
	most    int64 // bytes
	size    int64
	chunks  []*chunk // the oldest first
	spare   *chunk
	recent  reassembly.Recent
	limits  timeline.Limits // of pieces of IP packets
	keep    func(*capture.Packet) error
	chosen  uint64 // connections
	cut     uint64 // of them, whose beginning was not held any more
	retired int    // chunks
}

// chunk is packets with their bytes.
type chunk struct {
	packets []capture.Packet
	bytes   []byte
}

const (
	chunkBytes = 1 << 20
	// afterEnd is how long the last acknowledgements of a connection take.
	afterEnd = time.Second
)

// hold takes the next packet.
func (f *flight) hold(p *capture.Packet) error {
	var c *chunk
	if n := len(f.chunks); n > 0 {
		c = f.chunks[n-1]
	}
	if c == nil || len(c.bytes)+len(p.Data) > cap(c.bytes) || len(c.packets) == cap(c.packets) {
		if c, f.spare = f.spare, nil; c == nil || len(p.Data) > cap(c.bytes) {
			c = &chunk{make([]capture.Packet, 0, chunkBytes/256), make([]byte, 0, max(chunkBytes, len(p.Data)))}
		}
		f.chunks = append(f.chunks, c)
		f.size += c.size()
	}
	f.recent.Learn(p, f.limits)
	at := len(c.bytes)
	c.bytes = append(c.bytes, p.Data...)
	c.packets = append(c.packets, *p)
	c.packets[len(c.packets)-1].Data = c.bytes[at:len(c.bytes):len(c.bytes)]
	for f.size > f.most && len(f.chunks) > 1 {
		if err := f.retire(); err != nil {
			return err
		}
	}
	return nil
}

// size is what c takes, full or not.
func (c *chunk) size() int64 { return int64(cap(c.bytes)) + int64(cap(c.packets))*80 }

// retire lets go of the oldest chunk and keeps what was chosen of it.
func (f *flight) retire() error {
	c := f.chunks[0]
	f.chunks = f.chunks[1:]
	f.size -= c.size()
	for i := range c.packets {
		if f.recent.Has(&c.packets[i]) {
			if err := f.keep(&c.packets[i]); err != nil {
				return err
			}
		}
	}
	if f.retired++; f.retired%64 == 0 && len(c.packets) > 0 {
		f.recent.Forget(c.packets[0].Time)
	}
	c.packets, c.bytes = c.packets[:0], c.bytes[:0]
	f.spare = c
	return nil
}

// land lets go of everything.
func (f *flight) land() error {
	for len(f.chunks) > 0 {
		if err := f.retire(); err != nil {
			return err
		}
	}
	return nil
}

// choose keeps the packets of a connection that has ended.
func (f *flight) choose(c *timeline.Conn, at timeline.Stamp) {
	f.chosen++
	if first := f.first(); c.Transport.First.Packet < first {
		f.cut++
	}
	f.recent.Add(c.Transport, at.Time+int64(afterEnd))
}

// first is the number of the oldest packet that is held.
func (f *flight) first() uint64 {
	if len(f.chunks) == 0 || len(f.chunks[0].packets) == 0 {
		return 0
	}
	return f.chunks[0].packets[0].Number
}

// flightSink hears which connections match when they end.
type flightSink struct {
	timeline.Nop
	*recorder
}

// Close implements [timeline.Sink].
func (f *flightSink) Close(c *timeline.Conn, at timeline.Stamp) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.flight.choose(c, at)
}

// sink returns what chooses connections, nil where all packets are written.
func (r *recorder) sink(files []string) timeline.Sink {
	if r == nil || r.flight == nil {
		return nil
	}
	return query.NewConnectionFilter(&flightSink{recorder: r}, r.keeps, files...)
}

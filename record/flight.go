package record

import (
	"time"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/reassembly"
	"github.com/wsdump/wsdump/timeline"
)

// flight is a flight recorder: a buffer of the latest packets. A packet that
// leaves the buffer is written if its connection was chosen, which is known only
// when the connection has ended. So packets are written in their order and memory
// is bounded. A connection older than the buffer loses its beginning.
//
// Packets come from the goroutine that captures, connections from the one that
// dissects. The recorder's lock protects both.
type flight struct {
	limit   int64 // bytes
	size    int64
	chunks  []*chunk // the oldest first
	spare   *chunk
	recent  reassembly.Recent
	limits  timeline.Limits             // of IP fragments
	write   func(*capture.Packet) error // writes a packet of a chosen connection
	chosen  uint64                      // connections
	cut     uint64                      // chosen connections whose beginning had left the buffer
	evicted int                         // chunks
}

// chunk is packets with their bytes.
type chunk struct {
	packets []capture.Packet
	bytes   []byte
}

const (
	chunkBytes = 1 << 20
	// afterEnd is how long the last acknowledgements of a connection may take.
	afterEnd = time.Second
)

// add buffers a copy of the next packet.
func (f *flight) add(p *capture.Packet) error {
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
	for f.size > f.limit && len(f.chunks) > 1 {
		if err := f.evict(); err != nil {
			return err
		}
	}
	return nil
}

// size is the memory that c takes, full or not.
func (c *chunk) size() int64 { return int64(cap(c.bytes)) + int64(cap(c.packets))*80 }

// evict removes the oldest chunk and writes its packets of chosen connections.
func (f *flight) evict() error {
	c := f.chunks[0]
	f.chunks = f.chunks[1:]
	f.size -= c.size()
	for i := range c.packets {
		if f.recent.Has(&c.packets[i]) {
			if err := f.write(&c.packets[i]); err != nil {
				return err
			}
		}
	}
	if f.evicted++; f.evicted%64 == 0 && len(c.packets) > 0 {
		f.recent.Forget(c.packets[0].Time)
	}
	c.packets, c.bytes = c.packets[:0], c.bytes[:0]
	f.spare = c
	return nil
}

// flush evicts everything.
func (f *flight) flush() error {
	for len(f.chunks) > 0 {
		if err := f.evict(); err != nil {
			return err
		}
	}
	return nil
}

// choose marks the packets of a connection that has ended to be written.
func (f *flight) choose(c *timeline.Conn, at timeline.Stamp) {
	f.chosen++
	if c.Transport.First.Packet < f.oldest() {
		f.cut++
	}
	f.recent.Add(c.Transport, at.Time+int64(afterEnd))
}

// oldest is the number of the oldest packet in the buffer, 0 for none.
func (f *flight) oldest() uint64 {
	if len(f.chunks) == 0 || len(f.chunks[0].packets) == 0 {
		return 0
	}
	return f.chunks[0].packets[0].Number
}

// flightSink chooses connections when they end.
type flightSink struct {
	timeline.Nop
	*Recorder
}

// Close implements [timeline.Sink].
func (f *flightSink) Close(c *timeline.Conn, at timeline.Stamp) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.flight.choose(c, at)
}

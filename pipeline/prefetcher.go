package pipeline

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/wsdump/wsdump/capture"
)

// prefetcher reads a source that never waits in a goroutine of its own. It is for
// compressed files: decompressing then uses another processor than the rest. Packets
// come in blocks of about a thousand. The notes of the source come along, in their
// place between the packets.
//
// Files that are not compressed gain nothing: handing bytes to another goroutine takes
// as long as reading them. A source that may be quiet needs a [packetQueue].
type prefetcher struct {
	full, free chan *packetBlock
	quit       chan struct{}
	current    *packetBlock
	next       int // index of the next packet in current
	noted      int // how many of current.notes were returned
	panic      any // of the source; read it when full is closed
}

// packetBlock is packets with their bytes, and the notes between them.
type packetBlock struct {
	packets []capture.Packet
	bytes   []byte // of packets
	notes   []placedNotes
	err     error // of the source, after the packets
}

// placedNotes are notes that came with the packet of that index, or with the end.
type placedNotes struct {
	before int
	notes  []capture.Note
}

const (
	maxBlocks    = 3
	blockPackets = 1024
	blockBytes   = 256 << 10
)

// newPrefetcher starts to read src. notes are those that src adds to.
func newPrefetcher(ctx context.Context, src capture.Source, notes *Notes) *prefetcher {
	f := &prefetcher{full: make(chan *packetBlock, maxBlocks), free: make(chan *packetBlock, maxBlocks), quit: make(chan struct{}), current: &packetBlock{}}
	for range maxBlocks {
		f.free <- &packetBlock{}
	}
	go f.read(ctx, src, notes)
	return f
}

// read reads until the source ends, the context ends, or stop is called. It runs in
// the goroutine of the prefetcher.
func (f *prefetcher) read(ctx context.Context, src capture.Source, notes *Notes) {
	defer func() {
		if what := recover(); what != nil {
			f.panic = fmt.Sprintf("%v\n%s", what, debug.Stack())
		}
		close(f.full)
	}()
	var p capture.Packet
	held := false // p was read, and did not fit into the last block
	for {
		var b *packetBlock
		select {
		case b = <-f.free:
		case <-f.quit:
			return
		}
		b.reset()
		if held {
			b.add(&p)
			held = false
		}
		for b.err == nil && len(b.packets) < blockPackets {
			if b.err = src.Next(&p); b.err == nil && ctx.Err() != nil {
				b.err = ctx.Err()
			}
			if taken := notes.take(); len(taken) > 0 {
				b.notes = append(b.notes, placedNotes{len(b.packets), taken})
			}
			if b.err != nil {
				break
			}
			if held = len(b.packets) > 0 && len(b.bytes)+len(p.Data) > cap(b.bytes); held {
				break // p is borrowed, and stays valid until Next is called again
			}
			b.add(&p)
		}
		ended := b.err != nil
		f.full <- b
		if ended {
			return
		}
	}
}

// Next returns the next packet, borrowed until the next call, and the notes that came
// before it.
func (f *prefetcher) Next() (p *capture.Packet, notes []capture.Note, err error) {
	for f.next == len(f.current.packets) && f.current.err == nil {
		notes = append(notes, f.notes()...)
		if f.current.packets != nil {
			f.free <- f.current
		}
		var more bool
		if f.current, more = <-f.full; !more {
			panic(f.panic)
		}
		f.next, f.noted = 0, 0
	}
	notes = append(notes, f.notes()...)
	if f.next == len(f.current.packets) {
		return nil, notes, f.current.err
	}
	f.next++
	return &f.current.packets[f.next-1], notes, nil
}

// notes returns the notes that came before the next packet.
func (f *prefetcher) notes() []capture.Note {
	if f.noted == len(f.current.notes) || f.current.notes[f.noted].before > f.next {
		return nil
	}
	f.noted++
	return f.current.notes[f.noted-1].notes
}

// stop waits until the goroutine no longer uses the source.
func (f *prefetcher) stop() {
	close(f.quit)
	for range f.full {
		continue
	}
}

// reset empties b for use again.
func (b *packetBlock) reset() {
	b.packets, b.bytes, b.notes = b.packets[:0], b.bytes[:0], b.notes[:0]
	if b.packets == nil || cap(b.bytes) > 4*blockBytes { // it is new, or had one huge packet
		b.packets, b.bytes = make([]capture.Packet, 0, blockPackets), make([]byte, 0, blockBytes)
	}
}

// add copies p into b.
func (b *packetBlock) add(p *capture.Packet) {
	at := len(b.bytes)
	b.bytes = append(b.bytes, p.Data...)
	b.packets = append(b.packets, *p)
	b.packets[len(b.packets)-1].Data = b.bytes[at:len(b.bytes):len(b.bytes)]
}

package pipeline

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/wsdump/wsdump/capture"
)

// beside reads a source that never waits, compressed files, in a goroutine of its
// own, so that decompressing takes another processor than all the rest. Packets are
// handed over by the block, some thousand at a time; what the source says besides
// them goes along, and is heard in its place. (Of files that are not compressed it
// makes nothing faster: to hand the bytes over takes as long as to read them.) For a
// source that may be quiet there is [ahead].
type beside struct {
	full, free chan *block
	quit       chan struct{}
	current    *block
	next       int // packet of current
	said       int // of current.notes
	panic      any // of the source, to be read when full is closed
}

// block is packets with their bytes, and the notes between them.
type block struct {
	packets []capture.Packet
	bytes   []byte // of packets
	notes   []placed
	err     error // of the source, behind the packets
}

// placed is what a source said when it gave a packet: the one of that index, or
// the end.
type placed struct {
	before int
	notes  []capture.Note
}

const (
	blocks       = 3
	blockPackets = 1024
	blockBytes   = 256 << 10
)

func newBeside(ctx context.Context, src capture.Source, notes *Notes) *beside {
	b := &beside{full: make(chan *block, blocks), free: make(chan *block, blocks), quit: make(chan struct{}), current: &block{}}
	for range blocks {
		b.free <- &block{}
	}
	go b.pump(ctx, src, notes)
	return b
}

// pump reads until the source ends, or somebody wants it to.
func (b *beside) pump(ctx context.Context, src capture.Source, notes *Notes) {
	defer func() {
		if what := recover(); what != nil {
			b.panic = fmt.Sprintf("%v\n%s", what, debug.Stack())
		}
		close(b.full)
	}()
	var p capture.Packet
	held := false // p was read, and found no room
	for {
		var into *block
		select {
		case into = <-b.free:
		case <-b.quit:
			return
		}
		into.packets, into.bytes, into.notes = into.packets[:0], into.bytes[:0], into.notes[:0]
		if into.packets == nil || cap(into.bytes) > 4*blockBytes { // new, or of one huge packet
			into.packets, into.bytes = make([]capture.Packet, 0, blockPackets), make([]byte, 0, blockBytes)
		}
		if held {
			into.add(&p)
			held = false
		}
		for into.err == nil && len(into.packets) < blockPackets {
			if into.err = src.Next(&p); into.err == nil && ctx.Err() != nil {
				into.err = ctx.Err()
			}
			if said := notes.take(); len(said) > 0 {
				into.notes = append(into.notes, placed{len(into.packets), said})
			}
			if into.err != nil {
				break
			}
			if held = len(into.packets) > 0 && len(into.bytes)+len(p.Data) > cap(into.bytes); held {
				break // the next packet is borrowed until Next is called again
			}
			into.add(&p)
		}
		ended := into.err != nil
		b.full <- into
		if ended {
			return
		}
	}
}

func (b *block) add(p *capture.Packet) {
	at := len(b.bytes)
	b.bytes = append(b.bytes, p.Data...)
	b.packets = append(b.packets, *p)
	b.packets[len(b.packets)-1].Data = b.bytes[at:len(b.bytes):len(b.bytes)]
}

// Next gives the next packet, borrowed until the next call, and what the source
// said before it.
func (b *beside) Next() (p *capture.Packet, notes []capture.Note, err error) {
	for b.next == len(b.current.packets) && b.current.err == nil {
		notes = append(notes, b.heard()...)
		if b.current.packets != nil {
			b.free <- b.current
		}
		var more bool
		if b.current, more = <-b.full; !more {
			panic(b.panic)
		}
		b.next, b.said = 0, 0
	}
	notes = append(notes, b.heard()...)
	if b.next == len(b.current.packets) {
		return nil, notes, b.current.err
	}
	b.next++
	return &b.current.packets[b.next-1], notes, nil
}

// heard returns what was said before the next packet.
func (b *beside) heard() []capture.Note {
	if b.said == len(b.current.notes) || b.current.notes[b.said].before > b.next {
		return nil
	}
	b.said++
	return b.current.notes[b.said-1].notes
}

// stop waits until nobody touches the source.
func (b *beside) stop() {
	close(b.quit)
	for range b.full {
		continue
	}
}

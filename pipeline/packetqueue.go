package pipeline

import (
	"sync"
	"time"

	"github.com/wsdump/wsdump/capture"
)

// ahead reads a source that may be quiet for long, such as a pipe, in a
// goroutine of its own, so that the pipeline hears the clock while it waits. The
// packets that came meanwhile are copied into a batch, and batches are handed
// over as they are asked for: one packet at a time on a quiet source, many on a
// busy one.
type ahead struct {
	behind  int    // bytes that may wait; 0: the source waits instead
	notes   *Notes // hears what was left out
	left    uint64 // packets that were, and are not told yet
	mu      sync.Mutex
	room    *sync.Cond    // the batch was taken
	news    chan struct{} // it has something, or the source has ended
	filling *batch
	spare   *batch
	err     error // the source's, once it has ended
	stopped bool
	done    chan struct{}
}

// batch is packets with their bytes.
type batch struct {
	packets []capture.Packet
	bytes   []byte
}

// What a batch holds before the source has to wait.
const (
	batchPackets = 512
	batchBytes   = 1 << 20
)

func newAhead(src capture.Source, behind int, notes *Notes) *ahead {
	a := &ahead{behind: behind, notes: notes, news: make(chan struct{}, 1), filling: &batch{}, spare: &batch{}, done: make(chan struct{})}
	a.room = sync.NewCond(&a.mu)
	go a.pump(src)
	return a
}

func (a *ahead) pump(src capture.Source) {
	defer close(a.done)
	var p capture.Packet
	for {
		err := src.Next(&p)
		a.mu.Lock()
		for !a.stopped && err == nil && a.behind == 0 && a.filling.full() {
			a.room.Wait()
		}
		switch {
		case err != nil:
			a.err = err
			a.tellLeft(p.FilePacket)
		case a.behind > 0 && a.filling.size() >= a.behind:
			a.left++
		default:
			a.tellLeft(p.FilePacket - 1)
			a.filling.add(&p)
		}
		stopped := a.stopped
		a.mu.Unlock()
		select {
		case a.news <- struct{}{}:
		default:
		}
		if err != nil || stopped {
			return
		}
	}
}

// tellLeft tells what was left out before a packet.
func (a *ahead) tellLeft(before uint64) {
	if a.left == 0 || a.notes == nil {
		return
	}
	a.notes.Add(capture.Note{
		Kind: capture.NoteDropped, FilePacket: before, N: a.left,
		Text: "the output was too slow, and these packets were left out of it; what -w writes has them",
	})
	a.left = 0
}

// size is how many bytes b takes.
func (b *batch) size() int { return len(b.bytes) + len(b.packets)*packetSize }

// packetSize is that of a [capture.Packet], rounded up.
const packetSize = 80

func (b *batch) full() bool { return len(b.packets) >= batchPackets || len(b.bytes) >= batchBytes }

func (b *batch) add(p *capture.Packet) {
	at := len(b.bytes)
	b.bytes = append(b.bytes, p.Data...)
	b.packets = append(b.packets, *p)
	b.packets[len(b.packets)-1].Data = b.bytes[at:] // moved to its place by take
}

// take waits for packets, at most until the clock ticks. It returns nil when it
// ticked first, or with the error of the source when there are no more. The
// batch is borrowed until the next call.
func (a *ahead) take(clock <-chan time.Time) ([]capture.Packet, error) {
	select {
	case <-a.news:
	case <-clock:
		return nil, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.filling
	if len(b.packets) == 0 {
		return nil, a.err
	}
	if a.spare.packets, a.spare.bytes = a.spare.packets[:0], a.spare.bytes[:0]; cap(a.spare.bytes) > 4*batchBytes {
		*a.spare = batch{} // of a time when the sink was slow
	}
	a.filling, a.spare = a.spare, b
	if a.err != nil { // the end is still to be heard
		select {
		case a.news <- struct{}{}:
		default:
		}
	}
	a.room.Signal()
	at := 0
	for i := range b.packets {
		n := len(b.packets[i].Data)
		b.packets[i].Data = b.bytes[at : at+n : at+n]
		at += n
	}
	return b.packets, nil
}

// empty reports whether there is nothing to take.
func (a *ahead) empty() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.filling.packets) == 0 && a.left == 0
}

// stop waits until the goroutine has ended with the packet that it is at.
func (a *ahead) stop() {
	a.mu.Lock()
	a.stopped = true
	a.room.Signal()
	a.mu.Unlock()
	<-a.done
}

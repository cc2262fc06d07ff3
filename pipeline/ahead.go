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

func newAhead(src capture.Source) *ahead {
	a := &ahead{news: make(chan struct{}, 1), filling: &batch{}, spare: &batch{}, done: make(chan struct{})}
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
		for !a.stopped && err == nil && a.filling.full() {
			a.room.Wait()
		}
		if err == nil {
			a.filling.add(&p)
		} else {
			a.err = err
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
	a.spare.packets, a.spare.bytes = a.spare.packets[:0], a.spare.bytes[:0]
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

// stop waits until the goroutine has ended with the packet that it is at.
func (a *ahead) stop() {
	a.mu.Lock()
	a.stopped = true
	a.room.Signal()
	a.mu.Unlock()
	<-a.done
}

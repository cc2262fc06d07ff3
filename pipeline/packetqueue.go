package pipeline

import (
	"sync"
	"time"

	"github.com/wsdump/wsdump/capture"
)

// packetQueue reads a source in a goroutine of its own, so that the pipeline can act on
// the clock while the source is quiet, such as a pipe or an interface. Packets are
// copied into a batch, and the pipeline takes whole batches: one packet at a time on
// a quiet source, many on a busy one.
type packetQueue struct {
	limit int    // bytes that may wait before packets are dropped; 0: the source waits instead
	notes *Notes // gets a note of dropped packets

	mu      sync.Mutex // guards what follows
	room    *sync.Cond // the batch was taken
	dropped uint64     // packets that no note counts yet
	filling *packetBatch
	spare   *packetBatch
	err     error // of the source, once it has ended
	stopped bool

	news chan struct{} // there is a packet to take, or the source has ended
	done chan struct{} // closed when the goroutine has ended
}

// packetBatch is packets with their bytes.
type packetBatch struct {
	packets []capture.Packet
	bytes   []byte
}

// When the source has to wait.
const (
	queuePackets = 512
	queueBytes   = 1 << 20
)

// newPacketQueue starts to read src.
func newPacketQueue(src capture.Source, limit int, notes *Notes) *packetQueue {
	q := &packetQueue{limit: limit, notes: notes, news: make(chan struct{}, 1), filling: &packetBatch{}, spare: &packetBatch{}, done: make(chan struct{})}
	q.room = sync.NewCond(&q.mu)
	go q.read(src)
	return q
}

// read reads src to its end. It runs in the goroutine of the queue.
func (q *packetQueue) read(src capture.Source) {
	defer close(q.done)
	var p capture.Packet
	for {
		err := src.Next(&p)
		q.mu.Lock()
		for !q.stopped && err == nil && q.limit == 0 && q.filling.full() {
			q.room.Wait()
		}
		switch {
		case err != nil:
			q.err = err
			q.noteDropped(p.FilePacket)
		case q.limit > 0 && q.filling.size() >= q.limit:
			q.dropped++
		default:
			q.noteDropped(p.FilePacket - 1)
			q.filling.add(&p)
		}
		stopped := q.stopped
		q.mu.Unlock()
		q.signal()
		if err != nil || stopped {
			return
		}
	}
}

// signal wakes take. It never blocks.
func (q *packetQueue) signal() {
	select {
	case q.news <- struct{}{}:
	default:
	}
}

// noteDropped adds a note of the packets that were dropped up to a packet of the file.
func (q *packetQueue) noteDropped(last uint64) {
	if q.dropped == 0 || q.notes == nil {
		return
	}
	q.notes.Add(capture.Note{
		Kind: capture.NoteDropped, FilePacket: last, N: q.dropped,
		Text: "the output was too slow, and these packets were left out of it; what -w writes has them",
	})
	q.dropped = 0
}

// take waits for packets, or for the clock to tick. It returns nil when the clock
// ticked first, and the error of the source when there are no more packets. The
// packets are borrowed until the next call.
func (q *packetQueue) take(clock <-chan time.Time) ([]capture.Packet, error) {
	select {
	case <-q.news:
	case <-clock:
		return nil, nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	b := q.filling
	if len(b.packets) == 0 {
		return nil, q.err
	}
	if q.spare.packets, q.spare.bytes = q.spare.packets[:0], q.spare.bytes[:0]; cap(q.spare.bytes) > 4*queueBytes {
		*q.spare = packetBatch{} // it grew while the sink was slow
	}
	q.filling, q.spare = q.spare, b
	if q.err != nil { // the next call returns it
		q.signal()
	}
	q.room.Signal()
	b.slice()
	return b.packets, nil
}

// empty reports whether there is nothing to take.
func (q *packetQueue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.filling.packets) == 0 && q.dropped == 0
}

// stop ends the goroutine. It waits for the source to return from Next.
func (q *packetQueue) stop() {
	q.mu.Lock()
	q.stopped = true
	q.room.Signal()
	q.mu.Unlock()
	<-q.done
}

// add copies p into b.
func (b *packetBatch) add(p *capture.Packet) {
	at := len(b.bytes)
	b.bytes = append(b.bytes, p.Data...)
	b.packets = append(b.packets, *p)
	b.packets[len(b.packets)-1].Data = b.bytes[at:] // of the right length; slice points it to the last bytes
}

// slice makes the packets of b point into its bytes, which may have moved.
func (b *packetBatch) slice() {
	at := 0
	for i := range b.packets {
		n := len(b.packets[i].Data)
		b.packets[i].Data = b.bytes[at : at+n : at+n]
		at += n
	}
}

// full reports whether the source has to wait.
func (b *packetBatch) full() bool {
	return len(b.packets) >= queuePackets || len(b.bytes) >= queueBytes
}

// size returns how many bytes of memory b takes.
func (b *packetBatch) size() int { return len(b.bytes) + len(b.packets)*packetSize }

// packetSize is that of a [capture.Packet], rounded up.
const packetSize = 80

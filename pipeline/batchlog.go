package pipeline

import (
	"bytes"
	"encoding/gob"
	"sync"

	"github.com/wsdump/wsdump/internal/spool"
	"github.com/wsdump/wsdump/timeline"
)

// batchLog holds the batches of one of several inputs. The goroutine that reads the
// input puts them in; the one that emits takes them out, once all inputs before have
// been emitted.
//
// Until then batches wait in memory, as long as all logs together have room there.
// Then the reader waits, too, for reading on would only help a sink that is idle. So
// while the sink waits for another reader, batches go to a temporary file instead.
type batchLog struct {
	*logGroup
	turn   bool          // it is being emitted
	ended  bool          // the reader has put all batches
	gone   bool          // nobody will take the rest
	head   []*batch      // the first ones, in memory
	stored []storedBatch // those after them, in file
	tail   []*batch      // those that came in its turn
	file   spool.Log
	full   bool // the file cannot be written: the disk is full
	panic  any  // of the reader

	rules   []*timeline.Rule       // by the numbers that they have in file
	numbers map[*timeline.Rule]int // the reader's, like the next two
	encoded bytes.Buffer
	encoder *gob.Encoder
	decoder *gob.Decoder // the emitter's, like the next one
	unread  bytes.Reader
}

// logGroup is what the logs of one run share.
type logGroup struct {
	mu      sync.Mutex // of all fields of all logs, but for those of one goroutine
	changed *sync.Cond
	idle    bool      // the sink waits for the log that is being emitted
	held    int64     // bytes of batches that wait in memory
	most    int64     // how many of them may be held
	pool    sync.Pool // of empty batches
}

// storedBatch is where a batch is in the file.
type storedBatch struct {
	at     int64
	length int
}

// maxLogMemory is how many bytes of batches wait in memory at most.
const maxLogMemory = 32 << 20

// fileMemory is how many bytes of its file each log keeps in memory before it writes
// them.
const fileMemory = 256 << 10

func newLogGroup(most int64) *logGroup {
	g := &logGroup{most: most, pool: sync.Pool{New: func() any { return &batch{} }}}
	g.changed = sync.NewCond(&g.mu)
	return g
}

func newBatchLog(g *logGroup) *batchLog {
	return &batchLog{logGroup: g, file: spool.Log{Memory: fileMemory}, numbers: make(map[*timeline.Rule]int)}
}

// emptyBatch returns a batch to be filled.
func (g *logGroup) emptyBatch() *batch { return g.pool.Get().(*batch) }

// recycle takes back a batch that was emitted.
func (g *logGroup) recycle(b *batch) {
	b.reset()
	g.pool.Put(b)
}

// put takes a batch from the reader. It blocks while there is no room.
func (l *batchLog) put(b *batch) {
	size := b.size()
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch {
		case l.gone:
			return
		case l.turn && len(l.stored) == 0 && len(l.tail) < maxBatches:
			l.tail = append(l.tail, b)
			l.changed.Broadcast()
			return
		case l.turn:
		case len(l.stored) == 0 && l.held+size <= l.most:
			l.held += size
			l.head = append(l.head, b)
			return
		case l.idle && !l.full:
			if l.store(b) {
				return
			}
			continue
		}
		l.changed.Wait()
	}
}

// store writes a batch to the file. It reports false when there is no room: then the
// reader waits for its turn.
func (l *batchLog) store(b *batch) bool {
	if l.encoder == nil {
		l.encoder = gob.NewEncoder(&l.encoded)
	}
	e := b.encode(l.number)
	l.mu.Unlock() // encoding takes long, and others need the lock
	l.encoded.Reset()
	err := l.encoder.Encode(e)
	l.mu.Lock()
	if err != nil {
		panic("pipeline: " + err.Error()) // gob can encode every batch
	}
	at, err := l.file.Append(l.encoded.Bytes())
	if err != nil {
		// Gob describes each type once, and that may be lost with this batch. No other
		// batch is written, so nobody misses it.
		l.full = true
		e.restoreRules(l.rules)
		return false
	}
	l.stored = append(l.stored, storedBatch{at, l.encoded.Len()})
	l.changed.Broadcast()
	l.recycle(b)
	return true
}

// number returns the number of a rule in the file.
func (l *batchLog) number(r *timeline.Rule) int {
	n, ok := l.numbers[r]
	if !ok {
		n = len(l.rules)
		l.numbers[r] = n
		l.rules = append(l.rules, r)
	}
	return n
}

// end tells the log that its reader is done. panicked is what the reader panicked
// with, or nil.
func (l *batchLog) end(panicked any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended, l.panic = true, panicked
	l.changed.Broadcast()
}

// awaitTurn blocks the reader until the turn of l comes, or the run ends.
func (l *batchLog) awaitTurn() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.turn {
		l.changed.Wait()
	}
}

// begin tells the log that its turn has come: from now on batches are taken.
func (l *batchLog) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn = true
	l.changed.Broadcast()
}

// take returns the next batch, nil at the end. It blocks until the reader has put
// one. If the reader panicked, take panics with the same.
func (l *batchLog) take() (*batch, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch {
		case len(l.head) > 0:
			b := l.head[0]
			l.head = l.head[1:]
			l.held -= b.size()
			l.changed.Broadcast()
			return b, nil
		case len(l.stored) > 0:
			return l.load()
		case len(l.tail) > 0:
			b := l.tail[0]
			l.tail = l.tail[1:]
			l.changed.Broadcast()
			return b, nil
		case l.panic != nil:
			panic(l.panic)
		case l.ended:
			return nil, nil
		}
		l.idle = true
		l.changed.Broadcast()
		l.changed.Wait()
		l.idle = false
	}
}

// load reads the next batch from the file.
func (l *batchLog) load() (*batch, error) {
	next := l.stored[0]
	if l.stored = l.stored[1:]; len(l.stored) == 0 {
		l.changed.Broadcast()
	}
	b := make([]byte, next.length)
	if err := l.file.Read(b, next.at); err != nil {
		return nil, err
	}
	l.unread.Reset(b)
	if l.decoder == nil {
		l.decoder = gob.NewDecoder(&l.unread)
	}
	var e encodedBatch
	if err := l.decoder.Decode(&e); err != nil {
		return nil, err
	}
	return e.decode(l.rules), nil
}

// discard drops the rest, and frees what is held. A reader that waits goes on, and
// what it puts is dropped.
func (l *batchLog) discard() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.head {
		l.held -= b.size()
	}
	l.gone, l.turn, l.head, l.tail, l.stored = true, true, nil, nil, nil
	l.changed.Broadcast()
	return l.file.Close()
}

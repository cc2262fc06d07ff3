package pipeline

import (
	"bytes"
	"encoding/gob"
	"sync"

	"github.com/wsdump/wsdump/internal/spool"
	"github.com/wsdump/wsdump/timeline"
)

// shelf is what the stories of one run share.
type shelf struct {
	mu   sync.Mutex
	news *sync.Cond
	idle bool  // the sink waits for the story that is being told
	held int64 // bytes of batches that wait in memory
	most int64 // of them
	pool sync.Pool
}

// storyMemory is how many bytes of batches wait in memory at most.
const storyMemory = 32 << 20

func newShelf(most int64) *shelf {
	x := &shelf{most: most, pool: sync.Pool{New: func() any { return &telling{} }}}
	x.news = sync.NewCond(&x.mu)
	return x
}

// blank returns an empty batch.
func (x *shelf) blank() *telling { return x.pool.Get().(*telling) }

// clear takes a batch back.
func (x *shelf) clear(b *telling) {
	b.empty()
	x.pool.Put(b)
}

// story is what one of several inputs has to tell, from the goroutine that reads
// it to the one that tells the sink, which comes to it when all before it have
// been told. Until then batches wait in memory, as long as the stories together
// have room there. Then the reader waits, too, since it could only help a sink
// that has nothing to do: while the sink waits for another reader, batches go on
// to a temporary file.
type story struct {
	*shelf
	turn   bool       // it is being told
	ended  bool       // all is written
	gone   bool       // nobody will read the rest
	head   []*telling // the first, in memory
	places []stored   // of those behind them, in log
	log    spool.Log
	full   bool       // the log cannot be written: the disk is full
	tail   []*telling // those written since turn
	panic  any        // of the reader

	rules   []*timeline.Rule       // by the number that they have in log
	numbers map[*timeline.Rule]int // this and what follows is the reader's, but for what says otherwise
	packed  bytes.Buffer
	encoder *gob.Encoder
	decoder *gob.Decoder // the sink's
	unread  bytes.Reader // the same
}

// stored is where a batch is in the log.
type stored struct {
	at     int64
	length int
}

// logMemory is how much of what it holds in a file each keeps in memory first.
const logMemory = 256 << 10

func newStory(x *shelf) *story {
	return &story{shelf: x, log: spool.Log{Memory: logMemory}, numbers: make(map[*timeline.Rule]int)}
}

// put takes a batch.
func (s *story) put(b *telling) {
	size := b.size()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.gone:
			return
		case s.turn && len(s.places) == 0 && len(s.tail) < tellings:
			s.tail = append(s.tail, b)
			s.news.Broadcast()
			return
		case s.turn:
		case len(s.places) == 0 && s.held+size <= s.most:
			s.held += size
			s.head = append(s.head, b)
			return
		case s.idle && !s.full:
			if s.spool(b) {
				return
			}
			continue
		}
		s.news.Wait()
	}
}

// spool writes a batch to the log. It reports false when there is no room: then
// the reader waits for its turn.
func (s *story) spool(b *telling) bool {
	if s.encoder == nil {
		s.encoder = gob.NewEncoder(&s.packed)
	}
	p := b.pack(s.number)
	s.mu.Unlock() // the others need not wait for this
	s.packed.Reset()
	err := s.encoder.Encode(p)
	s.mu.Lock()
	if err != nil {
		panic("pipeline: " + err.Error()) // there are no values that gob cannot hold
	}
	at, err := s.log.Append(s.packed.Bytes())
	if err != nil {
		// What gob said once of types is lost with this batch. It will not be said
		// again, but nothing is written behind it either.
		s.full = true
		p.rule(s.rules)
		return false
	}
	s.places = append(s.places, stored{at, s.packed.Len()})
	s.news.Broadcast()
	s.clear(b)
	return true
}

// number returns the number of a rule.
func (s *story) number(r *timeline.Rule) int {
	n, ok := s.numbers[r]
	if !ok {
		n = len(s.rules)
		s.numbers[r] = n
		s.rules = append(s.rules, r)
	}
	return n
}

// take returns the next batch, nil at the end. What the reader panicked with is
// panicked with here.
func (s *story) take() (*telling, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case len(s.head) > 0:
			b := s.head[0]
			s.head = s.head[1:]
			s.held -= b.size()
			s.news.Broadcast()
			return b, nil
		case len(s.places) > 0:
			return s.unspool()
		case len(s.tail) > 0:
			b := s.tail[0]
			s.tail = s.tail[1:]
			s.news.Broadcast()
			return b, nil
		case s.panic != nil:
			panic(s.panic)
		case s.ended:
			return nil, nil
		}
		s.idle = true
		s.news.Broadcast()
		s.news.Wait()
		s.idle = false
	}
}

// unspool reads the next batch of the log.
func (s *story) unspool() (*telling, error) {
	p := s.places[0]
	if s.places = s.places[1:]; len(s.places) == 0 {
		s.news.Broadcast()
	}
	b := make([]byte, p.length)
	if err := s.log.Read(b, p.at); err != nil {
		return nil, err
	}
	s.unread.Reset(b)
	if s.decoder == nil {
		s.decoder = gob.NewDecoder(&s.unread)
	}
	var packed packedTelling
	if err := s.decoder.Decode(&packed); err != nil {
		return nil, err
	}
	return packed.unpack(s.rules), nil
}

// begin says that the sink comes to s.
func (s *story) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn = true
	s.news.Broadcast()
}

// end says that all is written.
func (s *story) end(panicked any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended, s.panic = true, panicked
	s.news.Broadcast()
}

// forget says that nobody will read the rest, and frees what is held.
func (s *story) forget() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.head {
		s.held -= b.size()
	}
	s.gone, s.turn, s.head, s.tail, s.places = true, true, nil, nil, nil
	s.news.Broadcast()
	return s.log.Close()
}

// await waits for the turn of s, or the end of all.
func (s *story) await() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.turn {
		s.news.Wait()
	}
}

// size is about how many bytes b takes.
func (b *telling) size() int64 {
	const connection = 3 << 10 // with its handshake
	n := len(b.bytes) + 200*(len(b.calls)+len(b.frames)+len(b.messages)+len(b.findings)) + connection*len(b.conns)
	for i := range b.calls {
		if c := &b.calls[i]; c.kind == callOpen || c.kind == callOther {
			n += connection
		}
	}
	return int64(n)
}

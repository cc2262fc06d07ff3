package pipeline

import (
	"sync"
	"sync/atomic"

	"github.com/wsdump/wsdump/capture"
)

// Notes takes what a source says besides packets, in order to tell it in its
// place. Give its Add to [capture.Options] and itself to [Options].
type Notes struct {
	mu  sync.Mutex
	all []capture.Note
	n   atomic.Int32 // of all
}

// Add takes a note. It may be called by another goroutine than the pipeline's.
func (n *Notes) Add(note capture.Note) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, note)
	n.n.Store(int32(len(n.all)))
}

// Split returns the notes of each of so many files, those that n has taken already
// in them.
func (n *Notes) Split(files int) []*Notes {
	each := make([]*Notes, files)
	for i := range each {
		each[i] = &Notes{}
	}
	for _, note := range n.take() {
		if int(note.Index) < files && note.Kind != capture.NoteSkippedFile {
			each[note.Index].Add(note)
		}
	}
	return each
}

// empty reports whether there is nothing to take.
func (n *Notes) empty() bool { return n == nil || n.n.Load() == 0 }

// take empties n.
func (n *Notes) take() []capture.Note {
	if n.empty() {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.all
	n.all = nil
	n.n.Store(0)
	return all
}

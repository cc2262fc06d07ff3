package pipeline

import (
	"sync"
	"sync/atomic"

	"github.com/wsdump/wsdump/capture"
)

// Notes collects the notes of a source, such as losses and damage, until the pipeline
// makes findings of them. Give its Add to [capture.Options] and itself to [Options].
type Notes struct {
	mu  sync.Mutex
	all []capture.Note
	n   atomic.Int32 // of all
}

// Add adds a note. Another goroutine than the pipeline's may call it.
func (n *Notes) Add(note capture.Note) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, note)
	n.n.Store(int32(len(n.all)))
}

// Split returns new Notes for each of so many files. Notes that n holds already are
// moved to those of their file.
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

// empty reports whether there is nothing to take. n may be nil.
func (n *Notes) empty() bool { return n == nil || n.n.Load() == 0 }

// take returns all notes and empties n, which may be nil.
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

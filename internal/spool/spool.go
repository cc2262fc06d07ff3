// Package spool holds bytes until their turn comes: in memory up to a bound, then in a
// temporary file. Nobody else can read that file, and it goes with the process.
// Outputs that print rows in another order than they came use it, so that their memory
// does not grow with the input.
package spool

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// defaultMemory is how many bytes are held in memory by default.
const defaultMemory = 8 << 20

// Spool holds bytes by number, such as rows by connection. The zero value is empty and
// ready. A Spool is for one goroutine.
type Spool struct {
	Memory int // bytes that may be held in memory; 0 means 8 MiB

	runs map[uint64]*run
	held int // bytes in memory
	file *os.File
	end  int64 // offset behind the last byte in the file
}

// run is the bytes of one number, in order: first those in the file, then those in
// memory.
type run struct {
	extents []extent
	tail    []byte
}

type extent struct{ offset, length int64 }

// Append adds a copy of b to the bytes of id. An error means that the temporary file
// cannot be written.
func (s *Spool) Append(id uint64, b []byte) error {
	if s.runs == nil {
		s.runs = make(map[uint64]*run)
	}
	r := s.runs[id]
	if r == nil {
		r = &run{}
		s.runs[id] = r
	}
	r.tail = append(r.tail, b...)
	s.held += len(b)
	memory := s.Memory
	if memory <= 0 {
		memory = defaultMemory
	}
	if s.held > memory {
		return s.spill()
	}
	return nil
}

// spill moves all that is in memory to the file.
func (s *Spool) spill() error {
	if s.file == nil {
		f, err := temporary()
		if err != nil {
			return err
		}
		s.file = f
	}
	w := bufio.NewWriterSize(io.NewOffsetWriter(s.file, s.end), block)
	for _, r := range s.runs {
		if len(r.tail) == 0 {
			continue
		}
		_, _ = w.Write(r.tail) // Flush returns the error
		n := int64(len(r.tail))
		if k := len(r.extents) - 1; k >= 0 && r.extents[k].offset+r.extents[k].length == s.end {
			r.extents[k].length += n
		} else {
			r.extents = append(r.extents, extent{s.end, n})
		}
		s.end += n
		r.tail = nil
	}
	s.held = 0
	if err := w.Flush(); err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	return nil
}

// block is how many bytes are read or written at once.
const block = 64 << 10

// Take calls each with the bytes of id, in order and in pieces of any size, and then
// drops them. It stops at the first error, which it returns. The pieces are borrowed.
func (s *Spool) Take(id uint64, each func([]byte) error) error {
	r := s.runs[id]
	if r == nil {
		return nil
	}
	delete(s.runs, id)
	s.held -= len(r.tail)
	if len(r.extents) > 0 {
		var piece [block]byte
		for _, e := range r.extents {
			for e.length > 0 {
				n := min(e.length, block)
				if _, err := s.file.ReadAt(piece[:n], e.offset); err != nil {
					return fmt.Errorf("temporary file: %w", err)
				}
				if err := each(piece[:n]); err != nil {
					return err
				}
				e.offset, e.length = e.offset+n, e.length-n
			}
		}
	}
	if len(s.runs) == 0 {
		s.end = 0 // the file is empty: write it from the start again
	}
	if len(r.tail) == 0 {
		return nil
	}
	return each(r.tail)
}

// IDs returns the numbers that have bytes, in order.
func (s *Spool) IDs() []uint64 {
	ids := make([]uint64, 0, len(s.runs))
	for id := range s.runs {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Close drops everything and removes the file.
func (s *Spool) Close() error {
	file := s.file
	s.runs, s.held, s.end, s.file = nil, 0, 0, nil
	return remove(file)
}

// temporary returns a new file. Where the system allows it, the file has no name, so
// nobody else can open it.
func temporary() (*os.File, error) {
	f, err := os.CreateTemp("", "wsdump-*.spool")
	if err != nil {
		return nil, fmt.Errorf("no temporary file: %w", err)
	}
	_ = os.Remove(f.Name()) // some systems refuse while it is open; then remove does it
	return f, nil
}

// remove closes a file from temporary and deletes it. f may be nil.
func remove(f *os.File) error {
	if f == nil {
		return nil
	}
	err := f.Close()
	if e := os.Remove(f.Name()); e != nil && !errors.Is(e, os.ErrNotExist) {
		err = errors.Join(err, e)
	}
	return err
}

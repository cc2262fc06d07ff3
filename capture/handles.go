package capture

import (
	"bytes"
	"io"
	"os"
	"slices"
)

// maxOpen bounds the files that are open at once.
const maxOpen = 128

// handles keeps at most maxOpen files open: the one that was not read for the
// longest time is closed, and opened again at its place when it is read again.
type handles struct {
	open   []*handle // the last is the one read last
	follow *follower // nil: a file ends at its end
}

// handle is one file, to be read front to back.
type handle struct {
	set    *handles
	path   string
	file   *os.File // nil: closed for now
	offset int64
	end    int64  // no byte from there on is read; 0: all
	pinned bool   // no regular file (a pipe): what was read is gone, so it stays open
	next   string // with follow: what comes after it; "": it may still grow
	head   []byte // with follow: how the file began
}

// Read opens the file when it is closed.
func (h *handle) Read(b []byte) (int, error) {
	if err := h.use(); err != nil {
		return 0, err
	}
	if h.end > 0 {
		if b = b[:min(int64(len(b)), h.end-h.offset)]; len(b) == 0 {
			return 0, io.EOF
		}
	}
	n, err := h.file.Read(b)
	for follow := h.set.follow; n == 0 && err == io.EOF && follow != nil && !h.pinned && h.next == ""; n, err = h.file.Read(b) {
		if h.next = follow.successor(h); h.next != "" {
			continue // what was written before it had one
		}
		if err := follow.wait(); err != nil {
			return 0, err
		}
		if h.begunAgain() {
			h.next = h.path
			return 0, io.EOF
		}
	}
	if missing := headSize - len(h.head); h.set.follow != nil && missing > 0 && h.offset == int64(len(h.head)) {
		h.head = append(h.head, b[:min(n, missing)]...)
	}
	h.offset += int64(n)
	return n, err
}

// headSize is how many first bytes of a followed file are compared, to notice that
// another file has replaced it. They hold some packets with their times.
const headSize = 1 << 10

// begunAgain reports whether the file has another beginning than it had.
func (h *handle) begunAgain() bool {
	head := make([]byte, len(h.head))
	n, _ := h.file.ReadAt(head, 0)
	return n == len(head) && !bytes.Equal(head, h.head)
}

func (h *handle) use() error {
	open := h.set.open
	if h.file != nil {
		if i := slices.Index(open, h); i >= 0 && i != len(open)-1 {
			h.set.open = append(slices.Delete(open, i, i+1), h)
		}
		return nil
	}
	if len(open) >= maxOpen {
		_ = open[0].Close()
	}
	f, err := os.Open(h.path)
	if err != nil {
		return err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		h.pinned = true
		h.file = f
		return err
	}
	if _, err := f.Seek(h.offset, io.SeekStart); err != nil {
		f.Close()
		return err
	}
	h.file = f
	h.set.open = append(h.set.open, h)
	return nil
}

// alone removes the file from its set, so that another goroutine may read it.
func (h *handle) alone() {
	own := &handles{}
	if i := slices.Index(h.set.open, h); i >= 0 {
		h.set.open = slices.Delete(h.set.open, i, i+1)
		own.open = append(own.open, h)
	}
	h.set = own
}

// Close closes the file for now.
func (h *handle) Close() error {
	if h.file == nil {
		return nil
	}
	if i := slices.Index(h.set.open, h); i >= 0 {
		h.set.open = slices.Delete(h.set.open, i, i+1)
	}
	f := h.file
	h.file = nil
	return f.Close()
}

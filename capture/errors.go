package capture

import (
	"errors"
	"fmt"
	"io/fs"
)

// ErrFormat is wrapped by an [OpenError] whose file is no capture.
var ErrFormat = errors.New("not a capture")

// OpenError is the error of a file that cannot be opened or read. Its text has advice. It
// wraps [ErrFormat], fs.ErrNotExist, fs.ErrPermission or another error of the system.
type OpenError struct {
	File string
	Text string
	Err  error

	LeftOut bool // other files were read
}

func (e *OpenError) Error() string { return e.File + ": " + e.Text }
func (e *OpenError) Unwrap() error { return e.Err }

func openError(name string, err error) error {
	text := err.Error()
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		text = pathErr.Err.Error()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text = "there is no such file"
	case errors.Is(err, fs.ErrPermission):
		text = "no permission to read it; captures made by root need `sudo chmod a+r` or `sudo chown`"
	}
	return &OpenError{File: name, Text: text, Err: err}
}

// CutError is the error of a file that ends inside a record: the capture was killed,
// is still being written, or was not copied whole. What came before was read.
type CutError struct {
	File        string
	Compression string // "gzip" and so on; empty: the file is not compressed
	Offset      int64  // byte of the file, decompressed, where the cut record begins
	Packet      uint64 // number of the packet that is cut, 1-based in its file; 0 in the file's header
	Have        int64  // bytes of the record that are there; 0: the compressed data is cut, and between two records
	Want        int64  // bytes that the record or, when that is cut as well, its header has
}

func (e *CutError) Error() string {
	if e.Packet == 0 {
		return fmt.Sprintf("%s is cut short: it has %d of the %d bytes of the file header; copy the file again", e.File, e.Have, e.Want)
	}
	if e.Have == 0 {
		return fmt.Sprintf("%s is cut short: its %s data has no end; everything before it was read: %d packets, up to %s",
			e.File, e.Compression, e.Packet-1, place(e.Offset, e.Compression))
	}
	return fmt.Sprintf("%s is cut short: the last record (packet %d, at %s) has %d of %d bytes; everything before it was read",
		e.File, e.Packet, place(e.Offset, e.Compression), e.Have, e.Want)
}

// place names a byte of a file.
func place(offset int64, compression string) string {
	if compression != "" {
		return fmt.Sprintf("byte %d of the decompressed data", offset)
	}
	return fmt.Sprintf("byte %d", offset)
}

// DamagedError is the error of a file with damaged parts, which were skipped.
type DamagedError struct {
	File        string
	Compression string // "gzip" and so on; empty: the file is not compressed
	Offset      int64  // byte of the file, decompressed, where the first damage begins
	Packet      uint64 // packets of the file read before it
	Places      int    // how many damaged places there are
	Skipped     int64  // bytes stepped over, in all places
	Lost        bool   // nothing behind the last place could be read
	Text        string // what is wrong at the first place
}

func (e *DamagedError) Error() string {
	places := ""
	if e.Places > 1 {
		places = fmt.Sprintf(" and in %d more places", e.Places-1)
	}
	if e.Lost {
		return fmt.Sprintf("%s is damaged at %s, after packet %d (%s)%s; %d bytes were stepped over, and nothing behind the last of them could be read",
			e.File, place(e.Offset, e.Compression), e.Packet, e.Text, places, e.Skipped)
	}
	return fmt.Sprintf("%s is damaged at %s, after packet %d (%s)%s; %d bytes were stepped over, everything else was read",
		e.File, place(e.Offset, e.Compression), e.Packet, e.Text, places, e.Skipped)
}

// Incomplete reports whether err only means that files are cut or damaged, or that some of
// several could not be read. The packets that were read are valid, but not all.
func Incomplete(err error) bool {
	switch e := err.(type) {
	case *CutError, *DamagedError:
		return true
	case *OpenError:
		return e.LeftOut
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			if !Incomplete(err) {
				return false
			}
		}
		return len(e.Unwrap()) > 0
	case interface{ Unwrap() error }:
		return Incomplete(e.Unwrap())
	}
	return false
}

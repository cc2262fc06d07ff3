package spool

import (
	"fmt"
	"os"
)

// Log holds bytes that are appended once and read in any order, by their offset. It
// keeps them in memory up to a bound, then in a temporary file, as [Spool] does. The
// zero value is empty and ready. A Log is for one goroutine.
type Log struct {
	Memory int // bytes that may be held in memory; 0 means 8 MiB

	file *os.File
	tail []byte // the last bytes, which are not in the file
	base int64  // offset of tail
}

// Append adds a copy of b and returns its offset. An error means that the temporary
// file cannot be written.
func (l *Log) Append(b []byte) (at int64, err error) {
	memory := l.Memory
	if memory <= 0 {
		memory = defaultMemory
	}
	if len(l.tail) > 0 && len(l.tail)+len(b) > memory {
		if err := l.spill(); err != nil {
			return 0, err
		}
	}
	at = l.base + int64(len(l.tail))
	l.tail = append(l.tail, b...)
	return at, nil
}

// spill moves all that is in memory to the file.
func (l *Log) spill() (err error) {
	if l.file == nil {
		if l.file, err = temporary(); err != nil {
			return err
		}
	}
	if _, err := l.file.WriteAt(l.tail, l.base); err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	l.base += int64(len(l.tail))
	l.tail = l.tail[:0]
	return nil
}

// Read fills b with the bytes at an offset that Append returned. An error means that
// the temporary file cannot be read.
func (l *Log) Read(b []byte, at int64) error {
	if at >= l.base {
		copy(b, l.tail[at-l.base:])
		return nil
	}
	if _, err := l.file.ReadAt(b, at); err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	return nil
}

// Close drops everything and removes the file.
func (l *Log) Close() error {
	file := l.file
	*l = Log{Memory: l.Memory}
	return remove(file)
}

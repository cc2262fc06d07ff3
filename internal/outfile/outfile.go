// Package outfile writes output files. A file is written beside its final name
// and renamed when it is complete, so that a crash leaves no half-written file.
package outfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// File is where output goes: standard output, or a file. Exactly one of
// [File.Commit] and [File.Discard] ends it; Discard after Commit does nothing.
type File struct {
	io.Writer
	file  *os.File // nil: standard output
	final string   // "" for standard output, and for a file written in place
	shown string
}

// Permissions of a new file, before the umask.
const (
	Public fs.FileMode = 0o666
	Secret fs.FileMode = 0o600 // for files that hold keys
)

// Open opens the file of that name with [Public] permissions. The names "" and
// "-" mean stdout. Errors are of type [*Error].
func Open(name string, stdout io.Writer) (*File, error) { return OpenMode(name, stdout, Public) }

// Sink returns a File that writes nothing and is called name in messages.
func Sink(name string) *File { return &File{Writer: io.Discard, shown: name} }

// OpenMode is [Open] with other permissions. A file that is replaced passes on
// its permissions, except to a Secret one.
func OpenMode(name string, stdout io.Writer, mode fs.FileMode) (*File, error) {
	if name == "" || name == "-" {
		return &File{Writer: stdout, shown: "standard output"}, nil
	}
	final := name
	if linked, err := filepath.EvalSymlinks(name); err == nil {
		final = linked
	}
	info, err := os.Stat(final)
	switch {
	case err == nil && info.IsDir():
		return nil, &Error{name, errors.New("it is a folder")}
	case err == nil && !info.Mode().IsRegular(): // nothing can stand beside a device or a pipe
		f, err := os.OpenFile(final, os.O_WRONLY, 0)
		if err != nil {
			return nil, &Error{name, err}
		}
		return &File{Writer: f, file: f, shown: name}, nil
	}
	beside := filepath.Join(filepath.Dir(final), fmt.Sprintf(".%s.%d.part", filepath.Base(final), os.Getpid()))
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, &Error{name, err}
	}
	if info != nil && mode != Secret {
		_ = f.Chmod(info.Mode().Perm())
	}
	return &File{Writer: f, file: f, final: final, shown: name}, nil
}

// Name returns the name to show: that of the file, or "standard output".
func (f *File) Name() string { return f.shown }

// Lost says what a write error leaves behind; "" for standard output.
func (f *File) Lost() string {
	if f.final == "" {
		return ""
	}
	return "the file was not made; nothing is left of it"
}

// Commit closes the file and gives it its final name.
func (f *File) Commit() error {
	if f.file == nil {
		return nil
	}
	if err := f.file.Close(); err != nil {
		return &Error{f.shown, err}
	}
	if f.final != "" {
		if err := os.Rename(f.file.Name(), f.final); err != nil {
			return &Error{f.shown, err}
		}
	}
	f.file = nil
	return nil
}

// Discard removes what was written, unless it was committed.
func (f *File) Discard() {
	if f.file == nil {
		return
	}
	f.file.Close()
	if f.final != "" {
		os.Remove(f.file.Name())
	}
	f.file = nil
}

// Write writes a whole file of that name by calling write; nothing is left of it
// when write fails. The names "" and "-" mean stdout.
func Write(name string, stdout io.Writer, write func(io.Writer) error) error {
	f, err := Open(name, stdout)
	if err != nil {
		return err
	}
	defer f.Discard()
	if err := write(f); err != nil {
		return &Error{f.Name(), err}
	}
	return f.Commit()
}

// WriteFile writes a whole file with that text; see [Write].
func WriteFile(name string, stdout io.Writer, text []byte) error {
	return Write(name, stdout, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// Append adds what write writes to the end of a file, in one piece. The file is
// created where it is missing, and stays as it is when write fails.
func Append(name string, write func(io.Writer) error) error {
	var text buffer
	if err := write(&text); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, Public)
	if err != nil {
		return &Error{name, err}
	}
	if _, err := f.Write(text); err != nil {
		_ = f.Close()
		return &Error{name, err}
	}
	if err := f.Close(); err != nil {
		return &Error{name, err}
	}
	return nil
}

type buffer []byte

func (b *buffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// Error says that an output cannot be written.
type Error struct {
	Name string
	Err  error
}

// Error implements error.
func (e *Error) Error() string { return "cannot write " + e.Name + ": " + Reason(e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Reason returns the message of the system, without the name of the file.
func Reason(err error) string {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return path.Err.Error()
	}
	if link := (*os.LinkError)(nil); errors.As(err, &link) {
		return link.Err.Error()
	}
	return err.Error()
}

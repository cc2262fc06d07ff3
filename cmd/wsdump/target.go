package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// target is where rows go: standard output, or a file that is written beside
// its final name and renamed at the end, so that a crash leaves no half file.
type target struct {
	io.Writer
	file  *os.File // nil: standard output
	final string   // "" for standard output, and for a file written in place
	shown string
}

// Who may read a file that is made.
const (
	modeOpen   fs.FileMode = 0o666 // as the umask has it
	modeSecret fs.FileMode = 0o600 // it holds keys: its owner only
)

// openTarget opens the file of that name; "" and "-" mean stdout.
func openTarget(name string, stdout io.Writer) (*target, error) {
	return openTargetMode(name, stdout, modeOpen)
}

func openTargetMode(name string, stdout io.Writer, mode fs.FileMode) (*target, error) {
	if name == "" || name == "-" {
		return &target{Writer: stdout, shown: "standard output"}, nil
	}
	final := name
	if linked, err := filepath.EvalSymlinks(name); err == nil {
		final = linked
	}
	info, err := os.Stat(final)
	switch {
	case err == nil && info.IsDir():
		return nil, &targetError{name, errors.New("it is a folder")}
	case err == nil && !info.Mode().IsRegular(): // a device or a pipe has no place beside it
		f, err := os.OpenFile(final, os.O_WRONLY, 0)
		if err != nil {
			return nil, &targetError{name, err}
		}
		return &target{Writer: f, file: f, shown: name}, nil
	}
	beside := filepath.Join(filepath.Dir(final), fmt.Sprintf(".%s.%d.part", filepath.Base(final), os.Getpid()))
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, &targetError{name, err}
	}
	if info != nil && mode != modeSecret { // keep what the file that is replaced allowed
		_ = f.Chmod(info.Mode().Perm())
	}
	return &target{Writer: f, file: f, final: final, shown: name}, nil
}

func (t *target) name() string { return t.shown }

// lost says what became of the rows after a write error.
func (t *target) lost() string {
	if t.final == "" {
		return ""
	}
	return "the file was not made; nothing is left of it"
}

// keep gives the file its name.
func (t *target) keep() error {
	if t.file == nil {
		return nil
	}
	if err := t.file.Close(); err != nil {
		return &targetError{t.shown, err}
	}
	if t.final != "" {
		if err := os.Rename(t.file.Name(), t.final); err != nil {
			return &targetError{t.shown, err}
		}
	}
	t.file = nil
	return nil
}

// abandon removes what was written, unless it was kept.
func (t *target) abandon() {
	if t.file == nil {
		return
	}
	t.file.Close()
	if t.final != "" {
		os.Remove(t.file.Name())
	}
	t.file = nil
}

// targetError says that an output cannot be written.
type targetError struct {
	name string
	err  error
}

func (e *targetError) Error() string { return "cannot write " + e.name + ": " + reason(e.err) }
func (e *targetError) Unwrap() error { return e.err }

// reason returns what the system said, without the file's name.
func reason(err error) string {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return path.Err.Error()
	}
	if link := (*os.LinkError)(nil); errors.As(err, &link) {
		return link.Err.Error()
	}
	return err.Error()
}

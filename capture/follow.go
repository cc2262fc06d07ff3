package capture

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// follower reads a capture that is written to several files. At the end of a file it
// reads the successor, if there is one. The successor of a file has the same name: another
// file, as logrotate makes, or the same file that begins again, as with tcpdump -G and a
// name without a time. In a folder it is the file that was written to first, of those not
// read yet: a ring of tcpdump -C or dumpcap -b.
//
// All files count as one: they have the index and the name of what was named.
type follower struct {
	wait   func() error // see [Options.Wait]
	path   string
	folder bool
	read   map[string]seen // files that were read, by name
	errs   []error         // what was wrong with those that have ended
}

// seen is a file as it was when it was read.
type seen struct {
	info   fs.FileInfo
	offset int64 // bytes that were read
}

// grownOver reports whether the file at a path, with the current info, has begun again
// and is not empty.
func (s *seen) grownOver(info fs.FileInfo) bool {
	return info.Size() > 0 && (!os.SameFile(s.info, info) || info.Size() < s.offset)
}

// successor returns the name of the file that comes after h, which was read to its
// end; "" as long as there is none.
func (f *follower) successor(h *handle) string {
	if info, err := h.file.Stat(); err == nil {
		f.read[h.path] = seen{info, h.offset}
	}
	next, _ := f.unread() // a name that is gone may come back
	return next
}

// unread returns the file to be read next, "" for none.
func (f *follower) unread() (name string, err error) {
	if !f.folder {
		info, err := os.Stat(f.path)
		if err != nil {
			return "", err
		}
		if was, ok := f.read[f.path]; ok && !was.grownOver(info) {
			return "", nil
		}
		return f.path, nil
	}
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return "", err
	}
	var first fs.FileInfo
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		if was, ok := f.read[filepath.Join(f.path, entry.Name())]; ok && !was.grownOver(info) {
			continue
		}
		if first == nil || cmp.Or(info.ModTime().Compare(first.ModTime()), strings.Compare(info.Name(), first.Name())) < 0 {
			first = info
		}
	}
	if first == nil {
		return "", nil
	}
	return filepath.Join(f.path, first.Name()), nil
}

// openFollowed opens what opt.Wait waits for: one file, or a folder.
func openFollowed(path string, opt Options) (*Input, error) {
	in := &Input{options: opt}
	in.follow = &follower{wait: opt.Wait, path: path, read: make(map[string]seen)}
	in.handles.follow = in.follow
	info, err := os.Stat(path)
	if err != nil {
		return nil, openError(path, err)
	}
	in.follow.folder = info.IsDir()
	f, err := in.succeed("")
	if err != nil {
		return nil, err
	}
	in.files = []*file{f}
	return in, nil
}

// succeed opens the file to be read next, which is waited for when its name is not
// known yet.
func (in *Input) succeed(name string) (*file, error) {
	f := in.follow
	for ; ; name = "" {
		for name == "" {
			next, err := f.unread()
			if name = next; name != "" {
				break
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, openError(f.path, err)
			}
			if err := f.wait(); err != nil {
				return nil, err
			}
		}
		file, err := in.open(candidate{name: name}, 256<<10, 0, in.options)
		switch {
		case err == nil:
			file.name = f.path
			return file, nil
		case errors.Is(err, fs.ErrNotExist): // it was there a moment ago
		case !f.folder:
			return nil, err
		default:
			skipped(in.options, name, err)
			if info, err := os.Stat(name); err == nil {
				f.read[name] = seen{info, info.Size()}
			}
		}
	}
}

// goOn makes the successor of a file that has ended current, when it has one. It
// reports whether it had: the successor may have ended as well.
func (in *Input) goOn() bool {
	if in.follow == nil {
		return false
	}
	was := in.files[0]
	if was.handle == nil || was.handle.next == "" {
		return false
	}
	f, err := in.succeed(was.handle.next)
	if err != nil {
		was.handle.next = ""
		was.err = errors.Join(ended(was.err), err)
		return false
	}
	if err := ended(was.err); err != nil {
		in.follow.errs = append(in.follow.errs, err)
	}
	in.files[0] = f
	if in.advance(f) {
		in.current = f
	}
	return true
}

// ended returns what was wrong with a file, nil for nothing.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

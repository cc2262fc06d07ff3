package capture

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// candidate is a file that may be a capture. A candidate without a name only
// stands for its folder.
type candidate struct {
	name   string
	folder string // the argument it was found in; empty: it is an argument itself
	err    error  // why it cannot be read; nil: nobody knows yet
}

// expand replaces folders by the files in them. An error is wrong use.
func expand(paths []string, opt Options) (found []candidate, err error) {
	var errs []error
	stdin := false
	for _, path := range paths {
		if path == Stdin {
			if stdin {
				errs = append(errs, &OpenError{File: Stdin, Err: fs.ErrInvalid, Text: "standard input can be read only once"})
			}
			stdin = true
			found = append(found, candidate{name: Stdin})
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			found = append(found, candidate{name: path, err: openError(path, err)})
			continue
		}
		if !info.IsDir() {
			found = append(found, candidate{name: path})
			continue
		}
		found = append(found, candidate{folder: path})
		root := path + string(filepath.Separator) // goes through a link to a folder
		_ = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil && name == root:
				found = append(found, candidate{name: path, err: openError(path, err)})
			case err != nil:
				skipped(opt, name, openError(name, err))
			case name != root && strings.HasPrefix(entry.Name(), "."):
				if entry.IsDir() {
					return fs.SkipDir
				}
			case !entry.IsDir():
				if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
					found = append(found, candidate{name: name, folder: path})
				}
			}
			return nil
		})
	}
	return found, errors.Join(errs...)
}

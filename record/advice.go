package record

import (
	"errors"
	"io/fs"
	"os"
)

// Advice returns what to do about a file of -w that cannot be created.
func Advice(err error) string {
	if wrong := (*OpenError)(nil); errors.As(err, &wrong) && errors.Is(wrong.File.Err, fs.ErrPermission) && os.Getenv("SUDO_USER") != "" {
		return "files are written as " + os.Getenv("SUDO_USER") + ", who called sudo; choose a folder of theirs, or say -Z root"
	}
	return ""
}

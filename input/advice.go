package input

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/capture/live"
	"github.com/wsdump/wsdump/internal/console"
)

// Advice returns what to try after an error of opening or reading captures; "" when
// the error says it already.
func Advice(err error) string {
	var (
		open *capture.OpenError
		cut  *capture.CutError
	)
	switch {
	case errors.As(err, &open) && errors.Is(err, fs.ErrNotExist):
		if near := NearestFile(open.File); near != "" {
			return "did you mean " + console.Quote(near) + "?"
		}
	case errors.As(err, &cut) && cut.Packet > 0:
		return "a capture that is still being written ends like this; stop the tool that writes it with Ctrl-C, or read it again later"
	}
	return ""
}

// NearestFile returns the file beside the missing one whose name is most like it;
// "" for none.
func NearestFile(missing string) string {
	folder := filepath.Dir(missing)
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) > 10_000 {
		return ""
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if near := console.Nearest(filepath.Base(missing), names); near != "" {
		return filepath.Join(folder, near)
	}
	return ""
}

// InterfaceAdvice returns what to do about an interface that cannot be captured
// from.
func InterfaceAdvice(err error) string {
	wrong := (*live.InterfaceError)(nil)
	if !errors.As(err, &wrong) {
		return ""
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		self, err := os.Executable()
		if err != nil {
			self = "wsdump"
		}
		return "run it with sudo (it goes on as you once the interface is open), or allow it once: sudo setcap cap_net_raw,cap_net_admin+ep " + self +
			"; to allow it to a group only: sudo chgrp GROUP and sudo chmod o-x on it as well"
	case errors.Is(err, live.ErrUnsupported):
		return "sudo tcpdump -i " + wrong.Name + " -U -w - 'tcp port 8080' | wsdump -"
	case errors.Is(err, fs.ErrNotExist):
		names := InterfaceNames()
		if near := console.Nearest(wrong.Name, names); near != "" {
			return "did you mean " + near + "? There are " + strings.Join(names, ", ") + " and any"
		}
		return "there are " + strings.Join(names, ", ") + " and any; --retry waits for one"
	}
	return ""
}

// InterfaceNames returns the names of the interfaces, without any.
func InterfaceNames() (names []string) {
	all, err := live.Interfaces()
	if err != nil {
		return nil
	}
	for _, i := range all {
		names = append(names, i.Name)
	}
	return names
}

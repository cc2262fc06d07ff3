package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/capture/filter"
	"github.com/wsdump/wsdump/capture/live"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/record"
)

// Exit codes; a contract with scripts.
const (
	exitOK           = 0
	exitFailed       = 1  // check: something is wrong; diff: something differs
	exitUsage        = 2  // wrong use
	exitInput        = 3  // input unreadable, damaged or cut; output not written
	exitInconclusive = 4  // check: the capture does not decide
	exitBug          = 70 // our own fault
)

// fail reports err with what to do about it, and returns its exit code.
func fail(words *console.Console, err error) int {
	if usage := (*console.UsageError)(nil); errors.As(err, &usage) {
		words.Error(usage.Text)
		words.Hint(usage.Hint)
		return exitUsage
	}
	if wrong := (*query.Error)(nil); errors.As(err, &wrong) {
		words.Error(fmt.Sprintf("%s (line %d, column %d)", wrong.Message, wrong.Line, wrong.Column))
		fmt.Fprintln(words.W, wrong.Excerpt()) // which is escaped
		words.Hint(wrong.Hint)
		return exitUsage
	}
	if wrong := (*filter.Error)(nil); errors.As(err, &wrong) {
		words.Error(fmt.Sprintf("%s (capture filter, line %d, column %d)", wrong.Message, wrong.Line, wrong.Column))
		fmt.Fprintln(words.W, wrong.Excerpt()) // which is escaped
		words.Hint(wrong.Hint)
		return exitUsage
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			fail(words, err)
		}
		return exitInput
	}
	words.Error(err.Error())
	words.Hint(advice(err))
	return exitInput
}

// advice returns what to try after err; "" when the error says it already.
func advice(err error) string {
	var (
		open *capture.OpenError
		cut  *capture.CutError
	)
	if hint := cmp.Or(interfaceAdvice(err), recordAdvice(err)); hint != "" {
		return hint
	}
	switch {
	case errors.As(err, &open) && errors.Is(err, fs.ErrNotExist):
		if near := nearestFile(open.File); near != "" {
			return "did you mean " + console.Quote(near) + "?"
		}
	case errors.As(err, &cut) && cut.Packet > 0:
		return "a capture that is still being written ends like this; stop the tool that writes it with Ctrl-C, or read it again later"
	}
	return ""
}

// nearestFile returns the file beside the missing one whose name is most like it;
// "" for none.
func nearestFile(missing string) string {
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

// recordAdvice returns what to do about a file of -w that cannot be created.
func recordAdvice(err error) string {
	if wrong := (*record.OpenError)(nil); errors.As(err, &wrong) && errors.Is(wrong.File.Err, fs.ErrPermission) && os.Getenv("SUDO_USER") != "" {
		return "files are written as " + os.Getenv("SUDO_USER") + ", who called sudo; choose a folder of theirs, or say -Z root"
	}
	return ""
}

// interfaceAdvice returns what to do about an interface that cannot be captured
// from.
func interfaceAdvice(err error) string {
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
		names := interfaceNames()
		if near := console.Nearest(wrong.Name, names); near != "" {
			return "did you mean " + near + "? There are " + strings.Join(names, ", ") + " and any"
		}
		return "there are " + strings.Join(names, ", ") + " and any; --retry waits for one"
	}
	return ""
}

// interfaceNames returns the names of the interfaces, without any.
func interfaceNames() (names []string) {
	all, err := live.Interfaces()
	if err != nil {
		return nil
	}
	for _, i := range all {
		names = append(names, i.Name)
	}
	return names
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/wsdump/wsdump/dissect/tls"
)

// mostKeys bounds a key file; a busy browser writes some megabytes a day.
const mostKeys = 256 << 20

// keys reads the files of -k and of the variable SSLKEYLOGFILE. A file that
// the variable names and that is not there is no error: the variable is set for
// the programs that write it. Nor is one of -k when it is followed.
func (s *sourceFlags) keys(words *console) (*tls.Keys, error) {
	keys := &tls.Keys{}
	logs := s.logs
	if name := os.Getenv("SSLKEYLOGFILE"); name != "" {
		logs = append(logs[:len(logs):len(logs)], name)
	}
	for i, name := range logs {
		log := &keyLog{name: name}
		err := log.begin(keys, words)
		switch late := errors.Is(err, fs.ErrNotExist); {
		case err == nil, late && i >= len(s.logs):
		case late && s.live():
			words.hint("key log " + name + " is not there yet; it is read as soon as it is")
		default:
			return nil, err
		}
		if s.iface.name != "" && err == nil {
			log.held, _ = os.Open(name) // by its name it is followed as well
		}
		s.followed = append(s.followed, log)
	}
	return keys, nil
}

// moreKeys reads on in the key logs and reports whether there was anything new.
func (s *sourceFlags) moreKeys(keys *tls.Keys) (more bool) {
	for _, log := range s.followed {
		more = log.read(keys) || more
	}
	return more
}

// keyLog is a file of TLS secrets that may be written to while it is read: a
// program appends to it, or a new one begins again.
type keyLog struct {
	name   string
	info   fs.FileInfo // of the file that offset belongs to; nil: none yet
	offset int64       // bytes that were used
	fixed  bool        // private keys, which are read once
	held   *os.File    // opened before privileges went; nil: open it by name
}

// begin reads what is there, and tells a key log from a private key by its
// content.
func (l *keyLog) begin(keys *tls.Keys, words *console) error {
	info, err := os.Stat(l.name)
	switch {
	case err != nil:
		return &keyError{l.name, err}
	case info.IsDir():
		return &keyError{l.name, errors.New("it is a folder")}
	case info.Size() > mostKeys:
		return &keyError{l.name, fmt.Errorf("it is larger than %d MiB, too large for a key log", mostKeys>>20)}
	}
	text, err := os.ReadFile(l.name)
	if err != nil {
		return &keyError{l.name, err}
	}
	defer clear(text)
	if bytes.Contains(text, []byte("-----BEGIN")) {
		l.fixed = true
		if err := keys.AddPEM(text); err != nil {
			return &keyError{l.name, err}
		}
		return nil
	}
	before := keys.Len()
	n, problems := keys.AddLog(text)
	l.info, l.offset = info, int64(n)
	if n < len(text) { // a last line without an end, which may still grow
		_, more := keys.AddLog(append(text[n:len(text):len(text)], '\n'))
		problems = append(problems, more...)
	}
	if keys.Len() == before && len(bytes.TrimSpace(text)) > 0 {
		return &keyError{l.name, errors.New("it holds no TLS secrets; a key log has lines such as CLIENT_TRAFFIC_SECRET_0 <random> <secret>")}
	}
	if len(problems) > 0 && words.verbose {
		words.hint(fmt.Sprintf("%s: %d lines were not understood; the first: %s", l.name, len(problems), problems[0]))
	}
	return nil
}

// mostNewKeys is how many bytes of a key log are read at a time.
const mostNewKeys = 1 << 20

// read takes the lines that were added since. What goes wrong is no error: the
// file may be there again with the next look.
func (l *keyLog) read(keys *tls.Keys) (more bool) {
	info, err := os.Stat(l.name)
	if l.fixed || err != nil || !info.Mode().IsRegular() {
		return false
	}
	if l.info == nil || !os.SameFile(l.info, info) || info.Size() < l.offset {
		l.offset = 0
	}
	l.info = info
	if info.Size() == l.offset || l.offset > mostKeys {
		return false
	}
	f, err := os.Open(l.name)
	switch {
	case err == nil:
		defer f.Close()
	case l.held != nil && errors.Is(err, fs.ErrPermission): // it may be read by who we were
		if held, err := l.held.Stat(); err != nil || !os.SameFile(held, info) {
			return false
		}
		f = l.held
	default:
		return false
	}
	text := make([]byte, min(info.Size()-l.offset, mostNewKeys))
	defer clear(text)
	got, _ := f.ReadAt(text, l.offset)
	n, _ := keys.AddLog(text[:got])
	l.offset += int64(n)
	return n > 0
}

// keyError is a key file that cannot be used.
type keyError struct {
	name string
	err  error
}

func (e *keyError) Error() string { return "key log " + e.name + ": " + reason(e.err) }
func (e *keyError) Unwrap() error { return e.err }

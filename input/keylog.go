package input

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/outfile"
)

// maxKeyFile bounds a key file. A busy browser writes some megabytes a day.
const maxKeyFile = 256 << 20

// openKeys reads the key files. SSLKEYLOGFILE may name a file that is missing:
// the variable is set for the programs that write it. A live source also waits
// for a missing file of -k.
func (in *Input) openKeys() error {
	in.keys = &tls.Keys{}
	for i, name := range append(in.opt.KeyLogs[:len(in.opt.KeyLogs):len(in.opt.KeyLogs)], in.opt.KeyLog) {
		if name == "" {
			continue
		}
		log := &keyLog{name: name}
		err := log.open(in.keys, in.opt.Console)
		switch missing := errors.Is(err, fs.ErrNotExist); {
		case err == nil, missing && i == len(in.opt.KeyLogs):
		case missing && in.Live():
			in.opt.Console.Hint("key log " + name + " is not there yet; it is read as soon as it is")
		default:
			return err
		}
		if in.opt.Interface.Name != "" && err == nil {
			log.held, _ = os.Open(name) // it is also followed by its name
		}
		in.keyLogs = append(in.keyLogs, log)
	}
	return nil
}

// ReadKeys reads key files once, such as those of [Options.KeyLogs].
func ReadKeys(files []string, variable string, words *console.Console) (*tls.Keys, error) {
	in := Input{opt: Options{KeyLogs: files, KeyLog: variable, Console: words}}
	err := in.openKeys()
	return in.keys, err
}

// FollowKeyLog reads the keys that a program appends to a file from now on. The
// file need not exist yet.
func (in *Input) FollowKeyLog(name string) { in.keyLogs = append(in.keyLogs, &keyLog{name: name}) }

// moreKeys reads on in the key logs and reports whether they had new keys.
func (in *Input) moreKeys(keys *tls.Keys) (more bool) {
	for _, log := range in.keyLogs {
		more = log.read(keys) || more
	}
	return more
}

// keyLog is a file of TLS secrets that may grow while it is read: a program
// appends to it, or replaces it.
type keyLog struct {
	name   string
	info   fs.FileInfo // of the file that offset belongs to; nil: none yet
	offset int64       // bytes that were used
	fixed  bool        // a private key, which is read once
	held   *os.File    // opened before privileges were dropped; nil: open it by name
}

// open reads what is there. The content tells a key log from a private key.
func (l *keyLog) open(keys *tls.Keys, words *console.Console) error {
	info, err := os.Stat(l.name)
	switch {
	case err != nil:
		return &KeyError{l.name, err}
	case info.IsDir():
		return &KeyError{l.name, errors.New("it is a folder")}
	case info.Size() > maxKeyFile:
		return &KeyError{l.name, fmt.Errorf("it is larger than %d MiB, too large for a key log", maxKeyFile>>20)}
	}
	text, err := os.ReadFile(l.name)
	if err != nil {
		return &KeyError{l.name, err}
	}
	defer clear(text)
	if bytes.Contains(text, []byte("-----BEGIN")) {
		l.fixed = true
		if err := keys.AddPEM(text); err != nil {
			return &KeyError{l.name, err}
		}
		return nil
	}
	before := keys.Len()
	n, problems := keys.AddLog(text)
	l.info, l.offset = info, int64(n)
	if n < len(text) { // the last line has no end: it may still grow
		_, more := keys.AddLog(append(text[n:len(text):len(text)], '\n'))
		problems = append(problems, more...)
	}
	if keys.Len() == before && len(bytes.TrimSpace(text)) > 0 {
		return &KeyError{l.name, errors.New("it holds no TLS secrets; a key log has lines such as CLIENT_TRAFFIC_SECRET_0 <random> <secret>")}
	}
	if len(problems) > 0 && words.Verbose {
		words.Hint(fmt.Sprintf("%s: %d lines were not understood; the first: %s", l.name, len(problems), problems[0]))
	}
	return nil
}

// maxNewKeys is how many bytes of a key log are read at a time.
const maxNewKeys = 1 << 20

// read takes the lines that were added since. It ignores errors: the file may be
// there again at the next look.
func (l *keyLog) read(keys *tls.Keys) (more bool) {
	info, err := os.Stat(l.name)
	if l.fixed || err != nil || !info.Mode().IsRegular() {
		return false
	}
	if l.info == nil || !os.SameFile(l.info, info) || info.Size() < l.offset {
		l.offset = 0
	}
	l.info = info
	if info.Size() == l.offset || l.offset > maxKeyFile {
		return false
	}
	f, err := os.Open(l.name)
	switch {
	case err == nil:
		defer f.Close()
	case l.held != nil && errors.Is(err, fs.ErrPermission): // only the user that we were may open it
		if held, err := l.held.Stat(); err != nil || !os.SameFile(held, info) {
			return false
		}
		f = l.held
	default:
		return false
	}
	text := make([]byte, min(info.Size()-l.offset, maxNewKeys))
	defer clear(text)
	got, _ := f.ReadAt(text, l.offset)
	n, _ := keys.AddLog(text[:got])
	l.offset += int64(n)
	return n > 0
}

// KeyError says that a key file cannot be used.
type KeyError struct {
	Name string
	Err  error
}

// Error implements error.
func (e *KeyError) Error() string { return "key log " + e.Name + ": " + outfile.Reason(e.Err) }

// Unwrap returns the cause.
func (e *KeyError) Unwrap() error { return e.Err }

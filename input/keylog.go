package input

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"unicode/utf16"

	"github.com/wsdump/wsdump/capture"
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

// keysIn returns what reads whole files for the TLS keys in them: a secrets block may
// stand behind the packets that it opens (PCAPdroid and eCapture write such files). It
// ignores errors, which the reader of the packets reports.
func keysIn(files ...string) func(*tls.Keys) {
	return func(keys *tls.Keys) {
		captures, err := capture.Open(files, capture.Options{Each: true, KeepDuplicates: true, OnNote: func(n capture.Note) {
			if n.Kind == capture.NoteSecrets && (n.N == capture.SecretsTLSKeyLog || n.N == capture.SecretsComment && tls.HasLine(n.Secrets)) {
				keys.AddLog(append(n.Secrets, '\n'))
			}
			clear(n.Secrets)
		}})
		if err != nil {
			return
		}
		defer captures.Close()
		skip := capture.Sieve{Until: math.MaxInt64, Most: math.MaxInt, Skip: func(capture.LinkType, []byte) bool { return true }}
		for p := (capture.Packet{}); err == nil; {
			err = captures.Sift(&p, &skip)
		}
	}
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
	wide   bool        // the file is UTF-16, and read whole each time
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
	text, err := readAtMost(l.name, maxKeyFile)
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
	if wide := fromUTF16(text); wide != nil {
		clear(text)
		text, l.wide = wide, true
	}
	n, problems := keys.AddLog(text)
	if l.info, l.offset = info, int64(n); l.wide {
		l.offset = info.Size()
	}
	if n < len(text) { // the last line has no end: it may still grow
		_, more := keys.AddLog(append(text[n:len(text):len(text)], '\n'))
		problems = append(problems, more...)
	}
	if keys.Len() == before && hasLines(text) {
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
	if l.wide {
		before := keys.Len()
		text := make([]byte, min(info.Size(), maxKeyFile))
		got, _ := f.ReadAt(text, 0)
		wide := fromUTF16(text[:got])
		keys.AddLog(wide)
		clear(text)
		clear(wide)
		l.offset = info.Size()
		return keys.Len() > before
	}
	text := make([]byte, min(info.Size()-l.offset, maxNewKeys))
	defer clear(text)
	got, _ := f.ReadAt(text, l.offset)
	n, _ := keys.AddLog(text[:got])
	if n == 0 && got == maxNewKeys { // no line is that long
		n = got
	}
	l.offset += int64(n)
	return n > 0
}

// readAtMost reads a file, which may be a pipe, of at most so many bytes.
func readAtMost(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("it is larger than %d MiB, too large for a key log", most>>20)
	}
	return text, err
}

// fromUTF16 returns the UTF-8 of a text in UTF-16 with a byte order mark, as the shells
// of Windows write; nil for any other text.
func fromUTF16(text []byte) []byte {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(text, []byte{0xff, 0xfe}):
	case bytes.HasPrefix(text, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return nil
	}
	units := make([]uint16, 0, len(text)/2)
	for text = text[2:]; len(text) >= 2; text = text[2:] {
		units = append(units, order.Uint16(text))
	}
	return []byte(string(utf16.Decode(units)))
}

// hasLines reports whether a key log has more than comments: NSS begins one with a
// comment, and writes keys later.
func hasLines(text []byte) bool {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return true
		}
	}
	return false
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

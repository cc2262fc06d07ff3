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
// the programs that write it.
func (s *sourceFlags) keys(words *console) (*tls.Keys, error) {
	keys := &tls.Keys{}
	for _, name := range s.logs {
		if err := addKeys(keys, name, words); err != nil {
			return nil, err
		}
	}
	if name := os.Getenv("SSLKEYLOGFILE"); name != "" {
		if err := addKeys(keys, name, words); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return keys, nil
}

// addKeys tells a key log from a private key by its content.
func addKeys(keys *tls.Keys, name string, words *console) error {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return &keyError{name, err}
	case info.IsDir():
		return &keyError{name, errors.New("it is a folder")}
	case info.Size() > mostKeys:
		return &keyError{name, fmt.Errorf("it is larger than %d MiB, too large for a key log", mostKeys>>20)}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return &keyError{name, err}
	}
	defer clear(text)
	if bytes.Contains(text, []byte("-----BEGIN")) {
		if err := keys.AddPEM(text); err != nil {
			return &keyError{name, err}
		}
		return nil
	}
	before := keys.Len()
	_, problems := keys.AddLog(append(text, '\n'))
	if keys.Len() == before && len(bytes.TrimSpace(text)) > 0 {
		return &keyError{name, errors.New("it holds no TLS secrets; a key log has lines such as CLIENT_TRAFFIC_SECRET_0 <random> <secret>")}
	}
	if len(problems) > 0 && words.verbose {
		words.hint(fmt.Sprintf("%s: %d lines were not understood; the first: %s", name, len(problems), problems[0]))
	}
	return nil
}

// keyError is a key file that cannot be used.
type keyError struct {
	name string
	err  error
}

func (e *keyError) Error() string { return "key log " + e.name + ": " + reason(e.err) }
func (e *keyError) Unwrap() error { return e.err }

package record

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/internal/outfile"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/timeline"
)

// ErrNoKeys says that none of the keys belongs to a TLS connection in the capture.
var ErrNoKeys = errors.New("none of the keys belongs to a TLS connection in the capture")

// Copy is a capture that is copied to another file, as pcapng. The names "-" are
// standard input and output.
type Copy struct {
	From, To string
	Stdin    io.Reader
	Stdout   io.Writer
}

// InjectKeys copies with the TLS keys inside, and returns how many sessions they
// are for: with all of every key, else of those that the capture uses. An error that
// is [capture.Incomplete] comes with a copy of what could be read.
func (c *Copy) InjectKeys(ctx context.Context, keys *tls.Keys, all bool) (sessions int, err error) {
	path, remove, err := c.seekable()
	if err != nil {
		return 0, err
	}
	defer remove()
	if err := findUsed(ctx, path, keys); err != nil && !capture.Incomplete(err) {
		return 0, err
	}
	var log bytes.Buffer
	defer func() { clear(log.Bytes()[:log.Len()]) }()
	if sessions, err = keys.WriteLog(&log, all); err != nil {
		return 0, err
	}
	if sessions == 0 {
		return 0, ErrNoKeys
	}
	_, err = c.rewrite(path, outfile.Secret, capture.Rewriting{Secrets: log.Bytes()})
	return sessions, err
}

// StripKeys copies without any keys, and returns what it left out.
func (c *Copy) StripKeys() (capture.Rewritten, error) {
	path, remove, err := c.seekable()
	if err != nil {
		return capture.Rewritten{}, err
	}
	defer remove()
	return c.rewrite(path, outfile.Public, capture.Rewriting{Strip: true, Comment: tls.HasLine})
}

// findUsed reads a capture, so that keys know which of them are used.
func findUsed(ctx context.Context, path string, keys *tls.Keys) error {
	notes := &pipeline.Notes{}
	in, err := capture.Open([]string{path}, capture.Options{OnNote: notes.Add})
	if err != nil {
		return err
	}
	defer in.Close()
	return pipeline.Run(ctx, in, timeline.Nop{}, pipeline.Options{Notes: notes, Keys: keys})
}

func (c *Copy) rewrite(path string, mode os.FileMode, r capture.Rewriting) (capture.Rewritten, error) {
	to, err := outfile.OpenMode(c.To, c.Stdout, mode)
	if err != nil {
		return capture.Rewritten{}, err
	}
	defer to.Discard()
	done, err := capture.Rewrite(to, path, capture.Options{}, r)
	if err != nil && !capture.Incomplete(err) {
		return done, err
	}
	if wrong := to.Commit(); wrong != nil {
		return done, wrong
	}
	return done, err
}

// seekable returns the path of a file that can be read twice, and how to remove it: for
// standard input a temporary copy.
func (c *Copy) seekable() (_ string, remove func(), err error) {
	if c.From != capture.Stdin {
		return c.From, func() {}, nil
	}
	f, err := os.CreateTemp("", "wsdump-*.pcapng") // mode 0600
	if err != nil {
		return "", nil, err
	}
	remove = func() { os.Remove(f.Name()) }
	_, err = io.Copy(f, c.Stdin)
	if err := errors.Join(err, f.Close()); err != nil {
		remove()
		return "", nil, err
	}
	return f.Name(), remove, nil
}

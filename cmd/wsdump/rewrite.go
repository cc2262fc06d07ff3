package main

import (
	"io"
	"os"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/outfile"
	"github.com/wsdump/wsdump/internal/terminal"
)

// rewrite copies path to the output.
func rewrite(output, path string, stdout io.Writer, words *console.Console, r capture.Rewriting, secret bool) (capture.Rewritten, int) {
	mode := outfile.Public
	if secret {
		mode = outfile.Secret
	}
	target, err := outfile.OpenMode(output, stdout, mode)
	if err != nil {
		return capture.Rewritten{}, fail(words, err)
	}
	defer target.Discard()
	done, err := capture.Rewrite(target, path, capture.Options{}, r)
	if err != nil && !capture.Incomplete(err) {
		return done, fail(words, err)
	}
	if wrong := target.Commit(); wrong != nil {
		return done, fail(words, wrong)
	}
	if err != nil {
		return done, fail(words, err)
	}
	return done, exitOK
}

func shownOutput(output string) string {
	if output == "-" {
		return "standard output"
	}
	return terminal.Safe(output)
}

// seekable returns the path of a file with what standard input holds, when path
// is "-", and how to forget it.
func seekable(path string, stdin io.Reader) (_ string, forget func(), err error) {
	if path != capture.Stdin {
		return path, func() {}, nil
	}
	f, err := os.CreateTemp("", "wsdump-*.pcapng") // mode 0600
	if err != nil {
		return "", nil, err
	}
	forget = func() { os.Remove(f.Name()) }
	_, err = io.Copy(f, stdin)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		forget()
		return "", nil, err
	}
	return f.Name(), forget, nil
}

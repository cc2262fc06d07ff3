package main

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/wsdump/wsdump/capture"
)

// progressAfter is how long work goes on before it shows how far it is.
const progressAfter = 2 * time.Second

// progress shows on a terminal how much of the input was read, how fast, and how
// long the rest will take. Several sources may be read at once.
type progress struct {
	stderr io.Writer
	total  int64
	began  time.Time

	mu   sync.Mutex
	read int64
	bar  *progressbar.ProgressBar // nil: it is not shown yet
}

// withProgress returns what counts packets as they pass; nil where nobody would
// look: standard error is no terminal, rows go to the terminal too, or the size
// of the input is not known.
func (v *viewFlags) withProgress(src *capture.Input, stdout, stderr io.Writer) (around func(capture.Source) capture.Source, done func()) {
	size, known := src.Size()
	terminal, ok := stderr.(*os.File)
	if !known || !ok || !isTerminal(terminal) || v.quiet || v.output == "" && isTerminalWriter(stdout) {
		return nil, func() {}
	}
	p := &progress{stderr: stderr, total: size, began: time.Now()}
	return func(src capture.Source) capture.Source { return &progressing{Source: src, progress: p} }, p.done
}

// progressing is a source whose packets are counted.
type progressing struct {
	capture.Source
	progress *progress
	bytes    int64  // since the bar was told
	packets  uint64 // likewise
}

// Next implements [capture.Source].
func (p *progressing) Next(packet *capture.Packet) error {
	err := p.Source.Next(packet)
	p.took(&capture.Passed{}, packet, err)
	return err
}

// Sift implements [capture.Sifter].
func (p *progressing) Sift(packet *capture.Packet, s *capture.Sieve) error {
	sifter, is := p.Source.(capture.Sifter)
	if !is {
		s.Passed = capture.Passed{}
		return p.Next(packet)
	}
	err := sifter.Sift(packet, s)
	p.took(&s.Passed, packet, err)
	return err
}

// took counts packets that were passed over, and the one behind them unless there is
// an error in its place.
func (p *progressing) took(passed *capture.Passed, packet *capture.Packet, err error) {
	packets, bytes := passed.Packets, passed.Bytes
	if err == nil {
		packets++
		bytes += uint64(len(packet.Data))
	}
	p.packets += packets
	p.bytes += int64(bytes + 16*packets)
	if p.packets >= 1024 || err != nil {
		p.progress.add(p.bytes)
		p.bytes, p.packets = 0, 0
	}
}

// add shows that so many bytes more were read.
func (p *progress) add(bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read += bytes
	if p.bar == nil {
		if time.Since(p.began) < progressAfter {
			return
		}
		p.bar = progressbar.NewOptions64(p.total,
			progressbar.OptionSetWriter(p.stderr), progressbar.OptionSetDescription("reading"), progressbar.OptionShowBytes(true),
			progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true),
		)
	}
	_ = p.bar.Set64(min(p.read, max(0, p.total-1))) // a bar that cannot be drawn is no error
}

func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

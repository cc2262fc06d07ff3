package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/wsdump/wsdump/capture"
)

// progressAfter is how long work goes on before it shows how far it is.
const progressAfter = 2 * time.Second

// progress is a source that shows on a terminal how much of the input was read,
// how fast, and how long the rest will take.
type progress struct {
	capture.Source
	stderr io.Writer
	total  int64
	began  time.Time
	bar    *progressbar.ProgressBar
	bytes  int64 // since the bar was told
	n      int
}

// withProgress returns src as it is where nobody would look: standard error is
// no terminal, rows go to the terminal too, or the size of the input is not
// known.
func (v *viewFlags) withProgress(src *capture.Input, stdout, stderr io.Writer) (_ capture.Source, done func()) {
	size, known := src.Size()
	terminal, ok := stderr.(*os.File)
	if !known || !ok || !isTerminal(terminal) || v.quiet || v.output == "" && isTerminalWriter(stdout) {
		return src, func() {}
	}
	p := &progress{Source: src, stderr: stderr, total: size, began: time.Now()}
	return p, p.done
}

// Next implements [capture.Source].
func (p *progress) Next(packet *capture.Packet) error {
	err := p.Source.Next(packet)
	p.bytes += int64(len(packet.Data)) + 16
	if p.n++; p.n%1024 == 0 {
		p.show()
	}
	return err
}

func (p *progress) show() {
	if p.bar == nil {
		if time.Since(p.began) < progressAfter {
			return
		}
		p.bar = progressbar.NewOptions64(p.total,
			progressbar.OptionSetWriter(p.stderr), progressbar.OptionSetDescription("reading"), progressbar.OptionShowBytes(true),
			progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true),
		)
	}
	_ = p.bar.Add64(min(p.bytes, max(0, p.total-p.bar.State().CurrentNum-1))) // a bar that cannot be drawn is no error
	p.bytes = 0
}

func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

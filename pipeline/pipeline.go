// Package pipeline joins a source of packets, the reassembly, the dissection
// and a sink, and counts what passes.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/dissect"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/reassembly"
	"github.com/wsdump/wsdump/timeline"
)

// Options sets up a run. The zero value is useful.
type Options struct {
	Limits   timeline.Limits
	Files    []string  // names for the summary
	Notes    *Notes    // what the source says besides packets becomes findings
	Keys     *tls.Keys // those in Notes are added to it
	DecodeAs []dissect.DecodeAs

	// Each says that the files have nothing to do with each other: no
	// connection crosses from one into the next. The source gives them one
	// after the other. Connections and packets are numbered throughout.
	Each bool

	// Tick is how often MoreKeys is called while the source is quiet. With it
	// the source is read ahead, in a goroutine of its own; its Next must return
	// when the context ends. Zero: the source is a file, and nothing waits.
	Tick time.Duration
	// MoreKeys adds what a key log has got since and reports whether there was
	// anything; nil: no more keys will come. What waits for keys is then tried
	// again, and its rows have the stamps of their packets.
	MoreKeys func(*tls.Keys) bool
}

// Run reads src to its end and tells sink everything, Done included. It
// returns what src returned other than io.EOF, or the context's error; what
// was told until then stands.
func Run(ctx context.Context, src capture.Source, sink timeline.Sink, opt Options) error {
	keys := opt.Keys
	if keys == nil {
		keys = &tls.Keys{}
	}
	if opt.MoreKeys == nil {
		keys.Complete()
	}
	r := &runner{sink: &tally{Sink: sink}, notes: opt.Notes, keys: keys, each: opt.Each}
	dissector := dissect.New(r.sink, dissect.Options{Limits: opt.Limits, Keys: keys, DecodeAs: opt.DecodeAs})
	tracker := reassembly.New(dissector.Open, opt.Limits)
	more := func() {
		if opt.MoreKeys != nil && opt.MoreKeys(keys) {
			dissector.Retry()
		}
		dissector.Advance(r.at)
	}
	r.tracker, r.dissector = tracker, dissector
	var err error
	if opt.Tick > 0 {
		err = r.follow(ctx, src, opt.Tick, more)
	} else {
		err = r.read(ctx, src)
	}
	more()
	keys.Complete()
	dissector.Retry()
	tracker.Flush()
	r.tellNotes()
	r.judgeCapture()
	tracker.Judge(r.tell)

	totals := &r.sink.totals
	totals.Files = opt.Files
	tracker.Report(totals)
	dissector.Report(totals)
	r.sink.Sink.Done(totals)
	return err
}

// runner is one run.
type runner struct {
	sink  *tally
	notes *Notes
	keys  *tls.Keys
	each  bool
	at    timeline.Stamp // the latest packet

	tracker   *reassembly.Tracker
	dissector *dissect.Dissector

	short, backwards     uint64         // packets cut by the snap length, packets before their time
	shortAt, backwardsAt timeline.Stamp // the first of them
	times                []int64        // the latest time by file
}

// checkEvery is how many packets pass between looks at the context.
const checkEvery = 256

func (r *runner) read(ctx context.Context, src capture.Source) error {
	var p capture.Packet
	for n := 0; ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := src.Next(&p); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		r.packet(&p)
	}
}

func (r *runner) packet(p *capture.Packet) {
	if r.each && p.File != r.at.File && !r.at.IsZero() {
		r.tracker.Restart()
		r.dissector.Restart()
	}
	r.look(p)
	r.tracker.Packet(p)
}

// follow reads a source that may be quiet for long; tick is called by the clock.
func (r *runner) follow(ctx context.Context, src capture.Source, every time.Duration, tick func()) error {
	source := newAhead(src)
	defer source.stop()
	clock := time.NewTicker(every)
	defer clock.Stop()
	for last := time.Now(); ; {
		packets, err := source.take(clock.C)
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		for i := range packets {
			r.packet(&packets[i])
		}
		if now := time.Now(); len(packets) == 0 || now.Sub(last) >= every {
			last = now
			tick()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// look judges what can be seen of a packet without opening it.
func (r *runner) look(p *capture.Packet) {
	begins := r.at.IsZero()
	r.at = timeline.Stamp{Packet: p.Number, Time: p.Time, FilePacket: p.FilePacket, File: p.File}
	if begins {
		r.sink.Begin(r.at)
	}
	r.tellNotes()
	if uint32(len(p.Data)) < p.Length {
		if r.short == 0 {
			r.shortAt = r.at
		}
		r.short++
	}
	for int(p.File) >= len(r.times) {
		r.times = append(r.times, p.Time)
	}
	if p.Time < r.times[p.File] {
		if r.backwards == 0 {
			r.backwardsAt = r.at
		}
		r.backwards++
	}
	r.times[p.File] = p.Time
}

func (r *runner) judgeCapture() {
	if r.short > 0 {
		r.tell(&timeline.Finding{Rule: ruleSnaplen, At: r.shortAt, Count: r.short})
	}
	if r.backwards > 0 {
		r.tell(&timeline.Finding{Rule: ruleClock, At: r.backwardsAt, Count: r.backwards})
	}
}

func (r *runner) tell(f *timeline.Finding) {
	f.Severity = f.Rule.Severity
	r.sink.Finding(f)
}

// tellNotes tells what the source said besides packets.
func (r *runner) tellNotes() {
	for _, n := range r.notes.take() {
		f := timeline.Finding{At: r.at, Detail: n.Text}
		switch n.Kind {
		case capture.NoteCut:
			f.Rule = ruleCut
			if n.N > 0 {
				f.Got = fmt.Sprintf("%d bytes are missing", n.N)
			}
		case capture.NoteDamaged:
			f.Rule, f.Got = ruleDamaged, fmt.Sprintf("%d bytes at byte %d", n.N, n.Offset)
		case capture.NoteDropped:
			f.Rule, f.Count = ruleDropped, n.N
			r.sink.totals.Dropped += n.N
		case capture.NoteSecrets:
			switch {
			case n.N == capture.SecretsTLSKeyLog, n.N == capture.SecretsComment && tls.HasLine(n.Secrets):
				r.keys.AddLog(append(n.Secrets, '\n'))
			}
			clear(n.Secrets)
			continue
		default:
			continue
		}
		r.tell(&f)
	}
}

// Notes takes what a source says besides packets, in order to tell it in its
// place. Give its Add to [capture.Options] and itself to [Options].
type Notes struct {
	mu  sync.Mutex
	all []capture.Note
	n   atomic.Int32 // of all
}

// Add takes a note. It may be called by another goroutine than the pipeline's.
func (n *Notes) Add(note capture.Note) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, note)
	n.n.Store(int32(len(n.all)))
}

// take empties n.
func (n *Notes) take() []capture.Note {
	if n == nil || n.n.Load() == 0 {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.all
	n.all = nil
	n.n.Store(0)
	return all
}

// tally numbers connections and counts what passes.
type tally struct {
	timeline.Sink
	totals timeline.Totals
}

func (t *tally) Open(c *timeline.Conn) {
	t.totals.Conns++
	c.ID = t.totals.Conns
	t.totals.HeadersOnly = t.totals.HeadersOnly || !t.Sink.Needs(c).Payload
	t.Sink.Open(c)
}

func (t *tally) Finding(f *timeline.Finding) {
	if f.Conn == nil {
		t.totals.Findings[f.Severity]++
	}
	t.Sink.Finding(f)
}

func (t *tally) Close(c *timeline.Conn, at timeline.Stamp) {
	for _, n := range c.Counters {
		t.totals.Messages += n.Messages
		t.totals.Frames += n.Frames
	}
	for severity, n := range c.FindingsBy {
		t.totals.Findings[severity] += n
	}
	t.Sink.Close(c, at)
}

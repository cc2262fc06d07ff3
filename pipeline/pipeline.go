// Package pipeline joins a source of packets, the reassembly, the dissection
// and a sink, and counts what passes.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync/atomic"
	"time"

	"golang.org/x/sys/cpu"

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
	// Filtered tells at the end how many packets a filter before the pipeline left
	// out; nil: there is none.
	Filtered func() uint64
	// Duplicates tells at the end how many packets the source left out because it
	// had given them before, from another file; nil: it does not do that.
	Duplicates func() uint64
	// Live says what the source captures from, for the summary; nil: from files.
	Live *timeline.Live

	// Checksums says that packets with a wrong checksum are left out.
	Checksums bool

	// Beside reads the source in a goroutine of its own, as far ahead as a few
	// blocks: for compressed files, and two processors. Everything told is the same.
	Beside bool

	// Tick is how often MoreKeys is called while the source is quiet. With it
	// the source is read ahead, in a goroutine of its own; its Next must return
	// when the context ends. Zero: the source is a file, and nothing waits.
	Tick time.Duration
	// Heard is the clock of a source that is live: it returns a time before which
	// there is no packet that the source has not given, in nanoseconds since the
	// Unix epoch. Timeouts then end on time while the source is quiet; their stamps
	// are the same as those of a file. nil: only packets move the clock.
	Heard func() int64
	// Behind is how many bytes of packets may wait for a sink that is slow, with
	// Tick. What comes when they are full is left out, counted, and told as a note
	// in its place. Zero: the source waits instead.
	Behind int
	// Idle is called when all that the source gave is told, with Tick: a good time
	// to show it. nil: nobody wants to know.
	Idle func()
	// Telling is when the packet was captured that is being told, or one shortly
	// before it, in nanoseconds since the Unix epoch, with Tick: the sink is as far
	// behind as that is ago, also while it takes its time. Zero: nothing waits for it.
	Telling *atomic.Int64
	// MoreKeys adds what a key log has got since and reports whether there was
	// anything; nil: no more keys will come. What waits for keys is then tried
	// again, and its rows have the stamps of their packets.
	MoreKeys func(*tls.Keys) bool
}

// Run reads src to its end and tells sink everything, Done included. It
// returns what src returned other than io.EOF, or the context's error; what
// was told until then stands.
func Run(ctx context.Context, src capture.Source, sink timeline.Sink, opt Options) error {
	return run(ctx, src, sink, &opt, terms{})
}

// terms is what a run needs to know that is not the only one. The zero value is
// that of one that is.
type terms struct {
	base    base           // what came before
	weighed func(held int) // is told now and then how much is held, and may wait; nil: nobody wants to know
	part    *part          // nil: all connections
	forgets bool           // see dissect.Options
}

// run is Run on terms.
func run(ctx context.Context, src capture.Source, sink timeline.Sink, opt *Options, on terms) error {
	keys := opt.Keys
	if keys == nil {
		keys = &tls.Keys{}
	}
	if opt.MoreKeys == nil {
		keys.Complete()
	}
	began := time.Now()
	r := &runner{sink: &tally{Sink: sink, before: on.base.conns}, notes: opt.Notes, keys: keys, base: on.base, weighed: on.weighed, place: &place{}}
	how := dissect.Options{Limits: opt.Limits, Keys: keys, DecodeAs: opt.DecodeAs, Forgets: on.forgets}
	if on.part != nil {
		how.Parts, how.Beyond = on.part.of, on.part.beyond
		r.place, r.shared, r.second = on.part.place, true, on.part.index > 0
	}
	r.times = make([]int64, 0, 16) // several lines of the cache: that of another worker is not in them
	r.dissector = dissect.New(r.sink, how)
	r.tracker = reassembly.New(r.dissector.Open, opt.Limits)
	if on.part != nil {
		r.tracker.Share(on.part.share, on.part.beyond)
	}
	if opt.Checksums {
		r.tracker.VerifyChecksums()
	}
	var err error
	switch {
	case opt.Tick > 0:
		err = r.follow(ctx, src, opt)
	case opt.Beside:
		err = r.readBeside(ctx, src)
	default:
		err = r.read(ctx, src)
	}
	*r.place = place{packet: math.MaxUint64, due: math.MinInt64}
	r.tellNotes(false)
	r.advance(max(min(r.until, r.at.Time+mostSilence), opt.heard()))
	r.place.due, r.place.step = math.MaxInt64, stepRetry
	r.more(opt)
	keys.Complete()
	r.dissector.Retry()
	r.place.step = stepFlush
	r.tracker.Flush()
	r.place.step = stepJudge
	r.tellNotes(true)
	r.judgeCapture()
	r.tracker.Judge(r.tell)
	r.dissector.Judge(r.tell)

	totals := &r.sink.totals
	totals.Files = opt.Files
	r.tracker.Report(totals)
	r.dissector.Report(totals)
	if opt.Filtered != nil {
		totals.Filtered = opt.Filtered()
	}
	if opt.Duplicates != nil {
		totals.Duplicates = opt.Duplicates()
	}
	if opt.Live != nil {
		here := *opt.Live
		here.Lasted = time.Since(began)
		totals.Live = &here
	}
	totals.Rank()
	r.sink.Sink.Done(totals)
	return err
}

// runner is one run.
type runner struct {
	sink   *tally
	notes  *Notes
	keys   *tls.Keys
	at     timeline.Stamp // the latest packet
	base   base           // what came before
	until  int64          // the capture went on until then, as it says
	before timeline.Stamp // the packet before it
	later  []capture.Note // losses whose place is not reached
	said   []capture.Note // by a source that is read beside, and not told yet

	weighed func(held int) // see terms
	place   *place         // of what is told
	shared  bool           // other runs follow other connections
	second  bool           // another run tells what concerns no connection

	tracker   *reassembly.Tracker
	dissector *dissect.Dissector

	short, backwards     uint64         // packets cut by the snap length, packets before their time
	shortAt, backwardsAt timeline.Stamp // the first of them
	times                []int64        // the latest time by file
}

// mostSilence bounds what is believed of how long a capture went on behind its
// last packet, in nanoseconds; clocks are set.
const mostSilence = int64(time.Hour)

// checkEvery is how many packets pass between looks at the context.
const checkEvery = 256

func (r *runner) read(ctx context.Context, src capture.Source) error {
	next := src.Next
	sieve := capture.Sieve{Skip: r.tracker.Elsewhere, Most: checkEvery}
	if sifter, is := src.(capture.Sifter); is && r.shared {
		next = func(p *capture.Packet) error { return r.sift(p, sifter, &sieve) }
	}
	var p capture.Packet
	for left := 0; ; left -= 1 + int(sieve.Passed.Packets) {
		if left <= 0 {
			left = checkEvery
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if r.weighed != nil {
				r.weighed(r.tracker.Weight())
			}
		}
		if err := next(&p); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		r.packet(&p)
	}
}

// sift gives the next packet without those before it that other runs follow. A packet
// at whose time something is due is given, and so is the first.
func (r *runner) sift(p *capture.Packet, src capture.Sifter, sieve *capture.Sieve) error {
	if r.at.IsZero() {
		return src.Next(p)
	}
	sieve.Until = min(r.tracker.Due(), r.dissector.Due())
	err := src.Sift(p, sieve)
	if passed := &sieve.Passed; passed.Packets > 0 {
		r.before, r.at = r.at, timeline.Stamp{Packet: passed.Number + r.base.packets, Time: passed.Time, FilePacket: passed.FilePacket, File: passed.File}
		r.times[passed.File] = passed.Time
		r.tracker.Passed(passed.Packets, passed.Bytes, r.at)
	}
	return err
}

// readBeside is read with the source in another goroutine.
func (r *runner) readBeside(ctx context.Context, src capture.Source) error {
	source, notes := newBeside(ctx, src, r.notes), r.notes
	r.notes = nil // they come with the packets
	defer func() {
		source.stop()
		r.notes = notes
	}()
	for n := 0; ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		p, notes, err := source.Next()
		r.said = append(r.said, notes...)
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		r.packet(p)
	}
}

// packet takes the next packet.
func (r *runner) packet(p *capture.Packet) {
	p.Number += r.base.packets
	r.place.packet = p.Number
	r.advance(p.Time)
	r.place.due, r.place.step = math.MaxInt64, stepLook
	r.look(p)
	r.place.step = stepPacket
	r.tracker.Packet(p)
}

// advance moves the clock to now. What is due is told in the order of its
// deadlines, so that it is the same however often this is called.
func (r *runner) advance(now int64) {
	for {
		due := min(r.tracker.Due(), r.dissector.Due())
		if due > now || due == math.MaxInt64 {
			return
		}
		at := r.at
		at.Time = due
		r.place.due, r.place.step = due, stepTransports
		r.tracker.Advance(at)
		r.place.step = stepPings
		r.dissector.Advance(due)
	}
}

// more takes new keys, and gives up waiting for those that are overdue.
func (r *runner) more(opt *Options) {
	if opt.MoreKeys != nil && opt.MoreKeys(r.keys) {
		r.dissector.Retry()
	}
	r.dissector.GiveUp(r.at.Time)
}

// follow reads a source that may be quiet for long.
func (r *runner) follow(ctx context.Context, src capture.Source, opt *Options) error {
	source := newAhead(src, opt.Behind, opt.Notes)
	defer source.stop()
	clock := time.NewTicker(opt.Tick)
	defer clock.Stop()
	last := time.Now()
	for {
		packets, err := source.take(clock.C)
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		for i := range packets {
			if i%checkEvery == 0 {
				opt.telling(packets[i].Time)
			}
			r.packet(&packets[i])
			if i%checkEvery == 0 {
				if now := time.Now(); now.Sub(last) >= opt.Tick {
					last = now
					r.more(opt)
				}
				if ctx.Err() != nil {
					return ctx.Err()
				}
			}
		}
		if now := time.Now(); len(packets) == 0 || now.Sub(last) >= opt.Tick {
			r.silent(source, opt)
			last = now
			r.more(opt)
		}
		if source.empty() {
			if opt.Idle != nil {
				opt.Idle()
			}
			opt.telling(0)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// silent moves the clock of a live source on which nothing happens.
func (r *runner) silent(source *ahead, opt *Options) {
	if opt.Heard == nil {
		return
	}
	// In this order: all that came before that time is in the batch by now.
	if now := opt.Heard(); source.empty() {
		r.tellNotes(true)
		r.advance(now)
		r.dissector.GiveUp(now)
	}
}

func (o *Options) heard() int64 {
	if o.Heard == nil {
		return 0
	}
	return o.Heard()
}

func (o *Options) telling(ns int64) {
	if o.Telling != nil {
		o.Telling.Store(ns)
	}
}

// look judges what can be seen of a packet without opening it.
func (r *runner) look(p *capture.Packet) {
	begins := r.at.IsZero()
	r.before = r.at
	r.at = timeline.Stamp{Packet: p.Number, Time: p.Time, FilePacket: p.FilePacket, File: p.File}
	if begins && !r.second {
		r.sink.Begin(r.at)
	}
	if r.noted() {
		r.tellNotes(false)
	}
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
	if r.second {
		return
	}
	f.Severity = f.Rule.Severity
	r.sink.Finding(f)
}

// noted reports whether there is something that tellNotes may tell.
func (r *runner) noted() bool { return len(r.said) > 0 || len(r.later) > 0 || !r.notes.empty() }

// tellNotes tells what the source said besides packets: of losses those that lie
// before the packet at hand, or all.
func (r *runner) tellNotes(all bool) {
	if !r.noted() {
		return
	}
	notes := append(r.said, r.notes.take()...)
	r.said = nil
	if len(r.later) > 0 {
		notes = append(r.later, notes...)
		r.later = nil
	}
	for _, n := range notes {
		if n.Kind == capture.NoteDropped && !all && n.Index == r.at.File && n.FilePacket >= r.at.FilePacket {
			r.later = append(r.later, n) // the source is ahead of us
			continue
		}
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
			if b := r.before; n.FilePacket > 0 && b.File == n.Index && b.FilePacket == n.FilePacket {
				f.At = b // the last packet before the loss, whether another one followed or not
			}
			r.sink.totals.Dropped += n.N
		case capture.NoteUntil:
			r.until = max(r.until, int64(min(n.N, math.MaxInt64)))
			continue
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

// tally numbers connections and counts what passes.
type tally struct {
	timeline.Sink
	before uint64 // connections of other inputs
	totals timeline.Totals
	_      cpu.CacheLinePad // another worker's is not in a line of the cache with it
}

func (t *tally) Open(c *timeline.Conn) {
	t.totals.Conns++
	c.ID = t.before + t.totals.Conns
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

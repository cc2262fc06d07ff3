package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/dissect"
	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/reassembly"
	"github.com/wsdump/wsdump/timeline"
)

// runConfig tells a run about the other runs that it belongs with. The zero value is
// for a run of its own.
type runConfig struct {
	before     offsets        // numbers that the inputs before have used
	checked    func(held int) // called every checkEvery packets with the bytes that are held; it may block
	partition  *partition     // nil: all connections
	reuseConns bool           // see dissect.Options.Forgets
}

// run is Run with a runConfig.
func run(ctx context.Context, src capture.Source, sink timeline.Sink, opt *Options, config runConfig) error {
	began := time.Now()
	r := newRunner(sink, opt, config)
	var err error
	switch {
	case opt.Tick > 0:
		err = r.readLive(ctx, src, opt)
	case opt.Prefetch:
		err = r.readPrefetched(ctx, src)
	default:
		err = r.read(ctx, src)
	}
	r.finish(opt)
	r.sink.Sink.Done(r.sum(opt, time.Since(began)))
	return err
}

// runner is one run.
type runner struct {
	sink    *counter
	notes   *Notes
	keys    *tls.Keys
	before  offsets        // see runConfig
	now     timeline.Stamp // the latest packet
	prev    timeline.Stamp // the packet before it
	until   int64          // the capture went on until then, according to the source; 0: it does not say
	losses  []capture.Note // whose place in the input is not reached
	fetched []capture.Note // from a prefetcher, and not yet emitted

	checked  func(held int) // see runConfig
	position *position      // of what is emitted
	shared   bool           // other runs follow other partitions
	second   bool           // another run emits what concerns no connection

	tracker   *reassembly.Tracker
	dissector *dissect.Dissector

	short, backwards     uint64         // packets cut by the snap length, packets with a time before the last one's
	shortAt, backwardsAt timeline.Stamp // the first of them
	times                []int64        // the latest time by file
	clock                clock
}

// maxSilence bounds, in nanoseconds, what a source may claim about how long the capture
// went on after its last packet: clocks get set.
const maxSilence = int64(time.Hour)

// maxStep is the largest step between two packets, in nanoseconds, that passes for time. A
// larger one that is confirmed is a clock that was set.
const maxStep = int64(12 * time.Hour)

// checkEvery is how many packets pass between two checks of the context.
const checkEvery = 256

func newRunner(sink timeline.Sink, opt *Options, config runConfig) *runner {
	keys := opt.Keys
	if keys == nil {
		keys = &tls.Keys{}
	}
	if opt.MoreKeys == nil {
		keys.Complete()
	}
	r := &runner{sink: &counter{Sink: sink, before: config.before.conns}, notes: opt.Notes, keys: keys, before: config.before, checked: config.checked, position: &position{}}
	how := dissect.Options{Limits: opt.Limits, Keys: keys, DecodeAs: opt.DecodeAs, Forgets: config.reuseConns}
	if p := config.partition; p != nil {
		how.Parts, how.Beyond = p.of, p.restart
		r.position, r.shared, r.second = p.position, true, p.index > 0
	}
	r.times = make([]int64, 0, 16) // fills cache lines, so that another worker's is in none of them
	r.dissector = dissect.New(r.sink, how)
	r.tracker = reassembly.New(r.dissector.Open, opt.Limits)
	r.clock.limit = maxStep
	if p := config.partition; p != nil {
		r.tracker.Share(p.share, p.restart)
	}
	if opt.Checksums {
		r.tracker.VerifyChecksums()
	}
	return r
}

// read reads a source that never waits.
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
			if r.checked != nil {
				r.checked(r.tracker.Weight())
			}
		}
		if err := next(&p); err != nil {
			return unlessEOF(err)
		}
		r.packet(&p)
	}
}

// sift gives the next packet, and skips those before it that other workers follow. It
// does not skip the first packet, nor one at whose time something is due.
func (r *runner) sift(p *capture.Packet, src capture.Sifter, sieve *capture.Sieve) error {
	if r.now.IsZero() {
		return src.Next(p)
	}
	sieve.Until = min(r.tracker.Due(), r.dissector.Due(), r.clock.now+r.clock.limit)
	err := src.Sift(p, sieve)
	if passed := &sieve.Passed; passed.Packets > 0 {
		r.prev, r.now = r.now, timeline.Stamp{Packet: passed.Number + r.before.packets, Time: passed.Time, FilePacket: passed.FilePacket, File: passed.File}
		r.times[passed.File] = passed.Time
		r.count(passed.Time)
		r.tracker.Passed(passed.Packets, passed.Bytes, r.now)
	}
	return err
}

// readPrefetched reads the source through a prefetcher.
func (r *runner) readPrefetched(ctx context.Context, src capture.Source) error {
	source, notes := newPrefetcher(ctx, src, r.notes), r.notes
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
		r.fetched = append(r.fetched, notes...)
		if err != nil {
			return unlessEOF(err)
		}
		r.packet(p)
	}
}

// readLive reads a source that may be quiet for long.
func (r *runner) readLive(ctx context.Context, src capture.Source, opt *Options) error {
	source := newPacketQueue(src, opt.MaxQueued, opt.Notes)
	defer source.stop()
	clock := time.NewTicker(opt.Tick)
	defer clock.Stop()
	last := time.Now()
	for {
		packets, err := source.take(clock.C)
		if err != nil {
			return unlessEOF(err)
		}
		for i := range packets {
			if i%checkEvery == 0 {
				opt.emitting(packets[i].Time)
			}
			r.packet(&packets[i])
			if i%checkEvery == 0 {
				if now := time.Now(); now.Sub(last) >= opt.Tick {
					last = now
					r.addKeys(opt)
				}
				if ctx.Err() != nil {
					return ctx.Err()
				}
			}
		}
		if now := time.Now(); len(packets) == 0 || now.Sub(last) >= opt.Tick {
			r.passSilence(source, opt)
			last = now
			r.addKeys(opt)
		}
		if source.empty() {
			if opt.Idle != nil {
				opt.Idle()
			}
			opt.emitting(0)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func unlessEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// passSilence moves the clock while a live source gives no packets.
func (r *runner) passSilence(source *packetQueue, opt *Options) {
	if opt.Clock == nil {
		return
	}
	// In this order: all packets from before that time are in the queue by now.
	if now := opt.Clock(); source.empty() {
		r.emitNotes(true)
		r.count(now) // which confirms itself: it is the clock of this machine
		r.advance(r.count(now))
		r.dissector.GiveUp(now)
	}
}

// addKeys takes new keys, and drops what has waited for keys too long.
func (r *runner) addKeys(opt *Options) {
	if opt.MoreKeys != nil && opt.MoreKeys(r.keys) {
		r.dissector.Retry()
	}
	r.dissector.GiveUp(r.now.Time)
}

// packet processes the next packet.
func (r *runner) packet(p *capture.Packet) {
	p.Number += r.before.packets
	r.position.packet = p.Number
	r.advance(r.count(p.Time))
	r.position.due, r.position.step = math.MaxInt64, stepInspect
	r.inspect(p)
	r.position.step = stepPacket
	r.tracker.Packet(p)
}

// count returns the time that counts for timers with a packet of time t.
func (r *runner) count(t int64) int64 {
	now, from, stepped := r.clock.at(t)
	if stepped {
		r.tracker.Step(from, now)
	}
	r.tracker.Hold(now)
	return now
}

// advance moves the clock to now. What is due is done in the order of its deadlines,
// so that the output is the same however often this is called.
func (r *runner) advance(now int64) {
	r.tracker.Hold(now)
	for {
		due := min(r.tracker.Due(), r.dissector.Due())
		if due > now || due == math.MaxInt64 {
			return
		}
		at := r.now
		at.Time = due
		r.position.due, r.position.step = due, stepTransports
		r.tracker.Advance(at)
		r.position.step = stepPings
		r.dissector.Advance(due)
	}
}

// inspect judges what can be seen of a packet without decoding it.
func (r *runner) inspect(p *capture.Packet) {
	begins := r.now.IsZero()
	r.prev = r.now
	r.now = timeline.Stamp{Packet: p.Number, Time: p.Time, FilePacket: p.FilePacket, File: p.File}
	if begins && !r.second {
		r.sink.Begin(r.now)
	}
	if r.hasNotes() {
		r.emitNotes(false)
	}
	if uint32(len(p.Data)) < p.Length {
		if r.short == 0 {
			r.shortAt = r.now
		}
		r.short++
	}
	for int(p.File) >= len(r.times) {
		r.times = append(r.times, p.Time)
	}
	if p.Time < r.times[p.File] {
		if r.backwards == 0 {
			r.backwardsAt = r.now
		}
		r.backwards++
	}
	r.times[p.File] = p.Time
}

// hasNotes reports whether emitNotes has anything to look at.
func (r *runner) hasNotes() bool {
	return len(r.fetched) > 0 || len(r.losses) > 0 || !r.notes.empty()
}

// emitNotes makes findings of the notes of the source. Losses wait until the packet
// that they lie before is reached, unless all is set.
func (r *runner) emitNotes(all bool) {
	if !r.hasNotes() {
		return
	}
	notes := append(r.fetched, r.notes.take()...)
	r.fetched = nil
	if len(r.losses) > 0 {
		notes = append(r.losses, notes...)
		r.losses = nil
	}
	for _, n := range notes {
		if n.Kind == capture.NoteDropped && !all && n.Index == r.now.File && n.FilePacket >= r.now.FilePacket {
			r.losses = append(r.losses, n) // the source is ahead of us
			continue
		}
		r.emitNote(&n)
	}
}

func (r *runner) emitNote(n *capture.Note) {
	f := timeline.Finding{At: r.now, Detail: n.Text}
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
		if b := r.prev; n.FilePacket > 0 && b.File == n.Index && b.FilePacket == n.FilePacket {
			f.At = b // the last packet before the loss, whether another one followed or not
		}
		r.sink.totals.Dropped += n.N
	case capture.NoteUntil:
		r.until = max(r.until, int64(min(n.N, math.MaxInt64)))
		return
	case capture.NoteSecrets:
		if n.N == capture.SecretsTLSKeyLog || n.N == capture.SecretsComment && tls.HasLine(n.Secrets) {
			r.keys.AddLog(append(n.Secrets, '\n'))
		}
		clear(n.Secrets)
		return
	default:
		return
	}
	r.emit(&f)
}

// emit emits a finding that concerns no connection.
func (r *runner) emit(f *timeline.Finding) {
	if r.second {
		return
	}
	f.Severity = f.Rule.Severity
	r.sink.Finding(f)
}

// finish emits what is left when there are no more packets.
func (r *runner) finish(opt *Options) {
	*r.position = position{packet: math.MaxUint64, due: math.MinInt64}
	r.emitNotes(false)
	r.advance(max(min(r.until, r.now.Time+maxSilence), opt.clock()))
	r.position.due, r.position.step = math.MaxInt64, stepRetry
	r.addKeys(opt)
	r.keys.Complete()
	r.dissector.Retry()
	r.position.step = stepFlush
	r.tracker.Flush()
	r.position.step = stepJudge
	r.emitNotes(true)
	r.judgeCapture()
	r.tracker.Judge(r.emit)
	r.dissector.Judge(r.emit)
}

func (r *runner) judgeCapture() {
	if r.short > 0 {
		r.emit(&timeline.Finding{Rule: ruleSnaplen, At: r.shortAt, Count: r.short})
	}
	if r.backwards > 0 {
		r.emit(&timeline.Finding{Rule: ruleClock, At: r.backwardsAt, Count: r.backwards})
	}
}

// sum returns the totals of the run, which lasted so long.
func (r *runner) sum(opt *Options, lasted time.Duration) *timeline.Totals {
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
		live := *opt.Live
		live.Lasted = lasted
		totals.Live = &live
	}
	totals.Rank()
	return totals
}

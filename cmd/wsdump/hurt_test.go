package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/internal/long"
	"github.com/wsdump/wsdump/pipeline"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/timeline"
)

// hurt damages a file as disks, networks and people do.
func hurt(rnd *rand.Rand, whole []byte) (b []byte, how string) {
	b = bytes.Clone(whole)
	at := func() int { return rnd.IntN(len(b)) }
	switch rnd.IntN(8) {
	case 0:
		n := at()
		return b[:n], fmt.Sprintf("cut at %d", n)
	case 1:
		n := at()
		return b[n:], fmt.Sprintf("without its first %d bytes", n)
	case 2:
		from := at()
		n := rnd.IntN(min(len(b)-from, 2000))
		return append(b[:from], b[from+n:]...), fmt.Sprintf("without %d bytes at %d", n, from)
	case 3:
		from := at()
		n := rnd.IntN(min(len(b)-from, 600))
		clear(b[from : from+n])
		return b, fmt.Sprintf("%d zeros at %d", n, from)
	case 4:
		from, to := at(), at()
		n := min(rnd.IntN(500), len(b)-from, len(b)-to)
		copy(b[to:to+n], whole[from:])
		return b, fmt.Sprintf("%d bytes of %d copied to %d", n, from, to)
	case 5:
		n := at()
		b[n] = byte(rnd.Uint32())
		b[min(n+1, len(b)-1)] = 0xff
		b[min(n+2, len(b)-1)] = 0xff
		return b, fmt.Sprintf("a length at %d", n)
	}
	n := 1 + rnd.IntN(20)
	for range n {
		b[at()] ^= 1 << rnd.IntN(8)
	}
	return b, fmt.Sprintf("%d bits flipped", n)
}

// guard is how long a run may take: it is there for what hangs.
const guard = 60 * time.Second

// TestHurt damages every capture in many ways: each run ends, with what could be
// read, and exit code 0 or 3.
func TestHurt(t *testing.T) {
	t.Setenv("SSLKEYLOGFILE", "")
	each, largest := 40, 1<<30
	if !long.Wanted() {
		each, largest = 3, 50_000
	}
	commands := [][]string{{"read", "-T", "ndjson", "--frames"}, {"list", "--all", "-T", "ndjson"}, {"read"}, {"stats"}, {"read", "-T", "csv", "--checksums"}, {"list", "--each", "--payload", "none"}}
	rnd := rand.New(rand.NewPCG(10, 7))
	name := filepath.Join(t.TempDir(), "hurt.pcap")
	runs, slowest, which := 0, time.Duration(0), ""
	codes := map[int]int{}
	for _, file := range captures(t) {
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n := each
		if len(whole) > largest {
			continue
		} else if len(whole) > 500_000 {
			n = each / 4
		}
		for range n {
			b, how := hurt(rnd, whole)
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
			args := append(append([]string{}, commands[runs%len(commands)]...), keysBeside(file)...)
			what := fmt.Sprintf("%s, %s, %v", filepath.Base(file), how, args)
			var words bytes.Buffer
			began := time.Now()
			timer := time.AfterFunc(guard, func() {
				_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 2)
				panic("hangs: " + what)
			})
			code := Main(append(args, name), strings.NewReader(""), io.Discard, &words)
			timer.Stop()
			if took := time.Since(began); took > slowest {
				slowest, which = took, what
			}
			codes[code]++
			if code != exitOK && code != exitInput {
				keep := filepath.Join(os.TempDir(), fmt.Sprintf("wsdump-hurt-%d.pcap", runs))
				_ = os.WriteFile(keep, b, 0o600)
				t.Errorf("%s: exit code %d, kept as %s\n%s", what, code, keep, words.String())
			}
			runs++
		}
	}
	t.Logf("%d runs, exit codes %v; the slowest took %s: %s", runs, codes, slowest.Round(time.Millisecond), which)
	if runs < 200 || codes[exitOK] < 20 || codes[exitInput] < 20 {
		t.Errorf("only %d runs, exit codes %v", runs, codes)
	}
}

// FuzzFile is the whole path, from a hostile file to rows: it ends, the error only
// says that the file is no capture, cut or damaged, and what is printed is JSON
// from the first line to the summary.
func FuzzFile(f *testing.F) {
	for _, file := range captures(f) {
		if b, err := os.ReadFile(file); err == nil && len(b) < 6000 {
			f.Add(b, byte(len(file)))
		}
	}
	f.Fuzz(func(t *testing.T, file []byte, how byte) {
		if len(file) > 64<<10 {
			return
		}
		open := func() (r pipeline.Reading, err error) {
			r.Notes = &pipeline.Notes{}
			in, err := capture.Open([]string{"-"}, capture.Options{Stdin: bytes.NewReader(file), OnNote: r.Notes.Add})
			if err != nil {
				return r, err
			}
			r.Source, r.Close = in, func() { _ = in.Close() }
			return r, nil
		}
		reading, err := open()
		if err != nil {
			return // no capture at all
		}
		defer reading.Close()
		var out bytes.Buffer
		opt := report.Options{Frames: how&1 == 1, Payload: report.PayloadDefault, Files: []string{"-"}}
		if how&2 == 2 {
			opt.Payload = 3
		}
		limits := timeline.Limits{}
		if how&4 == 4 { // all of them are reached
			limits = timeline.Limits{
				Memory: 10_000, Transports: 3, Reorder: 500, ReorderTotal: 900, Fragments: 1000, Head: 300, Held: 100, Message: 50, Windows: 70_000, Control: 10, Pings: 1,
			}
		}
		run := pipeline.Options{Notes: reading.Notes, Checksums: how&8 == 8, Limits: limits}
		sink := report.NewNDJSON(&out, opt)
		err = pipeline.Run(t.Context(), reading.Source, sink, run)
		if err != nil && !capture.Incomplete(err) {
			t.Fatal(err)
		}
		if err := sink.Flush(); err != nil {
			t.Fatal(err)
		}
		var shared bytes.Buffer
		sink = report.NewNDJSON(&shared, opt)
		wrong := pipeline.Split(t.Context(), sink, run, pipeline.SplitOptions{
			Workers: 2, Open: open, Needs: sink.Needs, Row: sink.Row,
			Rows: func() pipeline.RowMaker { return sink.Rows().Append },
		})
		if sink.Flush() != nil || fmt.Sprint(wrong) != fmt.Sprint(err) || !bytes.Equal(shared.Bytes(), out.Bytes()) {
			t.Fatalf("two workers tell of something else (%v, %v): %s", wrong, err, firstDifference(shared.Bytes(), out.Bytes()))
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		for i, line := range lines {
			var row struct{ Type string }
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatalf("line %d: %v\n%s", i+1, err, line)
			}
			if (row.Type == "start") != (i == 0) || (row.Type == "summary") != (i == len(lines)-1) {
				t.Fatalf("line %d of %d is %s", i+1, len(lines), row.Type)
			}
		}
	})
}

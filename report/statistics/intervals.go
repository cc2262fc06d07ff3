package statistics

import (
	"fmt"
	"strings"
	"time"

	"github.com/wsdump/wsdump/internal/quantity"
	"github.com/wsdump/wsdump/timeline"
)

// Interval counts what happened in a stretch of a live capture.
type Interval struct {
	At       time.Time // end of the interval, by the clock of the machine
	Length   time.Duration
	Open     uint64 // WebSockets open at the end
	Opened   uint64 // within the interval, as all that follows
	Closed   uint64
	Messages [2]uint64 // by direction
	Bytes    [2]uint64 // payload of messages; wire bytes where nothing is inflated
	Findings [3]uint64 // by severity
	Packets  uint64
	Dropped  uint64 // packets that the kernel dropped for lack of room
}

// intervalHead names the columns.
const intervalHead = "TIME        OPEN  OPENED  CLOSED    SENT/s     B/s    RECEIVED/s     B/s   ERRORS  WARNINGS   NOTES   PACKETS/s  DROPPED\n"

// headEvery is after how many lines intervalHead comes again.
const headEvery = 20

// Interval prints a line at once.
func (s *Printer) Interval(i *Interval) {
	if s.intervals%headEvery == 0 {
		s.buf = append(s.buf, intervalHead...)
	}
	s.intervals++
	rate := func(n uint64) float64 { return float64(n) / max(i.Length.Seconds(), 1e-3) }
	zone := s.opt.Local
	if zone == nil {
		zone = time.UTC
	}
	s.buf = fmt.Appendf(s.buf, "%s %7d %7d %7d %9s %9s %9s %9s %8d %9d %7d %11s %8d\n", i.At.In(zone).Format(time.TimeOnly),
		i.Open, i.Opened, i.Closed, rateText(rate(i.Messages[0])), tight(rate(i.Bytes[0])), rateText(rate(i.Messages[1])), tight(rate(i.Bytes[1])),
		i.Findings[timeline.Error], i.Findings[timeline.Warning], i.Findings[timeline.Note], rateText(rate(i.Packets)), i.Dropped)
	s.write()
}

// tight returns a size without a space.
func tight(bytes float64) string { return strings.ReplaceAll(quantity.Size(uint64(bytes)), " ", "") }

// rateText returns a rate, with one decimal if it is below 10.
func rateText(v float64) string {
	if v < 10 && v != 0 {
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// Interval prints a line at once.
func (n *NDJSON) Interval(i *Interval) {
	n.stat("stat_interval")
	n.line.Key("time")
	n.line = append(n.clock.AppendRFC3339(append(n.line, '"'), i.At.UnixNano()), '"')
	n.line.Millis("length_ms", int64(i.Length))
	for _, v := range []struct {
		name string
		n    uint64
	}{
		{"open", i.Open},
		{"opened", i.Opened},
		{"closed", i.Closed},
		{"sent_messages", i.Messages[0]},
		{"received_messages", i.Messages[1]},
		{"sent_bytes", i.Bytes[0]},
		{"received_bytes", i.Bytes[1]},
		{"errors", i.Findings[timeline.Error]},
		{"warnings", i.Findings[timeline.Warning]},
		{"notes", i.Findings[timeline.Note]},
		{"packets", i.Packets},
		{"dropped", i.Dropped},
	} {
		n.line.Number(v.name, v.n)
	}
	n.finish()
	_ = n.Flush() // Err returns the error
}

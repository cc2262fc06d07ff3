package stats

import (
	"math/rand/v2"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// How is the first event of the end of a connection.
type How uint8

const (
	HowClose How = iota // a close frame
	HowFIN
	HowReset
)

// String returns "close frame", "FIN" or "RST".
func (h How) String() string {
	switch h {
	case HowFIN:
		return "FIN"
	case HowReset:
		return "RST"
	}
	return "close frame"
}

// Manner is how a connection ended, and which side ended it.
type Manner struct {
	By   timeline.Party
	How  How
	Code uint16 // of the close frame; 0 for a frame without a code
}

// ordinary reports whether such an end is no sign of trouble: nobody had more to
// send, or the client went away.
func (m Manner) ordinary() bool {
	return m.How == HowClose && (m.Code == 0 || m.Code == 1000 || m.Code == 1001 && m.By == timeline.PartyClient)
}

// ending is a connection that has ended.
type ending struct {
	conn      uint64
	manner    Manner
	at        timeline.Stamp // where the end began
	silence   time.Duration  // before the end; -1 where there was no frame
	life      time.Duration  // until the end; -1 where the beginning is not known
	pingEvery time.Duration  // 0 when there were fewer than two pings
	pingBy    timeline.Party
	pinged    bool
	lastPing  uint64 // packet of the last ping
}

// mannerOf returns how c ended. ok is false if it did not end, or if its end is not
// in the capture.
func mannerOf(c *timeline.Conn) (m Manner, ok bool) {
	m.By = c.By
	switch {
	case c.ClosedBy[0] || c.ClosedBy[1] || c.CloseCode != 0:
		m.How, m.Code = HowClose, c.CloseCode
	case c.TCP == timeline.TCPReset:
		m.How = HowReset
	case c.TCP == timeline.TCPFIN || c.TCP == timeline.TCPHalf:
		m.How = HowFIN
	default:
		return m, false
	}
	return m, true
}

// maxEnds is how many ends are compared. If there are more, a uniform sample is
// compared.
const maxEnds = 1 << 16

// reservoir is a uniform sample of the ends (Vitter's algorithm R). Its random
// numbers are the same in every run, so a file always gives the same result.
type reservoir struct {
	seen   uint64
	ends   []ending
	random *rand.Rand
}

func (r *reservoir) add(e ending) {
	r.seen++
	if len(r.ends) < maxEnds {
		r.ends = append(r.ends, e)
		return
	}
	if r.random == nil {
		r.random = rand.New(rand.NewPCG(1, 2))
	}
	if i := r.random.Uint64N(r.seen); i < maxEnds {
		r.ends[i] = e
	}
}

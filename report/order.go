package report

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/wsdump/wsdump/internal/spool"
	"github.com/wsdump/wsdump/timeline"
)

// SortKeys are the values of Options.Sort. Numbers sort from the largest down, texts
// and "open" from the smallest up.
func SortKeys() []string {
	return []string{"bytes", "sent", "received", "messages", "duration", "idle", "findings", "open", "url", "client", "server", "status"}
}

// order holds the rows of a list and returns them sorted. Rows wait in a spool. Their
// sort keys stay in memory: some 60 bytes a row, plus the length of texts.
type order struct {
	by      string
	reverse bool
	rows    spool.Log
	ranks   []rank
	scratch []byte
}

// rank is the sort key of a row: n from the largest down, then text, then the order
// of arrival.
type rank struct {
	n      uint64
	text   string
	at     int64
	length int
}

// newOrder returns nil when rows are printed as they come.
func newOrder(opt *Options) *order {
	if opt.Sort == "" {
		return nil
	}
	return &order{by: opt.Sort, reverse: opt.Reverse}
}

// conn returns the rank of a connection.
func (o *order) conn(c *timeline.Conn) (r rank) {
	carried := func(dir int) uint64 {
		n := &c.Counters[dir]
		return max(n.MessageBytes, n.WireBytes)
	}
	switch o.by {
	case "bytes":
		r.n = carried(0) + carried(1)
	case "sent":
		r.n = carried(0)
	case "received":
		r.n = carried(1)
	case "messages":
		r.n = c.Counters[0].Messages + c.Counters[1].Messages
	case "duration":
		r.n = nanoseconds(c.Duration())
	case "idle":
		if d, ok := c.Idle(); ok {
			r.n = nanoseconds(d) + 1
		}
	case "findings":
		r.n = severest(c.FindingsBy)
	case "open":
		r.n = math.MaxUint64 - c.ID
	case "url":
		r.text = strings.Clone(c.URL())
	case "client":
		r.text = sortableAddress(c.Client)
	case "server":
		r.text = sortableAddress(c.Server)
	case "status":
		if c.Handshake != nil {
			r.n = uint64(c.Handshake.Status)
		}
	}
	return r
}

// other returns the rank of a transport without a WebSocket.
func (o *order) other(t *timeline.Other) (r rank) {
	switch o.by {
	case "bytes":
		r.n = t.Transport.Bytes[0] + t.Transport.Bytes[1]
	case "sent":
		r.n = t.Transport.Bytes[0]
	case "received":
		r.n = t.Transport.Bytes[1]
	case "duration":
		r.n = nanoseconds(time.Duration(t.Ended.Time - t.Transport.First.Time))
	case "url":
		r.text = otherName(t)
	case "client":
		r.text = sortableAddress(t.Transport.Client)
	case "server":
		r.text = sortableAddress(t.Transport.Server)
	}
	return r
}

func nanoseconds(d time.Duration) uint64 { return uint64(max(0, d)) }

// severest combines the counts of findings in one number, in which one error
// outweighs all warnings.
func severest(by [3]uint64) uint64 {
	const most = 1<<21 - 1
	return min(by[timeline.Error], most)<<42 | min(by[timeline.Warning], most)<<21 | min(by[timeline.Note], most)
}

// sortableAddress returns bytes that sort as addresses do, IPv4 before IPv6.
func sortableAddress(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	b := a.Addr().AsSlice()
	return string(append(append([]byte{byte(len(b))}, b...), byte(a.Port()>>8), byte(a.Port())))
}

// put stores a copy of a row.
func (o *order) put(r rank, row []byte) (err error) {
	r.length = len(row)
	r.at, err = o.rows.Append(row)
	o.ranks = append(o.ranks, r)
	return err
}

// each calls f with the rows, sorted, until f returns false. Then it removes all
// rows. A row is borrowed.
func (o *order) each(f func(row []byte) bool) error {
	slices.SortStableFunc(o.ranks, func(a, b rank) int {
		d := cmp.Or(cmp.Compare(b.n, a.n), strings.Compare(a.text, b.text))
		if o.reverse {
			return -d
		}
		return d
	})
	for _, r := range o.ranks {
		o.scratch = slices.Grow(o.scratch[:0], r.length)[:r.length]
		if err := o.rows.Read(o.scratch, r.at); err != nil {
			return err
		}
		if !f(o.scratch) {
			break
		}
	}
	o.ranks = nil
	return o.rows.Close()
}

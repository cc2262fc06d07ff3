package check

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// reconnect judges how often clients reconnect. A reconnect is a connection that opens
// soon after another one ended, with the same client address, host and path.
type reconnect struct {
	where  where
	within time.Duration
	count  counted // max of each client, min of all together
}

func (v *reconnect) String() string {
	text := "reconnect " + v.where.String()
	if v.count.bounded {
		text += fmt.Sprintf("; max %d", v.count.max)
	}
	if v.count.min > 0 {
		text += fmt.Sprintf("; min %d", v.count.min)
	}
	return text + "; within " + v.within.String()
}

func (v *reconnect) assess(j *Judge, r *Result) assessor {
	return &returning{selecting: selecting{assessing{j, r}, v.where}, reconnect: v, clients: make(map[clientOf]*returns)}
}

type returning struct {
	selecting
	*reconnect
	clients map[clientOf]*returns
	total   uint64
	perhaps uint64
}

type clientOf struct {
	client     netip.Addr
	host, path string
}

// returns are the ends of a client's connections, and its reconnects.
type returns struct {
	ends []ended // the latest
	n    uint64
}

type ended struct {
	at  int64
	row Row
}

// maxClients and maxEnds bound what is remembered.
const (
	maxClients = 1 << 16
	maxEnds    = 64
)

func (v *returning) close(c *timeline.Conn, at timeline.Stamp) {
	in := v.where.match(&v.j.row)
	if in == query.False {
		return
	}
	v.r.Judged++
	h := c.Handshake
	if h == nil || !c.Client.IsValid() {
		v.perhaps++
		v.r.Unknown++
		return
	}
	key := clientOf{c.Client.Addr(), h.Host, h.Path}
	of := v.clients[key]
	if of == nil {
		if len(v.clients) >= maxClients {
			v.r.doubt(fmt.Sprintf("there are more than %d clients", maxClients))
			return
		}
		of = &returns{}
		v.clients[key] = of
	}
	for i := len(of.ends) - 1; i >= 0; i-- {
		before := &of.ends[i]
		if after := time.Duration(c.Opened.Time - before.at); after >= 0 && after <= v.within {
			v.back(c, of, in, before.row, after)
			break
		}
	}
	if c.TCP != timeline.TCPOpen && !c.Refused() {
		if !c.EndBegan.IsZero() {
			at = c.EndBegan
		}
		of.ends = append(of.ends, ended{at.Time, connRow(c)})
		if len(of.ends) > maxEnds {
			of.ends = slices.Delete(of.ends, 0, 1)
		}
	}
}

// back counts a reconnect.
func (v *returning) back(c *timeline.Conn, of *returns, in query.Verdict, before Row, after time.Duration) {
	if in == query.Unknown {
		v.perhaps++
		v.r.Unknown++
		return
	}
	v.total++
	if of.n++; !v.count.bounded || of.n <= v.count.max {
		return
	}
	v.r.against(1, func() Violation {
		row := connRow(c)
		row.Line = "! open"
		return Violation{
			Conn: c.ID, URL: c.URL(), Expected: fmt.Sprintf("at most %d reconnects of a client within %s of an end", v.count.max, v.within),
			Actual: fmt.Sprintf("this is number %d, %s after the end", of.n, after.Round(time.Microsecond)), Rows: []Row{before, row},
		}
	})
}

func (v *returning) done(*timeline.Totals) {
	if v.total < v.count.min && v.total+v.perhaps < v.count.min {
		v.r.Wanted = fmt.Sprintf("%d reconnects wanted, %d seen", v.count.min, v.total)
	}
	v.r.settled = !v.count.bounded && v.total >= v.count.min
}

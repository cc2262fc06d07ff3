package query

import (
	"net/netip"

	"github.com/wsdump/wsdump/timeline"
)

// This file has the getters for the keys of open, which every row of the connection
// has, and for those of close.

// ofConn makes a getter that reads from the connection.
func ofConn(get func(*timeline.Conn) value) getter {
	return func(r *Row) value {
		if r.conn == nil {
			return absent
		}
		return get(r.conn)
	}
}

// asked makes a getter that reads from the request. It returns unknown when the request
// is not in the capture.
func asked(get func(*timeline.Handshake) value) getter {
	return func(r *Row) value {
		switch {
		case r.conn == nil:
			return absent
		case r.conn.Handshake == nil || r.conn.Handshake.Request.IsZero():
			return unknown
		}
		return get(r.conn.Handshake)
	}
}

// getHost returns the host. Where TLS hides the request and only a possible match is
// asked for, it returns the server name.
func getHost(r *Row) value {
	if r.kind == rowAny && r.conn.Handshake == nil && r.conn.ServerName != "" {
		return text(r.conn.ServerName)
	}
	return asked(host)(r)
}

// answered makes a getter that reads from the response. It returns unknown when the
// response is not in the capture.
func answered(get func(*timeline.Handshake) value) getter {
	return func(r *Row) value {
		switch {
		case r.conn == nil:
			return absent
		case r.conn.Handshake == nil || r.conn.Handshake.Status == 0:
			return unknown
		}
		return get(r.conn.Handshake)
	}
}

func getURL(r *Row) value {
	switch {
	case r.conn == nil:
		return absent
	case r.conn.Handshake == nil || r.conn.Handshake.Request.IsZero():
		return unknown
	}
	u := &r.urls[r.conn.ID%urlsKept]
	if u.conn != r.conn || u.id != r.conn.ID {
		*u = urlOf{r.conn, r.conn.ID, r.conn.URL()}
	}
	return text(u.url)
}

func scheme(h *timeline.Handshake) value  { return some(h.Scheme) }
func host(h *timeline.Handshake) value    { return some(h.Host) }
func path(h *timeline.Handshake) value    { return text(h.Path) }
func origin(h *timeline.Handshake) value  { return some(h.Origin) }
func agent(h *timeline.Handshake) value   { return some(h.UserAgent) }
func version(h *timeline.Handshake) value { return some(h.HTTPVersion) }
func status(h *timeline.Handshake) value  { return count(uint64(max(0, h.Status))) }
func accept(h *timeline.Handshake) value  { return text(h.Verdict.String()) }
func chosen(h *timeline.Handshake) value  { return some(h.Subprotocol) }

func handshakeTime(h *timeline.Handshake) value {
	if h.Request.IsZero() || h.Response.IsZero() {
		return unknown
	}
	return millis(h.Response.Time - h.Request.Time)
}

// address writes an address into memory of its own, since two may be compared.
func address(which int, get func(*timeline.Conn) netip.AddrPort) getter {
	return func(r *Row) value {
		if r.conn == nil {
			return absent
		}
		a := get(r.conn)
		if !a.IsValid() {
			return absent
		}
		return rawText(a.AppendTo(r.hosts[which][:0]))
	}
}

func client(c *timeline.Conn) netip.AddrPort { return c.Client }
func server(c *timeline.Conn) netip.AddrPort { return c.Server }
func peer(c *timeline.Conn) netip.AddrPort   { return c.Peer }

// Lists of a row, as value.index says.
const (
	listOffered = iota
	listExtensions
	listExtensionsOffered
)

func list(id int64) value { return value{kind: kindList, state: stateKnown, index: id} }

func offered(*timeline.Handshake) value           { return list(listOffered) }
func extensions(*timeline.Handshake) value        { return list(listExtensions) }
func extensionsOffered(*timeline.Handshake) value { return list(listExtensionsOffered) }

// listLen returns how many entries a list of the row has.
func (r *Row) listLen(id int64) int {
	h := r.conn.Handshake
	switch id {
	case listOffered:
		return len(h.SubprotocolsOffered)
	case listExtensions:
		return len(h.Extensions)
	}
	return len(h.ExtensionsOffered)
}

// listHas reports whether a list of the row has an entry. An extension is found by its
// name, or by all of its header value.
func (r *Row) listHas(id int64, v *value) bool {
	h := r.conn.Handshake
	if id == listOffered {
		for _, s := range h.SubprotocolsOffered {
			if e := text(s); same(&e, v) {
				return true
			}
		}
		return false
	}
	all := h.Extensions
	if id == listExtensionsOffered {
		all = h.ExtensionsOffered
	}
	for i := range all {
		if name := text(all[i].Name); same(&name, v) {
			return true
		}
		if len(all[i].Params) > 0 {
			if full := text(all[i].String()); same(&full, v) {
				return true
			}
		}
	}
	return false
}

// header returns the value of the first field of that name.
func header(headers []timeline.Header, name string) value {
	v, ok := timeline.Get(headers, name)
	if !ok {
		return absent
	}
	return text(v)
}

// closing makes a getter that reads from a connection that is over: on the close row,
// and in the scope Connections.
func closing(get func(*Row, *timeline.Conn) value) getter {
	return func(r *Row) value {
		switch r.kind {
		case rowAny:
			return unknown
		case rowClose, rowConnection:
			return get(r, r.conn)
		}
		return absent
	}
}

// endSeen reports whether the capture has the end of c, and no close frame can be
// missing before it.
func endSeen(c *timeline.Conn) bool { return ended(c) && !gaps(c) }

// ended reports whether no frame can have come after the last one that is known. A
// refused handshake is such an end, whatever the transport did next.
func ended(c *timeline.Conn) bool {
	return c.Refused() || c.TCP != timeline.TCPOpen && c.TCP != timeline.TCPTimeout
}

func gaps(c *timeline.Conn) bool {
	return c.Transport != nil && c.Transport.Gaps != [2]uint64{}
}

// damaged reports whether frames of c may be missing before now.
func damaged(c *timeline.Conn) bool { return c.Midstream || gaps(c) || c.Unrecorded }

// cut reports whether c may have had more than the capture shows.
func cut(c *timeline.Conn) bool { return damaged(c) || !ended(c) }

func noCloseFrame(c *timeline.Conn) bool { return c.ClosedBy == [2]bool{} }

func getBy(_ *Row, c *timeline.Conn) value { return text(c.By.String()) }

func getTCP(_ *Row, c *timeline.Conn) value { return text(c.TCP.String()) }

// getClean returns whether c closed cleanly. A reset is not clean, whatever is missing.
func getClean(_ *Row, c *timeline.Conn) value {
	switch {
	case c.Clean():
		return flag(true)
	case !ended(c), gaps(c) && c.FirstFIN != timeline.PartyUnknown:
		return unknown
	}
	return flag(false)
}

func getDuration(_ *Row, c *timeline.Conn) value {
	return millis(int64(c.Duration())).partly(c.Midstream || !ended(c))
}

func getIdle(_ *Row, c *timeline.Conn) value {
	d, ok := c.Idle()
	switch {
	case ok:
		return millis(int64(d)).partly(!ended(c) && noCloseFrame(c))
	case cut(c):
		return unknown
	}
	return absent
}

// getFirstMessage returns the time until the first message. Where bytes are missing, the
// first message may be missing, too.
func getFirstMessage(_ *Row, c *timeline.Conn) value {
	d, ok := c.Wait()
	switch {
	case ok && !gaps(c):
		return millis(int64(d))
	case cut(c) || c.Handshake == nil:
		return unknown
	}
	return absent
}

func getLastDir(_ *Row, c *timeline.Conn) value {
	switch {
	case !c.LastFrame.IsZero():
		return text(c.LastDir.String())
	case cut(c):
		return unknown
	}
	return absent
}

// counted makes a getter for a counter. Its value is a lower bound where there may have
// been more.
func counted(dir timeline.Direction, get func(*timeline.Counters) uint64) getter {
	return closing(func(_ *Row, c *timeline.Conn) value {
		return count(get(&c.Counters[dir])).partly(cut(c))
	})
}

func messages(c *timeline.Counters) uint64   { return c.Messages }
func frameCount(c *timeline.Counters) uint64 { return c.Frames }
func byteCount(c *timeline.Counters) uint64  { return c.Bytes }
func wireBytes(c *timeline.Counters) uint64  { return c.WireBytes }

// found makes a getter for the number of findings of a severity.
func found(s timeline.Severity) getter {
	return func(r *Row) value {
		switch r.kind {
		case rowAny:
			return unknown
		case rowConnection:
			return count(r.conn.FindingsBy[s]).partly(cut(r.conn))
		}
		return absent
	}
}

// legOf is absent for a connection that is no leg of a proxy.
func legOf(c *timeline.Conn) value {
	if c.LegOf == 0 {
		return absent
	}
	return number(float64(c.LegOf))
}

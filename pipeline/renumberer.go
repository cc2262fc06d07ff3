package pipeline

import "github.com/wsdump/wsdump/timeline"

// offsets are the numbers that the inputs before one have used, where several inputs
// are numbered throughout.
type offsets struct {
	packets, conns uint64
}

// renumberer gives the calls of one input after the other the numbers that they have
// among all inputs. Each input was recorded with numbers of its own.
type renumberer struct {
	offsets
	open map[uint64]*snapshot // connections of the current input, by their number in it
}

// renumber changes the numbers in b. It also makes all calls for one connection have
// the same snapshot: after a file each of them has its own.
func (r *renumberer) renumber(b *batch) {
	for i := range b.calls {
		c := &b.calls[i]
		if s := c.snapshot; s != nil {
			switch {
			case s.late:
				r.conn(&s.now)
			case c.kind == callOpen:
				r.conn(&s.now)
				r.open[s.id] = s
			default:
				c.snapshot = r.open[s.id]
			}
		}
		switch c.kind {
		case callBegin:
			r.stamp(&b.begins[c.index])
		case callFrame:
			f := &b.frames[c.index]
			r.stamp(&f.First)
			r.stamp(&f.Last)
		case callMessage:
			m := &b.messages[c.index]
			r.stamp(&m.First)
			r.stamp(&m.Last)
		case callFinding:
			r.stamp(&b.findings[c.index].At)
		case callClose:
			r.conn(&b.conns[c.index])
			r.stamp(&b.conns[c.index].at)
			delete(r.open, c.snapshot.id)
		case callOther:
			o := b.others[c.index]
			r.stamp(&o.Ended)
			if t := o.Transport; t != nil {
				r.transport(t)
			}
		}
	}
}

func (r *renumberer) stamp(s *timeline.Stamp) {
	if s.Packet > 0 {
		s.Packet += r.packets
	}
}

func (r *renumberer) transport(t *timeline.Transport) {
	t.ID += r.packets
	r.stamp(&t.First)
	r.stamp(&t.Last)
	r.stamp(&t.FirstResent)
}

func (r *renumberer) conn(x *connState) {
	c := &x.conn
	c.ID += r.conns
	if c.LegOf != 0 {
		c.LegOf += r.conns
	}
	for _, s := range []*timeline.Stamp{&c.Opened, &c.FirstMsg, &c.LastFrame, &c.EndBegan, &c.Ended} {
		r.stamp(s)
	}
	if c.Handshake != nil {
		h := *c.Handshake // shared: others still read the old numbers
		r.stamp(&h.Request)
		r.stamp(&h.Response)
		c.Handshake = &h
	}
	if c.Transport != nil {
		r.transport(&x.transport)
	}
	x.link()
}

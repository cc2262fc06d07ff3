package pipeline

import "github.com/wsdump/wsdump/timeline"

// base is what came before an input, where several are numbered through.
type base struct {
	packets, conns uint64
}

// replay tells a sink of one input after the other, each as it was written down
// alone, with the numbers that it has among them.
type replay struct {
	base
	open map[uint64]*shadow // connections of the current input, by their number in it
}

// settle makes all calls of b for one connection have the same shadow, and all
// numbers those of the whole input.
func (r *replay) settle(b *telling) {
	for i := range b.calls {
		c := &b.calls[i]
		if s := c.shadow; s != nil {
			switch {
			case s.late:
				r.conn(&s.now)
			case c.kind == callOpen:
				r.conn(&s.now)
				r.open[s.id] = s
			default:
				c.shadow = r.open[s.id]
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
			delete(r.open, c.shadow.id)
		case callOther:
			o := b.others[c.index]
			r.stamp(&o.Ended)
			if t := o.Transport; t != nil {
				r.transport(t)
			}
		}
	}
}

func (r *replay) stamp(s *timeline.Stamp) {
	if s.Packet > 0 {
		s.Packet += r.packets
	}
}

func (r *replay) transport(t *timeline.Transport) {
	t.ID += r.packets
	r.stamp(&t.First)
	r.stamp(&t.Last)
	r.stamp(&t.FirstResent)
}

func (r *replay) conn(x *closing) {
	c := &x.conn
	c.ID += r.conns
	if c.LegOf != 0 {
		c.LegOf += r.conns
	}
	for _, s := range []*timeline.Stamp{&c.Opened, &c.FirstMsg, &c.LastFrame, &c.EndBegan, &c.Ended} {
		r.stamp(s)
	}
	if c.Handshake != nil {
		h := *c.Handshake
		r.stamp(&h.Request)
		r.stamp(&h.Response)
		c.Handshake = &h
	}
	if c.Transport != nil {
		r.transport(&x.transport)
	}
	x.join()
}

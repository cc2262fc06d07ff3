package timeline

// Ending collects how the two directions of a transport ended. The zero value is for
// a transport that is open.
type Ending struct {
	Began Stamp // the first FIN or RST
	By    Party // who sent it
	FIN   Party // who sent the first FIN
	n     int
	fins  int
	reset bool
	over  [2]bool
	last  End
}

// Add adds the end of one direction and reports whether both have ended. A direction
// ends once; Add ignores later ends.
func (e *Ending) Add(dir Direction, at Stamp, why End) (both bool) {
	if e.over[dir] {
		return e.n == 2
	}
	e.over[dir] = true
	e.n++
	e.last = why
	switch why {
	case EndFIN:
		e.fins++
		if e.FIN == PartyUnknown {
			e.FIN = dir.Sender()
		}
	case EndReset:
		e.reset = true
	default:
		return e.n == 2
	}
	if e.By == PartyUnknown {
		e.By, e.Began = dir.Sender(), at
	}
	return e.n == 2
}

// TCP returns how the transport as a whole ended.
func (e *Ending) TCP() TCPEnd {
	switch {
	case e.reset:
		return TCPReset
	case e.fins == 2:
		return TCPFIN
	case e.fins == 1:
		return TCPHalf
	case e.n == 0 || e.last == EndOpen:
		return TCPOpen
	}
	return TCPTimeout
}

// Exchange swaps client and server.
func (e *Ending) Exchange() {
	e.over[0], e.over[1] = e.over[1], e.over[0]
	e.By, e.FIN = e.By.other(), e.FIN.other()
}

func (p Party) other() Party {
	switch p {
	case PartyClient:
		return PartyServer
	case PartyServer:
		return PartyClient
	}
	return p
}

// Finish fills in the fields of c about its end: from e, and at as the end.
func (c *Conn) Finish(e *Ending, at Stamp) {
	c.Ended, c.TCP, c.FirstFIN = at, e.TCP(), e.FIN
	if c.By == PartyUnknown {
		c.By = e.By
	}
	if c.EndBegan.IsZero() {
		c.EndBegan = e.Began
	}
	if c.EndBegan.IsZero() {
		c.EndBegan = at
	}
}

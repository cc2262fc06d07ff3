package pipeline

// clock says which time the timers go by. Clocks of machines are set: a board without a
// battery begins in 1970 until NTP answers, and single packets have wild times. So a step
// forward of more than limit nanoseconds counts when a second packet confirms it. A step
// is no silence: connections that were open before it are open behind it.
//
// The zero value with a limit is ready. A clock never goes back. Times are not negative
// (capture bounds them), so that differences do not overflow.
type clock struct {
	limit   int64
	now     int64 // the latest time that counts
	jumped  int64 // where an unconfirmed step led
	pending bool  // there is such a step
	began   bool
}

// at returns the time that counts with a packet of time t. stepped says that the clock
// was set: from was the time before.
func (c *clock) at(t int64) (now, from int64, stepped bool) {
	switch {
	case !c.began:
		c.began, c.now = true, t
	case t-c.now <= c.limit:
		c.now, c.pending = max(c.now, t), false
	case c.pending && t >= c.jumped-c.limit && t-c.jumped <= c.limit:
		from, c.now, c.pending = c.now, max(t, c.jumped), false
		return c.now, from, true
	default:
		c.jumped, c.pending = t, true
	}
	return c.now, 0, false
}

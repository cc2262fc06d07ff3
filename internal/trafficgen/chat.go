package trafficgen

import "strconv"

// words fill texts up.
const words = `the quick brown fox jumps over the lazy dog while prices rise and fall and nobody knows why the order of things is what it is today `

// json makes a text of 60 to 200 bytes up.
func (g *generator) json() []byte {
	n := 60 + int(g.random.Uint64N(141))
	g.texts++
	b := append(g.text[:0], `{"id":`...)
	b = strconv.AppendUint(b, g.texts, 10)
	b = append(b, `,"type":"note","text":"`...)
	from := int(g.random.Uint64N(40))
	for len(b) < n-2 {
		part := words[from:]
		b = append(b, part[:min(len(part), n-2-len(b))]...)
		from = 0
	}
	g.text = append(b, `"}`...)
	return g.text
}

// chat is a number of connections in turns. For every byte of theirs there are
// others bytes of other protocols.
func (g *generator) chat(connections, others int) {
	all := make([]*conn, 0, g.alive(connections))
	for len(all) < cap(all) && (len(all) == 0 || g.written+handshakeBytes*int64(len(all)) < g.Bytes) {
		all = append(all, g.open("/chat", ""))
	}
	noise := &noise{generator: g}
	budget := int64(0) // of other bytes, owed
	for i := 0; !g.full(len(all)); i++ {
		before := g.written
		c := all[i%len(all)]
		if g.Kind != "wide" { // where all take turns, so that none is at hand in a cache
			c = all[g.random.Uint64N(uint64(len(all)))]
		}
		g.turn(c)
		budget += (g.written - before) * int64(others)
		for budget > 0 {
			before = g.written
			noise.step()
			budget -= g.written - before
		}
	}
	for _, c := range all {
		g.close(c)
	}
	noise.close()
}

// turn is one segment of a connection, or in "disorder" what becomes of it.
func (g *generator) turn(c *conn) {
	dir := received
	if g.chance(3) {
		dir = sent
	}
	b, whole, ends, begins := g.frames(c, dir)
	if g.Kind != "disorder" {
		g.send(c, dir, b)
		return
	}
	switch n := g.random.Uint64N(1000); {
	case n == 0:
		c.next[dir] += uint32(len(b))
		g.now += pace
		g.manifest.Lost++
		g.manifest.FramesTouched += uint64(whole)
		if ends && !c.hurt[dir] {
			g.manifest.FramesTouched++
		}
		if begins {
			g.manifest.FramesTouched++
		}
		c.hurt[dir] = begins
		return
	case n <= 10:
		g.send(c, dir, b)
		c.next[dir] -= uint32(len(b))
		g.send(c, dir, b)
		g.manifest.Doubled++
	case n <= 20:
		first := c.next[dir]
		late := append([]byte(nil), b...)
		c.next[dir] += uint32(len(b))
		b, _, _, _ = g.frames(c, dir)
		g.send(c, dir, b)
		after := c.next[dir]
		c.next[dir] = first
		g.send(c, dir, late)
		c.next[dir] = after
		g.manifest.Overtaken++
	default:
		g.send(c, dir, b)
	}
	c.hurt[dir] = false
}

// frames returns the bytes of the next segment: most often a frame, now and then
// two or three, or one that is cut in two, whose rest comes with the next
// segment. It tells how many whole frames there are, and whether the bytes end
// one that was begun and begin one that goes on.
func (g *generator) frames(c *conn, dir int) (b []byte, whole int, ends, begins bool) {
	b = append(g.segment[:0], c.rest[dir]...)
	ends = len(b) > 0
	c.rest[dir] = c.rest[dir][:0]
	n := 1
	switch g.random.Uint64N(16) {
	case 0:
		n = 2
	case 1:
		n = 3
	case 2:
		begins = g.Kind != "wide"
	}
	from := len(b)
	for i := range n {
		from = len(b)
		b = g.frame(b, dir, 0x81, g.json())
		whole = i + 1
	}
	g.segment = b
	if begins {
		cut := from + 1 + int(g.random.Uint64N(uint64(len(b)-from-1)))
		c.rest[dir] = append(c.rest[dir], b[cut:]...)
		b = b[:cut]
		whole--
	}
	return b, whole, ends, begins
}

// short is connections that live for six messages, a few of them at a time.
func (g *generator) short(together int) {
	type life struct {
		*conn
		turns int
	}
	alive := make([]life, 0, g.alive(together))
	for !g.full(len(alive)) {
		if len(alive) < cap(alive) {
			alive = append(alive, life{conn: g.open("/short", "")})
		}
		i := int(g.random.Uint64N(uint64(len(alive))))
		l := &alive[i]
		g.send(l.conn, l.turns%2, g.frame(g.segment[:0], l.turns%2, 0x81, g.json()))
		if l.turns++; l.turns == 6 {
			g.close(l.conn)
			alive[i] = alive[len(alive)-1]
			alive = alive[:len(alive)-1]
		}
	}
	for _, l := range alive {
		g.close(l.conn)
	}
}

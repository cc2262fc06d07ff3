package trafficgen

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
)

// tape is a run of messages compressed one after the other with one context.
// Since the first refers to nothing before it, a tape may be played again and
// again, by any number of connections: compressing gigabytes is not needed.
type tape struct {
	compressed [][]byte
	lengths    []int
}

// tapes and tapeLength bound what is compressed, to 1 MB of text.
const (
	tapes      = 4
	tapeLength = 500
)

// record makes a tape: messages of some 590 bytes that become a sixth.
func (g *generator) record() *tape {
	t := &tape{}
	var out bytes.Buffer
	z, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err != nil {
		panic(err) // the level is right
	}
	for i := range tapeLength {
		text := fmt.Appendf(nil, `{"seq":%d,"type":"book","market":"ABC-%d","time":%d,"bids":[`, i, g.random.IntN(90), 1_700_000_000_000+int64(i)*37)
		for level := range 10 {
			if level > 0 {
				text = append(text, ',')
			}
			text = fmt.Appendf(text, `{"price":"%d.%02d","size":"%d.%02d0000","orders":%d}`, 100, g.random.IntN(100), g.random.IntN(9), g.random.IntN(100), 1+g.random.IntN(9))
		}
		text = append(text, `]}`...)
		out.Reset()
		if _, err = z.Write(text); err == nil {
			err = z.Flush()
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
		b := bytes.TrimSuffix(out.Bytes(), []byte{0, 0, 0xff, 0xff})
		t.compressed = append(t.compressed, bytes.Clone(b))
		t.lengths = append(t.lengths, len(text))
	}
	return t
}

// compressed is connections in turns whose messages are compressed with context
// takeover in both directions.
func (g *generator) compressed(connections int) {
	var all []*tape
	for range tapes {
		all = append(all, g.record())
	}
	open := make([]*conn, g.alive(connections))
	for i := range open {
		open[i] = g.open("/deflate", "permessage-deflate")
	}
	for !g.full(len(open)) {
		i := g.random.IntN(len(open))
		c, dir := open[i], received
		if g.chance(3) {
			dir = sent
		}
		t := all[(i+3*dir)%tapes]
		at := c.tape[dir]
		c.tape[dir] = (at + 1) % tapeLength
		g.count(dir).Bytes += uint64(t.lengths[at])
		g.segment = g.frame(g.segment[:0], dir, 0xc1, t.compressed[at])
		g.send(c, dir, g.segment)
		g.copyOut(uint32(2*i+dir), t.compressed[at])
	}
	for _, c := range open {
		g.close(c)
	}
}

// copyOut writes a compressed message to Spec.Deflated: the number of its stream,
// which has one context, its length, and its bytes; numbers in 4 bytes, the
// lowest first.
func (g *generator) copyOut(stream uint32, b []byte) {
	if g.Deflated == nil || g.err != nil {
		return
	}
	head := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, stream), uint32(len(b)))
	for _, part := range [][]byte{head, b} {
		if _, err := g.Deflated.Write(part); err != nil {
			g.err = err
		}
	}
}

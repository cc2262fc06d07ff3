package trafficgen

import "encoding/binary"

// segmentSize is what fits into a packet of 1,500 bytes behind the headers.
const segmentSize = 1448

// bulk is binary messages of 64 KiB, of several connections in turns; every
// fourth is the client's.
func (g *generator) bulk(connections int) {
	const size = 64 << 10
	type stream struct {
		*conn
		dir   int
		bytes []byte // of the frame, what is not sent yet
		room  []byte
	}
	block := make([]byte, 2*size)
	for i := 0; i < len(block); i += 8 {
		binary.LittleEndian.PutUint64(block[i:], g.random.Uint64())
	}
	all := make([]stream, g.alive(connections))
	for i := range all {
		all[i].conn = g.open("/bulk", "")
	}
	for n := 0; ; n++ {
		s := &all[n%len(all)]
		if len(s.bytes) == 0 {
			if g.full(len(all)) || g.written+int64(len(all))*size > g.Bytes && g.written > 2*int64(len(all))*size {
				break
			}
			s.dir = received
			if g.chance(4) {
				s.dir = sent
			}
			from := g.random.Uint64N(size)
			s.room = g.frame(s.room[:0], s.dir, 0x82, block[from:from+size])
			s.bytes = s.room
		}
		k := min(segmentSize, len(s.bytes))
		g.send(s.conn, s.dir, s.bytes[:k])
		s.bytes = s.bytes[k:]
		if n%(4*len(all)) < len(all) { // a receiver acknowledges now and then
			g.ack(s.conn, 1-s.dir)
		}
	}
	for i := range all {
		s := &all[i]
		for len(s.bytes) > 0 {
			k := min(segmentSize, len(s.bytes))
			g.send(s.conn, s.dir, s.bytes[:k])
			s.bytes = s.bytes[k:]
		}
		g.close(s.conn)
	}
}

// noise is what else is on a network: TLS, HTTP, QUIC and DNS.
type noise struct {
	*generator
	tls, http []*conn
	left      []int // bytes of each HTTP response
	random    []byte
}

// noisy is how many connections of each kind there are.
const noisy = 50

func (n *noise) step() {
	if n.tls == nil {
		n.random = make([]byte, 64<<10)
		for i := 0; i < len(n.random); i += 8 {
			binary.LittleEndian.PutUint64(n.random[i:], n.generator.random.Uint64())
		}
		for range noisy {
			n.tls, n.http, n.left = append(n.tls, n.dialTLS()), append(n.http, n.dial(80)), append(n.left, 0)
		}
	}
	i := int(n.generator.random.Uint64N(noisy))
	from := n.generator.random.Uint64N(32 << 10)
	some := n.random[from : from+segmentSize]
	switch n.generator.random.Uint64N(20) {
	case 0:
		query := append(append([]byte{}, some[:2]...), "\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05bench\x07example\x03com\x00\x00\x01\x00\x01"...)
		n.udp(endpoint{10<<24 | 1, 40_000}, endpoint{10<<24 | 53, 53}, query)
	case 1, 2, 3, 4:
		n.segment = append(append(n.segment[:0], 0x40|some[0]&0x3f), some[1:1200]...)
		n.udp(endpoint{192<<24 | 168<<16 | 9, 443}, endpoint{10<<24 | uint32(i), uint16(50_000 + i)}, n.segment)
	case 5, 6, 7, 8, 9, 10:
		c := n.http[i]
		if n.left[i] == 0 {
			n.left[i] = 1 << 20
			n.send(c, sent, []byte("GET /file HTTP/1.1\r\nHost: files.example.com\r\n\r\n"))
			n.send(c, received, []byte("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 1048576\r\n\r\n"))
		}
		k := min(n.left[i], len(some))
		n.send(c, received, some[:k])
		n.left[i] -= k
	default:
		n.segment = append(append(n.segment[:0], 23, 3, 3, (segmentSize-5)>>8, (segmentSize-5)&0xff), some[5:]...)
		n.send(n.tls[i], received, n.segment)
	}
}

// dialTLS begins a TLS connection: hellos of TLS 1.2, and no keys.
func (n *noise) dialTLS() *conn {
	c := n.dial(443)
	name := "site.example.com"
	list := append(append([]byte{0}, be16(len(name))...), name...)
	sni := append(append(append([]byte{0, 0}, be16(len(list)+2)...), be16(len(list))...), list...)
	hello := append([]byte{3, 3}, n.random[:32]...)
	hello = append(hello, 0, 0, 2, 0xc0, 0x2f, 1, 0)
	hello = append(append(hello, be16(len(sni))...), sni...)
	n.send(c, sent, handshakeRecord(1, hello))
	answer := append([]byte{3, 3}, n.random[32:64]...)
	n.send(c, received, handshakeRecord(2, append(answer, 0, 0xc0, 0x2f, 0)))
	n.send(c, received, []byte{20, 3, 3, 0, 1, 1})
	return c
}

func handshakeRecord(kind byte, body []byte) []byte {
	b := append([]byte{22, 3, 3}, be16(len(body)+4)...)
	b = append(append(b, kind, 0), be16(len(body))...)
	return append(b, body...)
}

func be16(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }

func (n *noise) close() {
	for _, c := range append(n.tls, n.http...) {
		n.hangUp(c)
	}
}

package trafficgen

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// Directions, as indexes.
const (
	sent     = 0 // by the client
	received = 1
)

// conn is a TCP connection. What it keeps is small, for hundreds of thousands
// are alive at once.
type conn struct {
	end  [2]endpoint // the client's, the server's
	next [2]uint32   // sequence number of the next byte
	tape [2]uint32   // where it is on the tape of compressed messages
	rest [2][]byte   // of a frame that was cut in two
	hurt [2]bool     // the first part of rest was lost
}

// handshakeBytes is about how much of a file a handshake takes.
const handshakeBytes = 900

// dial makes a connection: the handshake of TCP.
func (g *generator) dial(port uint16) *conn {
	g.ids++
	n := uint32(g.ids)
	c := &conn{end: [2]endpoint{{10<<24 | n/20_000 + 256, uint16(20_000 + n%20_000)}, {192<<24 | 168<<16 | n%16 + 1, port}}}
	c.next = [2]uint32{g.random.Uint32(), g.random.Uint32()}
	g.manifest.TCPConnections++
	g.tcp(c.end[0], c.end[1], c.next[0], 0, flagSYN, nil)
	c.next[0]++
	g.tcp(c.end[1], c.end[0], c.next[1], c.next[0], flagSYN|flagACK, nil)
	c.next[1]++
	g.ack(c, sent)
	return c
}

// send writes bytes in one segment.
func (g *generator) send(c *conn, dir int, b []byte) {
	g.tcp(c.end[dir], c.end[1-dir], c.next[dir], c.next[1-dir], flagACK|flagPSH, b)
	c.next[dir] += uint32(len(b))
}

// ack writes a segment without data.
func (g *generator) ack(c *conn, dir int) {
	g.tcp(c.end[dir], c.end[1-dir], c.next[dir], c.next[1-dir], flagACK, nil)
}

// open makes a WebSocket.
func (g *generator) open(path, extension string) *conn {
	c := g.dial(80)
	g.manifest.Connections++
	var key [16]byte
	binary.LittleEndian.PutUint64(key[:], g.random.Uint64())
	binary.LittleEndian.PutUint64(key[8:], g.random.Uint64())
	text := base64.StdEncoding.EncodeToString(key[:])
	hash := sha1.Sum([]byte(text + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if extension != "" {
		extension = "Sec-WebSocket-Extensions: " + extension + "\r\n"
	}
	g.send(c, sent, fmt.Appendf(nil, "GET %s?id=%d HTTP/1.1\r\nHost: bench.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n%sUser-Agent: trafficgen\r\n\r\n", path, g.ids, text, extension))
	g.send(c, received, fmt.Appendf(nil, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
		base64.StdEncoding.EncodeToString(hash[:]), extension))
	return c
}

// close ends a WebSocket: close frames, then FIN.
func (g *generator) close(c *conn) {
	for dir := range c.rest {
		g.finish(c, dir)
	}
	for _, dir := range []int{sent, received} {
		g.send(c, dir, g.frame(g.segment[:0], dir, 0x88, []byte{3, 0xe8}))
	}
	g.hangUp(c)
}

// hangUp ends a TCP connection.
func (g *generator) hangUp(c *conn) {
	for _, dir := range []int{received, sent} {
		g.tcp(c.end[dir], c.end[1-dir], c.next[dir], c.next[1-dir], flagFIN|flagACK, nil)
		c.next[dir]++
	}
	g.ack(c, received)
}

// finish sends what is left of a frame that was cut in two.
func (g *generator) finish(c *conn, dir int) {
	if len(c.rest[dir]) > 0 {
		b := c.rest[dir]
		c.rest[dir] = c.rest[dir][:0]
		g.send(c, dir, b)
	}
}

// count is that of a direction.
func (g *generator) count(dir int) *Count {
	if dir == sent {
		return &g.manifest.Sent
	}
	return &g.manifest.Received
}

// frame appends a frame whose first byte is given, masked if it is the client's,
// and counts it, as a message too when it is one.
func (g *generator) frame(b []byte, dir int, first byte, payload []byte) []byte {
	n := g.count(dir)
	n.Frames++
	n.WireBytes += uint64(len(payload))
	if first&8 == 0 {
		n.Messages++
	}
	if first&0x40 == 0 { // else the caller knows the length
		n.Bytes += uint64(len(payload))
	}
	mask := byte(0x80 * (1 - dir))
	switch {
	case len(payload) < 126:
		b = append(b, first, mask|byte(len(payload)))
	case len(payload) < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, first, mask|126), uint16(len(payload)))
	default:
		b = binary.BigEndian.AppendUint64(append(b, first, mask|127), uint64(len(payload)))
	}
	if dir == received {
		return append(b, payload...)
	}
	key := g.random.Uint32() | 1
	b = binary.LittleEndian.AppendUint32(b, key)
	return appendMasked(b, payload, uint64(key)<<32|uint64(key))
}

// appendMasked appends payload under a key that is there twice, which begins
// with the first byte.
func appendMasked(b, payload []byte, key uint64) []byte {
	for ; len(payload) >= 8; payload = payload[8:] {
		b = binary.LittleEndian.AppendUint64(b, binary.LittleEndian.Uint64(payload)^key)
	}
	for i, v := range payload {
		b = append(b, v^byte(key>>(8*i)))
	}
	return b
}

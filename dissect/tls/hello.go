// Package tls reads what a TLS connection says in the clear: the names in its
// ClientHello (RFC 8446 4.1.2, RFC 6066 3, RFC 7301).
package tls

import "encoding/binary"

// MaxHello is how many bytes of a client are looked at for its ClientHello. A
// record holds 16 KiB at most; post-quantum key shares fill some 2 KiB.
const MaxHello = 16<<10 + 5

// Hello is what a ClientHello tells without any key.
type Hello struct {
	ServerName string
	ALPN       []string
}

// IsRecord reports whether b begins like a TLS handshake record of a client or
// a server; whole is false when b is too short to tell.
func IsRecord(b []byte) (is, whole bool) {
	pattern := [...]func(byte) bool{
		func(c byte) bool { return c == 22 },
		func(c byte) bool { return c == 3 },
		func(c byte) bool { return c <= 4 },
		func(c byte) bool { return c <= 0x41 },
		func(c byte) bool { return true },
		func(c byte) bool { return c == 1 || c == 2 },
	}
	for i, ok := range pattern {
		if i == len(b) {
			return true, false
		}
		if !ok(b[i]) {
			return false, true
		}
	}
	return true, true
}

// ParseHello reads the ClientHello at the start of b, which begins with a
// record header. ok is false while b is too short or when it is none.
func ParseHello(b []byte) (h Hello, ok bool) {
	var hs []byte // the handshake message, taken out of its records
	for len(b) >= 5 && b[0] == 22 {
		n := int(binary.BigEndian.Uint16(b[3:]))
		body := b[5:]
		hs = append(hs, body[:min(n, len(body))]...)
		b = body[min(n, len(body)):]
	}
	if len(hs) < 4 || hs[0] != 1 {
		return h, false
	}
	n := int(hs[1])<<16 | int(hs[2])<<8 | int(hs[3])
	if len(hs) < 4+n {
		return h, false
	}
	c := cursor{hs[4 : 4+n]}
	c.skip(2 + 32)
	c.vector(1)
	c.vector(2)
	c.vector(1)
	for ext := (cursor{c.vector(2)}); len(ext.b) > 0; {
		kind := ext.number(2)
		body := cursor{ext.vector(2)}
		switch kind {
		case 0:
			for names := (cursor{body.vector(2)}); len(names.b) > 0; {
				host := names.number(1) == 0
				if name := names.vector(2); host && h.ServerName == "" {
					h.ServerName = string(name)
				}
			}
		case 16:
			for names := (cursor{body.vector(2)}); len(names.b) > 0; {
				h.ALPN = append(h.ALPN, string(names.vector(1)))
			}
		}
	}
	return h, true
}

// cursor reads numbers and vectors; past the end it gives zeros.
type cursor struct{ b []byte }

func (c *cursor) skip(n int) []byte {
	n = min(n, len(c.b))
	out := c.b[:n]
	c.b = c.b[n:]
	return out
}

func (c *cursor) number(size int) (n int) {
	for _, x := range c.skip(size) {
		n = n<<8 | int(x)
	}
	return n
}

func (c *cursor) vector(size int) []byte { return c.skip(c.number(size)) }

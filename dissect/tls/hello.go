package tls

import (
	"crypto/x509"
	"encoding/binary"
	"slices"
)

// MaxHello is how many bytes of a client are looked at for its ClientHello. A
// record holds 16 KiB at most; post-quantum key shares fill some 2 KiB.
const MaxHello = 16<<10 + 5

// Hello holds the facts of a ClientHello, which needs no key.
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
	for len(b) >= headerSize && b[0] == typeHandshake {
		n := int(binary.BigEndian.Uint16(b[3:]))
		body := b[headerSize:]
		hs = append(hs, body[:min(n, len(body))]...)
		b = body[min(n, len(body)):]
	}
	if len(hs) < 4 || hs[0] != clientHelloMessage {
		return h, false
	}
	n := int(hs[1])<<16 | int(hs[2])<<8 | int(hs[3])
	if len(hs) < 4+n {
		return h, false
	}
	c := parseClientHello(hs[4 : 4+n])
	return Hello{ServerName: c.serverName, ALPN: c.alpn}, true
}

// Extension numbers (IANA TLS ExtensionType Values).
const (
	extServerName        = 0
	extALPN              = 16
	extEncryptThenMAC    = 22
	extExtendedMaster    = 23
	extSessionTicket     = 35
	extEarlyData         = 42
	extSupportedVersions = 43
	extECH               = 0xfe0d
)

// maxNames is how many protocols, versions or certificate names are kept.
const maxNames = 32

// clientHello is a ClientHello (RFC 8446 4.1.2). Byte slices are borrowed.
type clientHello struct {
	version    uint16 // legacy_version
	highest    uint16 // the highest version offered that has a name
	random     [32]byte
	session    []byte
	ticket     []byte
	serverName string
	alpn       []string
	early, ech bool
}

func parseClientHello(body []byte) (h clientHello) {
	c := cursor{body}
	h.version = uint16(c.number(2))
	h.highest = h.version
	copy(h.random[:], c.skip(32))
	h.session = c.vector(1)
	c.vector(2)
	c.vector(1)
	for ext := (cursor{c.vector(2)}); len(ext.b) > 0; {
		kind := ext.number(2)
		body := cursor{ext.vector(2)}
		switch kind {
		case extServerName:
			for names := (cursor{body.vector(2)}); len(names.b) > 0; {
				host := names.number(1) == 0
				if name := names.vector(2); host && h.serverName == "" {
					h.serverName = string(name)
				}
			}
		case extALPN:
			h.alpn = body.protocols()
		case extSessionTicket:
			h.ticket = body.b
		case extEarlyData:
			h.early = true
		case extECH:
			h.ech = true
		case extSupportedVersions:
			for list := (cursor{body.vector(1)}); len(list.b) > 0; {
				if v := uint16(list.number(2)); v <= TLS13 {
					h.highest = max(h.highest, v)
				}
			}
		}
	}
	return h
}

// serverHello is a ServerHello (RFC 8446 4.1.3). Byte slices are borrowed.
type serverHello struct {
	version    uint16 // the one agreed on
	random     [32]byte
	session    []byte
	suite      uint16
	compressed bool
	alpn       string // TLS 1.2
	etm, ems   bool
	retry      bool // it is a HelloRetryRequest
}

// retryRandom marks a HelloRetryRequest: the SHA-256 of that word (RFC 8446 4.1.3).
const retryRandom = "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c"

func parseServerHello(body []byte) (h serverHello) {
	c := cursor{body}
	h.version = uint16(c.number(2))
	copy(h.random[:], c.skip(32))
	h.retry = string(h.random[:]) == retryRandom
	h.session = c.vector(1)
	h.suite = uint16(c.number(2))
	h.compressed = c.number(1) != 0
	for ext := (cursor{c.vector(2)}); len(ext.b) > 0; {
		kind := ext.number(2)
		body := cursor{ext.vector(2)}
		switch kind {
		case extALPN:
			if list := body.protocols(); len(list) > 0 {
				h.alpn = list[0]
			}
		case extEncryptThenMAC:
			h.etm = true
		case extExtendedMaster:
			h.ems = true
		case extSupportedVersions:
			h.version = uint16(body.number(2))
		}
	}
	return h
}

// parseEncryptedExtensions reads RFC 8446 4.3.1.
func parseEncryptedExtensions(body []byte) (alpn string, early bool) {
	c := cursor{body}
	for ext := (cursor{c.vector(2)}); len(ext.b) > 0; {
		kind := ext.number(2)
		body := cursor{ext.vector(2)}
		switch kind {
		case extALPN:
			if list := body.protocols(); len(list) > 0 {
				alpn = list[0]
			}
		case extEarlyData:
			early = true
		}
	}
	return alpn, early
}

// certificateNames returns the names of the first certificate in a Certificate
// message: its common name and its alternative names. tls13 says which shape
// the message has (RFC 8446 4.4.2, RFC 5246 7.4.2).
func certificateNames(body []byte, tls13 bool) (names []string) {
	c := cursor{body}
	if tls13 {
		c.vector(1)
	}
	list := cursor{c.vector(3)}
	cert, err := x509.ParseCertificate(list.vector(3))
	if err != nil {
		return nil // odd certificates are no reason to stop
	}
	add := func(name string) {
		if name != "" && len(names) < maxNames && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	add(cert.Subject.CommonName)
	for _, name := range cert.DNSNames {
		add(name)
	}
	for _, ip := range cert.IPAddresses {
		add(ip.String())
	}
	return names
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

// protocols reads a list of ALPN names (RFC 7301 3.1).
func (c *cursor) protocols() (out []string) {
	for list := (cursor{c.vector(2)}); len(list.b) > 0 && len(out) < maxNames; {
		out = append(out, string(list.vector(1)))
	}
	return out
}

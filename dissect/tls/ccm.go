package tls

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// ccm is CCM (NIST SP 800-38C, RFC 3610) with a nonce of 12 bytes, hence a
// length of 3, as TLS uses it (RFC 6655). It only opens; not for concurrent use.
type ccm struct {
	block   cipher.Block
	tagSize int
	mac     [16]byte // the CBC-MAC so far
	counter [16]byte
	pad     [16]byte
	tag     [16]byte
}

var errOpen = errors.New("tls: record does not authenticate")

func newCCM(block cipher.Block, tagSize int) cipher.AEAD {
	return &ccm{block: block, tagSize: tagSize}
}

func (c *ccm) NonceSize() int { return 12 }
func (c *ccm) Overhead() int  { return c.tagSize }

// Seal implements [cipher.AEAD]. An observer seals nothing.
func (c *ccm) Seal(_, _, _, _ []byte) []byte { panic("tls: ccm only opens") }

func (c *ccm) Open(dst, nonce, sealed, additional []byte) ([]byte, error) {
	n := len(sealed) - c.tagSize
	if n < 0 || n >= 1<<24 || len(additional) >= 0xff00 {
		return nil, errOpen
	}
	c.counter = [16]byte{0: 2}
	copy(c.counter[1:13], nonce)
	c.block.Encrypt(c.tag[:], c.counter[:])
	at := len(dst)
	dst = append(dst, sealed[:n]...)
	for text, i := dst[at:], uint32(1); len(text) > 0; i++ {
		c.counter[13], c.counter[14], c.counter[15] = byte(i>>16), byte(i>>8), byte(i)
		c.block.Encrypt(c.pad[:], c.counter[:])
		k := subtle.XORBytes(text, text, c.pad[:])
		text = text[k:]
	}

	c.mac = [16]byte{0: byte((c.tagSize-2)/2<<3 | 2)}
	if len(additional) > 0 {
		c.mac[0] |= 0x40
	}
	copy(c.mac[1:13], nonce)
	c.mac[13], c.mac[14], c.mac[15] = byte(n>>16), byte(n>>8), byte(n)
	c.block.Encrypt(c.mac[:], c.mac[:])
	if len(additional) > 0 {
		var first [16]byte
		binary.BigEndian.PutUint16(first[:], uint16(len(additional)))
		k := copy(first[2:], additional)
		c.absorb(first[:2+k])
		c.absorb(additional[k:])
	}
	c.absorb(dst[at:])
	subtle.XORBytes(c.tag[:], c.tag[:], c.mac[:])
	if subtle.ConstantTimeCompare(c.tag[:c.tagSize], sealed[n:]) != 1 {
		return nil, errOpen
	}
	return dst, nil
}

// absorb adds b, padded with zeros to whole blocks, to the CBC-MAC.
func (c *ccm) absorb(b []byte) {
	for len(b) > 0 {
		k := subtle.XORBytes(c.mac[:], c.mac[:], b[:min(16, len(b))])
		c.block.Encrypt(c.mac[:], c.mac[:])
		b = b[k:]
	}
}

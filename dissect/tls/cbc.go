package tls

import (
	"crypto/cipher"
	"crypto/subtle"
	"hash"
)

// openerCBC is AES-CBC with an HMAC: MAC, then padding, then encryption (RFC
// 5246 6.2.3.2), or the MAC over the ciphertext (RFC 7366). TLS 1.0 takes the
// last block of the record before as the first vector (RFC 2246 6.2.3.2).
type openerCBC struct {
	block   cipher.Block
	mode    cipher.BlockMode
	mac     hash.Hash
	etm     bool // encrypt-then-mac
	chained bool // TLS 1.0
	iv      [16]byte
	aad     [13]byte
	sum     [64]byte
}

// setIV points the mode at a first vector.
func (o *openerCBC) setIV(iv []byte) {
	if m, ok := o.mode.(interface{ SetIV([]byte) }); ok {
		m.SetIV(iv)
		return
	}
	o.mode = cipher.NewCBCDecrypter(o.block, iv)
}

func (o *openerCBC) open(dst []byte, seq uint64, rec []byte) ([]byte, bool) {
	body := rec[headerSize:]
	var tag []byte
	if o.etm {
		n := len(body) - o.mac.Size()
		if n < 0 {
			return nil, false
		}
		body, tag = body[:n], body[n:]
		if !o.authentic(seq, rec, body, tag) {
			return nil, false
		}
	}
	iv, last := o.iv[:], body
	if !o.chained {
		if len(body) < 16 {
			return nil, false
		}
		iv, body = body[:16], body[16:]
	}
	if len(body) == 0 || len(body)%16 != 0 {
		return nil, false
	}
	o.setIV(iv)
	plain := dst[:len(body)]
	o.mode.CryptBlocks(plain, body)
	pad := int(plain[len(plain)-1]) + 1
	if pad > len(plain) {
		return nil, false
	}
	plain = plain[:len(plain)-pad]
	if !o.etm {
		n := len(plain) - o.mac.Size()
		if n < 0 || !o.authentic(seq, rec, plain[:n], plain[n:]) {
			return nil, false
		}
		plain = plain[:n]
	}
	if o.chained {
		copy(o.iv[:], last[len(last)-16:])
	}
	return plain, true
}

func (o *openerCBC) authentic(seq uint64, rec, text, tag []byte) bool {
	additional(&o.aad, seq, rec, len(text))
	o.mac.Reset()
	o.mac.Write(o.aad[:])
	o.mac.Write(text)
	return subtle.ConstantTimeCompare(o.mac.Sum(o.sum[:0]), tag) == 1
}

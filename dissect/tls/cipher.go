package tls

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"

	"golang.org/x/crypto/chacha20poly1305"
)

// Sizes in bytes (RFC 8446 5.1, RFC 5246 6.2.3).
const (
	headerSize = 5
	maxBody    = 16384 + 2048
	maxRecord  = headerSize + maxBody
)

// opener decrypts the records of one direction under one key.
type opener interface {
	// open returns the plaintext of rec, a whole record with its header, in
	// dst, which has room for it. ok is false when it does not authenticate
	// as record number seq; the state is then unchanged. rec is not written.
	open(dst []byte, seq uint64, rec []byte) (plain []byte, ok bool)
}

// newAEAD returns the cipher of a suite; nil for one that is none.
func newAEAD(kind protection, key []byte) cipher.AEAD {
	if kind == chacha {
		a, err := chacha20poly1305.New(key)
		if err != nil {
			return nil
		}
		return a
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	switch kind {
	case aesGCM:
		if a, err := cipher.NewGCM(block); err == nil {
			return a
		}
	case aesCCM:
		return newCCM(block, 16)
	case aesCCM8:
		return newCCM(block, 8)
	}
	return nil
}

// opener13 is the record protection of TLS 1.3 (RFC 8446 5.2, 5.3).
type opener13 struct {
	aead  cipher.AEAD
	iv    [12]byte
	nonce [12]byte
}

func (o *opener13) open(dst []byte, seq uint64, rec []byte) ([]byte, bool) {
	o.nonce = o.iv
	mix(&o.nonce, seq)
	if len(rec) < headerSize+o.aead.Overhead()+1 {
		return nil, false
	}
	plain, err := o.aead.Open(dst[:0], o.nonce[:], rec[headerSize:], rec[:headerSize])
	return plain, err == nil
}

// opener12 is an AEAD of TLS 1.2: GCM (RFC 5288) and CCM (RFC 6655) send half
// of the nonce, ChaCha20 (RFC 7905) none of it.
type opener12 struct {
	aead     cipher.AEAD
	explicit bool
	iv       [12]byte
	nonce    [12]byte
	aad      [13]byte
}

func (o *opener12) open(dst []byte, seq uint64, rec []byte) ([]byte, bool) {
	body := rec[headerSize:]
	o.nonce = o.iv
	if o.explicit {
		if len(body) < 8 {
			return nil, false
		}
		copy(o.nonce[4:], body)
		body = body[8:]
	} else {
		mix(&o.nonce, seq)
	}
	if len(body) < o.aead.Overhead() {
		return nil, false
	}
	additional(&o.aad, seq, rec, len(body)-o.aead.Overhead())
	plain, err := o.aead.Open(dst[:0], o.nonce[:], body, o.aad[:])
	return plain, err == nil
}

func mix(nonce *[12]byte, seq uint64) {
	binary.BigEndian.PutUint64(nonce[4:], binary.BigEndian.Uint64(nonce[4:])^seq)
}

// additional writes what TLS 1.2 authenticates next to the content (RFC 5246
// 6.2.3.3): sequence number, type, version, length.
func additional(dst *[13]byte, seq uint64, rec []byte, n int) {
	binary.BigEndian.PutUint64(dst[:], seq)
	copy(dst[8:11], rec)
	binary.BigEndian.PutUint16(dst[11:], uint16(n))
}

package tls

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	_ "crypto/md5" // the PRF of TLS 1.0 and 1.1
	_ "crypto/sha1"
	"crypto/subtle"

	"github.com/wsdump/wsdump/timeline"
)

// masterSize is the length of a premaster secret of RSA and of every master
// secret (RFC 5246 8.1).
const masterSize = 48

// pHash fills dst by P_hash (RFC 5246 5).
func pHash(dst []byte, h crypto.Hash, secret, seed []byte) {
	mac := hmac.New(h.New, secret)
	a := seed
	for len(dst) > 0 {
		mac.Reset()
		mac.Write(a)
		a = mac.Sum(nil)
		mac.Reset()
		mac.Write(a)
		mac.Write(seed)
		dst = dst[copy(dst, mac.Sum(nil)):]
	}
}

// prf returns n bytes of the PRF of TLS 1.2 (RFC 5246 5) or of TLS 1.0 and 1.1
// (RFC 2246 5).
func prf(version uint16, h crypto.Hash, secret []byte, label string, seed []byte, n int) []byte {
	seed = append([]byte(label), seed...)
	out := make([]byte, n)
	if version >= TLS12 {
		pHash(out, h, secret, seed)
		return out
	}
	half := (len(secret) + 1) / 2
	other := make([]byte, n)
	pHash(out, crypto.MD5, secret[:half], seed)
	pHash(other, crypto.SHA1, secret[len(secret)-half:], seed)
	subtle.XORBytes(out, out, other)
	return out
}

// sessionHash is the hash of the handshake that an extended master secret is
// bound to (RFC 7627 3).
func sessionHash(version uint16, h crypto.Hash, transcript []byte) []byte {
	if version >= TLS12 {
		d := h.New()
		d.Write(transcript)
		return d.Sum(nil)
	}
	md5, sha1 := crypto.MD5.New(), crypto.SHA1.New()
	md5.Write(transcript)
	sha1.Write(transcript)
	return sha1.Sum(md5.Sum(nil))
}

// open12 returns the opener of one direction behind ChangeCipherSpec (RFC 5246
// 6.3); nil for a suite that cannot be opened.
func (s *suite) open12(dir timeline.Direction, version uint16, etm bool, master, client, server []byte) opener {
	macSize, ivSize := 0, 4
	switch s.kind {
	case unsupported:
		return nil
	case chacha:
		ivSize = 12
	case aesCBC:
		macSize, ivSize = s.mac.Size(), 16
	}
	seed := append(append(make([]byte, 0, 64), server...), client...)
	block := prf(version, s.prf, master, "key expansion", seed, 2*(macSize+s.keySize+ivSize))
	defer clear(block)
	part := func(n int) []byte {
		both := block[:2*n]
		block = block[2*n:]
		return both[int(dir)*n:][:n]
	}
	macKey, key, iv := part(macSize), part(s.keySize), part(ivSize)
	if s.kind != aesCBC {
		o := &opener12{aead: newAEAD(s.kind, key), explicit: s.kind != chacha}
		copy(o.iv[:], iv)
		if o.aead == nil {
			return nil
		}
		return o
	}
	cipherBlock, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	o := &openerCBC{
		block: cipherBlock, mode: cipher.NewCBCDecrypter(cipherBlock, iv), etm: etm, chained: version == TLS10,
		mac: hmac.New(s.mac.New, append([]byte(nil), macKey...)),
	}
	copy(o.iv[:], iv)
	return o
}

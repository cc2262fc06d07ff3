package tls

import (
	"crypto"
	"crypto/hkdf"
	_ "crypto/sha256" // hashes of the suites
	_ "crypto/sha512"
	"hash"
)

// expandLabel is HKDF-Expand-Label with an empty context (RFC 8446 7.1); nil
// when secret is too short for the hash.
func expandLabel(h crypto.Hash, secret []byte, label string, n int) []byte {
	info := make([]byte, 0, 4+6+len(label))
	info = append(info, byte(n>>8), byte(n), byte(6+len(label)))
	info = append(append(info, "tls13 "...), label...)
	info = append(info, 0)
	out, err := hkdf.Expand(func() hash.Hash { return h.New() }, secret, string(info), n)
	if err != nil {
		return nil
	}
	return out
}

// open13 returns the opener of a traffic secret (RFC 8446 7.3); nil when the
// secret does not fit the suite.
func (s *suite) open13(secret []byte) opener {
	if len(secret) != s.prf.Size() {
		return nil
	}
	key := expandLabel(s.prf, secret, "key", s.keySize)
	iv := expandLabel(s.prf, secret, "iv", 12)
	aead := newAEAD(s.kind, key)
	clear(key)
	if aead == nil || len(iv) != 12 {
		return nil
	}
	return &opener13{aead: aead, iv: [12]byte(iv)}
}

// nextSecret is the traffic secret behind a KeyUpdate (RFC 8446 7.2).
func (s *suite) nextSecret(secret []byte) []byte {
	return expandLabel(s.prf, secret, "traffic upd", s.prf.Size())
}

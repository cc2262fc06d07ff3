package tls

import (
	"crypto"
	"fmt"
	"strings"
)

// Versions as ServerHello and supported_versions write them.
const (
	SSL30 = 0x0300
	TLS10 = 0x0301
	TLS11 = 0x0302
	TLS12 = 0x0303
	TLS13 = 0x0304
)

// VersionName returns "TLS 1.3" and its like; "0x7f1c" for what is none of
// them, "" for 0.
func VersionName(v uint16) string {
	switch v {
	case 0:
		return ""
	case SSL30:
		return "SSL 3.0"
	case TLS10, TLS11, TLS12, TLS13:
		return fmt.Sprintf("TLS 1.%d", v-TLS10)
	}
	return fmt.Sprintf("0x%04x", v)
}

// SuiteName returns the IANA name of a cipher suite, "TLS_..."; its number in
// hexadecimal when it has none.
func SuiteName(id uint16) string {
	at := strings.Index(suiteNames, fmt.Sprintf("\n%04x ", id))
	if at < 0 {
		return fmt.Sprintf("0x%04x", id)
	}
	name, _, _ := strings.Cut(suiteNames[at+6:], "\n")
	return "TLS_" + name
}

// protection is how the records of a suite are sealed.
type protection uint8

const (
	unsupported protection = iota
	aesGCM
	aesCCM
	aesCCM8
	chacha
	aesCBC
)

// suite is what a cipher suite's name tells.
type suite struct {
	id      uint16
	name    string
	kind    protection
	rsa     bool        // the premaster secret is encrypted to the certificate's RSA key
	keySize int         // bytes
	mac     crypto.Hash // of aesCBC
	prf     crypto.Hash // TLS 1.2 PRF and TLS 1.3 HKDF
}

// suiteOf reads the name of a suite. TLS 1.3 names have no key exchange.
func suiteOf(id uint16) *suite {
	s := &suite{id: id, name: SuiteName(id), prf: crypto.SHA256, keySize: 16}
	exchange, cipher, two := strings.Cut(strings.TrimPrefix(s.name, "TLS_"), "_WITH_")
	if !two {
		cipher = exchange
	}
	s.rsa = two && exchange == "RSA"
	rest, aes := strings.CutPrefix(cipher, "AES_")
	if strings.HasPrefix(rest, "256_") {
		s.keySize = 32
	}
	if strings.HasSuffix(cipher, "_SHA384") {
		s.prf = crypto.SHA384
	}
	switch {
	case id == 0x1303 || id >= 0xcca8 && id <= 0xccae: // those before RFC 7905 have another nonce
		s.kind, s.keySize = chacha, 32
	case !aes:
	case strings.Contains(cipher, "_GCM_"):
		s.kind = aesGCM
	case strings.Contains(cipher, "_CCM_8"):
		s.kind = aesCCM8
	case strings.Contains(cipher, "_CCM"):
		s.kind = aesCCM
	case strings.Contains(cipher, "_CBC_"):
		s.kind, s.mac = aesCBC, crypto.SHA1
		if !strings.HasSuffix(cipher, "_SHA") {
			s.mac = s.prf
		}
	}
	return s
}

// is13 reports whether the suite belongs to TLS 1.3 (RFC 8446 B.4).
func (s *suite) is13() bool { return s.id>>8 == 0x13 }

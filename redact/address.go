package redact

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"net/netip"
	"regexp"
)

// addresses replaces IP addresses. Two addresses that share a prefix still share one of
// the same length; nothing else stays (Crypto-PAn: Xu, Fan, Ammar and Moon,
// "Prefix-Preserving IP Address Anonymization", 2002). Without a key, each run
// replaces them differently.
type addresses struct {
	block cipher.Block
	pad   [16]byte
	known map[netip.Addr]netip.Addr
}

// mostAddresses bounds how many replacements are remembered.
const mostAddresses = 1 << 16

func newAddresses(key []byte) *addresses {
	var seed [32]byte
	if len(key) > 0 {
		seed = sha256.Sum256(append([]byte("wsdump addresses "), key...))
	} else {
		_, _ = rand.Read(seed[:]) // never fails
	}
	a := &addresses{known: make(map[netip.Addr]netip.Addr)}
	a.block, _ = aes.NewCipher(seed[:16]) // a key of 16 bytes is always valid
	a.block.Encrypt(a.pad[:], seed[16:])
	return a
}

// port replaces the address of p and keeps the port.
func (a *addresses) port(p netip.AddrPort) netip.AddrPort {
	if !p.IsValid() {
		return p
	}
	return netip.AddrPortFrom(a.addr(p.Addr()), p.Port())
}

func (a *addresses) addr(ip netip.Addr) netip.Addr {
	if new, ok := a.known[ip]; ok {
		return new
	}
	if len(a.known) >= mostAddresses {
		clear(a.known)
	}
	raw := ip.AsSlice()
	out := make([]byte, len(raw))
	// Bit i of the mask is one bit of the block cipher's output for the i bits before it,
	// padded.
	for i := range 8 * len(raw) {
		input := a.pad
		whole := i / 8
		copy(input[:whole], raw[:whole])
		if rest := i % 8; rest > 0 {
			keep := byte(0xff) << (8 - rest)
			input[whole] = raw[whole]&keep | a.pad[whole]&^keep
		}
		var sealed [16]byte
		a.block.Encrypt(sealed[:], input[:])
		out[whole] |= (raw[whole] ^ sealed[0]>>7<<(7-i%8)) & (1 << (7 - i%8))
	}
	new, _ := netip.AddrFromSlice(out)
	a.known[ip] = new
	return new
}

// literal matches whatever may be an address in text.
var literal = regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}\b|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}`)

// text replaces all addresses in a text.
func (a *addresses) text(s string) string {
	return literal.ReplaceAllStringFunc(s, func(found string) string {
		ip, err := netip.ParseAddr(found)
		if err != nil {
			return found
		}
		return a.addr(ip).String()
	})
}

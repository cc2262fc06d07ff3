package report

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
)

// communityID returns the Community ID (version 1, seed 0) of a TCP connection, ""
// when a and b are not of one address family. It is a hash of the 5-tuple that other
// tools compute alike, in either direction
// (https://github.com/corelight/community-id-spec).
func communityID(a, b netip.AddrPort) string {
	if !a.IsValid() || !b.IsValid() || a.Addr().Is4() != b.Addr().Is4() {
		return ""
	}
	if b.Addr().Less(a.Addr()) || a.Addr() == b.Addr() && b.Port() < a.Port() {
		a, b = b, a
	}
	const seed, tcp, padding = 0, 6, 0
	tuple := make([]byte, 0, 40)
	tuple = binary.BigEndian.AppendUint16(tuple, seed)
	tuple = append(tuple, a.Addr().AsSlice()...)
	tuple = append(tuple, b.Addr().AsSlice()...)
	tuple = append(tuple, tcp, padding)
	tuple = binary.BigEndian.AppendUint16(tuple, a.Port())
	tuple = binary.BigEndian.AppendUint16(tuple, b.Port())
	sum := sha1.Sum(tuple)
	return "1:" + base64.StdEncoding.EncodeToString(sum[:])
}

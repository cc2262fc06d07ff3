package tls

import (
	"crypto/tls"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

// TestIdle: a connection that was opened and not used, or not even opened whole,
// misses nothing for want of keys.
func TestIdle(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := configs(version, 0)
		unused, used := converse(t, client, server, nil), converse(t, client, server, turns())
		abandoned := 0 // before the client spoke a second time
		for answered := false; !answered || unused.pieces[abandoned].dir == timeline.ServerToClient; abandoned++ {
			answered = answered || unused.pieces[abandoned].dir == timeline.ServerToClient
		}
		for _, test := range []struct {
			name   string
			keys   *Keys
			pieces []piece
			want   bool
		}{
			{"unused, with keys", keysOf(t, unused.log), unused.pieces, true},
			{"unused", nil, unused.pieces, version != tls.VersionTLS13}, // a Finished looks like data
			{"abandoned", nil, unused.pieces[:abandoned], true},
			{"abandoned, with other keys", keysOf(t, used.log), unused.pieces[:abandoned], true},
			{"a ClientHello", nil, unused.pieces[:1], true},
			{"nothing", nil, nil, false},
			{"used, with keys", keysOf(t, used.log), used.pieces, false},
			{"used", nil, used.pieces, false},
			{"cut in a record", nil, cutLast(unused.pieces[:1]), false},
		} {
			if got := play(test.keys, test.pieces); got.idle != test.want {
				t.Errorf("%s, %s: idle is %v", VersionName(version), test.name, got.idle)
			}
		}
	}
}

// cutLast leaves out the last byte.
func cutLast(pieces []piece) []piece {
	last := pieces[len(pieces)-1]
	last.b = last.b[:len(last.b)-1]
	return append(append([]piece(nil), pieces[:len(pieces)-1]...), last)
}

package tls

import (
	"bytes"
	"crypto/tls"
	"slices"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

// kind is a version and a cipher suite; 0 is any of the version.
type kind struct{ version, suite uint16 }

func kinds() []kind {
	return []kind{
		{TLS13, 0},
		{TLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
		{TLS12, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256},
		{TLS12, tls.TLS_RSA_WITH_AES_128_CBC_SHA256},
		{TLS11, tls.TLS_RSA_WITH_AES_128_CBC_SHA},
		{TLS10, tls.TLS_RSA_WITH_AES_256_CBC_SHA},
	}
}

// small is a session of 100 turns of 50 bytes, and where in its pieces the 100
// answers of the server stand.
func (x kind) small(t *testing.T) (r *recording, at []int) {
	t.Helper()
	client, server := configs(x.version, x.suite)
	var turns [][]byte
	for i := range 100 {
		turns = append(turns, text(uint64(i), 50))
	}
	r = converse(t, client, server, turns)
	for i := len(r.pieces) - 1; i >= 0 && len(at) < 100; i-- {
		if p := r.pieces[i]; p.dir == timeline.ServerToClient && p.b[0] == typeData && len(p.b) > 60 { // no alert
			at = append(at, i)
		}
	}
	slices.Reverse(at)
	return r, at
}

// TestGapLosesWhatItTouches cuts from inside one record to inside another: all
// other records are delivered, and one gap is told.
func TestGapLosesWhatItTouches(t *testing.T) {
	for _, x := range kinds() {
		for _, span := range []int{0, 1, 2, 10, 60} {
			r, at := x.small(t)
			h := new(heard)
			s := New(h, keysOf(t, r.log))
			first, last := at[20], at[20+span]
			for i, p := range r.pieces {
				b := p.b
				if p.dir == timeline.ServerToClient && i >= first && i <= last {
					from, to := 0, len(b)
					if i == first {
						from = 20
						s.Data(p.dir, timeline.Stamp{}, b[:from])
					}
					if i == last {
						to = len(b) - 20
					}
					s.Gap(p.dir, timeline.Stamp{}, uint64(to-from))
					b = b[to:]
				}
				if len(b) > 0 {
					s.Data(p.dir, timeline.Stamp{}, b)
				}
			}
			finish(s)
			r.within(t, h, true)
			name := VersionName(x.version) + " " + s.Info().CipherName()
			want := slices.Concat(r.want[1][:20*50], r.want[1][(21+span)*50:])
			if x.version == TLS10 {
				// Go writes one byte in a record of its own before the rest.
				if lost := len(want) - len(h.b[1]); lost > 50 {
					t.Errorf("%s, %d records: %d bytes more are lost", name, span, lost)
				}
			} else if !bytes.Equal(h.b[1], want) {
				t.Errorf("%s, %d records: %d bytes, want %d", name, span, len(h.b[1]), len(want))
			}
			if !bytes.Equal(h.b[0], r.want[0]) || h.gaps[0] > 0 || len(h.parts[1]) != 3 || len(h.findings) > 0 {
				t.Errorf("%s, %d records: other direction %d, gaps %d, %d parts, findings %q", name, span, len(h.b[0]), h.gaps, len(h.parts[1]), h.findings)
			}
		}
	}
}

// TestDamage changes a byte: that record is lost and told, the next is read.
func TestDamage(t *testing.T) {
	for _, x := range kinds() {
		r, at := x.small(t)
		b := bytes.Clone(r.pieces[at[50]].b)
		b[len(b)-3] ^= 1
		r.pieces[at[50]].b = b
		h := play(keysOf(t, r.log), r.pieces)
		r.within(t, h, true)
		lost := len(r.want[1]) - len(h.b[1])
		if !slices.Equal(h.findings, []string{"tls/decrypt-failed"}) || lost < 1 || lost > 50 {
			t.Errorf("%s %04x: findings %q, %d bytes lost", VersionName(x.version), x.suite, h.findings, lost)
		}
	}
}

// TestLargeGap loses 100 MB of full records.
func TestLargeGap(t *testing.T) {
	s, next, total := sealed(t, 16384)
	var h heard
	s.handler, s.next = &h, &h
	s.Data(0, timeline.Stamp{}, next())
	lost := uint64(0)
	for range 6400 {
		lost += uint64(len(next()))
	}
	s.Gap(0, timeline.Stamp{}, lost)
	for range 3 {
		s.Data(0, timeline.Stamp{}, next())
	}
	if len(h.b[0]) != 4*16384 || h.gaps[0] != lost || len(h.findings) > 0 || *total != 0 {
		t.Errorf("%d bytes, gap %d of %d, findings %q", len(h.b[0]), h.gaps[0], lost, h.findings)
	}
}

// TestHostileGap follows a gap with records of another key: the search ends.
func TestHostileGap(t *testing.T) {
	s, next, _ := sealed(t, 100)
	var h heard
	s.handler, s.next = &h, &h
	s.Data(0, timeline.Stamp{}, next())
	s.Gap(0, timeline.Stamp{}, 1<<30)
	for range 20000 {
		rec := next()
		rec[len(rec)-1] ^= 1
		s.Data(0, timeline.Stamp{}, rec)
	}
	if !slices.Equal(h.findings, []string{"tls/limit"}) || len(h.b[0]) != 100 {
		t.Errorf("findings %q, %d bytes", h.findings, len(h.b[0]))
	}
}

package tls

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

// sealed returns an endless TLS 1.3 session of full records under one key: a
// stream that is past its handshake, and a function that gives the next record.
func sealed(tb testing.TB, size int) (s *Stream, next func() []byte, total *int) {
	tb.Helper()
	key := make([]byte, 16)
	block, _ := aes.NewCipher(key)
	gcm, _ := cipher.NewGCM(block)
	total = new(int)
	s = New(nil, new(Keys))
	s.shake = handshake{haveClient: true, haveServer: true, tls13: true, suite: suiteOf(0x1301), server: serverHello{version: TLS13}}
	s.next = counter{total}
	h := &s.half[0]
	h.epoch, h.proven = inData, true
	h.openers[inData] = &opener13{aead: newAEAD(aesGCM, key)}
	plain := append(make([]byte, size), typeData)
	rec := make([]byte, 0, headerSize+size+17)
	seq := uint64(0)
	nonce := make([]byte, 12)
	return s, func() []byte {
		rec = append(rec[:0], typeData, 3, 3, byte((size+17)>>8), byte(size+17))
		binary.BigEndian.PutUint64(nonce[4:], seq)
		seq++
		rec = gcm.Seal(rec, nonce, plain, rec[:headerSize])
		return rec
	}, total
}

type counter struct{ n *int }

func (c counter) Data(_ timeline.Direction, _ timeline.Stamp, b []byte) { *c.n += len(b) }
func (counter) Gap(timeline.Direction, timeline.Stamp, uint64)          { panic("gap") }
func (counter) Finding(*timeline.Finding)                               {}
func (counter) End(timeline.Direction, timeline.Stamp, timeline.End)    {}

func TestNoAllocations(t *testing.T) {
	for _, split := range []bool{false, true} {
		s, next, total := sealed(t, 1000)
		n := testing.AllocsPerRun(1000, func() {
			rec := next()
			if split {
				s.Data(0, timeline.Stamp{}, rec[:3])
				s.Data(0, timeline.Stamp{}, rec[3:400])
				rec = rec[400:]
			}
			s.Data(0, timeline.Stamp{}, rec)
		})
		if n != 0 || *total != 1001*1000 {
			t.Errorf("split %v: %v allocations a record, %d bytes", split, n, *total)
		}
	}
}

// TestNoAllocationsSuites opens a record of each kind again and again.
func TestNoAllocationsSuites(t *testing.T) {
	for _, x := range []struct{ version, id uint16 }{{TLS12, 0xc02f}, {TLS12, 0xcca8}, {TLS12, 0xc0ac}, {TLS12, 0xc027}, {TLS12, 0xc028}, {TLS10, 0x002f}} {
		client, server := configs(x.version, x.id)
		suite := suiteOf(x.id)
		if suite.kind == aesCCM {
			op := suite.open12(0, x.version, false, make([]byte, 48), make([]byte, 32), make([]byte, 32))
			rec, buf := make([]byte, 600), make([]byte, 0, maxRecord)
			if n := testing.AllocsPerRun(100, func() { op.open(buf, 1, rec) }); n != 0 {
				t.Errorf("%s: %v allocations", suite.name, n)
			}
			continue
		}
		if x.id == 0xc028 {
			continue // Go does not speak it; its parts are those of c027
		}
		r := converse(t, client, server, [][]byte{text(1, 100)})
		h := &heard{}
		s := New(h, keysOf(t, r.log))
		var op opener
		for _, p := range r.pieces {
			s.Data(p.dir, timeline.Stamp{}, p.b)
			op = s.half[0].open
		}
		if op == nil {
			t.Fatal("no key")
		}
		rec, buf := append([]byte{typeData, 3, byte(x.version), 2, 0x60}, make([]byte, 608)...), make([]byte, 0, maxRecord)
		if n := testing.AllocsPerRun(100, func() { op.open(buf, 1, rec) }); n != 0 {
			t.Errorf("%s: %v allocations", suite.name, n)
		}
	}
}

// BenchmarkRecords measures full records of AES-128-GCM; compare it with
// "openssl speed -evp aes-128-gcm -bytes 16384 -decrypt".
func BenchmarkRecords(b *testing.B) {
	for _, size := range []int{100, 1400, 16384} {
		b.Run(map[int]string{100: "100", 1400: "1400", 16384: "16384"}[size], func(b *testing.B) {
			s, next, total := sealed(b, size)
			const batch = 256
			var records [batch][]byte
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for n := 0; n < b.N; {
				b.StopTimer()
				s.half[0].seq = 0
				if records[0] == nil {
					for i := range records {
						records[i] = append([]byte(nil), next()...)
					}
				}
				b.StartTimer()
				for i := 0; i < batch && n < b.N; i, n = i+1, n+1 {
					s.Data(0, timeline.Stamp{}, records[i])
				}
			}
			if *total != b.N*size {
				b.Fatalf("%d bytes, want %d", *total, b.N*size)
			}
		})
	}
}

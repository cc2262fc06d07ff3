package reassembly

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/wsdump/wsdump/reassembly/wire"
)

// TestTable holds a table to a map, through growth, collisions and removals.
func TestTable(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		got, want := newTable(), make(map[key]*connection)
		if seed%2 == 0 {
			got.seed = [5]uint64{} // all meet in one place
		}
		endpoint := func() netip.AddrPort {
			a := [16]byte{15: byte(rnd.IntN(4))}
			if rnd.IntN(2) == 0 {
				return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a[12:])), uint16(rnd.IntN(12)))
			}
			return netip.AddrPortFrom(netip.AddrFrom16(a), uint16(rnd.IntN(12)))
		}
		for range 4000 {
			k, _ := keyOf(endpoint(), endpoint())
			if c := got.find(&k, got.hash(&k)); c != want[k] {
				t.Fatalf("seed %d: %v is %p, want %p", seed, k, c, want[k])
			}
			switch c := want[k]; {
			case c == nil && len(want) < 300:
				c = &connection{key: k}
				got.put(c)
				want[k] = c
			case c != nil && rnd.IntN(2) == 0:
				if !got.remove(c) || got.remove(c) {
					t.Fatalf("seed %d: removed not once", seed)
				}
				delete(want, k)
			}
		}
		if got.n != len(want) || got.n < 100 {
			t.Fatalf("seed %d: %d connections, want %d", seed, got.n, len(want))
		}
		for k, c := range want {
			if got.find(&k, got.hash(&k)) != c || got.remove(&connection{key: k}) {
				t.Fatalf("seed %d: lost %v", seed, k)
			}
		}
	}
}

// TestFindFlow holds the way of plain packets into a table to that of others.
func TestFindFlow(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 4))
	table := newTable()
	found := 0
	for range 20_000 {
		var b [12]byte
		for i := range b {
			b[i] = byte(rnd.IntN(3)) * byte(rnd.IntN(2)) * 0x7f
		}
		f := wire.Flow{Addresses: binary.BigEndian.Uint64(b[:]), Ports: binary.BigEndian.Uint32(b[8:])}
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[:])), uint16(f.Ports>>16))
		to := netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:])), uint16(f.Ports))
		k, wantSide := keyOf(from, to)
		hash := table.hash(&k)
		want, share := table.find(&k, hash), part{uint32(rnd.IntN(3)), 3}
		table.share = share
		if _, _, mine := table.findFlow(f); mine != share.has(hash) {
			t.Fatalf("%v to %v: in share %v %t, want %t", from, to, share, mine, share.has(hash))
		}
		table.share = part{}
		c, side, mine := table.findFlow(f)
		if c != want || side != wantSide || !mine {
			t.Fatalf("%v to %v: %p %d, want %p %d", from, to, c, side, want, wantSide)
		}
		if c != nil {
			found++
		} else if rnd.IntN(2) == 0 {
			table.put(&connection{key: k})
		}
	}
	if found < 1000 {
		t.Errorf("only %d were found", found)
	}
}

package reassembly

import (
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"

	"github.com/wsdump/wsdump/reassembly/wire"
)

// key is the pair of endpoints of a connection, that with the lower port first,
// of equal ports that with the lower address.
type key struct {
	addr [2][2]uint64 // the halves of an IPv6 address, or of an IPv4 one mapped to it
	port [2]uint16
}

// is reports whether k and o are the same; == takes twice as long.
func (k *key) is(o *key) bool {
	return k.port == o.port && k.addr[0][1] == o.addr[0][1] && k.addr[1][1] == o.addr[1][1] &&
		k.addr[0][0] == o.addr[0][0] && k.addr[1][0] == o.addr[1][0]
}

// keyOf returns the key of a segment from a to b, and which side a is.
func keyOf(a, b netip.AddrPort) (k key, from uint8) {
	if d := cmp.Compare(a.Port(), b.Port()); d > 0 || d == 0 && a.Addr().Compare(b.Addr()) > 0 {
		a, b, from = b, a, 1
	}
	return key{[2][2]uint64{words(a.Addr()), words(b.Addr())}, [2]uint16{a.Port(), b.Port()}}, from
}

// words returns the halves of an address.
func words(a netip.Addr) [2]uint64 {
	b := a.As16()
	return [2]uint64{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// side returns which side of k is a.
func side(k key, a netip.AddrPort) uint8 {
	if k.port[0] == a.Port() && k.addr[0] == words(a.Addr()) {
		return 0
	}
	return 1
}

// table holds connections by their keys. It is a map[key]*connection in a third of
// the time: a hash of few steps finds a slot, of which four share a line of the
// cache, and the key is compared where the rest of the connection is needed
// anyway. Slots that follow each other are tried (linear probing); half of them
// are free. The hash depends on random numbers, so that nobody can send packets
// that all meet in one place.
type table struct {
	slots []slot // a power of two of them
	n     int
	seed  seed
	share part
}

// seed are the random numbers of a hash.
type seed [5]uint64

func newSeed() (s seed) {
	for i := range s {
		s[i] = rand.Uint64() | 1
	}
	return s
}

// slot is free where c is nil.
type slot struct {
	hash uint32
	c    *connection
}

// leastSlots are what a table begins with.
const leastSlots = 64

func newTable() table {
	return table{slots: make([]slot, leastSlots), seed: newSeed()}
}

func (t *table) hash(k *key) uint32 {
	ports := uint64(k.port[0])<<16 | uint64(k.port[1])
	return mixed(k.addr[0][0]*t.seed[0] + k.addr[1][0]*t.seed[1] + k.addr[0][1]*t.seed[2] + k.addr[1][1]*t.seed[3] + ports*t.seed[4])
}

func mixed(h uint64) uint32 { return uint32((h ^ h>>29) * 0x9e3779b97f4a7c15 >> 32) }

// find returns the connection of k, whose hash is given, nil when there is none.
func (t *table) find(k *key, hash uint32) *connection {
	mask := uint32(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.c == nil {
			return nil
		}
		if s.hash == hash && s.c.key.is(k) {
			return s.c
		}
	}
}

// mapped is what stands above an IPv4 address in a key: ::ffff:0:0/96.
const mapped = 0xffff << 32

// flowEnds returns the ends of a flow in one number each: the port above the address.
func flowEnds(f wire.Flow) (source, destination uint64) {
	return uint64(f.Ports>>16)<<32 | f.Addresses>>32, uint64(f.Ports&0xffff)<<32 | f.Addresses&0xffffffff
}

// flowHash is hash of the key that is made of the ends of a flow, the lower first.
func (t *table) flowHash(a, b uint64) uint32 {
	return mixed((mapped|a&0xffffffff)*t.seed[2] + (mapped|b&0xffffffff)*t.seed[3] + (a>>32<<16|b>>32)*t.seed[4])
}

// elsewhere reports whether the connection of a plain packet is not one of the share.
func (t *table) elsewhere(f wire.Flow) bool {
	a, b := flowEnds(f)
	return !t.share.has(t.flowHash(min(a, b), max(a, b)))
}

// findFlow returns the connection of a plain packet, nil when there is none, and
// which side sent it, if the connection is one of the share. It is find of keyOf
// without a key in memory, and without a branch on who speaks, which no processor
// can foretell.
func (t *table) findFlow(f wire.Flow) (c *connection, from uint8, mine bool) {
	a, b := flowEnds(f)
	if a > b {
		from = 1
	}
	a, b = min(a, b), max(a, b)
	first, second := mapped|a&0xffffffff, mapped|b&0xffffffff
	hash, mask := t.flowHash(a, b), uint32(len(t.slots)-1)
	if !t.share.has(hash) {
		return nil, from, false
	}
	for i := hash & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.c == nil {
			return nil, from, true
		}
		if k := &s.c.key; s.hash == hash && k.addr[0][1] == first && k.addr[1][1] == second && k.addr[0][0]|k.addr[1][0] == 0 &&
			k.port == [2]uint16{uint16(a >> 32), uint16(b >> 32)} {
			return s.c, from, true
		}
	}
}

// put adds c, whose key is not in the table.
func (t *table) put(c *connection) {
	if t.n++; 2*t.n > len(t.slots) {
		old := t.slots
		t.slots = make([]slot, 2*len(old))
		for _, s := range old {
			if s.c != nil {
				t.insert(s)
			}
		}
	}
	t.insert(slot{t.hash(&c.key), c})
}

func (t *table) insert(s slot) {
	mask := uint32(len(t.slots) - 1)
	i := s.hash & mask
	for t.slots[i].c != nil {
		i = (i + 1) & mask
	}
	t.slots[i] = s
}

// remove forgets c and reports whether it was there.
func (t *table) remove(c *connection) bool {
	hash, mask := t.hash(&c.key), uint32(len(t.slots)-1)
	i := hash & mask
	for t.slots[i].c != c {
		if t.slots[i].c == nil {
			return false
		}
		i = (i + 1) & mask
	}
	t.n--
	for next := i; ; { // what was put behind the gap for want of a slot moves up
		next = (next + 1) & mask
		s := t.slots[next]
		if s.c == nil {
			break
		}
		if home := s.hash & mask; (next-home)&mask >= (next-i)&mask {
			t.slots[i] = s
			i = next
		}
	}
	t.slots[i] = slot{}
	return true
}

// clear forgets all.
func (t *table) clear() {
	t.slots, t.n = make([]slot, leastSlots), 0
}

package capture

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"time"
)

// DuplicateWithin bounds the time between two captures of one packet in different files.
// Both must have the same bytes from the network header on. The bound is far below the
// time after which TCP retransmits.
const DuplicateWithin = 5 * time.Millisecond

// duplicates finds packets that several files of a merged input have: a rotated
// file given twice, rings that overlap, a capture for each interface. It
// does not drop packets that one file has several times: they were on the wire.
//
// It keeps the latest packets, with the files that had them, only while another file has
// packets near in time. So files that follow each other cost nothing.
type duplicates struct {
	seed maphash.Seed
	rows []sightings // by hash; nil: nothing is remembered yet
	n    uint64      // dropped

	latest int64  // time; it never goes back
	file   uint32 // of the packet before
	other  int64  // what latest was when its turn came
}

// sightings is a row of the hash table: packets that were returned. When a row is full,
// the oldest one is replaced.
type sightings struct {
	all  [8]sighting
	next uint8
}

// sighting is a packet that was returned.
type sighting struct {
	hash uint64
	time int64
	had  uint64 // a bit for each file that had it, of 64 that take turns; 0: there is none
}

// sightingRows bounds what is remembered: 5 ms of 26 million packets a second.
const sightingRows = 1 << 14

func newDuplicates() *duplicates {
	return &duplicates{seed: maphash.MakeSeed(), latest: math.MinInt64, other: math.MinInt64}
}

// has reports whether p was returned before, from another file. following is the
// time of the next packet of all other files.
func (d *duplicates) has(p *Packet, following int64) bool {
	if p.File != d.file {
		d.file, d.other = p.File, d.latest
	}
	d.latest = max(d.latest, p.Time)
	if !near(following, d.latest) && !near(p.Time, d.other) {
		return false
	}
	if d.rows == nil {
		d.rows = make([]sightings, sightingRows)
	}
	hash := maphash.Bytes(d.seed, network(p))
	row := &d.rows[hash%sightingRows]
	bit := uint64(1) << (p.File % 64)
	for i := range row.all {
		s := &row.all[i]
		if s.hash == hash && s.had != 0 && s.had&bit == 0 && near(s.time, p.Time) && near(p.Time, s.time) {
			s.had |= bit
			d.n++
			return true
		}
	}
	row.all[row.next] = sighting{hash, p.Time, bit}
	row.next = (row.next + 1) % uint8(len(row.all))
	return false
}

// near reports whether the time a is not later than b by more than a copy may be.
func near(a, b int64) bool {
	return a <= b || a-b > 0 && a-b <= int64(DuplicateWithin)
}

// Link types (https://www.tcpdump.org/linktypes.html) whose headers differ between
// captures of one packet.
const (
	linkNull     LinkType = 0
	linkEthernet LinkType = 1
	linkLoop     LinkType = 108
	linkSLL      LinkType = 113
	linkSLL2     LinkType = 276
)

// network returns the bytes of p from the network header on, without what pads a
// short packet on some links; all of them where the link is another.
func network(p *Packet) []byte {
	b := p.Data
	header := 0
	switch p.Link {
	case linkNull, linkLoop:
		header = 4
	case linkEthernet:
		header = 14
		for len(b) >= header+4 && (b[header-2] == 0x81 && b[header-1] == 0 || b[header-2] == 0x88 && b[header-1] == 0xa8) { // IEEE 802.1Q
			header += 4
		}
	case linkSLL:
		header = 16
	case linkSLL2:
		header = 20
	}
	if len(b) < header {
		return b
	}
	b = b[header:]
	length := 0 // that the header says; 0 in it: more than the field holds
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		length = int(binary.BigEndian.Uint16(b[2:]))
	case len(b) >= 40 && b[0]>>4 == 6:
		if n := int(binary.BigEndian.Uint16(b[4:])); n > 0 {
			length = 40 + n
		}
	}
	if length >= 20 && length < len(b) {
		b = b[:length]
	}
	return b
}

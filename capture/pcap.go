package capture

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Magic numbers of the classic format, as a reader of the writer's byte order
// sees them (draft-ietf-opsawg-pcap section 4).
const (
	magicMicro    = 0xa1b2c3d4
	magicNano     = 0xa1b23c4d
	magicModified = 0xa1b2cd34 // records have 8 bytes more: interface, protocol, packet type
)

// usualRecord is how large a packet may be without the file's snapshot length
// allowing it.
const usualRecord = 256 << 10

// pcap reads the classic format: one header, then records of 16 bytes and the
// packet.
type pcap struct {
	stream
	swapped bool // big-endian
	old     bool // before version 2.4, some writers exchanged the two lengths
	header  int  // bytes of a record's header
	unit    int64
	limit   uint32
	link    LinkType
}

func (r *pcap) u32(b []byte) uint32 {
	v := binary.LittleEndian.Uint32(b)
	if r.swapped {
		v = bits.ReverseBytes32(v)
	}
	return v
}

// newPcap reads the file header, whose magic is known to be right.
func newPcap(s stream) (*pcap, error) {
	r := &pcap{stream: s, header: 16, unit: 1000}
	h := r.peek(24)
	if len(h) < 24 {
		return nil, r.noHeader(len(h), 24)
	}
	magic := r.u32(h)
	if magic&0xff == 0xa1 {
		r.swapped = true
		magic = r.u32(h)
	}
	switch magic {
	case magicNano:
		r.unit = 1
	case magicModified:
		r.header = 24
	}
	version := r.u32(h[4:])
	major, minor := version&0xffff, version>>16
	if r.swapped {
		major, minor = minor, major
	}
	if major != 2 {
		return nil, &OpenError{
			File: r.name, Err: ErrFormat,
			Text: fmt.Sprintf("this is a pcap file of version %d.%d; wsdump reads version 2", major, minor),
		}
	}
	r.old = minor < 4
	r.limit = r.u32(h[16:])
	if r.limit == 0 || r.limit > maxRecord {
		r.limit = maxRecord
	}
	r.limit = max(r.limit, usualRecord)
	r.link = LinkType(r.u32(h[20:]) & 0xffff) // above are the length of the FCS and flags
	r.skip(24)
	if r.whole {
		r.measure(magic)
	}
	return r, nil
}

// measure finds out how long the headers of records are. Tools of around the year
// 2000 made them longer without a magic number of their own: tcpdump of Red Hat
// 6.1 (24 bytes) and of Nokia's firewalls (20), and of SuSE 6.3 (28, where the
// modified format has 24). The magic number decides, unless only another
// length makes records follow each other.
func (r *pcap) measure(magic uint32) {
	said := r.header
	others := map[uint32][]int{magicMicro: {24, 20}, magicModified: {28}}[magic]
	for _, header := range append([]int{said}, others...) {
		if r.header = header; r.boundary() {
			return
		}
	}
	r.header = said
}

// record is the header of one packet.
type record struct {
	time             int64
	fraction         uint32
	captured, length uint32
}

func (r *pcap) record(h []byte) (rec record) {
	rec.fraction = r.u32(h[4:])
	rec.time = int64(r.u32(h))*1_000_000_000 + int64(rec.fraction)*r.unit
	rec.captured, rec.length = r.u32(h[8:]), r.u32(h[12:])
	if r.old && rec.captured > rec.length {
		rec.captured, rec.length = rec.length, rec.captured
	}
	return rec
}

// possible reports whether a reader can use the record.
func (r *pcap) possible(rec *record) bool {
	return rec.captured <= r.limit && (rec.length != 0 || rec.captured != 0 || rec.time != 0)
}

// likely reports whether the record looks like its neighbours.
func (r *pcap) likely(rec *record) bool {
	if rec.captured > rec.length || rec.length > maxRecord || int64(rec.fraction)*r.unit >= 1_000_000_000 {
		return false
	}
	if r.packets == 0 {
		return rec.time > 0
	}
	return rec.time-r.last < nearby && r.last-rec.time < nearby
}

// boundary reports whether likely records follow each other from here on: three
// of them, or as many as there are before the end of the file.
func (r *pcap) boundary() bool {
	at := 0
	for n := range 3 {
		h := r.peek(at + r.header)
		if len(h) < at+r.header {
			return n > 0 && len(h) == at || n > 1
		}
		rec := r.record(h[at:])
		if rec.captured == 0 || rec.captured > min(r.limit, usualRecord) || !r.likely(&rec) {
			return false
		}
		at += r.header + int(rec.captured)
	}
	return true
}

func (r *pcap) next(p *Packet) error {
	for {
		r.at = r.offset()
		h := r.peek(r.header)
		if len(h) < r.header {
			return r.finish(len(h), r.header)
		}
		rec := r.record(h)
		if !r.possible(&rec) || !r.likely(&rec) && !r.followed(&rec) {
			why := fmt.Sprintf("a record says %d bytes of %d", rec.captured, rec.length)
			if err := r.resume(why, r.boundary); err != nil {
				return err
			}
			continue
		}
		n := r.header + int(rec.captured)
		b := r.peek(n)
		if len(b) < n {
			if err := r.short(len(b), n, r.boundary); err != nil {
				return err
			}
			continue
		}
		r.skip(n)
		r.packets++
		r.last = rec.time
		p.Time = rec.time
		p.Data = b[r.header:n:n]
		p.Length = max(rec.length, rec.captured)
		p.Link = r.link
		return nil
	}
}

// usualHeader is how long the header of a record is, in bytes, but for that of tools
// of the year 2000.
const usualHeader = 16

// glance implements [reader]. It checks the same as possible and likely, but only for a
// record with the usual header and byte order. It runs for each packet of a capture, and
// would take a third longer with calls of those two.
func (r *pcap) glance(b []byte, g *plainPacket) bool {
	if len(b) < usualHeader || r.swapped || r.header != usualHeader {
		return false
	}
	captured, fraction := binary.LittleEndian.Uint32(b[8:]), int64(binary.LittleEndian.Uint32(b[4:]))*r.unit
	g.time = int64(binary.LittleEndian.Uint32(b))*1_000_000_000 + fraction
	if captured != binary.LittleEndian.Uint32(b[12:]) || captured-1 >= r.limit || fraction >= 1_000_000_000 || g.time-r.last >= nearby {
		return false
	}
	n := usualHeader + int(captured)
	if n > len(b) {
		return false
	}
	g.data, g.link, g.size = b[usualHeader:n:n], r.link, n
	return true
}

// followed accepts a strange record when the bytes after it may be a record, or are the
// end of the file.
func (r *pcap) followed(rec *record) bool {
	at := r.header + int(rec.captured)
	h := r.peek(at + r.header)
	if len(h) < at+r.header {
		return true
	}
	next := r.record(h[at:])
	return r.possible(&next)
}

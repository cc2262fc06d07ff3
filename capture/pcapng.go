package capture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Block types (draft-ietf-opsawg-pcapng section 4).
const (
	blockInterface  = 1
	blockPacket     = 2 // obsolete
	blockSimple     = 3
	blockNames      = 4
	blockStatistics = 5
	blockEnhanced   = 6
	blockSecrets    = 10
	blockCustom     = 0x00000bad
	blockCustomKeep = 0x40000bad // the same, not to be copied
	blockSection    = 0x0a0d0d0a // the same in both byte orders
	byteOrderMagic  = 0x1a2b3c4d
)

// optionComment is the code of a comment, in every block.
const optionComment = 1

// latest is the largest time, and -latest the smallest: the year 2116, and 1823.
// Only damaged files have times beyond. So differences of times, and deadlines,
// fit in an int64.
const latest = 1 << 62

// maxInterfaces bounds the interfaces of one section.
const maxInterfaces = 1 << 16

// pcapng reads the block format. A file is a row of sections, each with its own
// byte order and interfaces; a packet gets its link type and the resolution of
// its time from its interface.
type pcapng struct {
	stream
	swapped              bool
	interfaces           []iface
	unreported, reported uint64 // packets lost
	on                   string // where the latest were
}

// iface is an interface description block.
type iface struct {
	link       LinkType
	snaplen    uint32
	resolution uint8 // if_tsresol: a power of 10, or with the high bit of 2
	offset     int64 // if_tsoffset: seconds
	name       string
	dropped    uint64
}

func newPcapng(s stream) (*pcapng, error) {
	r := &pcapng{stream: s}
	h := r.peek(28)
	if len(h) < 28 {
		return nil, r.noHeader(len(h), 28)
	}
	if !r.order(h[8:]) {
		return nil, &OpenError{File: r.name, Err: ErrFormat, Text: "this begins like pcapng, but names no byte order; copy the file again in binary mode"}
	}
	if major := r.u16(h[12:]); major != 1 {
		return nil, &OpenError{
			File: r.name, Err: ErrFormat,
			Text: fmt.Sprintf("this is a pcapng file of version %d.%d; wsdump reads version 1", major, r.u16(h[14:])),
		}
	}
	return r, nil
}

func (r *pcapng) u16(b []byte) uint16 {
	v := binary.LittleEndian.Uint16(b)
	if r.swapped {
		v = bits.ReverseBytes16(v)
	}
	return v
}

func (r *pcapng) u32(b []byte) uint32 {
	v := binary.LittleEndian.Uint32(b)
	if r.swapped {
		v = bits.ReverseBytes32(v)
	}
	return v
}

func (r *pcapng) u64(b []byte) uint64 {
	v := binary.LittleEndian.Uint64(b)
	if r.swapped {
		v = bits.ReverseBytes64(v)
	}
	return v
}

// order learns the byte order of a section from its magic.
func (r *pcapng) order(magic []byte) bool {
	switch binary.LittleEndian.Uint32(magic) {
	case byteOrderMagic:
		r.swapped = false
	case bits.ReverseBytes32(byteOrderMagic):
		r.swapped = true
	default:
		return false
	}
	return true
}

func (r *pcapng) next(p *Packet) error {
	for {
		kind, raw, err := r.nextBlock()
		if err != nil {
			r.noteLost(0)
			return err
		}
		packet, why := r.block(kind, raw[8:len(raw)-4], p)
		if why != "" {
			r.damaged(why)
		}
		if packet {
			r.packets++
			r.last = p.Time
			return nil
		}
	}
}

// nextBlock returns the next whole block, with its type and its two lengths. It
// is borrowed until the next call.
func (r *pcapng) nextBlock() (kind uint32, raw []byte, err error) {
	for {
		r.at = r.offset()
		h := r.peek(12)
		if len(h) < 12 {
			return 0, nil, r.finish(len(h), 12)
		}
		before := r.swapped
		kind = r.u32(h)
		known := kind != blockSection || r.order(h[8:])
		n := int(r.u32(h[4:]))
		if n < 12 || n%4 != 0 || n > maxRecord || !known {
			r.swapped = before
			if err := r.resume(fmt.Sprintf("a block of type %d says %d bytes", kind, uint32(n)), r.boundary); err != nil {
				return 0, nil, err
			}
			continue
		}
		b := r.peek(n)
		if len(b) < n {
			if err := r.short(len(b), n, r.boundary); err != nil {
				return 0, nil, err
			}
			continue
		}
		if tail := r.u32(b[n-4:]); int(tail) != n {
			r.swapped = before
			if err := r.resume(fmt.Sprintf("a block says %d bytes at its begin and %d at its end", n, tail), r.boundary); err != nil {
				return 0, nil, err
			}
			continue
		}
		r.skip(n)
		return kind, b, nil
	}
}

// boundary reports whether two blocks of known types follow each other here, or
// one that the file ends with.
func (r *pcapng) boundary() bool {
	swapped := r.swapped
	at := 0
	for n := range 2 {
		h := r.peek(at + 12)
		if len(h) < at+12 {
			return n > 0 && len(h) == at
		}
		kind := r.u32(h[at:])
		if !known(kind) || kind == blockSection && !r.order(h[at+8:]) {
			break
		}
		size := int(r.u32(h[at+4:]))
		if size < 12 || size%4 != 0 || size > maxRecord {
			break
		}
		b := r.peek(at + size)
		if len(b) < at+size || int(r.u32(b[at+size-4:])) != size || kind == blockEnhanced && !r.likely(b[at+8:at+size-4]) {
			break
		}
		if at += size; n == 1 {
			r.swapped = swapped // the block has the byte order too
			return true
		}
	}
	r.swapped = swapped
	return false
}

// likely reports whether an enhanced packet block looks like its neighbours.
func (r *pcapng) likely(body []byte) bool {
	if len(body) < 20 || uint64(r.u32(body)) >= uint64(len(r.interfaces)) {
		return false
	}
	t := r.interfaces[r.u32(body)].time(uint64(r.u32(body[4:]))<<32 | uint64(r.u32(body[8:])))
	return r.packets == 0 || t-r.last < nearby && r.last-t < nearby
}

func known(kind uint32) bool {
	switch kind {
	case blockSection, blockInterface, blockPacket, blockSimple, blockNames, blockStatistics,
		blockEnhanced, blockSecrets, blockCustom, blockCustomKeep:
		return true
	}
	return false
}

// block reads the body of one block. It reports whether that filled p, and why
// the block makes no sense, if it makes none.
func (r *pcapng) block(kind uint32, body []byte, p *Packet) (packet bool, why string) {
	switch kind {
	case blockEnhanced:
		if len(body) < 20 {
			return false, "a packet block is too short"
		}
		return r.packet(r.u32(body), body[4:], p)
	case blockPacket:
		if len(body) < 20 {
			return false, "a packet block is too short"
		}
		id := uint32(r.u16(body))
		packet, why := r.packet(id, body[4:], p)
		if drops := r.u16(body[2:]); packet && drops != 0xffff { // that is: nobody knows
			r.lost(id, uint64(drops))
		}
		return packet, why
	case blockSimple:
		return r.simple(body, p)
	case blockInterface:
		return false, r.describe(body)
	case blockStatistics:
		return false, r.statistics(body)
	case blockSecrets:
		return false, r.secrets(body)
	case blockSection:
		if len(body) < 16 || r.u16(body[4:]) != 1 {
			return false, "a section of an unknown version"
		}
		r.interfaces = r.interfaces[:0]
		r.comments(body[16:])
	}
	return false, ""
}

// comments emits a note for each comment among options that may be a key log.
func (r *pcapng) comments(options []byte) {
	if len(options) < 8 || r.note == nil {
		return
	}
	for code, value := range r.options(options) {
		if code == optionComment && bytes.Contains(value, []byte("_")) {
			r.tell(Note{Kind: NoteSecrets, Offset: r.at, N: SecretsComment, Secrets: bytes.Clone(value)})
		}
	}
}

// packet reads what enhanced and obsolete packet blocks have in common, from
// the time on.
func (r *pcapng) packet(id uint32, b []byte, p *Packet) (bool, string) {
	if uint64(id) >= uint64(len(r.interfaces)) {
		return false, fmt.Sprintf("a packet of interface %d, which was not described", id)
	}
	i := &r.interfaces[id]
	captured := r.u32(b[8:])
	if uint64(captured) > uint64(len(b)-16) {
		return false, fmt.Sprintf("a packet says %d bytes in a block that has room for %d", captured, len(b)-16)
	}
	p.Time = i.time(uint64(r.u32(b))<<32 | uint64(r.u32(b[4:])))
	p.Data = b[16 : 16+captured : 16+captured]
	p.Length = max(r.u32(b[12:]), captured)
	p.Link = i.link
	if padded := 16 + uint64(captured+3)&^3; padded < uint64(len(b)) {
		r.comments(b[padded:])
		r.drops(id, b[padded:])
	}
	return true, ""
}

// glance implements [reader]: an enhanced packet block without options.
func (r *pcapng) glance(b []byte, g *plainPacket) bool {
	const before = 28 // of the block stands before the data, and 4 bytes behind it
	if len(b) < before+4 || r.u32(b) != blockEnhanced {
		return false
	}
	n, id, captured := r.u32(b[4:]), r.u32(b[8:]), r.u32(b[20:])
	if uint64(n) != before+4+(uint64(captured)+3)&^3 || uint64(n) > uint64(len(b)) || n > maxRecord ||
		r.u32(b[n-4:]) != n || uint64(id) >= uint64(len(r.interfaces)) || r.u32(b[24:]) != captured {
		return false
	}
	i := &r.interfaces[id]
	g.time = i.time(uint64(r.u32(b[12:]))<<32 | uint64(r.u32(b[16:])))
	g.data, g.link, g.size = b[before:before+captured:before+captured], i.link, int(n)
	return true
}

// drops notes how many packets were lost before the one that has these options.
func (r *pcapng) drops(id uint32, options []byte) {
	if len(options) < 12 {
		return
	}
	for code, value := range r.options(options) {
		if code == 4 && len(value) == 8 { // epb_dropcount
			r.lost(id, r.u64(value))
		}
	}
}

// lost notes that n more packets were lost on an interface.
func (r *pcapng) lost(id uint32, n uint64) {
	if n == 0 {
		return
	}
	i := &r.interfaces[id]
	i.dropped += n
	r.unreported += n
	r.on = fmt.Sprintf("interface %d %s", id, i.name)
	r.noteLost(r.reported)
}

// noteLost emits a note of lost packets, unless they are few beside those reported before:
// a file may count them with every packet.
func (r *pcapng) noteLost(few uint64) {
	if r.unreported <= few {
		return
	}
	r.tell(Note{
		Kind: NoteDropped, Offset: r.at, N: r.unreported,
		Text: fmt.Sprintf("%s: the capturing machine lost %d packets on %s", r.name, r.unreported, r.on),
	})
	r.reported += r.unreported
	r.unreported = 0
}

// simple reads a simple packet block: of the first interface, without a time.
// The captured length is not written; it follows from the snapshot length.
func (r *pcapng) simple(body []byte, p *Packet) (bool, string) {
	if len(r.interfaces) == 0 {
		return false, "a packet without an interface"
	}
	if len(body) < 4 {
		return false, "a packet block is too short"
	}
	i := &r.interfaces[0]
	length := r.u32(body)
	captured := length
	if i.snaplen != 0 {
		captured = min(captured, i.snaplen)
	}
	p.Time = 0
	p.Data = body[4 : 4+min(uint64(captured), uint64(len(body)-4))]
	p.Length = length
	p.Link = i.link
	return true, ""
}

func (r *pcapng) describe(body []byte) string {
	if len(body) < 8 {
		return "an interface block is too short"
	}
	if len(r.interfaces) >= maxInterfaces {
		return "more interfaces than 65536"
	}
	r.comments(body[8:])
	i := iface{link: LinkType(r.u16(body)), snaplen: r.u32(body[4:]), resolution: 6}
	for code, value := range r.options(body[8:]) {
		switch {
		case code == 2: // if_name
			i.name = string(bytes.TrimRight(value[:min(len(value), 256)], "\x00"))
		case code == 9 && len(value) >= 1: // if_tsresol
			i.resolution = value[0]
		case code == 14 && len(value) >= 8: // if_tsoffset
			i.offset = int64(r.u64(value))
		}
	}
	r.interfaces = append(r.interfaces, i)
	return ""
}

func (r *pcapng) statistics(body []byte) string {
	if len(body) < 12 {
		return "a statistics block is too short"
	}
	id := r.u32(body)
	if uint64(id) >= uint64(len(r.interfaces)) {
		return fmt.Sprintf("statistics of interface %d, which was not described", id)
	}
	i := &r.interfaces[id]
	var dropped uint64
	for code, value := range r.options(body[12:]) {
		if (code == 5 || code == 7) && len(value) >= 8 { // isb_ifdrop, isb_osdrop
			dropped += r.u64(value)
		}
		if code == 3 && len(value) >= 8 && r.note != nil { // isb_endtime
			if until := i.time(uint64(r.u32(value))<<32 | uint64(r.u32(value[4:]))); until > 0 {
				r.tell(Note{Kind: NoteUntil, Offset: r.at, N: uint64(until)})
			}
		}
	}
	if dropped > i.dropped { // the counters only grow, a block may repeat them, and packets may have counted some
		r.lost(id, dropped-i.dropped)
	}
	return ""
}

func (r *pcapng) secrets(body []byte) string {
	if len(body) < 8 || uint64(r.u32(body[4:])) > uint64(len(body)-8) {
		return "a secrets block is too short"
	}
	if r.note != nil {
		r.tell(Note{
			Kind: NoteSecrets, Offset: r.at, N: uint64(r.u32(body)),
			Secrets: bytes.Clone(body[8 : 8+r.u32(body[4:])]),
		})
	}
	return ""
}

// options walks over a list of options; a broken one ends the list.
func (r *pcapng) options(b []byte) func(yield func(code uint16, value []byte) bool) {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= 4 {
			code, n := r.u16(b), int(r.u16(b[2:]))
			b = b[4:]
			if code == 0 || n > len(b) || !yield(code, b[:n]) {
				return
			}
			b = b[min((n+3)&^3, len(b)):]
		}
	}
}

// time turns units of the interface's resolution into nanoseconds, exactly and
// rounded down. What does not fit (the year 2262) is held at the limit.
func (i *iface) time(units uint64) int64 {
	var high, low uint64
	switch n := uint(i.resolution & 0x7f); {
	case i.resolution == 6:
		high, low = bits.Mul64(units, 1000)
	case i.resolution == 9:
		low = units
	case i.resolution&0x80 != 0: // 2^-n seconds
		high, low = bits.Mul64(units, 1_000_000_000)
		low = low>>n | high<<(64-n) // Go shifts by 64 and more to 0
		if n >= 64 {
			low = high >> (n - 64)
		}
		high >>= n
	case n <= 9: // 10^-n seconds
		high, low = bits.Mul64(units, power10(9-n))
	case n-9 < 20:
		low = units / power10(n-9)
	}
	nanoseconds := int64(low)
	if high != 0 || low > latest {
		nanoseconds = latest
	}
	if i.offset == 0 {
		return nanoseconds
	}
	const most = latest / 1_000_000_000
	shift := max(min(i.offset, most), -most) * 1_000_000_000
	return max(min(nanoseconds+shift, latest), -latest)
}

func power10(n uint) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

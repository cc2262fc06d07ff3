package wire

import (
	"encoding/binary"
	"net/netip"
)

// Fragment is one fragment of an IP packet (RFC 791 section 3.2, RFC 8200 section 4.5).
// Fragments with the same Source, Destination, ID and Protocol belong to one packet.
type Fragment struct {
	Source, Destination netip.Addr // an IPv4-mapped IPv6 address stays IPv6
	ID                  uint32     // 16 bits in IPv4
	// Protocol is what the whole packet carries; in IPv6 it is 0, because
	// only the fragment at offset 0 has it ([Fragment.First]).
	Protocol uint8
	First    uint8  // the protocol in the packet, valid at offset 0
	Offset   uint32 // of Data in what the packet carries, in bytes
	More     bool   // it is not the last piece
	Data     []byte // borrowed: a slice of the packet
	Length   uint32 // bytes of the piece on the wire; more than len(Data) when the capture cut it
	nested   int    // tunnels around it
}

// maxDatagram is the largest payload of an IP packet, whose length has 16 bits. Fragments
// beyond it are an old attack.
const maxDatagram = 1<<16 - 1

// Fragment returns what the last [Decoder.Decode] or [Decoder.Whole] found when
// it returned SkipFragment. It is borrowed until the next call.
func (d *Decoder) Fragment() *Fragment { return &d.fragment }

// fragment4 takes a fragment of IPv4: its header, and what follows that.
func (d *Decoder) fragment4(header, body []byte, rest uint32) Skip {
	flags := binary.BigEndian.Uint16(header[6:])
	d.fragment = Fragment{
		Source: netip.AddrFrom4([4]byte(header[12:16])), Destination: netip.AddrFrom4([4]byte(header[16:20])),
		ID: uint32(binary.BigEndian.Uint16(header[4:])), Protocol: header[9], First: header[9],
		Offset: uint32(flags&0x1fff) * 8, More: flags&0x2000 != 0,
	}
	return d.fragmented(body, rest)
}

// fragment6 takes a fragment of IPv6: its header, and what begins with the
// fragment header.
func (d *Decoder) fragment6(header, body []byte, rest uint32) Skip {
	offset := binary.BigEndian.Uint16(body[2:])
	d.fragment = Fragment{
		Source: netip.AddrFrom16([16]byte(header[8:24])), Destination: netip.AddrFrom16([16]byte(header[24:40])),
		ID: binary.BigEndian.Uint32(body[4:]), First: body[0],
		Offset: uint32(offset &^ 7), More: offset&1 != 0,
	}
	return d.fragmented(body[8:], rest-8)
}

// fragmented completes a fragment. All but the last carry a multiple of 8 bytes. The rest
// is dropped, because the next fragment begins at a multiple of 8.
func (d *Decoder) fragmented(body []byte, rest uint32) Skip {
	f := &d.fragment
	if f.More {
		rest &^= 7
	}
	if rest == 0 || f.Offset+rest > maxDatagram {
		return SkipMalformed
	}
	f.Data, f.Length, f.nested = body[:min(rest, uint32(len(body)))], rest, d.nested
	return SkipFragment
}

// isFragment reports whether what begins with a fragment header of IPv6 is a
// part of a packet. One that is the first and the last is a whole one (RFC 6946).
func isFragment(body []byte) bool {
	return len(body) >= 8 && binary.BigEndian.Uint16(body[2:])&0xfff9 != 0
}

// Whole reads a packet that was put together again: f is any of its pieces,
// with First from the one at offset 0, and Data and Length of the whole. It
// returns and fills seg as [Decoder.Decode] does.
func (d *Decoder) Whole(f *Fragment, seg *Segment) Skip {
	d.nested = f.nested
	protocol, body, rest := f.First, f.Data, f.Length
	for protocol == protoAH || !f.Source.Is4() && isExtension(protocol) {
		if protocol == protoFragment && isFragment(body) {
			return SkipMalformed // a piece of a piece, which nobody makes
		}
		var skip Skip
		if protocol, body, rest, skip = extension(protocol, body, rest); skip != SkipNone {
			return skip
		}
	}
	if protocol != protoTCP {
		return d.protocol(protocol, body, rest, seg)
	}
	if skip := tcp(body, rest, seg); skip != SkipNone {
		return skip
	}
	if d.Checksums && !segmentIntact(append(f.Source.AsSlice(), f.Destination.AsSlice()...), body, rest) {
		return SkipChecksum
	}
	seg.Src = netip.AddrPortFrom(f.Source.Unmap(), binary.BigEndian.Uint16(body))
	seg.Dst = netip.AddrPortFrom(f.Destination.Unmap(), binary.BigEndian.Uint16(body[2:]))
	return SkipNone
}

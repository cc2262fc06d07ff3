package http2

import (
	"bytes"

	"golang.org/x/net/http2/hpack"

	"github.com/wsdump/wsdump/timeline"
)

// table is the header table of one direction (RFC 7541 2.3) and the fields of
// the block that was decoded last.
//
// Behind a loss it goes on with entries that stand for the unknown ones: their
// name is empty, which no field may be (RFC 9110 5.1). New entries push them
// back as they push back the true ones, so an index never leads to a wrong
// field, only to an unknown one.
type table struct {
	most    int // bytes that the fields of a block may have (Limits.Head)
	dec     *hpack.Decoder
	unknown int // entries to begin with that stand for unknown ones

	fields  []timeline.Header // of the latest block; borrowed until the next
	size    int               // their names and values, and 32 bytes for each
	missing bool              // some field of the block is unknown
	cut     bool              // fields were left out because of most
}

const (
	// A table has at most one entry for each 32 bytes of its size (RFC 7541
	// 4.1): 128 in one of the default size, 2048 in one of 64 KiB, which is
	// what browsers allow. The second is tried when the first is too small.
	fewUnknown  = 4 << 10 / 32
	manyUnknown = 64 << 10 / 32

	defaultTable = 4 << 10
	// maxTable bounds a header table. It is as safe to have a smaller one than
	// the peers: fields that are needed and were dropped are unknown.
	maxTable = 1 << 20
)

// lose forgets all entries.
func (t *table) lose() { t.dec, t.unknown = nil, fewUnknown }

// decode reads a whole header block. ok is false when nothing of it can be
// known; the table is lost then.
//
// Size updates are taken as they come and not held to
// SETTINGS_HEADER_TABLE_SIZE: that is for the peer to judge, and the capture
// may have the SETTINGS later, or not at all.
func (t *table) decode(block []byte) (ok bool) {
	for {
		err := t.try(block)
		if err == nil {
			return true
		}
		known := t.unknown
		t.lose()
		if known != fewUnknown || !isIndexError(err) {
			return false
		}
		t.unknown = manyUnknown
	}
}

func isIndexError(err error) bool {
	d, ok := err.(hpack.DecodingError)
	if !ok {
		return false
	}
	_, ok = d.Err.(hpack.InvalidIndexError)
	return ok
}

func (t *table) try(block []byte) error {
	if t.dec == nil {
		t.start()
	}
	clear(t.fields)
	t.fields, t.size, t.missing, t.cut = t.fields[:0], 0, false, false
	t.dec.SetEmitEnabled(true)
	for len(block) > 0 && block[0]&0xe0 == 0x20 { // the decoder allows only one of them (RFC 7541 4.2 allows two)
		size, n := varint(block, 5)
		if n == 0 {
			break
		}
		t.dec.SetMaxDynamicTableSize(uint32(min(size, maxTable)))
		block = block[n:]
	}
	_, err := t.dec.Write(block)
	if end := t.dec.Close(); err == nil {
		err = end
	}
	return err
}

// start makes the decoder, with as many unknown entries as t.unknown says.
func (t *table) start() {
	size := uint32(defaultTable)
	if t.unknown > 0 {
		size = 128 << 10 // the unknown ones and 64 KiB of others
	}
	t.dec = hpack.NewDecoder(size, t.emit)
	t.dec.SetAllowedMaxDynamicTableSize(maxTable)
	t.dec.SetMaxStringLength(2 * t.most) // Huffman coding can make 8 bytes of 5
	if t.unknown > 0 {
		t.dec.SetEmitEnabled(false)
		// Literal fields with an empty name and value that go into the table.
		_, _ = t.dec.Write(bytes.Repeat([]byte{0x40, 0, 0}, t.unknown))
		_ = t.dec.Close()
	}
}

func (t *table) emit(f hpack.HeaderField) {
	if f.Name == "" {
		t.missing = true
		return
	}
	t.size += int(f.Size())
	if t.size > t.most {
		t.cut = true
		t.dec.SetEmitEnabled(false)
		return
	}
	t.fields = append(t.fields, timeline.Header{Name: f.Name, Value: f.Value})
}

// varint reads an integer with a prefix of bits (RFC 7541 5.1). n is 0 when it
// is not whole or too long.
func varint(b []byte, bits uint) (value uint64, n int) {
	most := uint64(1)<<bits - 1
	value = uint64(b[0]) & most
	if value < most {
		return value, 1
	}
	for i := 1; i < len(b) && i < 6; i++ {
		value += uint64(b[i]&0x7f) << (7 * uint(i-1))
		if b[i]&0x80 == 0 {
			return value, i + 1
		}
	}
	return 0, 0
}

package capture

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

var (
	errDictionary = errors.New("the dictionary is too large")
	errXZ         = errors.New("not as the xz format has it")
)

// xzReader reads xz files (https://tukaani.org/xz/xz-file-format.txt): streams of
// blocks. It is our own because the reader of the library takes dictionaries of
// any size, and keeps a list of all blocks; the LZMA2 data in them is read by
// the library. Filters other than LZMA2 are for programs, and are not read.
type xzReader struct {
	r       *bufio.Reader
	streams int
	flags   [2]byte
	open    bool // between the header and the footer of a stream
	data    io.Reader
	count   counter // compressed bytes of the block
	hash    hash.Hash
	err     error
}

// counter counts what is read through it.
type counter struct {
	r *bufio.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

func (c *counter) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

func (x *xzReader) Read(b []byte) (n int, err error) {
	for n == 0 && x.err == nil {
		switch {
		case !x.open:
			x.err = x.header()
		case x.data == nil:
			x.err = x.block()
		default:
			n, err = x.data.Read(b)
			x.hash.Write(b[:n])
			if err == io.EOF {
				x.data = nil
				err = x.endBlock()
			}
			x.err = err
		}
	}
	return n, x.err
}

// full fills b; the end of the file is unexpected there.
func (x *xzReader) full(b []byte) error {
	_, err := io.ReadFull(x.r, b)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// header reads the header of a stream (section 2.1.1) and the padding before it.
func (x *xzReader) header() error {
	var h [12]byte
	for {
		if _, err := io.ReadFull(x.r, h[:4]); err != nil {
			return err // io.EOF behind a whole stream is the end
		}
		if x.streams == 0 || [4]byte(h[:4]) != [4]byte{} {
			break
		}
	}
	if err := x.full(h[4:]); err != nil {
		return err
	}
	if string(h[:6]) != "\xfd7zXZ\x00" || crc32.ChecksumIEEE(h[6:8]) != binary.LittleEndian.Uint32(h[8:]) || h[6] != 0 {
		return fmt.Errorf("the header of a stream is %w", errXZ)
	}
	x.flags = [2]byte(h[6:8])
	switch x.flags[1] {
	case 0:
		x.hash = none{}
	case 1:
		x.hash = crc32.NewIEEE()
	case 4:
		x.hash = crc64.New(crc64.MakeTable(crc64.ECMA))
	case 10:
		x.hash = sha256.New()
	default:
		return fmt.Errorf("unknown check %d", x.flags[1])
	}
	x.streams++
	x.open = true
	return nil
}

// block reads the header of a block (section 3.1), or what is instead of it at
// the end of a stream: its index.
func (x *xzReader) block() error {
	first, err := x.r.ReadByte()
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	} else if err != nil {
		return err
	}
	if first == 0 {
		x.open = false
		return x.index()
	}
	h := make([]byte, 4*(int(first)+1))
	h[0] = first
	if err := x.full(h[1:]); err != nil {
		return err
	}
	end := len(h) - 4
	if crc32.ChecksumIEEE(h[:end]) != binary.LittleEndian.Uint32(h[end:]) {
		return fmt.Errorf("the header of a block is %w", errXZ)
	}
	fields := bytes.NewReader(h[2:end])
	if h[1]&0x40 != 0 { // the sizes of the block are not needed
		_, _ = binary.ReadUvarint(fields)
	}
	if h[1]&0x80 != 0 {
		_, _ = binary.ReadUvarint(fields)
	}
	id, _ := binary.ReadUvarint(fields)
	size, _ := binary.ReadUvarint(fields)
	bits, err := fields.ReadByte()
	if h[1]&3 != 0 || id != 0x21 || size != 1 || err != nil {
		return fmt.Errorf("filter %#x, and only LZMA2 is known", id)
	}
	if bits > 40 {
		return fmt.Errorf("the header of a block is %w", errXZ)
	}
	dictionary := int64(2|bits&1) << (bits/2 + 11)
	if dictionary > maxWindow {
		return errDictionary
	}
	x.count = counter{r: x.r}
	x.hash.Reset()
	x.data, err = lzma.Reader2Config{DictCap: int(dictionary)}.NewReader2(&x.count)
	return err
}

// endBlock reads what follows the data of a block: padding and the check.
func (x *xzReader) endBlock() error {
	var b [3 + sha256.Size]byte
	padding := int(-x.count.n & 3)
	tail := b[:padding+x.hash.Size()]
	if err := x.full(tail); err != nil {
		return err
	}
	sum := x.hash.Sum(nil)
	if x.flags[1] != 10 { // the CRCs are little-endian
		for i, j := 0, len(sum)-1; i < j; i, j = i+1, j-1 {
			sum[i], sum[j] = sum[j], sum[i]
		}
	}
	if !bytes.Equal(tail[padding:], sum) {
		return errors.New("invalid checksum")
	}
	return nil
}

// index reads over the index and the footer of a stream (section 4 and 2.1.2).
func (x *xzReader) index() error {
	c, crc := &counter{r: x.r}, crc32.NewIEEE()
	crc.Write([]byte{0})
	in := hashed{c, crc}
	records, err := binary.ReadUvarint(in)
	for i := uint64(0); err == nil && i < 2*records && records < 1<<60; i++ {
		_, err = binary.ReadUvarint(in)
	}
	for err == nil && (c.n+1)%4 != 0 {
		_, err = in.ReadByte()
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	var f [16]byte // the CRC of the index, and the footer
	if err := x.full(f[:]); err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(f[:]) != crc.Sum32() || crc32.ChecksumIEEE(f[8:14]) != binary.LittleEndian.Uint32(f[4:]) ||
		[2]byte(f[12:14]) != x.flags || string(f[14:]) != "YZ" {
		return fmt.Errorf("the end of a stream is %w", errXZ)
	}
	return nil
}

// hashed reads bytes and adds them to a checksum.
type hashed struct {
	*counter
	crc hash.Hash
}

func (h hashed) ReadByte() (byte, error) {
	b, err := h.counter.ReadByte()
	if err == nil {
		h.crc.Write([]byte{b})
	}
	return b, err
}

// none is the check of streams without one.
type none struct{}

func (none) Write(b []byte) (int, error) { return len(b), nil }
func (none) Sum(b []byte) []byte         { return b }
func (none) Reset()                      {}
func (none) Size() int                   { return 0 }
func (none) BlockSize() int              { return 1 }

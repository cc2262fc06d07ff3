package capture

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// maxWindow bounds, in bytes, what a decompressor must remember of one file: the
// window of zstd and the dictionary of xz. It is what `zstd --long` and `xz -9`
// make at most.
const maxWindow = 128 << 20

// compression is a format that captures are compressed with.
type compression struct {
	name, magic string
	open        func(*bufio.Reader) (io.Reader, error)
}

var compressions = [...]compression{
	{"gzip", "\x1f\x8b\x08", func(r *bufio.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{"zstd", "\x28\xb5\x2f\xfd", openZstd},
	{"lz4", "\x04\x22\x4d\x18", func(r *bufio.Reader) (io.Reader, error) { return lz4.NewReader(r), nil }},
	{"xz", "\xfd7zXZ\x00", func(r *bufio.Reader) (io.Reader, error) { return &xzReader{r: r}, nil }},
	{"bzip2", "BZh", func(r *bufio.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
}

func openZstd(r *bufio.Reader) (io.Reader, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow))
}

// compressionOf returns the compression of a file by its first bytes, nil for none.
// Both zstd and lz4 may begin with frames to be skipped, of the same magic.
func compressionOf(peek func(int) []byte) *compression {
	const skippable, mostSkipped = 0x184d2a50, 16 << 10
	at := 0
	for h := peek(8); len(h) == at+8 && binary.LittleEndian.Uint32(h[at:])&^0xf == skippable; h = peek(at + 8) {
		n := binary.LittleEndian.Uint32(h[at+4:])
		if n > mostSkipped || at > mostSkipped {
			return &compressions[1]
		}
		at += 8 + int(n)
	}
	for i := range compressions {
		c := &compressions[i]
		if b := peek(at + len(c.magic)); len(b) == at+len(c.magic) && string(b[at:]) == c.magic {
			return c
		}
	}
	return nil
}

// inflater is the reader of a compressed file: it gives the decompressed bytes.
type inflater struct {
	*compression
	source source
	size   int // of the buffer of compressed bytes
	z      io.Reader
	skip   int64 // decompressed bytes to be read over, after park
	err    error
}

// source keeps the error that ended the compressed bytes, because some decompressors do
// not return it.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(b []byte) (n int, err error) {
	n, err = s.r.Read(b)
	s.err = err
	return n, err
}

// inflate returns a reader of what is compressed in head and, behind it, in r.
func (c *compression) inflate(head []byte, r io.Reader, size int) *inflater {
	z := &inflater{compression: c, size: min(size, 64<<10)}
	z.source.r = io.MultiReader(bytes.NewReader(bytes.Clone(head)), r)
	return z
}

// Read reads decompressed bytes. The error is io.EOF, an [inflateError], or what
// reading the compressed bytes ended with.
func (z *inflater) Read(b []byte) (n int, err error) {
	if z.err == nil && z.z == nil {
		z.z, z.err = z.open(bufio.NewReaderSize(&z.source, z.size))
		if z.err == nil && z.skip > 0 {
			_, z.err = io.CopyN(io.Discard, z.z, z.skip)
		}
		z.fail()
	}
	for n == 0 && z.err == nil && len(b) > 0 {
		n, z.err = z.z.Read(b)
		z.fail()
	}
	return n, z.err
}

// fail converts the error of a decompressor to the error of Read.
func (z *inflater) fail() {
	switch {
	case z.err == nil || z.err == io.EOF && z.z != nil:
		return
	case z.source.err != nil && z.source.err != io.EOF:
		z.err = z.source.err
		return
	}
	limit := errors.Is(z.err, errDictionary) || errors.Is(z.err, zstd.ErrDecoderSizeExceeded) || errors.Is(z.err, zstd.ErrWindowSizeExceeded)
	cut := errors.Is(z.err, io.ErrUnexpectedEOF) || errors.Is(z.err, io.EOF)
	z.err = &inflateError{name: z.name, cut: cut && z.source.err == io.EOF, limit: limit, err: z.err}
}

// park frees the decompressor. The next Read decompresses r from its beginning, and
// returns the bytes from offset on.
func (z *inflater) park(r io.Reader, offset int64) {
	z.close()
	z.source, z.skip, z.err = source{r: r}, offset, nil
}

func (z *inflater) close() {
	if d, ok := z.z.(*zstd.Decoder); ok {
		d.Close()
	}
	z.z = nil
}

// inflateError is an error of compressed data: it is cut, damaged, or needs more memory
// than allowed.
type inflateError struct {
	name       string
	cut, limit bool
	err        error
}

func (e *inflateError) Error() string {
	if e.limit {
		return fmt.Sprintf("its %s data needs a window of more than %d MiB; decompress it first, `%s -dc FILE | wsdump -`", e.name, maxWindow>>20, e.tool())
	}
	return fmt.Sprintf("its %s data is broken: %v", e.name, e.err)
}

func (e *inflateError) tool() string {
	if e.name == "zstd" {
		return "zstd --long=31"
	}
	return e.name
}

func (e *inflateError) Unwrap() error { return e.err }

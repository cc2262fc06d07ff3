package capture

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"
)

// newReader returns the reader for the format of a file, which it identifies by the
// first bytes.
func newReader(s stream) (reader, error) {
	h := s.peek(4)
	if len(h) < 4 && s.err != io.EOF {
		return nil, s.noHeader(len(h), 24)
	}
	if len(h) == 4 {
		switch [4]byte(h) {
		case [4]byte{0x0a, 0x0d, 0x0d, 0x0a}:
			return newPcapng(s)
		case [4]byte{0xd4, 0xc3, 0xb2, 0xa1}, [4]byte{0xa1, 0xb2, 0xc3, 0xd4},
			[4]byte{0x4d, 0x3c, 0xb2, 0xa1}, [4]byte{0xa1, 0xb2, 0x3c, 0x4d},
			[4]byte{0x34, 0xcd, 0xb2, 0xa1}, [4]byte{0xa1, 0xb2, 0xcd, 0x34}:
			return newPcap(s)
		}
	}
	return nil, &OpenError{File: s.name, Err: ErrFormat, Text: foreign(s.peek(512), s.packed)}
}

// magics are beginnings of files that people pass by mistake.
var magics = [...]struct{ magic, is string }{
	{"\xff\xd8\xff", "looks like a JPEG picture"},
	{"\x89PNG", "looks like a PNG picture"},
	{"GIF8", "looks like a GIF picture"},
	{"%PDF", "looks like a PDF document"},
	{"\x7fELF", "looks like a program (ELF)"},
	{"MZ", "looks like a Windows program"},
	{"SQLite format 3", "looks like an SQLite database"},
	{"PK\x03\x04", "looks like a zip archive: unpack it first"},
	{"snoop\x00\x00\x00", "looks like a Solaris snoop capture: convert it first, `editcap -F pcapng FILE out.pcapng`"},
	{"GMBU", "looks like a Microsoft Network Monitor capture: convert it first, `editcap -F pcapng FILE out.pcapng`"},
	{"RTSS", "looks like a Microsoft Network Monitor 1 capture: convert it first, `editcap -F pcapng FILE out.pcapng`"},
	{"TRSNIFF data", "looks like a Sniffer capture: convert it first, `editcap -F pcapng FILE out.pcapng`"},
	{"\xd0\xcf\x11\xe0", "looks like a Microsoft Office document"},
}

// foreign returns the error for a file that is no capture and begins with b, decompressed
// from packed. The error names the kind of file, with advice.
func foreign(b []byte, packed string) string {
	reads := "wsdump reads pcap and pcapng; this "
	if packed != "" {
		reads += "is compressed with " + packed + ", and what is inside "
	}
	if len(b) == 0 && packed != "" {
		return reads + "is empty"
	}
	if len(b) == 0 {
		return "the file is empty; a capture has at least a header (is the capture still starting?)"
	}
	for _, m := range magics {
		if bytes.HasPrefix(b, []byte(m.magic)) {
			return reads + m.is
		}
	}
	if c := compressionOf(func(n int) []byte { return b[:min(n, len(b))] }); c != nil { // only one level is read
		again := fmt.Sprintf("is compressed with %s: decompress it first, `%s -dc FILE | wsdump -`", c.name, packed)
		return reads + again
	}
	if len(b) > 262 && string(b[257:262]) == "ustar" {
		return reads + "looks like a tar archive: unpack it first, `tar -xf FILE`"
	}
	first := bytes.TrimLeft(b, "\ufeff \t\r\n")
	switch {
	case bytes.HasPrefix(first, []byte("{")) && bytes.Contains(b, []byte(`"log"`)):
		return reads + "looks like a HAR recording (JSON)"
	case bytes.HasPrefix(first, []byte("{")), bytes.HasPrefix(first, []byte("[")):
		return reads + "looks like JSON"
	case isText(b):
		return reads + "looks like text"
	case len(b) < 24:
		return fmt.Sprintf(reads+"has only %d bytes, which is not even a header", len(b))
	}
	return fmt.Sprintf(reads+"begins with %x; if it is a capture, try `editcap -F pcapng FILE out.pcapng`", b[:min(4, len(b))])
}

func isText(b []byte) bool {
	for len(b) > 0 {
		c, n := utf8.DecodeRune(b)
		if c == utf8.RuneError && len(b) >= utf8.UTFMax || c < ' ' && c != '\t' && c != '\r' && c != '\n' && c != '\f' && c != 0x1b {
			return false
		}
		b = b[n:]
	}
	return true
}

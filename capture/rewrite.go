package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
)

// Rewriting is what [Rewrite] changes. The zero value changes nothing.
type Rewriting struct {
	Secrets []byte            // a TLS key log that is put before the first packet; nil: none
	Strip   bool              // leave out all decryption secrets
	Comment func([]byte) bool // with Strip: which comments hold secrets; nil: none
}

// Rewritten is what [Rewrite] did.
type Rewritten struct {
	Packets  uint64
	Secrets  int // blocks of secrets that were left out
	Comments int // comments that were left out
}

// Rewrite copies the capture of that path ("-": standard input) to w as pcapng.
// The blocks of a pcapng file are copied as they are, known or not, but for what
// r changes; a pcap file becomes one section. What is damaged is left out. At
// the end of a file that is cut or damaged the error is [Incomplete], and w has
// all that was read before.
func Rewrite(w io.Writer, path string, opt Options, r Rewriting) (done Rewritten, err error) {
	in, err := Open([]string{path}, opt)
	if err != nil {
		return done, err
	}
	defer in.Close()
	if len(in.files) != 1 {
		return done, &OpenError{File: path, Err: ErrFormat, Text: "this is a folder; name one capture"}
	}
	if source, ok := in.files[0].reader.(*pcapng); ok {
		out := rewriter{Rewriting: r, source: source, w: bufio.NewWriterSize(w, 64<<10)}
		err := out.run()
		return out.done, errors.Join(err, out.w.Flush())
	}
	out := NewWriter(w)
	if r.Secrets != nil {
		if err := out.Secrets(SecretsTLSKeyLog, r.Secrets); err != nil {
			return done, err
		}
	}
	for p := (Packet{}); ; done.Packets++ {
		if err = in.Next(&p); err != nil {
			break
		}
		if err := out.Write(&p); err != nil {
			return done, err
		}
	}
	if err == io.EOF {
		err = nil
	}
	return done, errors.Join(err, out.Flush())
}

// rewriter copies the blocks of one pcapng file.
type rewriter struct {
	Rewriting
	source *pcapng
	w      *bufio.Writer
	done   Rewritten
	begun  bool // the first section and the new secrets were written
}

func (w *rewriter) run() error {
	for {
		kind, raw, err := w.source.nextBlock()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		options := -1 // where they begin in raw
		switch kind {
		case blockSecrets:
			if w.Strip {
				w.done.Secrets++
				continue
			}
		case blockSection:
			options = 24
		case blockInterface:
			options = 16
		case blockEnhanced, blockPacket:
			w.done.Packets++
			if len(raw) >= 32 {
				options = int(min(28+(uint64(w.source.u32(raw[20:]))+3)&^3, uint64(len(raw))))
			}
		case blockSimple:
			w.done.Packets++
		}
		if w.Strip && w.Comment != nil && options >= 0 {
			raw = w.uncomment(raw, options)
		}
		if !w.begun {
			w.begun = true
			if kind != blockSection { // the header of the file was damaged
				_, _ = w.w.Write(w.section()) // the error of a bufio.Writer stays
			} else {
				_, _ = w.w.Write(raw)
				raw = nil
			}
			if w.Secrets != nil {
				_, _ = w.w.Write(w.secrets())
			}
		}
		if _, err := w.w.Write(raw); err != nil {
			return err
		}
	}
}

// section returns a section header without options.
func (w *rewriter) section() []byte {
	const length = 28
	b := w.u32(w.u32(w.u32(nil, blockSection), length), byteOrderMagic)
	if w.source.swapped {
		b = append(b, 0, 1, 0, 0)
	} else {
		b = append(b, 1, 0, 0, 0)
	}
	b = append(b, "\xff\xff\xff\xff\xff\xff\xff\xff"...) // its length is not known
	return w.u32(b, length)
}

// u32 appends in the byte order of the section.
func (w *rewriter) u32(b []byte, v uint32) []byte {
	if w.source.swapped {
		v = bits.ReverseBytes32(v)
	}
	return binary.LittleEndian.AppendUint32(b, v)
}

// secrets returns the block of the new secrets.
func (w *rewriter) secrets() []byte {
	padding := -len(w.Secrets) & 3
	length := uint32(20 + len(w.Secrets) + padding)
	b := w.u32(w.u32(w.u32(w.u32(nil, blockSecrets), length), SecretsTLSKeyLog), uint32(len(w.Secrets)))
	b = append(append(b, w.Secrets...), make([]byte, padding)...)
	return w.u32(b, length)
}

// uncomment returns a block without the comments that hold secrets. Its options
// begin at byte at, and four bytes of length follow them.
func (w *rewriter) uncomment(raw []byte, at int) []byte {
	if at+4 >= len(raw) {
		return raw
	}
	list := raw[at : len(raw)-4]
	found := 0
	for code, value := range w.source.options(list) {
		if code == optionComment && w.Comment(value) {
			found++
		}
	}
	if found == 0 {
		return raw
	}
	w.done.Comments += found
	out := append([]byte(nil), raw[:at]...)
	for len(list) >= 4 {
		code, n := w.source.u16(list), int(w.source.u16(list[2:]))
		whole := 4 + (n+3)&^3
		if code == 0 || whole > len(list) {
			break
		}
		if code != optionComment || !w.Comment(list[4:4+n]) {
			out = append(out, list[:whole]...)
		}
		list = list[whole:]
	}
	out = append(out, 0, 0, 0, 0) // the end of the options
	length := w.u32(nil, uint32(len(out)+4))
	copy(out[4:], length)
	return append(out, length...)
}

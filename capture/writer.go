package capture

import (
	"bufio"
	"encoding/binary"
	"io"
	"math"
)

// Writer writes packets as pcapng, in one section, with one interface for each
// link type and times in nanoseconds.
type Writer struct {
	w          *bufio.Writer
	interfaces map[LinkType]uint32
	scratch    []byte
	ends       [8]byte // type and length; a field, so that it is not allocated for each block
}

// NewWriter returns a Writer. Nothing is written before the first packet or
// [Writer.Flush].
func NewWriter(w io.Writer) *Writer {
	e := &Writer{w: bufio.NewWriterSize(w, 64<<10), interfaces: map[LinkType]uint32{}}
	b := binary.LittleEndian.AppendUint32(nil, byteOrderMagic)
	b = append(b, 1, 0, 0, 0)                                                                        // version 1.0
	b = binary.LittleEndian.AppendUint64(b, 1<<64-1)                                                 // section length: not known
	_ = e.block(blockSection, append(b, 4, 0, 6, 0, 'w', 's', 'd', 'u', 'm', 'p', 0, 0, 0, 0, 0, 0)) // shb_userappl
	return e
}

// Write adds a packet. A time before 1970 becomes 1970: the format has none.
func (e *Writer) Write(p *Packet) error { return e.WriteCommented(p, nil) }

// WriteCommented adds a packet with comments, which other tools show beside it.
// A comment is cut at 64 KiB.
func (e *Writer) WriteCommented(p *Packet, comments []string) error {
	id, ok := e.interfaces[p.Link]
	if !ok {
		id = uint32(len(e.interfaces))
		e.interfaces[p.Link] = id
		b := binary.LittleEndian.AppendUint16(nil, uint16(p.Link))
		b = append(b, 0, 0, 0, 0, 0, 0)                   // no snapshot length
		b = append(b, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0) // if_tsresol: 10^-9
		if err := e.block(blockInterface, b); err != nil {
			return err
		}
	}
	t := uint64(max(p.Time, 0))
	b := binary.LittleEndian.AppendUint32(e.scratch[:0], id)
	b = binary.LittleEndian.AppendUint32(b, uint32(t>>32))
	b = binary.LittleEndian.AppendUint32(b, uint32(t))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p.Data)))
	b = binary.LittleEndian.AppendUint32(b, p.Length)
	b = append(b, p.Data...)
	if len(comments) > 0 {
		b = append(b, "\x00\x00\x00"[:-len(p.Data)&3]...)
		for _, c := range comments {
			c = c[:min(len(c), math.MaxUint16&^3)]
			b = binary.LittleEndian.AppendUint16(b, optionComment)
			b = binary.LittleEndian.AppendUint16(b, uint16(len(c)))
			b = append(append(b, c...), "\x00\x00\x00"[:-len(c)&3]...)
		}
		b = append(b, 0, 0, 0, 0)
	}
	e.scratch = b
	return e.block(blockEnhanced, e.scratch)
}

// Secrets adds a decryption secrets block, such as a TLS key log
// ([SecretsTLSKeyLog]). It must come before the packets that need it.
func (e *Writer) Secrets(kind uint32, secrets []byte) error {
	b := binary.LittleEndian.AppendUint32(e.scratch[:0], kind)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(secrets)))
	e.scratch = append(b, secrets...)
	return e.block(blockSecrets, e.scratch)
}

// Statistics adds what is known of the capture of one link type up to a time, in
// nanoseconds since the Unix epoch: packets that were received, and of them
// those that were lost. Where they were lost the block comes before the next
// packet. Without a packet of that type nothing is written.
func (e *Writer) Statistics(link LinkType, until int64, received, dropped uint64) error {
	id, ok := e.interfaces[link]
	if !ok {
		return nil
	}
	t := uint64(max(until, 0))
	b := binary.LittleEndian.AppendUint32(e.scratch[:0], id)
	b = binary.LittleEndian.AppendUint32(b, uint32(t>>32))
	b = binary.LittleEndian.AppendUint32(b, uint32(t))
	b = append(b, 3, 0, 8, 0) // isb_endtime
	b = binary.LittleEndian.AppendUint32(b, uint32(t>>32))
	b = binary.LittleEndian.AppendUint32(b, uint32(t))
	b = append(b, 4, 0, 8, 0) // isb_ifrecv
	b = binary.LittleEndian.AppendUint64(b, received)
	b = append(b, 5, 0, 8, 0) // isb_ifdrop
	b = binary.LittleEndian.AppendUint64(b, dropped)
	e.scratch = append(b, 0, 0, 0, 0)
	return e.block(blockStatistics, e.scratch)
}

// Flush writes what is buffered.
func (e *Writer) Flush() error { return e.w.Flush() }

// block writes one block around its body, padded to 4 bytes.
func (e *Writer) block(kind uint32, body []byte) error {
	padding := -len(body) & 3
	binary.LittleEndian.PutUint32(e.ends[:], kind)
	binary.LittleEndian.PutUint32(e.ends[4:], uint32(12+len(body)+padding))
	e.w.Write(e.ends[:])
	e.w.Write(body)
	e.w.WriteString("\x00\x00\x00"[:padding])
	_, err := e.w.Write(e.ends[4:]) // the error of a bufio.Writer stays
	return err
}

// PcapWriter writes packets of one link type in the classic format, with times
// in nanoseconds.
type PcapWriter struct {
	w      *bufio.Writer
	header [16]byte
}

// NewPcapWriter returns a PcapWriter. Nothing is written before the first
// packet or [PcapWriter.Flush].
func NewPcapWriter(w io.Writer, link LinkType) *PcapWriter {
	e := &PcapWriter{w: bufio.NewWriterSize(w, 64<<10)}
	b := binary.LittleEndian.AppendUint32(nil, magicNano)
	b = append(b, 2, 0, 4, 0)                        // version 2.4
	b = binary.LittleEndian.AppendUint64(b, 0)       // time zone and accuracy, always 0
	b = binary.LittleEndian.AppendUint32(b, 256<<10) // snapshot length
	e.w.Write(binary.LittleEndian.AppendUint32(b, uint32(link)))
	return e
}

// Write adds a packet, whose link type must be that of the file. A time outside
// of 1970 to 2106 is held at the limit: the format has no others.
func (e *PcapWriter) Write(p *Packet) error {
	t := min(max(p.Time, 0), (math.MaxUint32+1)*1_000_000_000-1)
	binary.LittleEndian.PutUint32(e.header[:], uint32(t/1_000_000_000))
	binary.LittleEndian.PutUint32(e.header[4:], uint32(t%1_000_000_000))
	binary.LittleEndian.PutUint32(e.header[8:], uint32(len(p.Data)))
	binary.LittleEndian.PutUint32(e.header[12:], p.Length)
	e.w.Write(e.header[:])
	_, err := e.w.Write(p.Data)
	return err
}

// Flush writes what is buffered.
func (e *PcapWriter) Flush() error { return e.w.Flush() }

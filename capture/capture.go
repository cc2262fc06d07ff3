// Package capture reads packets: from pcap and pcapng files, also compressed
// (gzip, zstd, lz4, xz, bzip2), from standard input, and merged by time from
// several of them. It does not parse packets.
//
// The caller pulls packets from a [Source]. They are borrowed until the next call. The
// callback of [Options] receives what a file has besides packets: secrets, drops,
// damage, a cut end.
//
// All packets of a file that is cut short or damaged are read, as far as possible. The
// error at the end of the input is then one for which [Incomplete] is true.
package capture

import "io"

// LinkType is a LINKTYPE_ value of the pcap formats
// (https://www.tcpdump.org/linktypes.html).
type LinkType uint32

// Packet is one captured record. Data is borrowed until the next call of Next.
type Packet struct {
	Number     uint64 // 1-based in the merged input
	FilePacket uint64 // 1-based inside its file
	File       uint32 // index of the file in argument order
	Time       int64  // nanoseconds since the Unix epoch, by the capture's clock
	Data       []byte // borrowed; len(Data) <= Length
	Length     uint32 // bytes on the wire
	Link       LinkType
}

// Source returns packets until io.EOF. Any other error ends the source too; the packets
// before it are valid.
type Source interface {
	Next(p *Packet) error
	Close() error
}

// Options are the options of [Open]. The zero value is ready.
type Options struct {
	Stdin  io.Reader  // what the path "-" reads; nil: os.Stdin
	OnNote func(Note) // receives the notes of files, from Open and Next; may be nil
	Each   bool       // the files one after the other, in argument order; otherwise they are merged by time
	// KeepDuplicates keeps all copies of a packet that several files have; see
	// [DuplicateWithin].
	KeepDuplicates bool
	// Wait makes [Open] follow one path. Of a file it reads on when the file grows, is
	// replaced by another of its name, or begins again. Of a folder it reads the files
	// that appear in it, in the order of their first writes. All count as one file.
	// Next calls Wait when there is nothing to read. When Wait returns nil, Next tries
	// again; an error ends the reading. Pipes wait by themselves, without Wait. nil: do
	// not follow.
	Wait func() error

	ends map[string]int64 // see Again: where files end
}

// NoteKind is the subject of a [Note].
type NoteKind uint8

const (
	NoteCut         NoteKind = iota // the file ends inside a record; N: bytes that are missing, 0: nobody knows
	NoteDamaged                     // a part of the file made no sense; N: bytes stepped over
	NoteSecrets                     // a decryption secrets block; N: its secrets type, Secrets: its bytes
	NoteDropped                     // the capturing machine lost packets; N: how many more
	NoteSkippedFile                 // a file in a folder is no capture, or cannot be read
	NoteUntil                       // the capture went on until a time; N: it, in nanoseconds since the Unix epoch
)

// SecretsTLSKeyLog is the secrets type (Note.N) of a TLS key log, the format
// that SSLKEYLOGFILE has.
const SecretsTLSKeyLog = 0x544c534b

// SecretsComment is the secrets type (Note.N) of a comment of a
// section, an interface or a packet, which some tools put key logs into. Most
// comments are none.
const SecretsComment = 0

// Note is something that a file has besides packets.
type Note struct {
	Kind       NoteKind
	File       string // its name, as [Input.Files] has it
	Index      uint32 // its index there; nothing for NoteSkippedFile
	FilePacket uint64 // packets of the file read before
	Offset     int64  // byte of the file where it begins; of a compressed one, of what it decompresses to
	N          uint64 // see the kinds
	Text       string // a sentence for the operator; empty for NoteSecrets
	Secrets    []byte // owned
}

package capture

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// fuzzRead reads a hostile file in three ways, which must agree. drain holds the
// rules for packets; what is read can never be more than the file has.
func fuzzRead(t *testing.T, file []byte) {
	if len(file) > 1<<20 || compressionOf(func(n int) []byte { return file[:min(n, len(file))] }) != nil {
		return // FuzzCompressed has those
	}
	r, err := read(t, file, false)
	slow, slowErr := read(t, file, true)
	if (err == nil) != (slowErr == nil) {
		t.Fatalf("%v, and byte by byte %v", err, slowErr)
	}
	if err != nil {
		return
	}
	same(t, slow.packets, r.packets)
	siftsFile(t, file, 1<<62, 3)
	if r.err != nil && !Incomplete(r.err) {
		t.Fatalf("memory cannot fail to be read: %v", r.err)
	}
	total := 0
	for _, p := range r.packets {
		total += len(p.Data)
	}
	for _, n := range r.notes {
		total += len(n.Secrets)
		if n.Offset < 0 || n.Offset > int64(len(file)) {
			t.Fatalf("%+v in a file of %d bytes", n, len(file))
		}
	}
	if total > len(file) {
		t.Fatalf("%d bytes out of a file of %d", total, len(file))
	}
}

func FuzzPcap(f *testing.F) {
	for _, magic := range []uint32{magicMicro, magicNano, magicModified} {
		for _, order := range orders {
			f.Add(classic(order, magic, 4, 65535, 1, samples(4)))
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		fuzzRead(t, file)
		if len(file) > 4 { // most mutations lose the magic
			fuzzRead(t, append(binary.LittleEndian.AppendUint32(nil, magicMicro), file[4:]...))
		}
	})
}

func FuzzPcapng(f *testing.F) {
	for _, order := range orders {
		file, _, _ := enhancedFile(order, samples(4))
		f.Add(file)
		f.Add(newSection(order).iface(1, 5, option{9, []byte{0xff}}, option{14, make([]byte, 8)}).
			simple([]byte("12345"), 9).obsolete(0, 5, []byte("x"), 1).secrets(1, "key").
			statistics(0, option{5, make([]byte, 8)}).b)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		fuzzRead(t, file)
		if len(file) > 28 {
			fuzzRead(t, append(newSection(binary.LittleEndian).b[:28:28], file[28:]...))
		}
	})
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("\xff\xd8\xff"))
	f.Add([]byte("{\"log\": 1}"))
	f.Add(pcapOf(samples(2)))
	f.Fuzz(func(t *testing.T, file []byte) {
		fuzzRead(t, file)
		if text := foreign(file[:min(len(file), 512)], ""); !bytes.Contains([]byte(text), []byte("pcap")) && len(file) > 0 {
			t.Fatal(text)
		}
	})
}

package wire

import "testing"

func ethernetTCP(payload int) []byte {
	b := append([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0},
		0x45, 0, byte((40+payload)>>8), byte(40+payload), 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
		0x9c, 0x40, 0x1f, 0x90, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 1, 0, 0, 0, 0, 0)
	return append(b, make([]byte, payload)...)
}

func BenchmarkEthernetIPv4(b *testing.B) {
	var d Decoder
	var seg Segment
	data := ethernetTCP(100)
	b.ReportAllocs()
	for b.Loop() {
		if skip := d.Decode(1, data, uint32(len(data)), &seg); skip != SkipNone {
			b.Fatal(skip)
		}
	}
}

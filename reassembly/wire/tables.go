package wire

import (
	"unsafe"

	"github.com/google/gopacket/layers"
)

// DropTables empties the two tables that gopacket's layers fill with an entry for
// every number there is when a program starts. What decodes by them decodes nothing
// afterwards, and a Decoder never does: it is for a program that has no other use
// for gopacket. They are 5 MiB, and the collector follows their 260,000 pointers
// each time; where nothing else takes memory that is most of what it does.
func DropTables() {
	drop(layers.EthernetTypeMetadata[:])
	drop(layers.PPPTypeMetadata[:])
}

// drop makes all of table zero and, where the system can, gives its memory back.
func drop[T any](table []T) {
	size := unsafe.Sizeof(table[0])
	first, end := release(unsafe.Slice((*byte)(unsafe.Pointer(&table[0])), uintptr(len(table))*size)) // its bytes, no more
	clear(table[:(first+size-1)/size])
	clear(table[end/size:])
}

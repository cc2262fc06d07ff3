package wire

import (
	"os"
	"syscall"
	"unsafe"
)

// release gives the whole pages of b back, which are b[first:end]. They read as
// zeros from then on, and take memory again when they are written to. b is of a
// variable without a first value: one that has any would have it again.
func release(b []byte) (first, end uintptr) {
	page := uintptr(os.Getpagesize())
	at := uintptr(unsafe.Pointer(&b[0]))
	first, end = (at+page-1)&^(page-1)-at, (at+uintptr(len(b)))&^(page-1)-at
	if first >= end || syscall.Madvise(b[first:end], syscall.MADV_DONTNEED) != nil {
		return 0, 0
	}
	return first, end
}

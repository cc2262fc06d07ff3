package main

import (
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/timeline"
)

// memoryFlag is the value of --max-memory, in bytes.
type memoryFlag int64

// leastMemory is below what the program itself takes with a little to work in.
const leastMemory = 32 << 20

func (m *memoryFlag) Type() string { return "SIZE" }

func (m *memoryFlag) String() string {
	if *m == 0 {
		return ""
	}
	return strconv.FormatInt(int64(*m)>>20, 10) + "M"
}

// Set reads a number of bytes, or one with K, M, G or T behind it.
func (m *memoryFlag) Set(s string) error {
	wrong := console.Usage(fmt.Sprintf("--max-memory %q is no size", s), "for instance --max-memory 2G")
	number := strings.ToUpper(strings.TrimSpace(s))
	number = strings.TrimSuffix(strings.TrimSuffix(number, "B"), "I")
	shift := 0
	for i, unit := range []string{"K", "M", "G", "T"} {
		if strings.HasSuffix(number, unit) {
			number, shift = strings.TrimSuffix(number, unit), 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n <= 0 || n > int64(1)<<(62-shift) {
		return wrong
	}
	if n <<= shift; n < leastMemory {
		return console.Usage("--max-memory "+s+" is too little: wsdump itself takes some 30M", "64M is enough for most captures")
	}
	*m = memoryFlag(n)
	return nil
}

// limits bounds the process, and returns what its parts may take. hoards says
// that the output keeps the rows of connections until they end.
func (m memoryFlag) limits(hoards bool) timeline.Limits {
	if m == 0 {
		m = timeline.DefaultMemory
	}
	share := m
	if hoards {
		share = m / 8 * 5
	}
	// The collector keeps the heap below; what it does not count, such as the
	// program's own pages, fits in the rest.
	debug.SetMemoryLimit(int64(m) / 8 * 7)
	return timeline.Limits{}.Within(int(share))
}

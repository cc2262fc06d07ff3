package main

import (
	"os"
	"syscall"
)

// peak returns the most memory that a process had resident.
func peak(s *os.ProcessState) int64 {
	if usage, ok := s.SysUsage().(*syscall.Rusage); ok {
		return int64(usage.Maxrss) << 10 // it has 32 bits in places
	}
	return 0
}

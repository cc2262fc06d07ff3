//go:build !amd64

package report

const hasVectors = false

func escapeVectors(_, _ []byte) (read, written int) { return 0, 0 }

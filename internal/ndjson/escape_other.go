//go:build !amd64

package ndjson

const hasVectors = false

func escapeVectors(_, _ []byte) (read, written int) { return 0, 0 }

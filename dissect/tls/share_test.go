package tls

import (
	"bytes"
	"strings"
	"testing"
)

// TestKeysShared: a clone has the same secrets, what it learns is its own, and
// ending it takes nothing from others.
func TestKeysShared(t *testing.T) {
	line := func(random string) []byte {
		return []byte("CLIENT_RANDOM " + strings.Repeat(random, 32) + " " + strings.Repeat("0f", 48) + "\n")
	}
	k := &Keys{}
	k.AddLog(line("01"))
	c := k.Clone()
	c.AddLog(line("02"))
	c.session([32]byte(bytes.Repeat([]byte{1}, 32))).used = true
	if k.Len() != 1 || c.Len() != 2 {
		t.Fatalf("%d and %d sessions", k.Len(), c.Len())
	}
	var log bytes.Buffer
	if n, err := k.WriteLog(&log, false); n != 0 || err != nil {
		t.Errorf("%d sessions are used", n)
	}
	k.Add(c, true)
	c.Forget()
	if n, err := k.WriteLog(&log, false); n != 1 || err != nil || log.String() != string(line("01")) {
		t.Errorf("%d sessions: %s", n, log.String())
	}
	if k.Len() != 1 || c.Len() != 0 {
		t.Errorf("%d and %d sessions", k.Len(), c.Len())
	}
}

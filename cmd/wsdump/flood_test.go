//go:build linux

package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wsdump/wsdump/internal/long"
)

// flood writes a capture of raw IPv4 to a pipe; nothing is ever on disk.
type flood struct {
	w    *bufio.Writer
	head [56]byte // record, IPv4, TCP
	at   uint64   // microseconds
}

func newFlood(w io.Writer) *flood {
	f := &flood{w: bufio.NewWriterSize(w, 256<<10), at: 1_800_000_000_000_000}
	header := []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0}
	_, _ = f.w.Write(header)
	ip := f.head[16:]
	ip[0], ip[8], ip[9] = 0x45, 64, 6
	ip[20+12] = 0x50
	return f
}

// endpoint is an address with a port, of the host number n.
type endpoint struct {
	addr uint32
	port uint16
}

func host(n int) endpoint {
	return endpoint{0x0a000000 + uint32(n/50_000), uint16(10_000 + n%50_000)}
}

var web = endpoint{0xc0a80001, 80}

// Flags of TCP.
const (
	fin = 1
	syn = 2
	ack = 16
)

func (f *flood) segment(from, to endpoint, seq, acked uint32, flags byte, payload []byte) {
	f.at += 10
	h := f.head[:]
	n := uint32(40 + len(payload))
	binary.LittleEndian.PutUint32(h, uint32(f.at/1_000_000))
	binary.LittleEndian.PutUint32(h[4:], uint32(f.at%1_000_000))
	binary.LittleEndian.PutUint32(h[8:], n)
	binary.LittleEndian.PutUint32(h[12:], n)
	binary.BigEndian.PutUint16(h[18:], uint16(n))
	binary.BigEndian.PutUint32(h[28:], from.addr)
	binary.BigEndian.PutUint32(h[32:], to.addr)
	binary.BigEndian.PutUint16(h[36:], from.port)
	binary.BigEndian.PutUint16(h[38:], to.port)
	binary.BigEndian.PutUint32(h[40:], seq)
	binary.BigEndian.PutUint32(h[44:], acked)
	h[49] = flags
	_, _ = f.w.Write(h) // wsdump may end before; its exit code tells
	_, _ = f.w.Write(payload)
}

// shake opens the TCP connection of host n.
func (f *flood) shake(n int) endpoint {
	c := host(n)
	f.segment(c, web, 100, 0, syn, nil)
	f.segment(web, c, 500, 101, syn|ack, nil)
	f.segment(c, web, 101, 501, ack, nil)
	return c
}

const upgrade = "GET /flood HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

const upgraded = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

// open opens a WebSocket and returns what comes next of either side.
func (f *flood) open(n int) (c endpoint, sent, received uint32) {
	c = f.shake(n)
	f.segment(c, web, 101, 501, ack, []byte(upgrade))
	f.segment(web, c, 501, 101+uint32(len(upgrade)), ack, []byte(upgraded))
	return c, 101 + uint32(len(upgrade)), 501 + uint32(len(upgraded))
}

// floods are what hostile or broken networks send, n times.
var floods = []struct {
	name string
	n    int
	send func(f *flood, n int)
}{
	{"SYN flood", 10_000_000, func(f *flood, n int) {
		for i := range n {
			f.segment(host(i), web, 100, 0, syn, nil)
		}
	}},
	{"half-open TCP connections", 1_000_000, func(f *flood, n int) {
		for i := range n {
			f.shake(i)
		}
	}},
	{"half-open handshakes", 1_000_000, func(f *flood, n int) {
		for i := range n {
			f.segment(f.shake(i), web, 101, 501, ack, []byte(upgrade[:150]))
		}
	}},
	{"unanswered handshakes", 1_000_000, func(f *flood, n int) {
		for i := range n {
			f.segment(f.shake(i), web, 101, 501, ack, []byte(upgrade))
		}
	}},
	{"live WebSockets", 1_000_000, func(f *flood, n int) {
		for i := range n {
			c, seq, acked := f.open(i)
			f.segment(c, web, seq, acked, ack, []byte{0x81, 0x82, 0, 0, 0, 0, 'h', 'i'})
		}
	}},
	{"segments far ahead", 2_000_000, func(f *flood, n int) {
		payload := make([]byte, 1000)
		c, seq, acked := f.open(0)
		for i := range n {
			if i%1000 == 0 {
				c, seq, acked = f.open(i / 1000)
			}
			f.segment(c, web, seq+1<<20+uint32(i%1000)*2000, acked, ack, payload)
		}
	}},
	{"a head of 1 GiB", 1 << 30, func(f *flood, n int) {
		c, seq := f.shake(0), uint32(101)
		f.segment(c, web, seq, 501, ack, []byte("GET / HTTP/1.1\r\nX: "))
		seq += 19
		for payload := []byte(strings.Repeat("x", 32<<10)); n > 0; n -= len(payload) {
			f.segment(c, web, seq, 501, ack, payload)
			seq += uint32(len(payload))
		}
	}},
	{"a message of 1 GiB", 1 << 30, func(f *flood, n int) {
		c, seq, acked := f.open(0)
		f.segment(c, web, seq, acked, ack, append([]byte{0x81, 0xff, 0, 0, 0, 0}, 0x40, 0, 0, 0, 0, 0, 0, 0))
		seq += 14
		for payload := []byte(strings.Repeat("x", 32<<10)); n > 0; n -= len(payload) {
			f.segment(c, web, seq, acked, ack, payload)
			seq += uint32(len(payload))
		}
	}},
}

// TestFloodMemory runs the built program on floods and prints its peak memory,
// which must stay under the bound. With the variable WSDUMP_FLOODS they are of
// full size, which takes some minutes.
func TestFloodMemory(t *testing.T) {
	long.Test(t)
	program := filepath.Join(t.TempDir(), "wsdump")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, flood := range floods {
		t.Run(flood.name, func(t *testing.T) {
			debug.FreeOSMemory()
			_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
			began := time.Now()
			cmd := exec.Command(program, "-T", "ndjson", "--payload", "none", "-")
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			var last tail
			cmd.Stdout = &last
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			n := flood.n
			if os.Getenv("WSDUMP_FLOODS") == "" && n < 1<<30 {
				n /= 10 // enough to reach the bound
			}
			f := newFlood(in)
			flood.send(f, n)
			_ = f.w.Flush()
			in.Close()
			if err := cmd.Wait(); err != nil {
				t.Fatal(err)
			}
			peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
			t.Logf("%d: peak of %d MiB in %s, %s of CPU", n, peak>>20, time.Since(began).Round(time.Millisecond), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
			t.Logf("%s", last.lines(3))
			if peak > 512<<20 {
				t.Errorf("peak of %d MiB, and 512 is what is promised", peak>>20)
			}
		})
	}
}

// tail keeps the end of what is written.
type tail struct{ b []byte }

func (t *tail) Write(b []byte) (int, error) {
	t.b = append(t.b, b...)
	if len(t.b) > 64<<10 {
		t.b = append(t.b[:0], t.b[len(t.b)-8<<10:]...)
	}
	return len(b), nil
}

func (t *tail) lines(n int) string {
	all := strings.Split(strings.TrimSpace(string(t.b)), "\n")
	out := ""
	for _, line := range all[max(0, len(all)-n):] {
		out += fmt.Sprintf("%.400s\n", line)
	}
	return out
}

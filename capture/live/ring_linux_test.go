package live

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/wsdump/wsdump/capture"
)

// namespace puts the test into a network namespace of its own, with a loopback
// and the commands that are given. Its thread ends with it.
func namespace(t *testing.T, commands ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("not root: no network namespace to capture in")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skip("no network namespaces here: ", err)
	}
	ip(t, append([]string{"link set lo up"}, commands...)...)
}

func ip(t *testing.T, commands ...string) {
	t.Helper()
	for _, c := range commands {
		if out, err := exec.Command("ip", strings.Fields(c)...).CombinedOutput(); err != nil {
			if errors.Is(err, exec.ErrNotFound) {
				t.Skip("no ip command here")
			}
			t.Fatalf("ip %s: %v\n%s", c, err, out)
		}
	}
}

const (
	veth    = "link add wl0 type veth peer name wl1"
	noise   = "link set wl0 addrgenmode none" // no IPv6 of its own
	noise1  = "link set wl1 addrgenmode none"
	up      = "link set wl0 up"
	up1     = "link set wl1 up"
	address = "address add 10.99.0.1/24 dev wl0"
	known   = "neighbour add 10.99.0.2 lladdr 02:00:00:00:00:02 dev wl0"
)

// sender returns a socket whose packets go to port 9 of an address.
func sender(t *testing.T, to string) net.Conn {
	t.Helper()
	c, err := net.Dial("udp", net.JoinHostPort(to, "9"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func send(t *testing.T, c net.Conn, payload []byte) {
	t.Helper()
	_, err := c.Write(payload)
	if errors.Is(err, unix.ECONNREFUSED) { // nobody listens, says the packet before; this one was not sent
		_, err = c.Write(payload)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, opt Options) *Ring {
	t.Helper()
	r, err := Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// all returns n packets, which may still be on their way, and what else the ring
// has when it is stopped then.
func all(t *testing.T, r *Ring, n int) (packets []capture.Packet) {
	t.Helper()
	var p capture.Packet
	for {
		if len(packets) == n {
			r.Stop()
		}
		err := r.Next(&p)
		if errors.Is(err, io.EOF) {
			return packets
		}
		if err != nil {
			t.Fatal(err)
		}
		q := p
		q.Data = bytes.Clone(p.Data)
		packets = append(packets, q)
	}
}

// toDiscard passes UDP over IPv4 to port 9; at is where the IP header begins.
func toDiscard(at uint32) []bpf.RawInstruction {
	program, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: at + 9, Size: 1},
		bpf.JumpIf{Val: 17, SkipFalse: 4},
		bpf.LoadMemShift{Off: at},
		bpf.LoadIndirect{Off: at + 2, Size: 2},
		bpf.JumpIf{Val: 9, SkipFalse: 1},
		bpf.RetConstant{Val: 262144},
		bpf.RetConstant{},
	})
	if err != nil {
		panic(err)
	}
	return program
}

func filterFor(link capture.LinkType) ([]bpf.RawInstruction, error) {
	switch link {
	case linkEthernet:
		return toDiscard(14), nil
	case linkSLL2:
		return toDiscard(20), nil
	}
	return toDiscard(0), nil
}

// TestLoopback: every packet once, whole, in order, with a time.
func TestLoopback(t *testing.T) {
	namespace(t)
	before := time.Now().UnixNano()
	for _, test := range []struct {
		name   string
		header int
	}{{"lo", 14 + 28}, {Any, 20 + 28}} {
		r := open(t, Options{Interface: test.name, Filter: filterFor})
		c := sender(t, "127.0.0.1")
		sizes := []int{0, 1, 100, 1500, 9000, 60000}
		for i, n := range sizes {
			send(t, c, bytes.Repeat([]byte{byte(i)}, n))
		}
		packets := all(t, r, len(sizes))
		if len(packets) != len(sizes) {
			t.Fatalf("%s: %d packets, want %d", test.name, len(packets), len(sizes))
		}
		for i, p := range packets {
			want := bytes.Repeat([]byte{byte(i)}, sizes[i])
			if len(p.Data) != test.header+sizes[i] || int(p.Length) != len(p.Data) || !bytes.Equal(p.Data[test.header:], want) {
				t.Errorf("%s: packet %d has %d bytes of %d, want %d", test.name, i, len(p.Data), p.Length, test.header+sizes[i])
			}
			if p.Number != uint64(i+1) || p.FilePacket != p.Number {
				t.Errorf("%s: packet %d is numbered %d", test.name, i, p.Number)
			}
			if p.Time < before || p.Time > time.Now().UnixNano() || i > 0 && p.Time < packets[i-1].Time {
				t.Errorf("%s: packet %d has the time %d", test.name, i, p.Time)
			}
		}
		if s := r.Stats(); s.Packets != uint64(len(sizes)) || s.Dropped != 0 {
			t.Errorf("%s: %+v", test.name, s)
		}
	}
}

// TestLongFilter: a filter that is too long for the kernel is ours to run.
func TestLongFilter(t *testing.T) {
	namespace(t)
	for _, longer := range []int{mostInstructions - 20, mostInstructions} {
		r := open(t, Options{Interface: "lo", Filter: func(capture.LinkType) ([]bpf.RawInstruction, error) {
			return append(make([]bpf.RawInstruction, longer), toDiscard(14)...), nil // loads of 0 that nobody needs
		}})
		if c := sender(t, "127.0.0.1"); r.judged != (longer < mostInstructions) {
			t.Errorf("with %d more instructions the kernel judges: %v", longer, r.judged)
		} else {
			elsewhere, err := net.Dial("udp", "127.0.0.1:10")
			if err != nil {
				t.Fatal(err)
			}
			send(t, elsewhere, []byte("other"))
			elsewhere.Close()
			send(t, c, []byte("hello"))
		}
		if packets := all(t, r, 1); len(packets) != 1 || !bytes.HasSuffix(packets[0].Data, []byte("hello")) {
			t.Errorf("with %d more instructions: %d packets", longer, len(packets))
		}
		if s := r.Stats(); s.Packets != 1 || (s.Filtered > 0) == r.judged { // and refusals by ICMP
			t.Errorf("with %d more instructions: %+v", longer, s)
		}
	}
}

// TestAnyHeader: what the kernel says beside a packet becomes its link header.
func TestAnyHeader(t *testing.T) {
	namespace(t, veth, noise, noise1, up, up1, address, known)
	r := open(t, Options{Interface: Any, Filter: filterFor})
	send(t, sender(t, "10.99.0.2"), []byte("hello"))
	packets := all(t, r, 2)
	if len(packets) != 2 { // out at one end, in at the other: those are two
		t.Fatalf("%d packets, want 2", len(packets))
	}
	for i, name := range []string{"wl0", "wl1"} {
		h := packets[i].Data
		device, err := net.InterfaceByName(name)
		if err != nil {
			t.Fatal(err)
		}
		kind := byte(unix.PACKET_OUTGOING)
		if name == "wl1" {
			kind = unix.PACKET_OTHERHOST
		}
		if packets[i].Link != linkSLL2 || binary.BigEndian.Uint16(h) != unix.ETH_P_IP || binary.BigEndian.Uint16(h[2:]) != 0 ||
			binary.BigEndian.Uint32(h[4:]) != uint32(device.Index) || binary.BigEndian.Uint16(h[8:]) != unix.ARPHRD_ETHER ||
			h[10] != kind || h[11] != 6 || h[20] != 0x45 {
			t.Errorf("%s: %x", name, h)
		}
	}
}

// TestTag: a VLAN tag that travels beside the packet is back in it, and the
// filter sees it there, as it does in a file.
func TestTag(t *testing.T) {
	namespace(t, veth, noise, noise1, up, up1, address, known)
	// A frame with a tag, as the cable has it. The kernel takes the tag out where
	// the frame comes in.
	frame := append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 5, 8, 0}, // to, from, tag, IPv4
		0x45, 0, 0, 34, 0, 1, 0, 0, 64, 17, 0, 0, 10, 99, 5, 1, 10, 99, 5, 2,
		0x80, 0, 0, 9, 0, 14, 0, 0)
	frame = append(frame, "tagged"...)
	out, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(out)
	wl0, err := net.InterfaceByName("wl0")
	if err != nil {
		t.Fatal(err)
	}
	inject := func() {
		t.Helper()
		if err := unix.Sendto(out, frame, 0, &unix.SockaddrLinklayer{Ifindex: wl0.Index}); err != nil {
			t.Fatal(err)
		}
	}
	tagged := func(capture.LinkType) ([]bpf.RawInstruction, error) { return toDiscard(18), nil }
	for _, test := range []struct {
		what   string
		filter func(capture.LinkType) ([]bpf.RawInstruction, error)
		want   int
	}{{"no filter", nil, 1}, {"a filter for tagged packets", tagged, 1}, {"a filter for packets without a tag", filterFor, 0}} {
		r := open(t, Options{Interface: "wl1", Filter: test.filter})
		inject()
		if test.want == 0 { // what comes behind it shows that it was there
			send(t, sender(t, "10.99.0.2"), nil)
		}
		packets := all(t, r, 1)
		if test.want == 0 && len(packets) == 1 && len(packets[0].Data) == 14+28 {
			continue
		}
		if len(packets) != test.want {
			t.Errorf("%s: %d packets, want %d", test.what, len(packets), test.want)
			continue
		}
		for _, p := range packets {
			d := p.Data
			if len(d) != 18+28+6 || int(p.Length) != len(d) || binary.BigEndian.Uint32(d[12:]) != 0x81000005 ||
				binary.BigEndian.Uint16(d[16:]) != unix.ETH_P_IP || !bytes.Equal(d[:6], []byte{2, 0, 0, 0, 0, 2}) || !bytes.HasSuffix(d, []byte("tagged")) {
				t.Errorf("%s: %x", test.what, d)
			}
		}
	}
	r := open(t, Options{Interface: Any})
	inject()
	found := 0
	for _, p := range all(t, r, 2) {
		d := p.Data
		if binary.BigEndian.Uint16(d) == unix.ETH_P_8021Q {
			found++
			if binary.BigEndian.Uint32(d[20:]) != 5<<16|unix.ETH_P_IP || d[24] != 0x45 || int(p.Length) != 24+28+6 {
				t.Errorf("any: %x", d)
			}
		}
	}
	if found == 0 {
		t.Error("any: no packet has its tag")
	}
}

// TestSnaplen: packets are cut, and say how long they were.
func TestSnaplen(t *testing.T) {
	namespace(t)
	r := open(t, Options{Interface: "lo", Snaplen: 96, Filter: filterFor})
	send(t, sender(t, "127.0.0.1"), make([]byte, 5000))
	for _, p := range all(t, r, 1) {
		if len(p.Data) != 96 || p.Length != 5042 {
			t.Errorf("%d of %d bytes", len(p.Data), p.Length)
		}
	}
}

// TestOverflow: what does not fit is counted and told where it is missing.
func TestOverflow(t *testing.T) {
	namespace(t)
	var notes []capture.Note
	r := open(t, Options{Interface: "lo", Buffer: 1, Filter: filterFor, OnNote: func(n capture.Note) { notes = append(notes, n) }})
	c := sender(t, "127.0.0.1")
	const sent = 2000
	payload := make([]byte, 1000)
	for i := range sent {
		binary.BigEndian.PutUint32(payload, uint32(i))
		send(t, c, payload)
	}
	if err := r.wait(); err != nil || len(notes) > 0 { // as if it had waited all the time
		t.Fatalf("a loss is told before the packets that lie before it: %+v, %v", notes, err)
	}
	number := func(p *capture.Packet) int { return int(binary.BigEndian.Uint32(p.Data[42:])) }
	var p capture.Packet
	last := -1
	for len(notes) == 0 {
		if err := r.Next(&p); err != nil {
			t.Fatal(err)
		}
		if len(notes) > 0 {
			break
		}
		if number(&p) != last+1 {
			t.Fatalf("packet %d follows %d, and no word of loss", number(&p), last)
		}
		last = number(&p)
		if last == 200 { // room again: what comes now lies behind the loss
			binary.BigEndian.PutUint32(payload, sent)
			send(t, c, payload)
		}
	}
	if n := notes[0]; n.Kind != capture.NoteDropped || n.FilePacket != uint64(last+1) || int(n.N) != sent-1-last {
		t.Errorf("told: %+v, want %d lost behind packet %d", n, sent-1-last, last+1)
	}
	if number(&p) != sent {
		t.Errorf("packet %d follows the loss, want %d", number(&p), sent)
	}
	if s := r.Stats(); s.Packets != sent+1 || s.Dropped != uint64(sent-1-last) || s.Frozen == 0 {
		t.Errorf("%+v", s)
	}
}

// TestAway: an interface that goes down, comes back, goes away and comes back as
// a new one is captured from as before, on the same socket.
func TestAway(t *testing.T) {
	namespace(t, veth, noise, noise1, up, up1, address, known)
	var said []string
	r := open(t, Options{Interface: "wl1", Retry: true, Promiscuous: true, Filter: filterFor, OnState: func(text string) { said = append(said, text) }})
	want := func(payload string) {
		t.Helper()
		send(t, sender(t, "10.99.0.2"), []byte(payload))
		var p capture.Packet
		if err := r.Next(&p); err != nil {
			t.Fatal(err)
		}
		if !bytes.HasSuffix(p.Data, []byte(payload)) {
			t.Fatalf("%q, want %q", p.Data[42:], payload)
		}
	}
	until := func(word string) {
		t.Helper()
		for len(said) == 0 || !strings.HasSuffix(said[len(said)-1], word) {
			if r.holding {
				r.release()
			}
			if r.word(blockStatus).Load()&unix.TP_STATUS_USER != 0 {
				t.Fatal("a packet came while the interface was away")
			}
			if err := r.wait(); err != nil {
				t.Fatal(err)
			}
		}
	}
	want("first")
	ip(t, "link set wl1 down")
	until("wl1 went down; waiting for it")
	ip(t, up1)
	until("wl1 is back")
	want("second")
	ip(t, "link delete wl1")
	until("waiting for it")
	ip(t, veth, noise, noise1, up, up1, address, known)
	until("wl1 is back")
	want("third")

	strict := open(t, Options{Interface: "wl1"})
	ip(t, "link delete wl1")
	var gone *InterfaceError
	if err := strict.Next(&capture.Packet{}); !errors.As(err, &gone) || !errors.Is(err, unix.ENETDOWN) {
		t.Errorf("without retry: %v", err)
	}
}

// TestHeard: on a quiet link the clock is heard.
func TestHeard(t *testing.T) {
	namespace(t)
	r := open(t, Options{Interface: "lo"})
	began := time.Now().UnixNano()
	for r.Heard() < began {
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
	}
	send(t, sender(t, "127.0.0.1"), []byte("x"))
	var p capture.Packet
	if err := r.Next(&p); err != nil || p.Time < r.Heard() {
		t.Errorf("a packet of %d came after %d was heard (%v)", p.Time, r.Heard(), err)
	}
}

func TestNoAllocations(t *testing.T) {
	namespace(t)
	for _, name := range []string{"lo", Any} {
		r := open(t, Options{Interface: name, Filter: filterFor})
		c := sender(t, "127.0.0.1")
		for range 2001 {
			send(t, c, []byte("x"))
		}
		var p capture.Packet
		if n := testing.AllocsPerRun(2000, func() {
			if err := r.Next(&p); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a packet", name, n)
		}
	}
}

func TestRefused(t *testing.T) {
	if _, err := Open(Options{Interface: "wl-nowhere"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no interface: %v", err)
	}
	namespace(t, veth)
	if _, err := Open(Options{Interface: "wl0"}); !errors.Is(err, unix.ENETDOWN) {
		t.Errorf("down: %v", err)
	}
	// Of this thread alone, which ends with the test.
	var none [2]unix.CapUserData
	if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Interface: "lo"}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("without capabilities: %v", err)
	}
	if err := Permitted(); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Permitted: %v", err)
	}
}

func TestInterfaces(t *testing.T) {
	namespace(t, veth, up, address)
	found, err := Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, i := range found {
		if i.Name == "lo" && (!i.Loopback || !i.Up || len(i.Addresses) == 0) || i.Name == "wl1" && i.Up {
			t.Errorf("%+v", i)
		}
		for _, a := range i.Addresses {
			text += i.Name + " " + a.String() + "\n"
		}
	}
	if !strings.Contains(text, "wl0 10.99.0.1/24") || !strings.Contains(text, "lo 127.0.0.1/8") {
		t.Error(text)
	}
}

package filter

import (
	"errors"
	"slices"
	"testing"

	"github.com/wsdump/wsdump/internal/long"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// kernelFilter is a datagram socket behind a filter that the kernel runs.
type kernelFilter struct{ in, out int }

func newKernelFilter(t *testing.T) *kernelFilter {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no socket pair: %v", err)
	}
	t.Cleanup(func() {
		_ = unix.Close(pair[0])
		_ = unix.Close(pair[1])
	})
	return &kernelFilter{pair[0], pair[1]}
}

func (k *kernelFilter) attach(raw []bpf.RawInstruction) error {
	program := make([]unix.SockFilter, len(raw))
	for i, in := range raw {
		program[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return unix.SetsockoptSockFprog(k.out, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}

// passes sends a packet and reports whether the filter lets it through, whole.
func (k *kernelFilter) passes(t *testing.T, data []byte) bool {
	t.Helper()
	if _, err := unix.Write(k.in, data); err != nil {
		t.Fatal(err)
	}
	var b [2048]byte
	n, err := unix.Read(k.out, b[:])
	switch {
	case errors.Is(err, unix.EAGAIN):
		return false
	case err != nil:
		t.Fatal(err)
	case n != len(data):
		t.Fatalf("%d bytes of %d came through", n, len(data))
	}
	return true
}

// TestKernel: the kernel takes the programs that are made for it, and says what
// the evaluator says.
func TestKernel(t *testing.T) {
	k := newKernelFilter(t)
	if err := k.attach([]bpf.RawInstruction{{Op: encoded[reject]}}); err != nil {
		t.Skipf("no filter can be attached: %v", err)
	}
	if k.passes(t, []byte("anything")) {
		t.Skip("this kernel does not filter such sockets")
	}
	programs := 0
	for i, one := range expressions(t) {
		if one.class == "refused" || one.class == "outside" || !long.Wanted() && i%5 != 0 {
			continue
		}
		for _, link := range []uint32{linkEthernet, linkRaw, linkPFLog} {
			e, err := Parse(one.expr)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := e.CompileKernel(link)
			if err != nil {
				continue
			}
			if slices.ContainsFunc(raw, func(in bpf.RawInstruction) bool { return in.K == ancillaryInterface }) {
				continue // such a socket has none, and the kernel then returns whatever is in A
			}
			if err := k.attach(raw); err != nil {
				t.Errorf("%q on link type %d: the kernel says %v", one.expr, link, err)
				continue
			}
			programs++
			// Nothing is beside these packets, and they are to us.
			mine := beside(t, raw, map[uint32]uint32{ancillaryTagged: 0, ancillaryTag: 0, ancillaryPacket: 0})
			for n, f := range capture(link, false) {
				if n%3 != i%3 || len(f.data) == 0 {
					continue
				}
				if want, got := mine.Match(f.data, uint32(len(f.data))), k.passes(t, f.data); got != want {
					t.Errorf("%q on link type %d, packet %d: the kernel says %v, the evaluator %v\n% x", one.expr, link, n, got, want, f.data)
					break
				}
			}
		}
	}
	if programs < 100 {
		t.Errorf("only %d programs", programs)
	}
}

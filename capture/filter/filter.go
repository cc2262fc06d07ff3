// Package filter is the capture filter: expressions of the pcap-filter language
// compiled to classic BPF, and an evaluator for packets that come from a file.
//
// The meaning of an expression is defined by tcpdump's manual, pcap-filter(7), and
// compiled as libpcap does it, so that a filter lets the same packets through
// that tcpdump would. What is left out of the language is an error with its
// place, never a filter that lets something else through.
// docs/CAPTURE-FILTER.md has the subset.
//
// The package knows link types and headers, but no captures: it is handed bytes.
package filter

import (
	"golang.org/x/net/bpf"
)

// Expr is an expression that was read. Its zero value lets everything through.
// It is not changed by compiling, and may be used by several goroutines.
type Expr struct {
	text string
	root condition // nil: everything passes
}

// Parse reads an expression; an empty one lets everything through. The error is
// an *[Error].
//
// Compile decides whether an expression makes sense for a link type: a
// capture of tunnels has no Ethernet addresses.
func Parse(text string) (e *Expr, err error) {
	defer func() {
		if wrong := caught(text, recover()); wrong != nil {
			e, err = nil, wrong
		}
	}()
	return &Expr{text, parse(text)}, nil
}

// String returns the expression as it was given.
func (e *Expr) String() string { return e.text }

// Compile makes the program for captures of a LINKTYPE_ value. The error is an
// *[Error].
func (e *Expr) Compile(link uint32) ([]bpf.RawInstruction, error) { return e.compile(link, false) }

// CompileKernel makes the program for a packet socket of Linux. link is what the
// capture will have: Ethernet and raw IP are attached as they are, and for Linux
// cooked captures (LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2) the packets that the
// program sees do not have that header yet (SOCK_DGRAM).
//
// Linux takes VLAN tags out of packets and has them beside, so "vlan" looks at
// both places there. The error is an *[Error]; it also tells of what the kernel
// cannot do, when the program would have to run behind it.
func (e *Expr) CompileKernel(link uint32) ([]bpf.RawInstruction, error) { return e.compile(link, true) }

func (e *Expr) compile(link uint32, kernel bool) (program []bpf.RawInstruction, err error) {
	defer func() {
		if wrong := caught(e.text, recover()); wrong != nil {
			program, err = nil, wrong
		}
	}()
	if e.root == nil {
		return []bpf.RawInstruction{ending(accepted)}, nil
	}
	g := newGenerator(link, kernel)
	n := g.condition(e.root)
	program = assemble(n, g.begin())
	if kernel && len(program) > maxKernel {
		fail(0, "", "the program has %d instructions, and the kernel takes %d", len(program), maxKernel)
	}
	return program, nil
}

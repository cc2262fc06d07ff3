package live

import (
	"net"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/wsdump/wsdump/capture/filter"
)

// A capture filter is written for the bytes that a file has, and the kernel has
// others: it keeps a VLAN tag beside the packet, and on a cooked socket it has
// no link header. So the kernel runs
//
//	loopback that is sent (on any)  -> no: it comes a second time, as received
//	a packet with a tag             -> yes, and we judge it when the tag is back
//	the filter, moved to where the kernel has the bytes
//
// and a filter that cannot be moved, or is too long, runs only in this process.

// mostInstructions is what the kernel takes (BPF_MAXINSNS of linux/bpf_common.h).
const mostInstructions = 4096

// everything is what a filter returns to keep a whole packet.
const everything = 0x7fffffff

var reject = []bpf.RawInstruction{{Op: opReturn}}

// Opcodes of classic BPF (linux/filter.h).
const (
	opLoadWord = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	opJumpEq   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	opReturn   = unix.BPF_RET | unix.BPF_K
)

// What the kernel knows of a packet beside its bytes, as addresses for loads.
// An address below 0 is a large unsigned one.
const (
	knows          = 0xfffff000 // SKF_AD_OFF
	knowsProtocol  = knows + 0
	knowsKind      = knows + 4
	knowsInterface = knows + 8
	knowsTag       = knows + 48 // whether there is one
)

// filter compiles the filter and attaches it.
func (r *Ring) filter() error {
	var program []bpf.RawInstruction
	if r.opt.Filter != nil {
		var err error
		if program, err = r.opt.Filter(r.link); err != nil {
			return err
		}
	}
	all := r.once()
	if len(program) > 0 {
		plain, err := filter.NewProgram(program)
		if err != nil {
			return err
		}
		r.plain = plain
		if moved, ok := r.moved(program); ok && len(all)+3+len(moved) <= mostInstructions {
			r.judged = true
			all = append(all,
				bpf.RawInstruction{Op: opLoadWord, K: knowsTag},
				bpf.RawInstruction{Op: opJumpEq, Jt: 1},
				bpf.RawInstruction{Op: opReturn, K: everything},
			)
			all = append(all, moved...)
		}
	}
	if !r.judged {
		all = append(all, bpf.RawInstruction{Op: opReturn, K: everything})
	}
	return r.attach(all)
}

// once returns instructions that leave out what loopback sends, on any.
func (r *Ring) once() (all []bpf.RawInstruction) {
	if r.opt.Interface != Any {
		return nil
	}
	found, err := net.Interfaces()
	if err != nil {
		return nil
	}
	for _, f := range found {
		if f.Flags&net.FlagLoopback != 0 {
			all = append(all,
				bpf.RawInstruction{Op: opLoadWord, K: knowsInterface},
				bpf.RawInstruction{Op: opJumpEq, Jf: 3, K: uint32(f.Index)},
				bpf.RawInstruction{Op: opLoadWord, K: knowsKind},
				bpf.RawInstruction{Op: opJumpEq, Jf: 1, K: unix.PACKET_OUTGOING},
				bpf.RawInstruction{Op: opReturn},
			)
		}
	}
	return all
}

// moved returns the program for where the kernel has the bytes. It reports false
// when it looks at what the kernel does not have.
func (r *Ring) moved(program []bpf.RawInstruction) ([]bpf.RawInstruction, bool) {
	const header = 20 // of LINKTYPE_LINUX_SLL2
	out := make([]bpf.RawInstruction, len(program))
	for i, in := range program {
		class, mode := in.Op&7, in.Op&0xe0
		switch {
		case class == unix.BPF_RET && in.Op&0x18 == unix.BPF_K && in.K != 0:
			in.K = everything // we cut ourselves, when the tag is back
		case class == unix.BPF_LD && mode == unix.BPF_ABS && in.K >= knows: // beside the packet
			if r.cooked {
				return nil, false
			}
		case !r.cooked:
		case class == unix.BPF_LD && mode == unix.BPF_LEN, class == unix.BPF_LDX && mode == unix.BPF_LEN:
			return nil, false
		case class == unix.BPF_LD && (mode == unix.BPF_ABS || mode == unix.BPF_IND), class == unix.BPF_LDX && mode == unix.BPF_MSH:
			switch {
			case in.K >= header:
				in.K -= header
			case in.K == 0 && in.Op == unix.BPF_LD|unix.BPF_H|unix.BPF_ABS:
				in.Op, in.K = opLoadWord, knowsProtocol
			default:
				return nil, false
			}
		}
		out[i] = in
	}
	return out, true
}

// attach makes the kernel run a program on every packet.
func (r *Ring) attach(program []bpf.RawInstruction) error {
	code := make([]unix.SockFilter, len(program))
	for i, in := range program {
		code[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return unix.SetsockoptSockFprog(r.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{
		Len: uint16(len(code)), Filter: &code[0],
	})
}

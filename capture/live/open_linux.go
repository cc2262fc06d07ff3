package live

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsdump/wsdump/capture"
)

// Link types (https://www.tcpdump.org/linktypes.html) of what we capture.
const (
	linkEthernet capture.LinkType = 1
	linkRaw      capture.LinkType = 101
	linkSLL2     capture.LinkType = 276
)

// Open opens a ring on an interface. The caller needs CAP_NET_RAW in the network
// namespace; an error that is [fs.ErrPermission] means that it is missing. Once
// the ring is open it is needed no more.
func Open(opt Options) (*Ring, error) {
	if opt.Buffer == 0 {
		opt.Buffer = DefaultBuffer
	}
	r := &Ring{opt: opt, fd: -1, wake: -1}
	if err := r.open(); err != nil {
		_ = r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Ring) open() (err error) {
	if err := r.find(); err != nil {
		return err
	}
	// A socket of protocol 0 receives nothing until it is bound, so that the filter
	// is there before the first packet.
	kind := unix.SOCK_RAW
	if r.cooked {
		kind = unix.SOCK_DGRAM
	}
	if r.fd, err = unix.Socket(unix.AF_PACKET, kind|unix.SOCK_CLOEXEC, 0); err != nil {
		r.fd = -1
		return r.refused(err)
	}
	if r.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		r.wake = -1
		return &InterfaceError{Name: r.opt.Interface, Err: err}
	}
	for _, step := range []func() error{r.share, r.filter, r.only, r.join, r.bind} {
		if err := step(); err != nil {
			if own := (*InterfaceError)(nil); errors.As(err, &own) {
				return err
			}
			if errors.As(err, new(unix.Errno)) {
				return r.refused(err)
			}
			return err // of the filter
		}
	}
	return nil
}

// refused returns an error that explains why the system refused.
func (r *Ring) refused(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return &InterfaceError{Name: r.opt.Interface, Text: "capturing on " + r.opt.Interface + " is not permitted", Err: fs.ErrPermission}
	}
	return &InterfaceError{Name: r.opt.Interface, Err: err}
}

// Permitted returns nil when this process may capture.
func Permitted() error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fs.ErrPermission
	}
	return unix.Close(fd)
}

// find looks for the interface, and at what its packets begin with. One that is
// waited for is taken for Ethernet.
func (r *Ring) find() error {
	if r.opt.Interface == Any {
		r.link, r.cooked = linkSLL2, true
		return nil
	}
	r.link = linkEthernet
	found, err := net.InterfaceByName(r.opt.Interface)
	if err != nil {
		if !r.opt.Retry {
			return noSuchInterface(r.opt.Interface)
		}
		r.leave("there is no interface " + r.opt.Interface + " yet; waiting for it")
		return nil
	}
	r.index = found.Index
	switch kind, err := hardware(r.opt.Interface); {
	case err != nil:
		return &InterfaceError{Name: r.opt.Interface, Err: err}
	case kind == unix.ARPHRD_ETHER, kind == unix.ARPHRD_LOOPBACK:
	case kind == unix.ARPHRD_NONE, kind == unix.ARPHRD_RAWIP, kind == unix.ARPHRD_TUNNEL, kind == unix.ARPHRD_TUNNEL6:
		r.link = linkRaw
	default: // a link header that we do not read: the kernel takes it off
		r.link, r.cooked = linkSLL2, true
	}
	if found.Flags&net.FlagUp == 0 {
		if !r.opt.Retry {
			return &InterfaceError{Name: r.opt.Interface, Text: "interface " + r.opt.Interface + " is down", Err: unix.ENETDOWN}
		}
		r.leave("interface " + r.opt.Interface + " is down; waiting for it")
	}
	return nil
}

// hardware returns the kind of an interface (ARPHRD_).
func hardware(name string) (uint16, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer func() { _ = unix.Close(fd) }()
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, request); err != nil {
		return 0, err
	}
	return request.Uint16(), nil // sa_family
}

// share makes the ring and maps it.
func (r *Ring) share() error {
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_RESERVE, room); err != nil {
		return err
	}
	r.size = largestBlock
	for r.size > smallestBlock && r.size*fewestBlocks > r.opt.Buffer {
		r.size /= 2
	}
	blocks := max(r.opt.Buffer/r.size, fewestBlocks)
	request := unix.TpacketReq3{
		Block_size: uint32(r.size), Block_nr: uint32(blocks),
		Frame_size: smallestBlock, Frame_nr: uint32(blocks * (r.size / smallestBlock)), // nothing but their product matters
		Retire_blk_tov: uint32(retireAfter / time.Millisecond),
	}
	if err := unix.SetsockoptTpacketReq3(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &request); err != nil {
		if errors.Is(err, unix.ENOMEM) {
			return &InterfaceError{Name: r.opt.Interface, Err: err, Text: fmt.Sprintf("there is no memory for a ring of %d MiB", r.opt.Buffer>>20)}
		}
		return err
	}
	memory, err := unix.Mmap(r.fd, 0, blocks*r.size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	r.memory = memory
	return err
}

// only takes packets of loopback once: they are sent, and received again.
func (r *Ring) only() error {
	if r.index == 0 {
		return nil // any: the filter does it
	}
	if found, err := net.InterfaceByIndex(r.index); err != nil || found.Flags&net.FlagLoopback == 0 {
		return nil
	}
	return unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
}

// join makes the interface promiscuous, for as long as the socket is open.
func (r *Ring) join() error {
	if !r.opt.Promiscuous || r.index == 0 {
		return nil
	}
	return unix.SetsockoptPacketMreq(r.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &unix.PacketMreq{Ifindex: int32(r.index), Type: unix.PACKET_MR_PROMISC})
}

// bind begins to capture.
func (r *Ring) bind() error {
	if r.index == 0 && r.opt.Interface != Any {
		return nil // it is waited for
	}
	all := uint16(unix.ETH_P_ALL)
	return unix.Bind(r.fd, &unix.SockaddrLinklayer{Protocol: all<<8 | all>>8, Ifindex: r.index})
}

// failed returns why the socket failed: the interface went down or away.
func (r *Ring) failed() error {
	code, err := unix.GetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return &InterfaceError{Name: r.opt.Interface, Err: err}
	}
	switch cause := unix.Errno(code); cause {
	case 0:
		return nil
	case unix.ENETDOWN:
		if r.away { // that is known
			return nil
		}
		text := "interface " + r.opt.Interface + " went down"
		if _, err := net.InterfaceByName(r.opt.Interface); err != nil {
			text = "interface " + r.opt.Interface + " is gone"
		}
		if !r.opt.Retry {
			return &InterfaceError{Name: r.opt.Interface, Text: text, Err: cause}
		}
		r.leave(text + "; waiting for it")
		return nil
	default:
		return &InterfaceError{Name: r.opt.Interface, Err: cause}
	}
}

// leave notes that the interface is away.
func (r *Ring) leave(text string) {
	r.away = true
	r.say(text)
}

func (r *Ring) say(text string) {
	if r.opt.OnState != nil {
		r.opt.OnState(text)
	}
}

// lookEvery is how often an interface that is away is looked for.
const lookEvery = 100 * time.Millisecond

// mind looks whether an interface that is away is back, and binds the same
// socket to it. Privileges, which may be gone, are not needed for that.
func (r *Ring) mind(now time.Time) error {
	if !r.away || now.Sub(r.looked) < lookEvery {
		return nil
	}
	r.looked = now
	found, err := net.InterfaceByName(r.opt.Interface)
	if err != nil || found.Flags&net.FlagUp == 0 {
		return nil
	}
	was := r.index
	r.index = found.Index
	if was != r.index { // a new one of that name
		for _, step := range []func() error{r.only, r.join} {
			if err := step(); err != nil {
				return r.refused(err)
			}
		}
	}
	if err := r.bind(); err != nil {
		if errors.Is(err, unix.ENETDOWN) || errors.Is(err, unix.ENODEV) { // and away again
			return nil
		}
		return r.refused(err)
	}
	r.away = false
	r.say("interface " + r.opt.Interface + " is back")
	return nil
}

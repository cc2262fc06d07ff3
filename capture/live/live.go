// Package live captures packets from the network interfaces of this machine. It
// works on Linux, without cgo, by a ring that the kernel fills (AF_PACKET with
// TPACKET_V3, packet(7)); elsewhere [Open] returns an error with advice.
//
// A [Ring] is a [capture.Source]: one ring, one reader. Packets are borrowed
// from the ring itself until the next call, and none is allocated for. VLAN tags
// that the card took out are put back, so that a packet has the bytes that a
// file has. Packets that the kernel had no room for are counted, and reported in order as
// a [capture.Note].
package live

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"

	"golang.org/x/net/bpf"

	"github.com/wsdump/wsdump/capture"
)

// Any is the name for all interfaces.
const Any = "any"

// DefaultBuffer is the size of the ring in bytes. At 100,000 packets a second of
// 300 bytes it holds one second.
const DefaultBuffer = 32 << 20

// Options are the options of [Open]. Interface must be set.
type Options struct {
	Interface   string // a name, or [Any]
	Promiscuous bool   // packets for other machines too
	Buffer      int    // bytes of the ring; 0: DefaultBuffer
	Snaplen     uint32 // bytes of a packet that are kept; 0: all

	// Filter returns the capture filter for packets of a link type; nil, or
	// without instructions: every packet passes. It is attached before the
	// interface is, so that no other packet ever counts. It sees packets as a
	// file has them, tags included.
	Filter func(capture.LinkType) ([]bpf.RawInstruction, error)

	// Retry waits for an interface that is not there, or that goes away; without
	// it that is an error.
	Retry bool

	OnNote  func(capture.Note) // packets that were lost; called by Next
	OnState func(text string)  // the interface went away or came back; called by Open and Next
}

// Stats are what was counted since the ring was opened.
type Stats struct {
	Packets  uint64 // that passed the filter
	Dropped  uint64 // of them: the ring had no room
	Filtered uint64 // left out here, for the kernel could not judge them; those that it left out nobody counts
	Frozen   uint64 // how often the ring was full
}

// Interface is a network interface of this machine.
type Interface struct {
	Name      string
	Up        bool // switched on
	Running   bool // and connected
	Loopback  bool
	MTU       int
	Addresses []netip.Prefix
}

// Interfaces returns the network interfaces of this machine, in the order of the
// system.
func Interfaces() ([]Interface, error) {
	found, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	all := make([]Interface, 0, len(found))
	for _, f := range found {
		i := Interface{
			Name: f.Name, MTU: f.MTU, Up: f.Flags&net.FlagUp != 0, Running: f.Flags&net.FlagRunning != 0, Loopback: f.Flags&net.FlagLoopback != 0,
		}
		addresses, err := f.Addrs()
		if err != nil { // it went away meanwhile
			continue
		}
		for _, a := range addresses {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				i.Addresses = append(i.Addresses, p)
			}
		}
		all = append(all, i)
	}
	return all, nil
}

// ErrUnsupported means that capture/live does not support this system.
var ErrUnsupported = errors.New("live capture needs Linux")

// InterfaceError is the error of an interface that cannot be captured from.
type InterfaceError struct {
	Name string
	Text string
	Err  error // fs.ErrNotExist, fs.ErrPermission, ErrUnsupported, or another error of the system
}

func (e *InterfaceError) Error() string {
	if e.Text == "" {
		return fmt.Sprintf("cannot capture on %s: %v", e.Name, e.Err)
	}
	return e.Text
}

// Unwrap returns the cause.
func (e *InterfaceError) Unwrap() error { return e.Err }

func noSuchInterface(name string) error {
	return &InterfaceError{Name: name, Text: "there is no interface " + name, Err: fs.ErrNotExist}
}

package live

import (
	"encoding/binary"
	"io"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/capture/filter"
)

// The ring is memory that the kernel and we share, in blocks. The kernel puts
// packets into one block after the other and hands each over when it is full, or
// when its first packet has waited for retireAfter; we read it from its front and
// hand it back. Its status, the only word that both write, names the owner.
//
//	block  | version, offset | status | packets | first | length | number | times |
//	packet | next | time | captured, length | status | mac | net | tag | sockaddr_ll | room | bytes
//
// When the kernel comes to a block that is still ours the ring is frozen and
// packets are dropped, until we hand it back. The block that is filled next says
// "losing": what was lost lies before its first packet.

const (
	blockStatus  = 8
	blockPackets = 12
	blockFirst   = 16

	packetNext    = 0
	packetSeconds = 4
	packetNanos   = 8
	packetKept    = 12
	packetLength  = 16
	packetStatus  = 20
	packetMAC     = 24
	packetTCI     = 32
	packetTPID    = 36

	packetProtocol  = 50 // of the sockaddr_ll: big endian
	packetInterface = 52
	packetHardware  = 56
	packetKind      = 58
	packetAddress   = 59 // its length, then 8 bytes
)

const (
	// retireAfter is how long a packet waits for others before it is handed over.
	// On a quiet link a block has few packets then, so that what the ring can hold
	// while we are held up is the number of its blocks times this: 2.5 seconds.
	retireAfter = 20 * time.Millisecond

	// listen is how long one wait for packets takes at most.
	listen = 50 * time.Millisecond

	// inFlight is how long a packet that has its time is on the way to the ring.
	inFlight = 20 * time.Millisecond

	// room is kept free before each packet, for what is put back: a link header
	// of 20 bytes, or a tag of 4.
	room = 32

	// largestBlock is the most that a packet can have: all but jumbograms (RFC
	// 2675) of the largest kind, which have to be switched on (BIG TCP) and are cut.
	largestBlock  = 256 << 10
	smallestBlock = 128 << 10 // of offloaded segments, and what loopback has
	fewestBlocks  = 4
)

// Ring is an interface that is captured from. Next is for one goroutine; Stop,
// Heard and Stats are for any.
type Ring struct {
	opt    Options
	fd     int
	wake   int // an eventfd
	memory []byte
	size   int // of a block
	link   capture.LinkType
	cooked bool // packets come without a link header
	index  int  // of the interface; 0: any, or it is away
	away   bool
	looked time.Time // when the interface was looked for

	plain  *filter.Program // the filter for packets that the kernel lets pass unjudged; nil: every packet passes
	judged bool            // the kernel judges packets without a tag

	block   int  // being read, or the next
	holding bool // it is ours
	left    uint32
	at      int // byte of memory where the next packet of it begins
	number  uint64

	closing  sync.Mutex // of wake
	stopping atomic.Bool
	shut     time.Time // when the ring was stopped
	heard    atomic.Int64
	given    atomic.Uint64 // number, block by block
	filtered atomic.Uint64 // packets that our filter left out
	packets  atomic.Uint64
	dropped  atomic.Uint64
	frozen   atomic.Uint64
}

// Next gives the next packet, whose bytes are borrowed from the ring. It waits
// until there is one. After [Ring.Stop] it gives what was captured until then,
// and io.EOF.
func (r *Ring) Next(p *capture.Packet) error {
	for {
		if r.left > 0 {
			r.left--
			if r.read(p) {
				return nil
			}
			continue
		}
		if r.holding {
			r.release()
		}
		if status := r.word(blockStatus).Load(); status&unix.TP_STATUS_USER != 0 {
			r.take(status)
			continue
		}
		if err := r.wait(); err != nil {
			return err
		}
	}
}

// word returns a word of the block that both sides use.
func (r *Ring) word(offset int) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&r.memory[r.block*r.size+offset]))
}

// take begins to read the block.
func (r *Ring) take(status uint32) {
	begin := r.block * r.size
	head := r.memory[begin : begin+r.size]
	r.holding = true
	r.left = binary.NativeEndian.Uint32(head[blockPackets:])
	r.at = begin + int(binary.NativeEndian.Uint32(head[blockFirst:]))
	r.given.Store(r.number)
	if status&unix.TP_STATUS_LOSING != 0 {
		r.count()
	}
}

// release hands the block back.
func (r *Ring) release() {
	r.word(blockStatus).Store(unix.TP_STATUS_KERNEL)
	r.holding = false
	r.block++
	if r.block*r.size == len(r.memory) {
		r.block = 0
	}
}

// read reads the packet at r.at and steps to the next. It reports false when the
// filter does not let it pass.
func (r *Ring) read(p *capture.Packet) bool {
	h := r.memory[r.at:]
	begin := r.at + int(binary.NativeEndian.Uint16(h[packetMAC:]))
	kept := binary.NativeEndian.Uint32(h[packetKept:])
	length := binary.NativeEndian.Uint32(h[packetLength:])
	status := binary.NativeEndian.Uint32(h[packetStatus:])
	r.at += int(binary.NativeEndian.Uint32(h[packetNext:]))

	b := r.memory[begin-room : begin+int(kept)]
	tagged := status&unix.TP_STATUS_VLAN_VALID != 0
	front := uint32(0)
	switch {
	case r.cooked:
		front = putHeader(b, h, tagged, status)
	case tagged && kept >= 12:
		front = 4
		copy(b[room-4:], b[room:room+12])
		putTag(b[room+8:], h, status)
	}
	p.Data, p.Length = b[room-front:], length+front
	if r.plain != nil && (tagged || !r.judged) {
		if !r.plain.Match(p.Data, p.Length) {
			r.filtered.Add(1)
			return false
		}
	}
	if most := r.opt.Snaplen; most != 0 && uint32(len(p.Data)) > most {
		p.Data = p.Data[:most]
	}
	r.number++
	p.Number, p.FilePacket, p.File, p.Link = r.number, r.number, 0, r.link
	p.Time = int64(binary.NativeEndian.Uint32(h[packetSeconds:]))*1e9 + int64(binary.NativeEndian.Uint32(h[packetNanos:]))
	return true
}

// putTag writes a VLAN tag (IEEE 802.1Q) that the card or the kernel took out.
func putTag(b, h []byte, status uint32) {
	kind := uint16(unix.ETH_P_8021Q)
	if status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		kind = binary.NativeEndian.Uint16(h[packetTPID:])
	}
	binary.BigEndian.PutUint16(b, kind)
	binary.BigEndian.PutUint16(b[2:], uint16(binary.NativeEndian.Uint32(h[packetTCI:])))
}

// putHeader writes the link header LINKTYPE_LINUX_SLL2 into the room before a
// packet that has none, and a tag behind it, and returns how long that is.
func putHeader(b, h []byte, tagged bool, status uint32) uint32 {
	front := 20
	if tagged {
		front = 24
	}
	b = b[room-front:]
	protocol := binary.BigEndian.Uint16(h[packetProtocol:])
	clear(b[2:4])
	binary.BigEndian.PutUint32(b[4:], binary.NativeEndian.Uint32(h[packetInterface:]))
	binary.BigEndian.PutUint16(b[8:], binary.NativeEndian.Uint16(h[packetHardware:]))
	b[10] = h[packetKind]
	copy(b[11:20], h[packetAddress:packetAddress+9])
	if tagged { // the header names the tag, the tag names what follows
		var tag [4]byte
		putTag(tag[:], h, status)
		copy(b, tag[:2])
		copy(b[20:], tag[2:])
		binary.BigEndian.PutUint16(b[22:], protocol)
	} else {
		binary.BigEndian.PutUint16(b, protocol)
	}
	return uint32(front)
}

// wait waits for the block, at most for the time of listen.
func (r *Ring) wait() error {
	now := time.Now()
	empty := r.word(blockPackets).Load() == 0 && r.word(blockStatus).Load()&unix.TP_STATUS_USER == 0
	if empty {
		r.heard.Store(now.Add(-inFlight).UnixNano())
	}
	if r.stopping.Load() {
		switch {
		case r.shut.IsZero():
			r.shut = now
			_ = r.attach(reject) // packets that come from now on are not counted; one that fails lets a few more pass
		case empty && now.Sub(r.shut) > inFlight, now.Sub(r.shut) > time.Second:
			r.count()
			return io.EOF
		}
	}
	if err := r.mind(now); err != nil {
		r.count()
		return err
	}
	patience := listen
	if !r.shut.IsZero() {
		patience = retireAfter
	}
	polled := [2]unix.PollFd{{Fd: int32(r.fd), Events: unix.POLLIN | unix.POLLERR}, {Fd: int32(r.wake), Events: unix.POLLIN}}
	which := polled[:]
	if !r.shut.IsZero() {
		which = polled[:1] // it stays awake
	}
	_, err := unix.Poll(which, int(patience/time.Millisecond))
	if err != nil && err != unix.EINTR {
		return &InterfaceError{Name: r.opt.Interface, Err: err}
	}
	if r.word(blockStatus).Load()&unix.TP_STATUS_USER == 0 { // what was lost lies behind blocks that wait to be read
		r.count()
	}
	if polled[0].Revents&unix.POLLERR != 0 {
		return r.failed()
	}
	return nil
}

// count reads what the kernel has counted since it was asked last.
func (r *Ring) count() {
	s, err := unix.GetsockoptTpacketStatsV3(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return
	}
	r.packets.Add(uint64(s.Packets)) // those that were dropped are among them
	r.frozen.Add(uint64(s.Freeze_q_cnt))
	if s.Drops == 0 {
		return
	}
	r.dropped.Add(uint64(s.Drops))
	if r.opt.OnNote != nil {
		r.opt.OnNote(capture.Note{
			Kind: capture.NoteDropped, File: r.opt.Interface, FilePacket: r.number, N: uint64(s.Drops),
			Text: "the ring was full: use a larger one (-B), a narrower capture filter (-f), or less output",
		})
	}
}

// Stop makes Next give what was captured until now, and then io.EOF. After Close
// it does nothing.
func (r *Ring) Stop() {
	r.stopping.Store(true)
	r.closing.Lock()
	defer r.closing.Unlock()
	if r.wake < 0 {
		return
	}
	_, _ = unix.Write(r.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // Next looks now and then, should this fail
}

// Heard returns a time before which there is no packet that Next has not given
// or is about to return, in nanoseconds since the Unix epoch. While packets
// come it stays behind; on a quiet link it follows the clock.
func (r *Ring) Heard() int64 { return r.heard.Load() }

// Stats returns what was counted so far.
func (r *Ring) Stats() Stats {
	dropped, filtered := r.dropped.Load(), r.filtered.Load()
	// The kernel is not asked while there is much to read: to ask it makes it
	// forget, and blocks would not say any more what was lost before them.
	packets := max(r.packets.Load(), r.given.Load()+filtered+dropped) - filtered
	return Stats{Packets: packets, Dropped: dropped, Filtered: filtered, Frozen: r.frozen.Load()}
}

// Close gives the ring back. Next must have returned.
func (r *Ring) Close() error {
	r.closing.Lock()
	defer r.closing.Unlock()
	if r.fd < 0 {
		return nil
	}
	if r.memory != nil {
		_ = unix.Munmap(r.memory)
	}
	if r.wake >= 0 {
		_ = unix.Close(r.wake)
	}
	err := unix.Close(r.fd)
	r.fd, r.wake, r.memory = -1, -1, nil
	return err
}

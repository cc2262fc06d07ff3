package report

import (
	"net/netip"
	"time"
	"unicode/utf8"

	"github.com/wsdump/wsdump/timeline"
)

// epoch is the capture time of the first packet in hand-made timelines.
const epoch = int64(1_700_000_000_000_000_000)

// at returns the stamp of a packet so many milliseconds after the first.
func at(packet uint64, ms float64) timeline.Stamp {
	return timeline.Stamp{Packet: packet, FilePacket: packet, Time: epoch + int64(ms*1e6)}
}

// chat returns a connection as it stands at Open.
func chat(id uint64, ms float64) *timeline.Conn {
	client, server := netip.MustParseAddrPort("10.0.0.1:51234"), netip.MustParseAddrPort("10.0.0.2:80")
	h := &timeline.Handshake{
		Request: at(4, ms), Response: at(6, ms+12.4), Method: "GET", Target: "/chat", Scheme: "ws",
		Host: "server.example.com", Path: "/chat", HTTPVersion: "1.1", Status: 101, Reason: "Switching Protocols",
		RequestHeaders:  []timeline.Header{{Name: "Host", Value: "server.example.com"}, {Name: "Upgrade", Value: "websocket"}},
		ResponseHeaders: []timeline.Header{{Name: "Upgrade", Value: "websocket"}},
		Verdict:         timeline.AcceptOK, SubprotocolsOffered: []string{"chat", "superchat"}, Subprotocol: "chat",
	}
	return &timeline.Conn{
		ID: id, Handshake: h, Client: client, Server: server, Layers: "tcp", Opened: h.Request,
		Transport: &timeline.Transport{ID: id, Client: client, Server: server, First: at(1, ms)},
	}
}

func text(c *timeline.Conn, dir timeline.Direction, packet uint64, ms float64, payload string) *timeline.Message {
	c.Rows++
	n := uint64(len(payload))
	add(c, dir, n, 1)
	return &timeline.Message{
		Conn: c, Dir: dir, First: at(packet, ms), Last: at(packet, ms), N: c.Rows, Kind: timeline.OpText, Frames: 1,
		WireLength: n, Length: n, HasLength: true, HasPayload: true, Payload: []byte(payload), Text: utf8.ValidString(payload),
	}
}

func blob(c *timeline.Conn, dir timeline.Direction, packet uint64, ms float64, payload string) *timeline.Message {
	m := text(c, dir, packet, ms, payload)
	m.Kind, m.Text = timeline.OpBinary, false
	return m
}

func control(c *timeline.Conn, op timeline.Opcode, dir timeline.Direction, packet uint64, ms float64, payload string) *timeline.Frame {
	c.Rows++
	add(c, dir, uint64(len(payload)), 0)
	f := &timeline.Frame{
		Conn: c, Dir: dir, First: at(packet, ms), Last: at(packet, ms), N: c.Rows, Opcode: op, Fin: true, HeaderLength: 2,
		Length: uint64(len(payload)), Payload: []byte(payload), PayloadUTF8: utf8.ValidString(payload),
	}
	if op == timeline.OpClose && len(payload) >= 2 {
		f.CloseCode = uint16(payload[0])<<8 | uint16(payload[1])
		f.CloseReason = f.Payload[2:]
		f.PayloadUTF8 = false
	}
	return f
}

func add(c *timeline.Conn, dir timeline.Direction, n, messages uint64) {
	k := &c.Counters[dir]
	k.Frames++
	k.Bytes += n
	k.WireBytes += n
	if messages > 0 {
		k.Messages++
		k.MessageBytes += n
	}
}

// closed completes c as a clean close by the client would.
func closed(c *timeline.Conn, packet uint64, ms float64) timeline.Stamp {
	c.By, c.CloseCode, c.CloseText = timeline.PartyClient, 1000, "bye"
	c.ClosedBy = [2]bool{true, true}
	c.TCP, c.FirstFIN = timeline.TCPFIN, timeline.PartyServer
	c.LastFrame, c.LastDir = at(packet, ms-4100), timeline.ClientToServer
	c.EndBegan = at(packet, ms)
	c.Ended = at(packet+3, ms+0.5)
	return c.Ended
}

var aRule = &timeline.Rule{
	ID: "ws/mask-missing", Severity: timeline.Error, Title: "A frame from the client is not masked",
	Text: "A client must mask every frame.", Ref: "RFC 6455 5.1", Since: "0.1.0",
}

// story tells the sample of the README to a sink.
func story(s timeline.Sink) {
	c := chat(1, 0.7)
	s.Open(c)
	s.Message(text(c, 0, 8, 13.1, "hello"))
	s.Message(text(c, 1, 9, 13.5, "world"))
	s.Frame(control(c, timeline.OpPing, 1, 12, 5000.2, "png"))
	pong := control(c, timeline.OpPong, 0, 13, 5000.4, "png")
	pong.RTT, pong.HasRTT = 200*time.Microsecond, true
	s.Frame(pong)
	s.Frame(control(c, timeline.OpClose, 0, 15, 9100, "\x03\xe8bye"))
	s.Frame(control(c, timeline.OpClose, 1, 16, 9100.3, "\x03\xe8"))
	s.Close(c, closed(c, 15, 9100))
	s.Done(&timeline.Totals{
		Packets: 20, Bytes: 1400, First: epoch, Last: epoch + 9_100_800_000, Transports: 1, Conns: 1, Messages: 2, Frames: 6,
	})
}

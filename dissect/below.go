package dissect

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"

	"github.com/wsdump/wsdump/dissect/tls"
	"github.com/wsdump/wsdump/timeline"
)

// becomeTLS makes TLS the current layer.
func (s *Switch) becomeTLS() {
	layer := &secure{account: s.account}
	layer.stream = tls.New(layer, s.account.d.keys)
	s.account.tls = layer.stream.Info()
	s.account.d.follow(layer.stream, s.account)
	s.account.secure = layer.stream
	s.become("tls", layer.stream)
}

// secure is the [tls.Handler] of one transport.
type secure struct {
	account *account
	stream  *tls.Stream
	inner   *Switch
	waiting []timeline.Finding
}

// Plaintext implements [tls.Handler].
func (t *secure) Plaintext(*tls.Info) timeline.Stream {
	t.inner = t.account.inner("tls")
	for i := range t.waiting {
		t.inner.Finding(&t.waiting[i])
	}
	t.waiting = nil
	return t.inner
}

// Undecipherable implements [tls.Handler].
func (t *secure) Undecipherable(_ *tls.Info, why tls.Reason) { t.account.reason = why.String() }

// AnsweredPlain implements [tls.Handler].
func (t *secure) AnsweredPlain(at timeline.Stamp, line string) {
	t.account.reason = "the server answered in plain HTTP"
	t.account.limited = &timeline.Finding{
		Rule: tls.RuleAnsweredPlain, Dir: timeline.ServerToClient, HasDir: true, At: at, Got: line, Want: "a TLS record",
		Detail: t.account.transport.Server.String() + " does not speak TLS: use ws://",
	}
}

// Finding implements [tls.Handler].
func (t *secure) Finding(f *timeline.Finding) {
	switch {
	case t.inner != nil:
		t.inner.Finding(f)
	case len(t.waiting) < maxWaiting:
		t.waiting = f.AppendClone(t.waiting)
	}
}

// The PROXY protocol (haproxy's proxy-protocol.txt): the first bytes of a transport are
// a header in which a proxy names the true client.
const (
	proxyV1 = "PROXY "
	proxyV2 = "\r\n\r\n\x00\r\nQUIT\n"
	maxV1   = 107
)

func probeProxy(b []byte) timeline.Verdict {
	switch {
	case bytes.HasPrefix(b, []byte(proxyV1)):
		switch i := bytes.IndexByte(b[:min(len(b), maxV1)], '\n'); {
		case i >= 0:
			return timeline.Mine
		case len(b) < maxV1:
			return timeline.NeedMore
		}
	case bytes.HasPrefix(b, []byte(proxyV2)):
		if len(b) < 16 || len(b) < 16+int(binary.BigEndian.Uint16(b[14:])) {
			return timeline.NeedMore
		}
		return timeline.Mine
	case len(b) < len(proxyV2) && (strings.HasPrefix(proxyV2, string(b)) || strings.HasPrefix(proxyV1, string(b))):
		return timeline.NeedMore
	}
	return timeline.NotMine
}

// becomeProxied skips a PROXY header and notes the client that it names.
func (s *Switch) becomeProxied(b []byte) {
	client, n := parseProxy(b)
	if client.IsValid() {
		s.account.client = client
	}
	s.become("other", &behind{skip: n, Stream: s.account.inner(s.layers)})
}

// parseProxy returns the client that a PROXY header names, zero for none, and the
// length of the header in bytes.
func parseProxy(b []byte) (client netip.AddrPort, n int) {
	if b[0] == 'P' {
		n = bytes.IndexByte(b, '\n') + 1
		f := strings.Fields(string(b[:n]))
		if len(f) == 6 {
			client = addrPort(f[2], f[4])
		}
		return client, n
	}
	n = 16 + int(binary.BigEndian.Uint16(b[14:]))
	body := b[16:n]
	size := map[byte]int{0x11: 4, 0x21: 16}[b[13]]
	if b[12] == 0x21 && size > 0 && len(body) >= 2*size+4 {
		src, _ := netip.AddrFromSlice(body[:size])
		client = netip.AddrPortFrom(src, binary.BigEndian.Uint16(body[2*size:]))
	}
	return client, n
}

func addrPort(addr, port string) netip.AddrPort {
	a, err := netip.ParseAddr(addr)
	p, err2 := strconv.ParseUint(port, 10, 16)
	if err != nil || err2 != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a, uint16(p))
}

// behind is a stream without the first skip bytes of the client.
type behind struct {
	timeline.Stream
	skip int
}

// Data implements [timeline.Stream].
func (p *behind) Data(dir timeline.Direction, at timeline.Stamp, b []byte) {
	if dir == timeline.ClientToServer && p.skip > 0 {
		n := min(p.skip, len(b))
		p.skip -= n
		if b = b[n:]; len(b) == 0 {
			return
		}
	}
	p.Stream.Data(dir, at, b)
}

// Weight implements [timeline.Weighed].
func (p *behind) Weight() int { return timeline.Weight(p.Stream) }

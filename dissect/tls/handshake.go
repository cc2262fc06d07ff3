package tls

import (
	"bytes"
	"fmt"

	"github.com/wsdump/wsdump/timeline"
)

// Handshake messages (RFC 8446 4, RFC 5246 7.4).
const (
	helloRequestMessage  = 0
	clientHelloMessage   = 1
	serverHelloMessage   = 2
	newTicketMessage     = 4
	endOfEarlyMessage    = 5
	extensionsMessage    = 8
	certificateMessage   = 11
	helloDoneMessage     = 14
	clientKeyMessage     = 16
	finishedMessage      = 20
	keyUpdateMessage     = 24
	maxMessage           = 128 << 10 // of one message that is read
	maxTranscript        = 256 << 10
	maxGuesses           = 4096 // sessions tried for a connection with ECH
	handshakeHeaderSize  = 4
	premasterLengthBytes = 2
)

// handshake is what the latest handshake of a connection agreed on.
type handshake struct {
	client     clientHello // byte slices are owned
	server     serverHello // byte slices are owned
	haveClient bool
	haveServer bool
	retry      bool // a HelloRetryRequest was seen
	second     bool // and the ClientHello that answers it
	tls13      bool
	suite      *suite
	secrets    *secrets // of the key log
	guessed    int      // sessions of the key log tried, see guess

	earlyKnown, early bool // TLS 1.3: the server's word on early data, and whether it took it

	// TLS 1.2 and older.

	done       bool   // ServerHelloDone was seen
	resumed    bool   // the keys are of an earlier session
	transcript []byte // messages up to ClientKeyExchange, when RSA needs them
	overlong   bool   // they were too many to keep
	exchange   []byte // the premaster secret, encrypted to the server's key
	hash       []byte // of the transcript, for the extended master secret
	ticket     []byte // that the server gave
	master     secret
}

// unsupported says what of the handshake cannot be decrypted; "" for nothing.
func (k *handshake) unsupported() string {
	switch {
	case !k.haveServer:
		return ""
	case k.server.version < TLS10 || k.server.version > TLS13:
		return "version " + VersionName(k.server.version)
	case k.server.compressed:
		return "compression"
	case k.suite.kind == unsupported || k.suite.is13() != k.tls13:
		return fmt.Sprintf("cipher suite %s with %s", k.suite.name, VersionName(k.server.version))
	}
	return ""
}

// handshake takes bytes of handshake messages out of a record.
func (s *Stream) handshake(dir timeline.Direction, b []byte) {
	h := &s.half[dir]
	n := min(h.hsSkip, len(b))
	h.hsSkip -= n
	if b = b[n:]; len(b) == 0 {
		return
	}
	h.hs = append(h.hs, b...)
	for len(h.hs) >= handshakeHeaderSize {
		n := handshakeHeaderSize + (int(h.hs[1])<<16 | int(h.hs[2])<<8 | int(h.hs[3]))
		if n > maxMessage {
			skip := min(n, len(h.hs))
			h.hsSkip = n - skip
			h.hs = h.hs[skip:]
			s.shake.overlong = true
			continue
		}
		if len(h.hs) < n {
			break
		}
		m := h.hs[:n]
		h.hs = h.hs[n:]
		s.message(dir, m)
	}
	if len(h.hs) == 0 {
		h.hs = nil
	}
}

// message handles one whole handshake message.
func (s *Stream) message(dir timeline.Direction, m []byte) {
	k := &s.shake
	kind, body := m[0], m[handshakeHeaderSize:]
	fromClient := dir == timeline.ClientToServer
	if kind == clientHelloMessage && fromClient && !(k.tls13 && k.haveServer) {
		s.clientHello(body)
	}
	if k.tls13 && k.haveServer {
		s.message13(dir, kind, body)
		return
	}
	if kind != helloRequestMessage && k.exchange == nil {
		if len(k.transcript)+len(m) > maxTranscript {
			k.overlong = true
		}
		if !k.overlong && (k.suite == nil || k.suite.rsa) {
			k.transcript = append(k.transcript, m...)
		}
	}
	switch {
	case kind == serverHelloMessage && !fromClient:
		s.serverHello(body)
	case kind == certificateMessage && !fromClient:
		if names := certificateNames(body, false); names != nil {
			s.info.Certificate = names
		}
	case kind == helloDoneMessage && !fromClient:
		k.done = true
		s.changed = true
	case kind == clientKeyMessage && fromClient && k.suite != nil:
		if k.suite.rsa {
			c := cursor{body}
			k.exchange = bytes.Clone(c.vector(premasterLengthBytes))
			if !k.overlong {
				k.hash = sessionHash(k.server.version, k.suite.prf, k.transcript)
			}
		}
		k.transcript = nil
	case kind == newTicketMessage && !fromClient:
		c := cursor{body}
		c.skip(4)
		k.ticket = bytes.Clone(c.vector(2))
	}
}

func (s *Stream) clientHello(body []byte) {
	k := &s.shake
	c := parseClientHello(body)
	if k.retry && !k.haveServer && c.random == k.client.random {
		k.second = true
		return
	}
	s.shake = handshake{client: c, haveClient: true}
	k.client.session, k.client.ticket = bytes.Clone(c.session), bytes.Clone(c.ticket)
	s.changed = true
	i := &s.info
	if c.serverName != "" {
		i.ServerName = c.serverName
	}
	i.Offered, i.ECH, i.ClientRandom = c.alpn, c.ech, c.random
	if !i.Agreed {
		i.Version = c.highest
	}
}

func (s *Stream) serverHello(body []byte) {
	k := &s.shake
	h := parseServerHello(body)
	s.changed = true
	k.tls13 = h.version == TLS13
	s.info.Version, s.info.Cipher, s.info.Agreed = h.version, h.suite, true
	if h.retry {
		k.retry = true
		return
	}
	k.server, k.haveServer, k.suite = h, true, suiteOf(h.suite)
	k.server.session = bytes.Clone(h.session)
	if h.alpn != "" {
		s.info.ALPN = h.alpn
	}
	if k.tls13 {
		k.transcript = nil
		s.enter(&s.half[timeline.ServerToClient], inHandshake)
	}
}

// message13 handles a message of TLS 1.3 behind the ServerHello.
func (s *Stream) message13(dir timeline.Direction, kind byte, body []byte) {
	k, h := &s.shake, &s.half[dir]
	fromServer := dir == timeline.ServerToClient
	switch {
	case kind == keyUpdateMessage && h.epoch == inData:
		if secret := k.suite.nextSecret(s.current(dir)); secret != nil {
			s.updated(dir, secret, k.suite.open13(secret))
		}
	case kind == finishedMessage && h.epoch == inHandshake:
		s.enter(h, inData)
	case kind == endOfEarlyMessage && h.epoch == inEarly:
		s.enter(h, inHandshake)
	case kind == extensionsMessage && fromServer && h.epoch == inHandshake:
		var alpn string
		alpn, k.early = parseEncryptedExtensions(body)
		k.earlyKnown = true
		s.changed = true
		if alpn != "" {
			s.info.ALPN = alpn
		}
	case kind == certificateMessage && fromServer && h.epoch == inHandshake:
		s.info.Certificate = certificateNames(body, true)
	}
}

// secrets returns what the key log says of this session; nil for nothing.
func (s *Stream) secrets() *secrets {
	k := &s.shake
	if k.secrets == nil && k.haveClient {
		if k.secrets = s.keys.find(k.client.random); k.secrets != nil {
			k.secrets.used = true
		}
	}
	return k.secrets
}

// guess looks for the session that opens rec, the server's first encrypted
// record: with ECH the key log holds the random of the inner ClientHello (RFC
// 9849 6.1), which is not in the capture.
func (s *Stream) guess(rec []byte) {
	k := &s.shake
	buf := s.keys.scratch()
	defer s.keys.release(buf)
	for k.guessed = max(k.guessed, len(s.keys.order)-maxGuesses); k.guessed < len(s.keys.order); k.guessed++ {
		c := s.keys.order[k.guessed]
		secret := c.at(timeline.ServerToClient, inHandshake)
		if secret == nil {
			continue
		}
		if op := k.suite.open13(secret); op != nil {
			if _, ok := op.open(buf, 0, rec); ok {
				k.secrets = c
				c.used = true
				return
			}
		}
	}
}

// opener13 returns the key of an epoch; nil while it is not known.
func (s *Stream) opener13(dir timeline.Direction, e epoch) opener {
	h := &s.half[dir]
	if h.openers[e] == nil {
		if secret := s.secrets().at(dir, e); secret != nil {
			h.openers[e] = s.shake.suite.open13(secret)
		}
	}
	return h.openers[e]
}

// current returns the traffic secret in use for application data.
func (s *Stream) current(dir timeline.Direction) []byte {
	if b := s.half[dir].update.bytes(); b != nil {
		return b
	}
	return s.secrets().at(dir, inData)
}

// updated makes op, of secret, the key behind a KeyUpdate (RFC 8446 4.6.3).
func (s *Stream) updated(dir timeline.Direction, value []byte, op opener) {
	h := &s.half[dir]
	h.update = newSecret(value)
	h.openers[inData] = op
	h.install(nil)
	h.proven = true // by the one before
}

// pending returns the key that ChangeCipherSpec puts into use in TLS 1.2 and
// older. wait says that it may still come; nil without wait, that the
// direction was given up.
func (s *Stream) pending(dir timeline.Direction, at timeline.Stamp) (op opener, wait bool) {
	k := &s.shake
	if !k.haveClient || !k.haveServer {
		if !s.final {
			return nil, true
		}
		s.bury(dir, at, ruleNoKeys, s.reason(NoHandshake, ""))
		return nil, false
	}
	if why := k.unsupported(); why != "" {
		s.bury(dir, at, ruleUnsupported, s.reason(Unsupported, why))
		return nil, false
	}
	if k.master.n == 0 {
		k.resumed = !k.done && k.exchange == nil
		s.info.Resumed = k.resumed
		k.master = s.findMaster()
	}
	if k.master.n == 0 {
		return nil, s.noKeys(dir, at, nil, false)
	}
	return k.suite.open12(dir, k.server.version, k.server.etm, k.master.bytes(), k.client.random[:], k.server.random[:]), false
}

// findMaster looks for the master secret: in the key log, by an RSA key, or as
// that of the session that is resumed.
func (s *Stream) findMaster() (master secret) {
	k := &s.shake
	if c := s.secrets(); c != nil && c.master.n > 0 {
		return c.master
	}
	if m := s.keys.bySession[string(k.server.session)]; m.n > 0 {
		return m
	}
	if k.exchange != nil {
		pre := s.keys.premaster(k.exchange, k.client.version)
		if pre == nil {
			return master
		}
		defer clear(pre)
		label, seed := "master secret", append(k.client.random[:], k.server.random[:]...)
		if k.server.ems {
			label, seed = "extended master secret", k.hash
		}
		return newSecret(prf(k.server.version, k.suite.prf, pre, label, seed, masterSize))
	}
	if !k.resumed {
		return master
	}
	if len(k.server.session) > 0 && bytes.Equal(k.server.session, k.client.session) {
		if m := s.keys.recall(k.server.session); m.n > 0 {
			return m
		}
	}
	m := s.keys.recall(k.client.ticket)
	if m.n == 0 && s.keys.beyond != nil && len(s.keys.order)+len(s.keys.private) > 0 {
		s.keys.beyond() // another part may know it
	}
	return m
}

// remember keeps the master secret for sessions that resume this one: RSA keys
// do not know them, and the key log of Go has no line for them.
func (s *Stream) remember() {
	if k := &s.shake; k.master.n > 0 {
		s.keys.derived(k.client.random, k.master)
		s.keys.remember(k.server.session, k.master)
		s.keys.remember(k.ticket, k.master)
	}
}

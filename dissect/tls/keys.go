package tls

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/cpu"

	"github.com/wsdump/wsdump/timeline"
)

// What [Keys] holds at most.
const (
	maxSessions = 1 << 20 // of key logs, some 300 bytes each
	maxResumed  = 1 << 16 // master secrets by session id or ticket; the oldest are forgotten
	maxRSA      = 64
)

// Keys is a set of TLS secrets: of key logs and of RSA private keys. All
// connections of one goroutine share it. It never shows a secret, not even by
// %v. The zero value is empty and may be filled while it is in use.
type Keys struct {
	sessions map[[32]byte]*secrets // by client random
	order    []*secrets            // the same, oldest first
	resumed  map[string]secret     // master secrets by session id or ticket
	older    map[string]secret     // those remembered longest
	premade  map[[8]byte]secret    // RSA lines: premaster secrets
	// bySession has the master secrets of RSA Session-ID lines, by session ID.
	bySession map[string]secret
	private   []*rsa.PrivateKey
	version   uint64 // counts changes
	complete  bool
	later     func(*Keys) // see Later

	parts  int    // see Part; 0: one
	beyond func() // the same

	held int      // bytes of ciphertext that wait, over all connections
	free [][]byte // buffers to use again

	_ cpu.CacheLinePad // those of another worker, which change with each record as these do, share no line of the cache
}

// secret is a value with its length, so that it can be wiped.
type secret struct {
	b [masterSize]byte
	n uint8
}

func newSecret(b []byte) (s secret) {
	s.n = uint8(copy(s.b[:], b))
	return s
}

// bytes returns the secret; nil when there is none. Not to be kept.
func (s *secret) bytes() []byte {
	if s == nil || s.n == 0 {
		return nil
	}
	return s.b[:s.n]
}

// secrets are the secrets of one client random in a key log.
type secrets struct {
	random  [32]byte
	used    bool   // a connection was seen that they belong to
	master  secret // CLIENT_RANDOM
	traffic [2][3]secret
}

// epoch is which key protects a record of TLS 1.3.
type epoch uint8

const (
	inClear epoch = iota
	inEarly
	inHandshake
	inData
)

func (s *secrets) at(dir timeline.Direction, e epoch) []byte {
	if s == nil || e == inClear {
		return nil
	}
	return s.traffic[dir][e-1].bytes()
}

// Len returns the number of sessions in all key logs.
func (k *Keys) Len() int { return len(k.sessions) + len(k.premade) + len(k.bySession) }

// Used returns how many sessions were seen whose client random is in a key log.
func (k *Keys) Used() (n int) {
	for _, s := range k.order {
		if s.used {
			n++
		}
	}
	return n
}

// Format implements [fmt.Formatter]: secrets are never printed.
func (k *Keys) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "tls.Keys of %d sessions and %d RSA keys", len(k.sessions), len(k.private))
}

// Later sets where secrets may be found that are not in k yet, such as further on in a
// file. add is called once, for the first session whose secrets are missing or
// incomplete, by the goroutine that uses k. A clone calls it for itself.
func (k *Keys) Later(add func(*Keys)) { k.later = add }

// find returns the secrets of a client random; nil where there are none.
func (k *Keys) find(random [32]byte) *secrets {
	if s := k.sessions[random]; k.later == nil || s != nil && s.whole() {
		return s
	}
	add := k.later
	k.later = nil
	add(k)
	return k.sessions[random]
}

// whole reports whether the secrets are enough for a session: the master secret, or
// those of both sides for the handshake and the data of TLS 1.3.
func (s *secrets) whole() bool {
	if s.master.n > 0 {
		return true
	}
	for _, dir := range []timeline.Direction{timeline.ClientToServer, timeline.ServerToClient} {
		if s.at(dir, inHandshake) == nil || s.at(dir, inData) == nil {
			return false
		}
	}
	return true
}

// Complete states that no more secrets will come, so that no stream waits for them. Call
// [Stream.Retry] for the streams that wait already.
func (k *Keys) Complete() {
	if !k.complete {
		k.complete = true
		k.version++
	}
}

// Wipe forgets all secrets and overwrites those that Go lets overwrite. Ciphers
// already made from them live in their streams until these end.
func (k *Keys) Wipe() {
	for _, s := range k.order {
		*s = secrets{}
	}
	for _, p := range k.private {
		for _, n := range append(p.Primes, p.D, p.Precomputed.Dp, p.Precomputed.Dq, p.Precomputed.Qinv) {
			if n != nil {
				clear(n.Bits())
			}
		}
	}
	for _, b := range k.free {
		clear(b[:cap(b)])
	}
	clear(k.resumed)
	clear(k.older)
	clear(k.premade)
	clear(k.bySession)
	*k = Keys{version: k.version + 1, complete: k.complete, held: k.held}
}

// Part states that the connections that share k are one of several parts of all. k calls
// beyond when the result may depend on other parts: for a session that another part may
// have seen, and for a limit on all parts together.
func (k *Keys) Part(parts int, beyond func()) { k.parts, k.beyond = parts, beyond }

// full reports whether more ciphertext waits, over all connections, than may.
func (k *Keys) full() bool {
	full := k.held*max(k.parts, 1) > heldBytesTotal
	if full && k.beyond != nil {
		k.beyond()
	}
	return full
}

// session returns the secrets of a client random, made when new; nil when the
// set is full.
func (k *Keys) session(random [32]byte) *secrets {
	s := k.sessions[random]
	if s == nil && len(k.sessions) < maxSessions {
		if k.sessions == nil {
			k.sessions = make(map[[32]byte]*secrets)
		}
		s = &secrets{random: random}
		k.sessions[random] = s
		k.order = append(k.order, s)
	}
	return s
}

// AddPEM adds the RSA private keys of a PEM text, PKCS #1 or PKCS #8 (RFC 8017
// A.1.2, RFC 5958); other blocks, such as certificates, are passed over. They
// open connections with RSA key exchange (RFC 5246 7.4.7.1), which TLS 1.3 and
// most of TLS 1.2 do not use. The error has advice for the operator.
func (k *Keys) AddPEM(text []byte) error {
	added, other := 0, ""
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		var key any
		var err error
		switch block.Type {
		case "RSA PRIVATE KEY":
			if block.Headers["DEK-Info"] != "" {
				return errors.New("the private key is encrypted with a passphrase; decrypt it with: openssl pkey -in KEY.pem -out PLAIN.pem")
			}
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return errors.New("the private key is encrypted with a passphrase; decrypt it with: openssl pkey -in KEY.pem -out PLAIN.pem")
		case "EC PRIVATE KEY":
			other = "an EC key"
			continue
		default:
			other = "a " + block.Type + " block"
			continue
		}
		clear(block.Bytes)
		if err != nil {
			return fmt.Errorf("the private key cannot be read: %w", err)
		}
		private, ok := key.(*rsa.PrivateKey)
		if !ok {
			other = "a key that is not RSA"
			continue
		}
		if len(k.private) == maxRSA {
			return fmt.Errorf("more than %d private keys", maxRSA)
		}
		k.private = append(k.private, private)
		k.version++
		added++
	}
	switch {
	case added > 0:
		return nil
	case other != "":
		return fmt.Errorf("no RSA private key in it, but %s; only RSA keys can decrypt a recording, for all else use a key log", other)
	}
	return errors.New("no PEM private key in it (a block BEGIN PRIVATE KEY or BEGIN RSA PRIVATE KEY)")
}

// premaster decrypts what a ClientKeyExchange carries (RFC 5246 7.4.7.1); nil
// when no key fits. version is what the ClientHello asked for, which shows
// that the key is right and does not fit by chance.
func (k *Keys) premaster(sealed []byte, version uint16) []byte {
	if len(sealed) >= 8 {
		if s, ok := k.premade[[8]byte(sealed)]; ok {
			return s.bytes()
		}
	}
	var unsure []byte
	for _, p := range k.private {
		if p.Size() != len(sealed) {
			continue
		}
		//lint:ignore SA1019 it is what TLS with RSA key exchange uses; nobody asks this oracle anything
		b, err := rsa.DecryptPKCS1v15(nil, p, sealed)
		if err != nil || len(b) != masterSize {
			continue
		}
		if uint16(b[0])<<8|uint16(b[1]) == version {
			return b
		}
		unsure = b
	}
	return unsure
}

// remember keeps the master secret of a session that may be resumed by id, a
// session id (RFC 5246 7.4.1.2) or a ticket (RFC 5077).
func (k *Keys) remember(id []byte, master secret) {
	if len(id) == 0 || len(id) > maxBody || k.recall(id) == master {
		return
	}
	if len(k.resumed)*max(k.parts, 1) >= maxResumed/2 {
		if k.beyond != nil {
			k.beyond()
		}
		clear(k.older)
		k.resumed, k.older = nil, k.resumed
	}
	if k.resumed == nil {
		k.resumed = make(map[string]secret)
	}
	k.resumed[string(id)] = master
	k.version++
}

// recall returns what was remembered; empty for nothing.
func (k *Keys) recall(id []byte) secret {
	if m, ok := k.resumed[string(id)]; ok {
		return m
	}
	return k.older[string(id)]
}

// derived keeps a master secret that was found without a key log line, so that
// [Keys.WriteLog] has it.
func (k *Keys) derived(random [32]byte, master secret) {
	if s := k.session(random); s != nil {
		s.used = true
		if s.master.n == 0 {
			s.master = master
		}
	}
}

// buffer returns an empty buffer for a record that is cut. It grows with what
// is there of the record, not with what its header says. release takes it back.
func (k *Keys) buffer() (b []byte) {
	if n := len(k.free); n > 0 {
		b = k.free[n-1]
		k.free = k.free[:n-1]
	}
	return b
}

// scratch returns an empty buffer with room for the plaintext of a record.
func (k *Keys) scratch() []byte { return slices.Grow(k.buffer(), maxRecord) }

func (k *Keys) release(b []byte) {
	if useless := k.complete && len(k.order)+len(k.private)+len(k.premade) == 0; cap(b) > 0 && len(k.free) < 16 && !useless {
		k.free = append(k.free, b[:0])
	}
}

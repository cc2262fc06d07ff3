package tls

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// identity is a self-signed certificate.
type identity struct {
	cert          tls.Certificate
	certPEM, pemK []byte
}

func newIdentity(t testing.TB, key crypto.Signer) identity {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "peer"}, DNSNames: []string{"ws.example", "alt.example"},
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pk, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return identity{
		tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pk}),
	}
}

var identities = sync.OnceValue(func() (ids [2]identity) {
	t := new(testing.T)
	r, _ := rsa.GenerateKey(rand.Reader, 2048)
	e, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return [2]identity{newIdentity(t, r), newIdentity(t, e)}
})

// converse records a connection of Go's client and server: turns of text, each
// answered. It uses the configs' key log.
func converse(t testing.TB, client, server *tls.Config, turns [][]byte) *recording {
	t.Helper()
	var mu sync.Mutex
	var log bytes.Buffer
	client.KeyLogWriter = writer(func(b []byte) (int, error) { mu.Lock(); defer mu.Unlock(); return log.Write(b) })
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := new(recording)
	served := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			served <- err
			return
		}
		for _, turn := range turns {
			b := make([]byte, len(turn))
			if _, err := io.ReadFull(c, b); err != nil {
				served <- err
				return
			}
			slices.Reverse(b)
			c.Write(b)
		}
		served <- nil
		io.Copy(io.Discard, c)
		c.Close()
	}()
	at, wait := relay(t, l.Addr().String())
	raw, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	c := tls.Client(raw, client)
	if len(turns) == 0 { // nobody says more than hello
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
	}
	for _, turn := range turns {
		if _, err := c.Write(turn); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, len(turn))
		if _, err := io.ReadFull(c, b); err != nil {
			t.Fatal(err)
		}
		r.want[0] = append(r.want[0], turn...)
		r.want[1] = append(r.want[1], b...)
	}
	c.Close()
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	r.pieces = wait()
	mu.Lock()
	defer mu.Unlock()
	r.log = bytes.Clone(log.Bytes())
	return r
}

type writer func(b []byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

func configs(version, suite uint16) (client, server *tls.Config) {
	ids := identities()
	client = &tls.Config{InsecureSkipVerify: true, ServerName: "ws.example", NextProtos: []string{"http/1.1"}, MinVersion: version, MaxVersion: version}
	server = &tls.Config{Certificates: []tls.Certificate{ids[0].cert, ids[1].cert}, NextProtos: []string{"http/1.1"}, MinVersion: version, MaxVersion: version}
	if suite != 0 {
		client.CipherSuites, server.CipherSuites = []uint16{suite}, []uint16{suite}
		if strings.Contains(tls.CipherSuiteName(suite), "ECDSA") {
			server.Certificates = server.Certificates[1:]
		}
	}
	return client, server
}

func turns() [][]byte {
	return [][]byte{[]byte("GET /chat HTTP/1.1\r\n\r\n"), text(1, 40), text(2, 40000), text(3, 1), text(4, 17000)}
}

func TestGoSuites(t *testing.T) {
	t.Parallel()
	type row struct {
		version uint16
		suite   *tls.CipherSuite
	}
	var rows []row
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		for _, v := range suite.SupportedVersions {
			if v != tls.VersionTLS13 {
				rows = append(rows, row{v, suite})
			}
		}
	}
	rows = append(rows, row{version: tls.VersionTLS13})
	for _, x := range rows {
		id, name := uint16(0), "any"
		if x.suite != nil {
			id, name = x.suite.ID, x.suite.Name
		}
		t.Run(fmt.Sprintf("%s/%s", VersionName(x.version), name), func(t *testing.T) {
			t.Parallel()
			client, server := configs(x.version, id)
			r := converse(t, client, server, turns())
			if strings.Contains(name, "RC4") || strings.Contains(name, "3DES") {
				h := play(keysOf(t, r.log), r.pieces)
				if h.reason == nil || h.reason.Kind != Unsupported || !strings.Contains(h.reason.Text, name) || !slices.Equal(h.findings, []string{"tls/unsupported"}) {
					t.Fatalf("reason %v, findings %q", h.reason, h.findings)
				}
				return
			}
			h := r.check(t, func() *Keys { return keysOf(t, r.log) })
			i := h.info
			if i.ServerName != "ws.example" || i.ALPN != "http/1.1" || i.Version != x.version || id != 0 && i.CipherName() != tls.CipherSuiteName(id) {
				t.Errorf("info %+v", *i)
			}
			if !slices.Equal(i.Certificate, []string{"peer", "ws.example", "alt.example"}) {
				t.Errorf("certificate names %q", i.Certificate)
			}
			if strings.HasPrefix(name, "TLS_RSA_") {
				r.check(t, func() *Keys {
					k := new(Keys)
					if err := k.AddPEM(identities()[0].pemK); err != nil {
						t.Fatal(err)
					}
					return k
				})
			}
			r.holes(t, func() *Keys { return keysOf(t, r.log) }, 100)
		})
	}
}

func TestGoWithoutKeys(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := configs(version, 0)
		r := converse(t, client, server, turns())
		other := converse(t, client, server, turns())
		for name, keys := range map[string]*Keys{"none": nil, "empty": {}, "another session": keysOf(t, other.log)} {
			h := play(keys, r.pieces)
			if h.reason == nil || h.reason.Kind != NoKeys || h.started > 0 || !slices.Equal(h.findings, []string{"tls/no-keys"}) {
				t.Errorf("%s, %s: reason %v, findings %q", VersionName(version), name, h.reason, h.findings)
			}
			i := h.info
			if i.ServerName != "ws.example" || i.Version != version || i.Bytes[0] == 0 || i.Bytes[1] == 0 || i.Records[0] < 5 || i.Records[1] < 5 || i.Largest[0] < 4096 {
				t.Errorf("%s, %s: info %+v", VersionName(version), name, *i)
			}
			if version == tls.VersionTLS12 && len(i.Certificate) != 3 {
				t.Errorf("certificate names %q", i.Certificate)
			}
		}
	}
}

// TestBadLogs plays sessions with secrets that are changed or left out.
func TestBadLogs(t *testing.T) {
	client, server := configs(tls.VersionTLS13, 0)
	r := converse(t, client, server, turns())
	client, server = configs(tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	r12 := converse(t, client, server, turns())
	change := func(log []byte, label string) []byte {
		var out []byte
		for line := range bytes.Lines(log) {
			line = bytes.Clone(line)
			if bytes.HasPrefix(line, []byte(label)) {
				if c := &line[len(line)-3]; *c == '0' {
					*c = '1'
				} else {
					*c = '0'
				}
			}
			out = append(out, line...)
		}
		return out
	}
	without := func(log []byte, label string) []byte {
		var out []byte
		for line := range bytes.Lines(log) {
			if !bytes.HasPrefix(line, []byte(label)) {
				out = append(out, line...)
			}
		}
		return out
	}
	for _, x := range []struct {
		name     string
		r        *recording
		log      []byte
		kind     ReasonKind
		clear    [2]bool // this direction is read whole
		findings string
	}{
		{"1.2 wrong", r12, change(r12.log, "CLIENT_RANDOM"), BadKeys, [2]bool{}, "tls/decrypt-failed"},
		{"1.3 wrong server", r, change(r.log, "SERVER_TRAFFIC"), 0, [2]bool{true, false}, "tls/decrypt-failed"},
		{"1.3 wrong client", r, change(r.log, "CLIENT_TRAFFIC"), 0, [2]bool{false, true}, "tls/decrypt-failed"},
		{"1.3 wrong", r, change(change(r.log, "CLIENT_TRAFFIC"), "SERVER_TRAFFIC"), BadKeys, [2]bool{}, "tls/decrypt-failed"},
		{"1.3 all wrong", r, change(r.log, ""), BadKeys, [2]bool{}, "tls/decrypt-failed"},
		{"1.3 no handshake secrets", r, without(without(r.log, "CLIENT_HANDSHAKE"), "SERVER_HANDSHAKE"), 0, [2]bool{true, true}, ""},
		{"1.3 no client handshake", r, without(r.log, "CLIENT_HANDSHAKE"), 0, [2]bool{true, true}, ""},
		{"1.3 only handshake", r, without(without(r.log, "CLIENT_TRAFFIC"), "SERVER_TRAFFIC"), PartialKeys, [2]bool{}, "tls/no-keys"},
		{"1.3 no client", r, without(r.log, "CLIENT"), 0, [2]bool{false, true}, "tls/no-keys"},
		{"1.3 no server", r, without(r.log, "SERVER"), 0, [2]bool{true, false}, "tls/no-keys"},
	} {
		for _, complete := range []bool{false, true} {
			k := keysOf(t, x.log)
			k.complete = complete
			h := play(k, x.r.pieces)
			if (h.started > 0) != (x.clear != [2]bool{}) {
				t.Fatalf("%s: started %d, reason %v", x.name, h.started, h.reason)
			}
			if h.started == 0 && (h.reason == nil || h.reason.Kind != x.kind) {
				t.Errorf("%s: reason %v", x.name, h.reason)
			}
			for dir, whole := range x.clear {
				if whole && !bytes.Equal(h.b[dir], x.r.want[dir]) || !whole && len(h.b[dir]) > 0 {
					t.Errorf("%s: direction %d: %d bytes", x.name, dir, len(h.b[dir]))
				}
				if h.started > 0 && whole == (h.gaps[dir] > 0) {
					t.Errorf("%s: direction %d: gap of %d", x.name, dir, h.gaps[dir])
				}
			}
			if got := strings.Join(slices.Compact(h.findings), " "); got != x.findings {
				t.Errorf("%s: findings %q %q", x.name, h.findings, h.details)
			}
		}
	}
}

// TestGoResumption resumes by ticket: the key log of TLS 1.2 names each
// session; an RSA key knows only the first, and remembers.
func TestGoResumption(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS12, tls.VersionTLS13} {
		suite := tls.TLS_RSA_WITH_AES_128_CBC_SHA
		if version == tls.VersionTLS13 {
			suite = 0
		}
		client, server := configs(version, suite)
		client.ClientSessionCache = tls.NewLRUClientSessionCache(4)
		first := converse(t, client, server, turns())
		second := converse(t, client, server, turns())
		if version == tls.VersionTLS13 {
			second.check(t, func() *Keys { return keysOf(t, second.log) })
			continue
		}
		if len(second.log) > 0 {
			t.Errorf("Go logs resumed sessions of %s by now", VersionName(version))
		}
		h := second.check(t, func() *Keys {
			k := keysOf(t, first.log)
			first.equal(t, "first", play(k, first.pieces))
			return k
		})
		if !h.info.Resumed {
			t.Errorf("%s: not resumed", VersionName(version))
		}
		k := new(Keys)
		if err := k.AddPEM(identities()[0].pemK); err != nil {
			t.Fatal(err)
		}
		first.equal(t, "first", play(k, first.pieces))
		second.equal(t, "second", play(k, second.pieces))
		k.resumed, k.sessions, k.order = nil, nil, nil // nor what it learned of this very session
		if h := play(k, second.pieces); h.reason == nil || h.reason.Kind != NoKeys {
			t.Errorf("%s: an RSA key alone opened a resumed session: %v", VersionName(version), h.reason)
		}
	}
}

// TestRetryHello makes the server ask for another key share.
func TestRetryHello(t *testing.T) {
	client, server := configs(tls.VersionTLS13, 0)
	client.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}
	server.CurvePreferences = []tls.CurveID{tls.CurveP384}
	r := converse(t, client, server, turns())
	r.check(t, func() *Keys { return keysOf(t, r.log) })
}

// TestOrder wants that a request is told before its response although the
// client's keys came late.
func TestOrder(t *testing.T) {
	client, server := configs(tls.VersionTLS13, 0)
	r := converse(t, client, server, turns()[:2])
	k := new(Keys)
	h := new(heard)
	s := New(h, k)
	lines := bytes.SplitAfter(r.log, []byte("\n"))
	for _, p := range r.pieces {
		s.Data(p.dir, timeline.Stamp{}, p.b)
	}
	for i := len(lines) - 1; i >= 0; i-- {
		k.AddLog(lines[i])
		s.Retry()
	}
	finish(s)
	want := []timeline.Direction{0, 1, 0, 1}
	if !slices.Equal(h.order, want) {
		t.Errorf("order %v, want %v", h.order, want)
	}
}

// TestECH hides the ClientHello: the key log knows the connection by a random
// that is not in the capture.
func TestECH(t *testing.T) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	config := []byte{7, 0, 32, 0, 32} // id, X25519, public key
	config = append(config, key.PublicKey().Bytes()...)
	config = append(config, 0, 4, 0, 1, 0, 1, 32) // HKDF-SHA256, AES-128-GCM; longest name
	config = append(config, byte(len("outer.example")))
	config = append(append(config, "outer.example"...), 0, 0)
	config = append([]byte{0xfe, 0x0d, 0, byte(len(config))}, config...)
	client, server := configs(tls.VersionTLS13, 0)
	server.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{{Config: config, PrivateKey: key.Bytes()}}
	client.EncryptedClientHelloConfigList = append([]byte{0, byte(len(config))}, config...)
	client.EncryptedClientHelloRejectionVerify = func(tls.ConnectionState) error { return nil }
	r := converse(t, client, server, turns())
	plainClient, plainServer := configs(tls.VersionTLS13, 0)
	others := converse(t, plainClient, plainServer, turns()[:1]).log
	h := r.check(t, func() *Keys { return keysOf(t, append(bytes.Clone(others), r.log...)) })
	if i := h.info; !i.ECH || i.ServerName != "outer.example" || i.ALPN != "http/1.1" {
		t.Errorf("info %+v", *i)
	}
	if h := play(keysOf(t, others), r.pieces); h.reason == nil || h.reason.Kind != NoKeys {
		t.Errorf("reason %v", h.reason)
	}
}

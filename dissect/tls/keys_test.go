package tls

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/timeline"
)

func TestAddLog(t *testing.T) {
	random, s32, s48 := strings.Repeat("0A", 32), strings.Repeat("bc", 32), strings.Repeat("de", 48)
	for _, x := range []struct {
		name, text string
		used       int // -1: all
		sessions   int
		problems   string
	}{
		{"1.2", "CLIENT_RANDOM " + random + " " + s48 + "\n", -1, 1, ""},
		{"1.3", "CLIENT_TRAFFIC_SECRET_0 " + random + " " + s32 + "\r\nSERVER_TRAFFIC_SECRET_0 " + random + " " + s48 + "\n", -1, 1, ""},
		{"mark, comment, space", "\xef\xbb\xbf# made by hand\n\n  CLIENT_RANDOM " + random + "  " + s48 + " \n", -1, 1, ""},
		{"cut", "CLIENT_RANDOM " + random + " " + s48 + "\nCLIENT_RANDOM 00", 15 + 64 + 96 + 1, 1, ""},
		{"nothing", "", -1, 0, ""},
		{"no end", "CLIENT_RANDOM " + random + " " + s48, 0, 0, ""},
		{"others", "EXPORTER_SECRET " + random + " " + s48 + "\nECH_SECRET " + random + " 00\nQUIC_X 1 2\nCLIENT_TRAFFIC_SECRET_3 " + random + " " + s32 + "\n", -1, 0, ""},
		{"short", "CLIENT_RANDOM " + random + " " + s32 + "\n", -1, 0, "line 1: CLIENT_RANDOM: the secret has 64 hexadecimal digits, 96 expected"},
		{"short random", "\nCLIENT_RANDOM " + s48 + " " + s48 + "\n", -1, 0, "line 2: CLIENT_RANDOM: the identifier has 96 hexadecimal digits, 64 expected"},
		{"odd", "CLIENT_RANDOM " + random + " " + s48 + "0\n", -1, 0, "line 1: CLIENT_RANDOM: the secret has 97 hexadecimal digits, 96 expected"},
		{"not hex", "CLIENT_RANDOM " + random + " " + strings.Repeat("g", 96) + "\n", -1, 0, "line 1: CLIENT_RANDOM: not hexadecimal"},
		{"no secret", "CLIENT_RANDOM " + random + "\n", -1, 0, "line 1: CLIENT_RANDOM: the line has no secret"},
		{"another file", "hello world out there\n", -1, 0, "line 1: not a line of a key log (LABEL, client random, secret)"},
		{"RSA", "RSA 0102030405060708 " + s48 + "\n", -1, 1, ""},
		{"Session-ID", "RSA Session-ID:" + random + " Master-Key:" + s48 + "\n", -1, 1, ""},
		{"Session-ID without a key", "RSA Session-ID:" + random + "\n", -1, 0, "line 1: RSA Session-ID: not followed by a session ID of at most 64 and a Master-Key of 96 hexadecimal digits"},
		{"Session-ID not hex", "RSA Session-ID:xy Master-Key:" + s48 + "\n", -1, 0, "line 1: RSA Session-ID: not hexadecimal"},
	} {
		var k Keys
		n, problems := k.AddLog([]byte(x.text))
		if x.used < 0 {
			x.used = len(x.text)
		}
		if n != x.used || k.Len() != x.sessions || strings.Join(problems, "; ") != x.problems {
			t.Errorf("%s: used %d, sessions %d, problems %q", x.name, n, k.Len(), problems)
		}
	}
	var k Keys
	_, problems := k.AddLog([]byte(strings.Repeat("x\n", 1000)))
	if len(problems) != maxProblems+1 {
		t.Errorf("%d problems told", len(problems))
	}
}

func TestAddPEM(t *testing.T) {
	key, _ := rsa.GenerateKey(rand.Reader, 2048)
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	pk8, _ := x509.MarshalPKCS8PrivateKey(key)
	ec8, _ := x509.MarshalPKCS8PrivateKey(ec)
	for _, x := range []struct{ name, text, problem string }{
		{"PKCS #1", block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), ""},
		{"PKCS #8", block("PRIVATE KEY", pk8), ""},
		{"behind a certificate", block("CERTIFICATE", []byte{1}) + "words\n" + block("PRIVATE KEY", pk8), ""},
		{"EC", block("PRIVATE KEY", ec8), "only RSA keys"},
		{"certificate", block("CERTIFICATE", []byte{1}), "a CERTIFICATE block"},
		{"encrypted", block("ENCRYPTED PRIVATE KEY", []byte{1}), "openssl pkey"},
		{"damaged", block("PRIVATE KEY", pk8[:99]), "cannot be read"},
		{"none", "hello", "no PEM private key"},
	} {
		var k Keys
		err := k.AddPEM([]byte(x.text))
		if got := fmt.Sprint(err); err == nil != (x.problem == "") || !strings.Contains(got, x.problem) && x.problem != "" {
			t.Errorf("%s: %v, want %q", x.name, err, x.problem)
		}
	}
}

// TestSecrecy prints keys in every way, and wipes them.
func TestSecrecy(t *testing.T) {
	secret := bytes.Repeat([]byte{0xab, 0xcd}, 24)
	k := keysOf(t, fmt.Appendf(nil, "CLIENT_RANDOM %064x %x\n", 7, secret))
	k.AddPEM(identities()[0].pemK)
	var out bytes.Buffer
	fmt.Fprintf(&out, "%v %+v %#v %s %x %d %v", k, k, k, k, k, k, []any{k})
	slog.New(slog.NewTextHandler(&out, nil)).Info("keys", "k", k)
	if s := out.String(); strings.Contains(s, "abcd") || strings.Contains(s, "171") || !strings.Contains(s, "1 sessions and 1 RSA keys") {
		t.Errorf("printed as %s", s)
	}
	one, private := k.order[0], k.private[0]
	k.Wipe()
	if k.Len() != 0 || len(k.private) != 0 || one.master != secretZero || bytes.ContainsFunc(private.Primes[0].Bytes(), func(r rune) bool { return r != 0 }) {
		t.Error("secrets are left behind Wipe")
	}
	if _, problems := k.AddLog(fmt.Appendf(nil, "CLIENT_RANDOM %064x %x\n", 7, secret)); k.Len() != 1 || problems != nil {
		t.Error("no use behind Wipe")
	}
}

var secretZero secret

// TestHeldLimit wants that ciphertext without keys is bounded and that the
// bound is told.
func TestHeldLimit(t *testing.T) {
	client, server := configs(TLS13, 0)
	r := converse(t, client, server, [][]byte{text(1, 700_000), text(2, 10)})
	k := new(Keys)
	h := play(k, r.pieces)
	if h.reason == nil || h.reason.Kind != Limit || len(h.findings) != 1 || h.findings[0] != "tls/limit" {
		t.Errorf("reason %v, findings %q", h.reason, h.findings)
	}
	if k.held != 0 {
		t.Errorf("%d bytes held at the end", k.held)
	}
	// The shared bound.
	k.held = heldBytesTotal
	if h := play(k, r.pieces); h.reason == nil || h.reason.Kind != Limit {
		t.Errorf("reason %v", h.reason)
	}
	if k.held != heldBytesTotal {
		t.Errorf("%d bytes held at the end", k.held)
	}
}

// TestSuiteNames reads the whole registry.
func TestSuiteNames(t *testing.T) {
	for _, x := range []struct {
		id   uint16
		name string
		kind protection
		rsa  bool
		size int
	}{
		{0x1301, "TLS_AES_128_GCM_SHA256", aesGCM, false, 16},
		{0x1303, "TLS_CHACHA20_POLY1305_SHA256", chacha, false, 32},
		{0x1305, "TLS_AES_128_CCM_8_SHA256", aesCCM8, false, 16},
		{0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA", aesCBC, true, 16},
		{0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256", aesCBC, true, 32},
		{0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", aesGCM, false, 32},
		{0xcc13, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", unsupported, false, 16},
		{0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA", unsupported, true, 16},
		{0x0005, "TLS_RSA_WITH_RC4_128_SHA", unsupported, true, 16},
		{0x0096, "TLS_RSA_WITH_SEED_CBC_SHA", unsupported, true, 16},
		{0xc051, "TLS_RSA_WITH_ARIA_256_GCM_SHA384", unsupported, true, 16},
		{0x9999, "0x9999", unsupported, false, 16},
	} {
		if s := suiteOf(x.id); s.name != x.name || s.kind != x.kind || s.rsa != x.rsa || s.keySize != x.size {
			t.Errorf("%04x: %+v", x.id, *s)
		}
	}
}

func FuzzKeyLog(f *testing.F) {
	f.Add([]byte("CLIENT_RANDOM " + strings.Repeat("0a", 32) + " " + strings.Repeat("0b", 48) + "\n#\nRSA 0102030405060708 00\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var k Keys
		n, problems := k.AddLog(b)
		if n > len(b) || n > 0 && b[n-1] != '\n' || bytes.IndexByte(b[n:], '\n') >= 0 || len(problems) > maxProblems+1 {
			t.Fatalf("used %d of %d, %d problems", n, len(b), len(problems))
		}
		k.AddPEM(b)
		k.Wipe()
	})
}

func FuzzHello(f *testing.F) {
	client, server := configs(TLS13, 0)
	r := converse(f, client, server, turns()[:1])
	for _, p := range r.pieces[:2] {
		f.Add(p.b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		IsRecord(b)
		h, ok := ParseHello(b)
		if !ok && h.ServerName != "" || len(h.ALPN) > maxNames {
			t.Fatalf("%+v, %v", h, ok)
		}
		parseClientHello(b)
		parseServerHello(b)
		parseEncryptedExtensions(b)
		certificateNames(b, true)
		certificateNames(b, false)
	})
}

// FuzzRecords feeds arbitrary bytes and a real session, cut and mixed, with the
// session's keys: nothing is delivered that is not part of its plaintext.
func FuzzRecords(f *testing.F) {
	var real []*recording
	for _, suite := range []uint16{0, 0xc02f, 0x002f} {
		version := uint16(TLS12)
		if suite == 0 {
			version = TLS13
		} else if suite == 0x002f {
			version = TLS10
		}
		client, server := configs(version, suite)
		real = append(real, converse(f, client, server, [][]byte{text(1, 300), text(2, 5000)}))
	}
	f.Add(uint8(0), []byte{0, 1, 2, 3})
	f.Add(uint8(1), []byte{0, 0, 0, 8, 1, 0x16, 3, 3, 0, 4, 2, 0, 200})
	f.Add(uint8(2), bytes.Repeat([]byte{2, 9}, 50))
	f.Fuzz(func(t *testing.T, which uint8, script []byte) {
		r := real[int(which)%len(real)]
		k := keysOf(t, r.log)
		h := new(heard)
		s := New(h, k)
		pieces, whole := r.pieces, true
		// Each step of the script: an action on the next piece, and how much.
		for i := 0; i+1 < len(script); i += 2 {
			action, n := script[i]%8, int(script[i+1])
			if action == 7 { // bytes of the script itself
				dir := timeline.Direction(n & 1)
				whole = false // they may look like records, and take the place of real ones
				if b := script[i:min(len(script), i+2+n)]; len(b) > 0 {
					s.Data(dir, timeline.Stamp{}, b)
				}
				continue
			}
			if len(pieces) == 0 {
				break
			}
			p := pieces[0]
			pieces = pieces[1:]
			switch action {
			case 1:
				s.Gap(p.dir, timeline.Stamp{}, uint64(len(p.b)))
			case 2: // a hole inside
				from := min(len(p.b)-1, n*16)
				to := min(len(p.b), from+1+n)
				if from > 0 {
					s.Data(p.dir, timeline.Stamp{}, p.b[:from])
				}
				s.Gap(p.dir, timeline.Stamp{}, uint64(to-from))
				if to < len(p.b) {
					s.Data(p.dir, timeline.Stamp{}, p.b[to:])
				}
			case 3: // damage
				b := bytes.Clone(p.b)
				b[min(len(b)-1, n*7)] ^= 0x40
				s.Data(p.dir, timeline.Stamp{}, b)
			case 4:
				whole = false
				s.Data(p.dir.Reverse(), timeline.Stamp{}, p.b)
			case 5:
				s.End(p.dir, timeline.Stamp{}, timeline.EndReset)
				pieces, whole = nil, false
			default:
				s.Data(p.dir, timeline.Stamp{}, p.b)
			}
		}
		if s.over == [2]bool{} {
			for _, p := range pieces {
				s.Data(p.dir, timeline.Stamp{}, p.b)
			}
		}
		finish(s)
		r.within(t, h, whole)
		if k.held != 0 {
			t.Fatalf("%d bytes held", k.held)
		}
	})
}

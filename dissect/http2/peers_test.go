//lint:file-ignore SA1019 x/net/http2 is deprecated in favour of net/http, which cannot speak extended CONNECT as a client

package http2

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	h2 "golang.org/x/net/http2"

	"github.com/wsdump/wsdump/timeline"
)

// relay passes one TCP connection on and writes down what went each way, in
// the order in which it saw it.
type relay struct {
	listener net.Listener
	to       string
	mu       sync.Mutex
	pieces   []piece
	done     sync.WaitGroup
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, to: to}
	t.Cleanup(func() { l.Close() })
	r.done.Add(2)
	go func() {
		a, err := l.Accept()
		if err != nil {
			return
		}
		b, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		go r.pass(client, b, a)
		r.pass(server, a, b)
	}()
	return r
}

func (r *relay) pass(dir timeline.Direction, to, from net.Conn) {
	defer r.done.Done()
	buf := make([]byte, 3000)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			r.mu.Lock()
			r.pieces = append(r.pieces, piece{dir, bytes.Clone(buf[:n])})
			r.mu.Unlock()
			to.Write(buf[:n])
		}
		if err != nil {
			to.(*net.TCPConn).CloseWrite()
			return
		}
	}
}

// holdTo compares what is read from a recording with what the peers wrote down,
// whole and with losses. all holds those of truth, and those that may carry less
// than was written.
func holdTo(t *testing.T, pieces []piece, truth, all map[string][2][]byte, status map[string]int, plain uint64) {
	t.Helper()
	for _, size := range []int{0, 1, 7, 1000} {
		got := &witness{}
		s := New(got, timeline.Limits{}, Options{})
		play(s, pieces, size)
		finish(s, timeline.EndFIN)
		carried := make(map[string]*[2][]byte)
		for _, x := range got.story {
			switch {
			case x.what == "data":
				if carried[x.who] == nil {
					carried[x.who] = new([2][]byte)
				}
				c := carried[x.who]
				c[x.dir] = append(c[x.dir], x.b...)
			case strings.HasPrefix(x.what, "finding"), strings.HasPrefix(x.what, "limit"), x.what == "gap", strings.HasPrefix(x.what, "midstream"):
				t.Errorf("%s: %s", x.who, x.what)
			}
		}
		if len(got.handshakes) != len(status) || s.Plain() != plain {
			t.Fatalf("%d WebSockets and %d other requests, want %d and %d", len(got.handshakes), s.Plain(), len(status), plain)
		}
		for _, h := range got.handshakes {
			if want, ok := status[h.Target]; !ok || h.Status != want {
				t.Errorf("%s: status %d, want %d", h.Target, h.Status, want)
			}
		}
		for who, want := range truth {
			c := carried[who]
			if c == nil || !bytes.Equal(c[0], want[0]) || !bytes.Equal(c[1], want[1]) {
				t.Errorf("%s: other bytes than the peers say", who)
			}
		}
	}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		got := &witness{}
		s := New(got, timeline.Limits{}, Options{Seek: seed%2 == 1})
		skip := 0
		if seed%2 == 1 {
			skip = r.IntN(len(pieces))
		}
		lossy(s, pieces[skip:], r, []float64{0.001, 0.01, 0.1}[seed%3])
		finish(s, timeline.EndFIN)
		for i := range got.story { // only those of a known request can be held to it
			if x := &got.story[i]; strings.HasPrefix(x.who, "#") || x.who == "" || status[x.who] >= 300 {
				x.what = ""
			}
		}
		verify(t, got, all)
	}
}

func TestNodePeers(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "testdata/peers.mjs")
	cmd.Stderr = os.Stderr
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	port, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	r := newRelay(t, "127.0.0.1:"+strings.TrimSpace(port))
	fmt.Fprintln(in, r.listener.Addr().(*net.TCPAddr).Port)
	answer, err := io.ReadAll(lines)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	r.done.Wait()
	var record map[string]struct {
		Client, Server []byte
		Status         int
	}
	if err := json.Unmarshal(answer, &record); err != nil {
		t.Fatalf("%v: %q", err, answer)
	}
	truth, status := map[string][2][]byte{}, map[string]int{}
	for path, x := range record {
		status[path] = x.Status
		if x.Status == 200 && path != "/reset" { // a reset may overtake what was written
			truth[path] = [2][]byte{x.Client, x.Server}
		}
	}
	pieces := r.pieces
	if len(truth) != 23 {
		t.Fatalf("the peers wrote down %d WebSockets", len(truth))
	}
	t.Logf("%d WebSockets in %d pieces", len(truth), len(pieces))
	got := &witness{}
	s := New(got, timeline.Limits{}, Options{})
	play(s, pieces, 0)
	ends := ""
	for i, x := range got.lines() {
		if who := got.story[i].who; who == "/reset" && strings.HasSuffix(x, " reset") {
			ends += got.story[i].dir.String() + " "
		}
	}
	if ends != "send receive " {
		t.Errorf("/reset ended %q, want the client's direction first", ends)
	}
	withReset := maps.Clone(truth)
	withReset["/reset"] = [2][]byte{record["/reset"].Client, record["/reset"].Server}
	holdTo(t, pieces, truth, withReset, status, 3)
}

// TestGoPeers: the server and the client of x/net. They speak extended CONNECT
// only when GODEBUG says so at their start, so the test runs itself again.
func TestGoPeers(t *testing.T) {
	if !strings.Contains(os.Getenv("GODEBUG"), "http2xconnect=1") {
		cmd := exec.Command(os.Args[0], "-test.run=^TestGoPeers$", "-test.v")
		cmd.Env = append(os.Environ(), "GODEBUG=http2xconnect=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if !bytes.Contains(out, []byte("--- PASS: TestGoPeers")) {
			t.Skipf("the peers did not run:\n%s", out)
		}
		t.Logf("%s", out)
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.URL.Path == "/refused" {
			if r.Method == http.MethodConnect {
				w.WriteHeader(http.StatusForbidden)
			}
			io.WriteString(w, "plain")
			return
		}
		w.WriteHeader(http.StatusOK)
		http.NewResponseController(w).Flush()
		buf := make([]byte, 5000)
		for {
			n, err := r.Body.Read(buf)
			for i := range buf[:n] {
				buf[i] ^= 0x55
			}
			w.Write(buf[:n])
			http.NewResponseController(w).Flush()
			if err != nil {
				return
			}
		}
	})
	go func() {
		conn, err := l.Accept()
		if err == nil {
			(&h2.Server{}).ServeConn(conn, &h2.ServeConnOpts{Handler: handler})
		}
	}()
	r := newRelay(t, l.Addr().String())
	transport := &h2.Transport{AllowHTTP: true, DialTLSContext: func(ctx context.Context, network, addr string, _ *tls.Config) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}}
	base := "http://" + r.listener.Addr().String()
	truth, status := map[string][2][]byte{}, map[string]int{}
	plain := func() {
		resp, err := transport.RoundTrip(must(http.NewRequest("GET", base+"/plain", nil)))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	plain()
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 12 {
		path := fmt.Sprintf("/ws/%d?q=%d", i, i)
		if i == 5 {
			path = "/refused"
		}
		all.Go(func() {
			body, writer := io.Pipe()
			req := must(http.NewRequest(http.MethodConnect, base+path, body))
			req.Header.Set(":protocol", "websocket")
			req.Header.Set("Sec-WebSocket-Version", "13")
			req.Header.Set("X-Number", fmt.Sprint(i%3))
			resp, err := transport.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			mu.Lock()
			status[path] = resp.StatusCode
			mu.Unlock()
			if resp.StatusCode != 200 {
				writer.Close()
				io.Copy(io.Discard, resp.Body)
				return
			}
			sent := content(uint32(i), client, 20000*(i+1))
			go func() {
				for rest, n := sent, 1; len(rest) > 0; n *= 3 {
					n = min(n, len(rest))
					writer.Write(rest[:n])
					rest = rest[n:]
				}
				writer.Close()
			}()
			received, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			truth[path] = [2][]byte{sent, received}
			mu.Unlock()
		})
	}
	all.Wait()
	plain()
	transport.CloseIdleConnections()
	r.done.Wait()
	holdTo(t, r.pieces, truth, truth, status, 2)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

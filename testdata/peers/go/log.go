package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"unicode/utf8"
)

// The log of a peer: what it saw and sent itself, one JSON object a line, the same lines as those of node/record.js.
// Each line is written at once, so that a killed peer loses nothing.
type logFile struct {
	mu    sync.Mutex
	file  *os.File
	conns int
}

// Texts up to textLimit bytes and binaries up to bytesLimit are written out; of longer ones the length and the SHA-256.
const (
	textLimit  = 2048
	bytesLimit = 256
)

type opened struct {
	Hears       []string `json:"hears"`
	Library     string   `json:"library"`
	Role        string   `json:"role"`
	Local       string   `json:"local,omitempty"`
	Remote      string   `json:"remote,omitempty"`
	Path        string   `json:"path"`
	Status      int      `json:"status"`
	Subprotocol string   `json:"subprotocol"`
	Compression bool     `json:"compression"`
}

type event struct {
	Dir    string  `json:"dir"`
	Kind   string  `json:"kind"`
	Length *int    `json:"length,omitempty"`
	Text   *string `json:"text,omitempty"`
	Base64 []byte  `json:"base64,omitempty"`
	SHA256 string  `json:"sha256,omitempty"`
	Frames int     `json:"frames,omitempty"`
	Code   int     `json:"code,omitempty"`
	Reason *string `json:"reason,omitempty"`
}

type line struct {
	Conn  int     `json:"conn"`
	Open  *opened `json:"open,omitempty"`
	Event *event  `json:"event,omitempty"`
}

func (f *logFile) write(l line) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return
	}
	if err := json.NewEncoder(f.file).Encode(l); err != nil {
		panic(err)
	}
}

// log is one connection's part of a logFile.
type log struct {
	file    *logFile
	conn    int
	out, in string // dir of what this end sends and hears
}

func (f *logFile) open(o opened) *log {
	f.mu.Lock()
	f.conns++
	l := &log{file: f, conn: f.conns, out: "send", in: "receive"}
	f.mu.Unlock()
	if o.Role == "server" {
		l.out, l.in = l.in, l.out
	}
	o.Hears = []string{"text", "binary", "ping", "pong", "close"}
	f.write(line{Conn: l.conn, Open: &o})
	return l
}

func (l *log) message(dir, kind string, data []byte, frames int) {
	n := len(data)
	e := &event{Dir: dir, Kind: kind, Length: &n}
	switch {
	case kind != "binary" && n <= textLimit && utf8.Valid(data):
		s := string(data)
		e.Text = &s
	case n <= bytesLimit:
		e.Base64 = data
	default:
		sum := sha256.Sum256(data)
		e.SHA256 = hex.EncodeToString(sum[:])
	}
	if frames > 1 {
		e.Frames = frames
	}
	l.file.write(line{Conn: l.conn, Event: e})
}

func (l *log) close(dir string, code int, reason string) {
	e := &event{Dir: dir, Kind: "close"}
	if code != 0 && code != 1005 {
		e.Code, e.Reason = code, &reason
	}
	l.file.write(line{Conn: l.conn, Event: e})
}

// requested is what a server knows of a connection from its request.
func requested(r *http.Request, library string) opened {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(interface{ String() string })
	o := opened{Library: library, Role: "server", Remote: r.RemoteAddr, Path: r.URL.RequestURI(), Status: http.StatusSwitchingProtocols}
	if local != nil {
		o.Local = local.String()
	}
	return o
}

// dialed is what a client knows of a connection from the answer, which is nil where the library keeps it.
func dialed(response *http.Response, address, library string) opened {
	u, _ := url.Parse(address)
	o := opened{Library: library, Role: "client", Path: u.RequestURI(), Status: http.StatusSwitchingProtocols}
	if response != nil {
		o.Subprotocol = response.Header.Get("Sec-WebSocket-Protocol")
		o.Compression = strings.Contains(response.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate")
	}
	return o
}

// version names a module as this program was built with it.
func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, dep := range info.Deps {
		if dep.Path == module {
			return strings.TrimPrefix(module, "github.com/") + " " + dep.Version + " (" + runtime.Version() + ")"
		}
	}
	return module
}

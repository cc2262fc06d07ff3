package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

type gorilla struct {
	mu      sync.Mutex // gorilla allows one writer at a time
	ws      *websocket.Conn
	log     *log
	closing atomic.Bool // a close frame was sent
}

var gorillaKinds = map[int]string{websocket.TextMessage: "text", websocket.BinaryMessage: "binary"}

func serveGorilla(f *logFile, deflate string) http.HandlerFunc {
	up := websocket.Upgrader{
		Subprotocols:      []string{"chat"},
		CheckOrigin:       func(*http.Request) bool { return true },
		EnableCompression: deflate != "off",
	}
	return func(w http.ResponseWriter, r *http.Request) {
		o := requested(r, version("github.com/gorilla/websocket"))
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			if o.Status = http.StatusBadRequest; r.Header.Get("Upgrade") != "" {
				f.open(o)
			}
			return
		}
		o.Subprotocol, o.Compression = ws.Subprotocol(), deflate != "off" && offersDeflate(r)
		g := &gorilla{ws: ws, log: f.open(o)}
		g.run(func(kind string, data []byte) { behave(g, r.URL.Path, kind, data) })
	}
}

func dialGorilla(f *logFile, url, deflate string, config *tls.Config) (conn, error) {
	dialer := websocket.Dialer{EnableCompression: deflate != "off", TLSClientConfig: config}
	ws, response, err := dialer.Dial(url, nil)
	if err != nil {
		return nil, err
	}
	o := dialed(response, url, version("github.com/gorilla/websocket"))
	o.Local, o.Remote = ws.LocalAddr().String(), ws.RemoteAddr().String()
	return &gorilla{ws: ws, log: f.open(o)}, nil
}

func (g *gorilla) run(handle func(kind string, data []byte)) {
	defer g.ws.Close()
	l := g.log
	g.ws.SetPingHandler(func(data string) error {
		l.message(l.in, "ping", []byte(data), 1)
		g.mu.Lock()
		defer g.mu.Unlock()
		l.message(l.out, "pong", []byte(data), 1)
		return g.ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
	})
	g.ws.SetPongHandler(func(data string) error {
		l.message(l.in, "pong", []byte(data), 1)
		return nil
	})
	g.ws.SetCloseHandler(func(code int, reason string) error {
		l.close(l.in, code, reason)
		if !g.closing.Load() {
			g.close(code, reason)
		}
		return nil
	})
	for {
		kind, data, err := g.ws.ReadMessage()
		if err != nil {
			return
		}
		l.message(l.in, gorillaKinds[kind], data, 1)
		handle(gorillaKinds[kind], data)
	}
}

func (g *gorilla) send(kind string, data []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	op := websocket.TextMessage
	if kind == "binary" {
		op = websocket.BinaryMessage
	}
	g.log.message(g.log.out, kind, data, 1)
	g.ws.WriteMessage(op, data)
}

func (g *gorilla) fragments([]string) { panic("gorilla cannot choose its fragments") }

func (g *gorilla) ping(data string) {
	g.log.message(g.log.out, "ping", []byte(data), 1)
	g.ws.WriteControl(websocket.PingMessage, []byte(data), time.Now().Add(time.Second))
}

func (g *gorilla) close(code int, reason string) {
	g.closing.Store(true)
	g.log.close(g.log.out, code, reason)
	g.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(time.Second))
}

func (g *gorilla) drop() { g.ws.UnderlyingConn().Close() }

func (g *gorilla) reset() {
	g.ws.UnderlyingConn().(*net.TCPConn).SetLinger(0)
	g.ws.UnderlyingConn().Close()
}

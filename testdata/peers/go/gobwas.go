package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/gobwas/ws"
)

// gobwas works on frames: it hears and sends each of them itself.
type gobwas struct {
	mu       sync.Mutex
	conn     net.Conn
	buffered io.Reader // holds what came with the handshake
	client   bool      // masks its frames
	log      *log
	closing  atomic.Bool // a close frame was sent
}

var gobwasKinds = map[ws.OpCode]string{
	ws.OpText: "text", ws.OpBinary: "binary", ws.OpPing: "ping", ws.OpPong: "pong",
}

func serveGobwas(f *logFile, deflate string) http.HandlerFunc {
	if deflate != "off" {
		panic("the gobwas peer does not compress")
	}
	up := ws.HTTPUpgrader{Protocol: func(s string) bool { return s == "chat" }}
	return func(w http.ResponseWriter, r *http.Request) {
		o := requested(r, version("github.com/gobwas/ws"))
		c, buffered, handshake, err := up.Upgrade(r, w)
		if err != nil {
			o.Status = http.StatusBadRequest
			var rejected *ws.ConnectionRejectedError
			if errors.As(err, &rejected) {
				o.Status = rejected.StatusCode()
			}
			f.open(o)
			return
		}
		o.Subprotocol = handshake.Protocol
		g := &gobwas{conn: c, buffered: buffered, log: f.open(o)}
		g.run(func(kind string, data []byte) { behave(g, r.URL.Path, kind, data) })
	}
}

func dialGobwas(f *logFile, url, deflate string, config *tls.Config) (conn, error) {
	if deflate != "off" {
		panic("the gobwas peer does not compress")
	}
	c, buffered, handshake, err := ws.Dialer{TLSConfig: config}.Dial(context.Background(), url)
	if err != nil {
		return nil, err
	}
	o := dialed(nil, url, version("github.com/gobwas/ws"))
	o.Subprotocol = handshake.Protocol
	o.Local, o.Remote = c.LocalAddr().String(), c.RemoteAddr().String()
	g := &gobwas{conn: c, buffered: c, client: true, log: f.open(o)}
	if buffered != nil {
		g.buffered = io.MultiReader(buffered, c)
	}
	return g, nil
}

func (g *gobwas) run(handle func(kind string, data []byte)) {
	defer g.conn.Close()
	l := g.log
	var message []byte
	var kind ws.OpCode
	frames := 0
	for {
		frame, err := ws.ReadFrame(g.buffered)
		if err != nil {
			return
		}
		if frame.Header.Masked {
			frame = ws.UnmaskFrameInPlace(frame)
		}
		switch op := frame.Header.OpCode; op {
		case ws.OpPing:
			l.message(l.in, "ping", frame.Payload, 1)
			g.write("pong", ws.NewPongFrame(frame.Payload))
		case ws.OpPong:
			l.message(l.in, "pong", frame.Payload, 1)
		case ws.OpClose:
			code, reason := ws.ParseCloseFrameData(frame.Payload)
			l.close(l.in, int(code), reason)
			if !g.closing.Load() {
				g.close(int(code), reason)
			}
			return
		default:
			if op != ws.OpContinuation {
				kind, message, frames = op, nil, 0
			}
			message, frames = append(message, frame.Payload...), frames+1
			if frame.Header.Fin {
				l.message(l.in, gobwasKinds[kind], message, frames)
				handle(gobwasKinds[kind], message)
			}
		}
	}
}

func (g *gobwas) writeFrame(frame ws.Frame) {
	if g.client {
		frame = ws.MaskFrame(frame)
	}
	ws.WriteFrame(g.conn, frame)
}

func (g *gobwas) write(kind string, frame ws.Frame) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.log.message(g.log.out, kind, frame.Payload, 1)
	g.writeFrame(frame)
}

func (g *gobwas) send(kind string, data []byte) {
	if kind == "text" {
		g.write(kind, ws.NewTextFrame(data))
		return
	}
	g.write(kind, ws.NewBinaryFrame(data))
}

func (g *gobwas) fragments(parts []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var whole []byte
	for i, part := range parts {
		op := ws.OpContinuation
		if i == 0 {
			op = ws.OpText
		}
		whole = append(whole, part...)
		g.writeFrame(ws.NewFrame(op, i == len(parts)-1, []byte(part)))
	}
	g.log.message(g.log.out, "text", whole, len(parts))
}

func (g *gobwas) ping(data string) { g.write("ping", ws.NewPingFrame([]byte(data))) }

func (g *gobwas) close(code int, reason string) {
	g.closing.Store(true)
	g.log.close(g.log.out, code, reason)
	var body []byte
	if code != 0 && code != 1005 {
		body = ws.NewCloseFrameBody(ws.StatusCode(code), reason)
	}
	g.writeFrame(ws.NewCloseFrame(body))
}

func (g *gobwas) drop() { g.conn.Close() }

func (g *gobwas) reset() {
	g.conn.(*net.TCPConn).SetLinger(0)
	g.conn.Close()
}

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

type coder struct {
	ws             *websocket.Conn
	log            *log
	closing, heard atomic.Bool  // a close frame was sent, heard
	pings          atomic.Int64 // coder/websocket chooses the payload of its pings: a counter from 1
}

var coderDeflate = map[string]websocket.CompressionMode{
	"off":         websocket.CompressionDisabled,
	"takeover":    websocket.CompressionContextTakeover,
	"no-takeover": websocket.CompressionNoContextTakeover,
}

func serveCoder(f *logFile, deflate string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		o := requested(r, version("github.com/coder/websocket"))
		c := &coder{}
		ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
			Subprotocols:       []string{"chat"},
			InsecureSkipVerify: true,
			CompressionMode:    coderDeflate[deflate],
			OnPingReceived:     c.heardPing,
			OnPongReceived:     c.heardPong,
		})
		if err != nil {
			o.Status = http.StatusBadRequest
			f.open(o)
			return
		}
		o.Subprotocol, o.Compression = ws.Subprotocol(), deflate != "off" && offersDeflate(r)
		c.ws, c.log = ws, f.open(o)
		c.run(func(kind string, data []byte) { behave(c, r.URL.Path, kind, data) })
	}
}

func dialCoder(f *logFile, url, deflate string, config *tls.Config) (conn, error) {
	c := &coder{}
	ws, response, err := websocket.Dial(context.Background(), url, &websocket.DialOptions{
		HTTPClient:      &http.Client{Transport: &http.Transport{TLSClientConfig: config}},
		CompressionMode: coderDeflate[deflate],
		OnPingReceived:  c.heardPing,
		OnPongReceived:  c.heardPong,
	})
	if err != nil {
		return nil, err
	}
	c.ws, c.log = ws, f.open(dialed(response, url, version("github.com/coder/websocket")))
	return c, nil
}

func (c *coder) heardPing(_ context.Context, data []byte) bool {
	c.log.message(c.log.in, "ping", data, 1)
	c.log.message(c.log.out, "pong", data, 1)
	return true // the library sends the pong
}

func (c *coder) heardPong(_ context.Context, data []byte) {
	c.log.message(c.log.in, "pong", data, 1)
}

func (c *coder) run(handle func(kind string, data []byte)) {
	defer c.ws.CloseNow()
	c.ws.SetReadLimit(-1)
	for {
		op, data, err := c.ws.Read(context.Background())
		var closed websocket.CloseError
		if errors.As(err, &closed) && c.heard.CompareAndSwap(false, true) {
			c.log.close(c.log.in, int(closed.Code), closed.Reason)
			if !c.closing.Load() { // the library has answered in kind before Read returns
				c.log.close(c.log.out, int(closed.Code), closed.Reason)
			}
		}
		if err != nil {
			return
		}
		kind := "text"
		if op == websocket.MessageBinary {
			kind = "binary"
		}
		c.log.message(c.log.in, kind, data, 1)
		handle(kind, data)
	}
}

func (c *coder) send(kind string, data []byte) {
	op := websocket.MessageText
	if kind == "binary" {
		op = websocket.MessageBinary
	}
	c.log.message(c.log.out, kind, data, 1)
	c.ws.Write(context.Background(), op, data)
}

func (c *coder) fragments(parts []string) {
	w, err := c.ws.Writer(context.Background(), websocket.MessageText)
	if err != nil {
		return
	}
	var whole []byte
	for _, part := range parts {
		w.Write([]byte(part))
		whole = append(whole, part...)
	}
	w.Close() // a last frame, empty
	c.log.message(c.log.out, "text", whole, len(parts)+1)
}

func (c *coder) ping(string) {
	c.log.message(c.log.out, "ping", []byte(strconv.FormatInt(c.pings.Add(1), 10)), 1)
	go c.ws.Ping(context.Background()) // waits for the pong, which the reader must hear
	time.Sleep(20 * time.Millisecond)  // so that nothing is sent before it, as the log says
}

func (c *coder) close(code int, reason string) {
	c.closing.Store(true)
	c.log.close(c.log.out, code, reason)
	if err := c.ws.Close(websocket.StatusCode(code), reason); err == nil && c.heard.CompareAndSwap(false, true) {
		c.log.close(c.log.in, code, reason) // Close tells by its error when the answer was another
	}
}

func (c *coder) drop() { c.ws.CloseNow() }

func (c *coder) reset() { panic("coder/websocket does not give its TCP connection away") }

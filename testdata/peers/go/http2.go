package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"

	"golang.org/x/net/http2"
)

// WebSocket over HTTP/2 (RFC 8441), prior knowledge: x/net/http2 opens the streams, gobwas frames what they carry.
// x/net speaks extended CONNECT only with GODEBUG=http2xconnect=1 in the environment.

// stream is what gobwas needs of a connection.
type stream struct {
	net.Conn // the addresses; nil on the server
	io.Reader
	io.Writer
	end func()
}

func (s *stream) Read(b []byte) (int, error)  { return s.Reader.Read(b) }
func (s *stream) Write(b []byte) (int, error) { return s.Writer.Write(b) }
func (s *stream) Close() error                { s.end(); return nil }

// flusher sends every write at once, as DATA frames of its own.
type flusher struct {
	http.ResponseWriter
	*http.ResponseController
}

func (f flusher) Write(b []byte) (int, error) {
	n, err := f.ResponseWriter.Write(b)
	return n, errors.Join(err, f.Flush())
}

func serveHTTP2(f *logFile, _ string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Header.Get(":protocol") != "websocket" {
			io.WriteString(w, "plain HTTP/2\n")
			return
		}
		o := requested(r, version(modules["http2"]))
		o.Status = http.StatusOK
		out := flusher{w, http.NewResponseController(w)}
		if out.WriteHeader(http.StatusOK); out.Flush() != nil {
			return
		}
		// The client ends its half first; the return of the handler ends ours.
		g := &gobwas{log: f.open(o), buffered: r.Body}
		g.conn = &stream{Reader: r.Body, Writer: out, end: func() { io.Copy(io.Discard, r.Body) }}
		g.run(func(kind string, data []byte) { behave(g, r.URL.Path, kind, data) })
	}
}

func dialHTTP2(f *logFile, address, _ string, _ *tls.Config) (conn, error) {
	var tcp net.Conn
	transport := &http2.Transport{AllowHTTP: true, DialTLSContext: func(ctx context.Context, network, addr string, _ *tls.Config) (net.Conn, error) {
		var err error
		tcp, err = (&net.Dialer{}).DialContext(ctx, network, addr)
		return tcp, err
	}}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	// A plain request first, on the same connection.
	plain, err := http.NewRequest("GET", "http://"+u.Host+"/", nil)
	if err != nil {
		return nil, err
	}
	response, err := transport.RoundTrip(plain)
	if err != nil {
		return nil, err
	}
	io.Copy(io.Discard, response.Body)
	body, writer := io.Pipe()
	request, err := http.NewRequest(http.MethodConnect, "http://"+u.Host+u.RequestURI(), body)
	if err != nil {
		return nil, err
	}
	request.Header.Set(":protocol", "websocket")
	request.Header.Set("Sec-WebSocket-Version", "13")
	if response, err = transport.RoundTrip(request); err != nil {
		return nil, err
	}
	o := dialed(response, address, version(modules["http2"]))
	o.Status = response.StatusCode
	o.Local, o.Remote = tcp.LocalAddr().String(), tcp.RemoteAddr().String()
	end := func() {
		writer.Close()
		io.Copy(io.Discard, response.Body)
		transport.CloseIdleConnections()
	}
	return &gobwas{client: true, log: f.open(o), buffered: response.Body, conn: &stream{tcp, response.Body, writer, end}}, nil
}

// serveStreams is http.Serve for HTTP/2 without TLS.
func serveStreams(l net.Listener, handler http.Handler) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go (&http2.Server{}).ServeConn(c, &http2.ServeConnOpts{Handler: handler})
	}
}

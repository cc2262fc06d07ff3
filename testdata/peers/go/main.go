// Command peers plays WebSocket servers and clients made of Go libraries, for the captures in testdata/pcaps.
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
)

func main() {
	library := flag.String("library", "gorilla", "gorilla, coder, gobwas, or http2 (gobwas over HTTP/2 without TLS)")
	listen := flag.String("listen", ":80", "address to serve on")
	deflate := flag.String("deflate", "off", "permessage-deflate: off, takeover or no-takeover")
	files := flag.String("files", "", "folder served over plain HTTP")
	cert := flag.String("cert", "", "file with certificate and key, for TLS")
	dial := flag.String("dial", "", "be a client of this URL, instead of a server")
	keys := flag.String("keys", "", "file for TLS secrets (SSLKEYLOGFILE's format)")
	rsa := flag.Bool("rsa", false, "TLS 1.2 with RSA key exchange, which the server's private key decrypts")
	collected := flag.String("collect", "", "file for what pages post to port 8080")
	flag.Parse()

	f := &logFile{}
	if name := os.Getenv("PEER_RECORD"); name != "" {
		file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		check(err)
		f.file = file
	}
	// Only fixtures are at stake: certificates are not judged.
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}
	if *keys != "" {
		file, err := os.Create(*keys)
		check(err)
		config.KeyLogWriter = file
	}
	if *rsa {
		config.MaxVersion = tls.VersionTLS12
		config.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
	}
	if *dial != "" {
		check(client(f, *library, *dial, *deflate, config))
		return
	}
	upgrade := map[string]func(*logFile, string) http.HandlerFunc{
		"gorilla": serveGorilla, "coder": serveCoder, "gobwas": serveGobwas, "http2": serveHTTP2,
	}[*library](f, *deflate)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/room" && r.URL.Query().Get("name") == "":
			o := requested(r, version(modules[*library]))
			o.Status = http.StatusBadRequest
			f.open(o)
			http.Error(w, "which room? add ?name=", http.StatusBadRequest)
		case *files != "" && !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
			http.FileServer(http.Dir(*files)).ServeHTTP(w, r)
		default:
			upgrade(w, r)
		}
	})
	l, err := net.Listen("tcp", *listen)
	check(err)
	if *collected != "" {
		go collect(":8080", *collected)
	}
	if *cert != "" {
		pair, err := tls.LoadX509KeyPair(*cert, *cert)
		check(err)
		config.Certificates = []tls.Certificate{pair}
		l = tls.NewListener(l, config)
	}
	fmt.Println("ready")
	if *library == "http2" {
		check(serveStreams(l, handler))
	}
	check(http.Serve(l, handler))
}

var modules = map[string]string{
	"gorilla": "github.com/gorilla/websocket",
	"coder":   "github.com/coder/websocket",
	"gobwas":  "github.com/gobwas/ws",
	"http2":   "golang.org/x/net",
}

func offersDeflate(r *http.Request) bool {
	return strings.Contains(strings.Join(r.Header.Values("Sec-WebSocket-Extensions"), ","), "permessage-deflate")
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

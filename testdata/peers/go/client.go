package main

import (
	"bytes"
	"crypto/tls"
	"time"
)

var dialers = map[string]func(f *logFile, url, deflate string, config *tls.Config) (conn, error){
	"gorilla": dialGorilla, "coder": dialCoder, "gobwas": dialGobwas, "http2": dialHTTP2,
}

// client talks to an echo server as the scenarios of node/scenarios.js do: short and long messages, pings both ways, fragments where the library
// can choose them, and a close by the client.
func client(f *logFile, library, url, deflate string, config *tls.Config) error {
	c, err := dialers[library](f, url, deflate, config)
	if err != nil {
		return err
	}
	heard := make(chan []byte, 16)
	ended := make(chan struct{})
	go func() {
		c.run(func(_ string, data []byte) { heard <- data })
		close(ended)
	}()
	ask := func(kind string, data []byte) {
		c.send(kind, data)
		<-heard
	}
	for range 3 {
		ask("text", []byte(`{"type":"price","channel":"prices","symbol":"ABC","price":101.25}`))
	}
	ask("binary", []byte{0, 1, 2, 0xff})
	ask("text", nil)
	ask("text", bytes.Repeat([]byte("all work and no play "), 1000))
	c.ping("from the client")
	time.Sleep(100 * time.Millisecond)
	c.send("text", []byte("!ping from the server"))
	time.Sleep(100 * time.Millisecond)
	if library != "gorilla" {
		c.fragments([]string{"one ", "two ", "three"})
		<-heard
	}
	c.close(1000, "done")
	<-ended
	return nil
}

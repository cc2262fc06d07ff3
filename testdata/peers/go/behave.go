package main

import (
	"strconv"
	"strings"
	"time"
)

// conn is what every library can do for a client or a server.
type conn interface {
	// run reads until the connection ends, answers pings and close frames, and hands over messages.
	run(handle func(kind string, data []byte))

	send(kind string, data []byte)
	fragments(parts []string)
	ping(data string)
	close(code int, reason string)
	drop()  // FIN without a close frame
	reset() // RST
}

var chat = map[string][]string{
	"hello":            {"world"},
	"Grüße aus Köln 👋": {"你好，世界"},
	`{"type":"subscribe","channel":"prices","symbols":["ABC","XYZ"]}`: {
		`{"type":"subscribed","channel":"prices","id":1}`,
		`{"type":"price","symbol":"ABC","price":101.25}`,
		`{"type":"price","symbol":"XYZ","price":7.5}`,
	},
}

// behave is what every server of the fixtures does with a message; node/behave.js does the same.
func behave(c conn, path, kind string, data []byte) {
	if strings.HasPrefix(path, "/sink") {
		return
	}
	if strings.HasPrefix(path, "/chat") {
		if kind == "text" {
			for _, answer := range chat[string(data)] {
				c.send("text", []byte(answer))
			}
			return
		}
		c.send("binary", []byte("\x89PNG\r\n\x1a\n"))
		time.AfterFunc(700*time.Millisecond, func() { c.ping("still there?") })
		return
	}
	if kind == "text" {
		command, rest, _ := strings.Cut(string(data), " ")
		switch command {
		case "!ping":
			c.ping(rest)
			return
		case "!close":
			code, reason, _ := strings.Cut(rest, " ")
			n, _ := strconv.Atoi(code)
			c.close(n, reason)
			return
		case "!fragments":
			c.fragments(strings.Split(rest, " "))
			return
		case "!drop":
			c.drop()
			return
		case "!reset":
			c.reset()
			return
		}
	}
	c.send(kind, data)
}

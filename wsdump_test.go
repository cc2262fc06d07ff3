package wsdump_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"testing"

	"github.com/wsdump/wsdump"
)

func ExampleRead() {
	for ev, err := range wsdump.Read(context.Background(), "testdata/pcaps/chat.pcap", wsdump.Options{}) {
		if err != nil {
			log.Fatal(err)
		}
		switch {
		case ev.Opened:
			fmt.Println(ev.Conn.URL(), ev.Conn.Handshake.Status)
		case ev.Message != nil && ev.Message.Text:
			fmt.Printf("%s %s\n", ev.Message.Dir, ev.Message.Payload)
		case ev.Closed:
			fmt.Println("closed by the", ev.Conn.By, ev.Conn.CloseCode, ev.Conn.Clean())
		}
	}
	// Output:
	// ws://server.example.com/chat 101
	// send hello
	// receive world
	// send Grüße aus Köln 👋
	// receive 你好，世界
	// send {"type":"subscribe","channel":"prices","symbols":["ABC","XYZ"]}
	// receive {"type":"subscribed","channel":"prices","id":1}
	// receive {"type":"price","symbol":"ABC","price":101.25}
	// receive {"type":"price","symbol":"XYZ","price":7.5}
	// closed by the client 1000 true
}

// TestReadEnds: breaking out ends the reading, events are owned, and a missing
// file is an error.
func TestReadEnds(t *testing.T) {
	var texts []string
	for ev, err := range wsdump.Read(t.Context(), "testdata/pcaps/chat.pcap", wsdump.Options{Frames: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Message != nil {
			texts = append(texts, string(ev.Message.Payload))
		}
		if len(texts) == 2 {
			break
		}
	}
	if len(texts) != 2 || texts[0] != "hello" || texts[1] != "world" {
		t.Errorf("got %q", texts)
	}
	for _, err := range wsdump.Read(t.Context(), "testdata/nosuch.pcap", wsdump.Options{}) {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want that there is no such file", err)
		}
	}
}

package metrics

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestServe(t *testing.T) {
	at, stop, err := Serve("127.0.0.1:0", New(), func() Gauges { return Gauges{Packets: 42} })
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + at.String()
	for path, want := range map[string]string{"/metrics": "wsdump_packets_total 42", "/": "404"} {
		response, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if !strings.Contains(response.Status+string(body), want) {
			t.Errorf("%s: %s\n%s", path, response.Status, body)
		}
	}
	stop()
	if _, err := http.Get(url + "/metrics"); err == nil {
		t.Error("it answers after it was stopped")
	}
}

func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, "0.0.0.0:1": false, ":1": false, "10.0.0.1:1": false, "example.com:1": false} {
		if got, err := Loopback(address); err != nil || got != want {
			t.Errorf("%s: %v, %v", address, got, err)
		}
	}
	if _, err := Loopback("127.0.0.1"); err == nil {
		t.Error("an address without a port is taken")
	}
}

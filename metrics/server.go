package metrics

import (
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Serve answers GET /metrics at address, such as 127.0.0.1:9464, until stop is
// called. gauges is asked for each answer, from other goroutines.
func Serve(address string, counts *Metrics, gauges func() Gauges) (at net.Addr, stop func(), err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		now := gauges()
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_ = counts.Write(w, &now)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	go func() { _ = server.Serve(listener) }()
	return listener.Addr(), func() { _ = server.Close() }, nil
}

// Loopback reports whether only this machine can reach an address, which has a
// host and a port.
func Loopback(address string) (bool, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false, err
	}
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback(), nil
}

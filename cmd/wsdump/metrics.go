package main

import (
	"net"
	"net/http"
	"net/netip"
	"runtime/metrics"
	"time"

	"github.com/spf13/pflag"

	prometheus "github.com/wsdump/wsdump/metrics"
)

// metricsFlags say where counts may be read, for Prometheus.
type metricsFlags struct {
	address string
	public  bool
}

func (m *metricsFlags) flags(f *pflag.FlagSet) {
	f.StringVar(&m.address, "metrics", "", "with -i: counts for Prometheus at http://`ADDRESS`/metrics, such as 127.0.0.1:9464")
	f.BoolVar(&m.public, "metrics-public", false, "allow --metrics an address that other machines reach")
}

// serve answers until the capture ends; nil when nothing is to be served.
func (m *metricsFlags) serve(in *input, words *console) (_ *prometheus.Metrics, stop func(), err error) {
	if m.address == "" {
		return nil, func() {}, nil
	}
	listener, err := net.Listen("tcp", m.address)
	if err != nil {
		return nil, nil, &usageError{text: "--metrics " + m.address + ": " + err.Error(), hint: "an address and a port, such as 127.0.0.1:9464"}
	}
	counts := prometheus.New()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		stats := in.ring.Stats()
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_ = counts.Write(w, &prometheus.Gauges{Packets: stats.Packets, Dropped: stats.Dropped, Behind: in.lag(), Memory: fromSystem()})
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	go func() { _ = server.Serve(listener) }()
	words.say("counts at http://" + listener.Addr().String() + "/metrics")
	return counts, func() { _ = server.Close() }, nil
}

// check refuses an address that others reach, unless that was said.
func (m *metricsFlags) check(live bool) error {
	switch {
	case m.address == "" && m.public:
		return &usageError{text: "--metrics-public goes with --metrics"}
	case m.address == "":
		return nil
	case !live:
		return &usageError{text: "--metrics goes with -i"}
	case m.public:
		return nil
	}
	host, _, err := net.SplitHostPort(m.address)
	if err != nil {
		return &usageError{text: "--metrics " + quote(m.address) + ": not an address with a port", hint: "such as 127.0.0.1:9464"}
	}
	if a, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !a.IsLoopback()) {
		return &usageError{text: "--metrics " + m.address + ": other machines can reach that", hint: "127.0.0.1:9464 is for this one; --metrics-public allows it"}
	}
	return nil
}

// fromSystem returns how many bytes the program has from the system, without the
// ring.
func fromSystem() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64() - sample[1].Value.Uint64()
}

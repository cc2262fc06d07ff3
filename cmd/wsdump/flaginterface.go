package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/capture/live"
	"github.com/wsdump/wsdump/input"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/flagvalue"
	"github.com/wsdump/wsdump/internal/privilege"
	"github.com/wsdump/wsdump/internal/progress"
	"github.com/wsdump/wsdump/metrics"
)

// interfaceFlags say which interface packets are captured from, and how.
type interfaceFlags struct {
	name        string
	promiscuous bool
	buffer      flagvalue.Size
	snaplen     uint32
	retry       bool
	duration    time.Duration
	user        string
	metrics     metricsFlags
}

func (i *interfaceFlags) register(f *pflag.FlagSet) {
	i.buffer = bufferSize(live.DefaultBuffer)
	f.StringVarP(&i.name, "interface", "i", "", "capture from `NAME` until Ctrl-C (Linux); any is all interfaces (docs/LIVE.md)")
	f.BoolVarP(&i.promiscuous, "promiscuous", "p", false, "with -i: packets for other machines too")
	f.VarP(&i.buffer, "buffer", "B", "with -i: `SIZE` of the kernel's ring, in KiB or as 64MiB")
	f.Uint32Var(&i.snaplen, "snaplen", 0, "with -i: keep the first `N` bytes of a packet; 0 keeps all")
	f.BoolVar(&i.retry, "retry", false, "with -i: wait for an interface that is missing or goes away")
	f.DurationVar(&i.duration, "duration", 0, "with -i: end after `TIME`, such as 90s or 10m")
	i.metrics.register(f)
	f.StringVarP(&i.user, "user", "Z", "", "with -i: go on as user `NAME` once the interface is open; under sudo its caller is the default")
}

func (i *interfaceFlags) options() input.Interface {
	return input.Interface{Name: i.name, Promiscuous: i.promiscuous, Buffer: int(i.buffer.Bytes), Snaplen: i.snaplen, Retry: i.retry, Duration: i.duration}
}

// check returns an error when a flag that goes with -i stands without it.
func (i *interfaceFlags) check() error {
	if err := i.metrics.check(i.name != ""); err != nil || i.name != "" {
		return err
	}
	for _, f := range []struct {
		set  bool
		flag string
	}{
		{i.promiscuous, "-p"},
		{i.buffer.IsSet, "-B"},
		{i.snaplen != 0, "--snaplen"},
		{i.retry, "--retry"},
		{i.duration != 0, "--duration"},
		{i.user != "", "-Z"},
	} {
		if f.set {
			return console.Usage(f.flag+" goes with -i", "for instance -i lo; `wsdump interfaces` lists what there is")
		}
	}
	return nil
}

// drop drops the privileges that opening the interface took. Files are opened
// afterwards, as the user that the process is then. before, unless nil, is called
// with that user first.
func (i *interfaceFlags) drop(words *console.Console, before func(*privilege.Identity) error) error {
	to, err := privilege.Choose(i.user)
	if err != nil {
		return err
	}
	if before != nil {
		if err := before(to); err != nil {
			return err
		}
	}
	if err := privilege.Drop(to, true); err != nil {
		return err
	}
	if to != nil && words.Verbose {
		words.Say("running as " + to.Name + " from now on")
	}
	return nil
}

// metricsFlags say where Prometheus can read counts.
type metricsFlags struct {
	address string
	public  bool
}

func (m *metricsFlags) register(f *pflag.FlagSet) {
	f.StringVar(&m.address, "metrics", "", "with -i: counts for Prometheus at http://`ADDRESS`/metrics, such as 127.0.0.1:9464")
	f.BoolVar(&m.public, "metrics-public", false, "allow --metrics an address that other machines reach")
}

// check refuses an address that other machines reach, unless that was allowed.
func (m *metricsFlags) check(live bool) error {
	switch {
	case m.address == "" && m.public:
		return console.Usage("--metrics-public goes with --metrics", "")
	case m.address == "":
		return nil
	case !live:
		return console.Usage("--metrics goes with -i", "")
	case m.public:
		return nil
	}
	switch loopback, err := metrics.Loopback(m.address); {
	case err != nil:
		return console.Usage("--metrics "+console.Quote(m.address)+": not an address with a port", "such as 127.0.0.1:9464")
	case !loopback:
		return console.Usage("--metrics "+m.address+": other machines can reach this address", "127.0.0.1:9464 is for this one; --metrics-public allows it")
	}
	return nil
}

// serve answers until stop is called; counts is nil when nothing is to be served.
func (m *metricsFlags) serve(in *input.Input, words *console.Console) (counts *metrics.Metrics, stop func(), err error) {
	if m.address == "" {
		return nil, func() {}, nil
	}
	counts = metrics.New()
	at, stop, err := metrics.Serve(m.address, counts, func() metrics.Gauges {
		s := in.Ring().Stats()
		return metrics.Gauges{Packets: s.Packets, Dropped: s.Dropped, Behind: in.Lag(), Memory: progress.Memory()}
	})
	if err != nil {
		return nil, nil, console.Usage("--metrics "+m.address+": "+err.Error(), "an address and a port, such as 127.0.0.1:9464")
	}
	words.Say("counts at http://" + at.String() + "/metrics")
	return counts, stop, nil
}

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// This file measures wsdump beside other programs on the same slices, for the
// part about speed of docs/COMPARISON.md:
//
//	go run ./bench -comparison -slice 64MB -rounds 5 > internal/compare/speed.md

// fork is the module that goes on with gopacket.
const fork = "github.com/gopacket/gopacket"

// buildFork builds bench/gopacket with the fork in gopacket's place, and returns
// its version. It is a module of its own, so that ours does not need the fork.
func (b *bench) buildFork() (version string, err error) {
	source, err := os.ReadFile(filepath.Join("bench", "gopacket", "main.go"))
	if err != nil {
		return "", err
	}
	dir := b.path("fork-source")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	text := strings.ReplaceAll(string(source), "github.com/google/gopacket", fork)
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(text), 0o600); err != nil {
		return "", err
	}
	for _, args := range [][]string{{"mod", "init", "fork"}, {"get", fork + "@latest"}, {"mod", "tidy"}, {"build", "-trimpath", "-o", b.path("fork"), "."}, {"list", "-m", "-f", "{{.Version}}", fork}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod")
		var words strings.Builder
		cmd.Stderr = &words
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, words.String())
		}
		version = strings.TrimSpace(string(out))
	}
	return version, nil
}

// tsharkAtItsBest is tshark with everything off that this question does not need.
func tsharkAtItsBest(file string) []string {
	options := []string{"-n", "-o", "tcp.analyze_sequence_numbers:FALSE", "-o", "tcp.calculate_timestamps:FALSE"}
	if out, err := exec.Command("tshark", "--help").Output(); err == nil && strings.Contains(string(out), "--only-protocols") {
		options = append(options, "--only-protocols", "frame,eth,ethertype,ip,tcp,http,websocket,data-text-lines,json")
	}
	return slices.Insert(tshark(file), 1, options...)
}

// compare measures and prints the part about speed.
func (b *bench) compare(w io.Writer) error {
	library, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "github.com/google/gopacket").Output()
	if err != nil {
		return err
	}
	say("building the fork of gopacket")
	forked, err := b.buildFork()
	if err != nil {
		say("%v", err)
	}
	wsdump := func(args ...string) func(string) []string {
		return func(file string) []string { return append(append([]string{b.path("wsdump")}, args...), file) }
	}
	beside := []struct {
		name string
		args func(file string) []string
	}{
		{"tshark, default", tshark},
		{"tshark, best", tsharkAtItsBest},
		{"gopacket " + strings.TrimSpace(string(library)), func(file string) []string { return []string{b.path("gopacket"), file} }},
		{"its fork " + forked, func(file string) []string { return []string{b.path("fork"), file} }},
		{"`wsdump list`", wsdump("list")},
		{"`wsdump -T ndjson --payload none`", wsdump("-T", "ndjson", "--payload", "none")},
		{"`wsdump -T ndjson`", wsdump("-T", "ndjson")},
	}
	results := map[string]map[string]series{}
	for _, kind := range b.kinds {
		results[kind] = map[string]series{}
		for round := range b.rounds {
			say("%s: round %d of %d", kind, round+1, b.rounds)
			for _, tool := range beside {
				args := tool.args(b.captures[kind].slice)
				if !b.has(filepath.Base(args[0])) {
					continue
				}
				r, err := command(nil, args...)
				if err != nil {
					return err
				}
				results[kind][tool.name] = append(results[kind][tool.name], r)
			}
		}
	}
	p := &page{w: w}
	p.line("## Speed and memory\n")
	p.line("Megabytes of capture a second, in brackets a second of processor time, and peak memory, on %s of each kind of capture (see PERFORMANCE.md). Medians of %d runs, printed by `%s`.", amount(float64(b.slice)), b.rounds, strings.Join(append([]string{"go run ./bench"}, os.Args[1:]...), " "))
	p.line("The captures are short because tshark is slow, so starting is a good part of the time of the others. PERFORMANCE.md has longer captures.\n")
	p.line("- tshark, default: `%s`", strings.Join(tshark("FILE"), " "))
	p.line("- tshark, best: `%s`", strings.Join(tsharkAtItsBest("FILE"), " "))
	p.line("- gopacket and its fork (`%s`): their pcap reader, `DecodingLayerParser` and `reassembly`, which count bytes of streams, without WebSocket (`bench/gopacket`)", fork)
	p.line("- wsdump: as named, with all findings\n")
	b.machine(p)
	p.head(append([]string{""}, b.kinds...)...)
	for _, tool := range beside {
		cells := []string{tool.name}
		for _, kind := range b.kinds {
			s := results[kind][tool.name]
			if len(s) == 0 {
				cells = append(cells, "")
				continue
			}
			c := b.captures[kind]
			size := float64(c.FileBytes) / c.part
			cells = append(cells, fmt.Sprintf("%s (%s), %s", rate(size/s.wall().Seconds()), rate(size/s.cpu().Seconds()), amount(float64(s.peak()))))
		}
		p.row(cells...)
	}
	if p.err == nil && len(results) == 0 {
		return errors.New("nothing was measured")
	}
	return p.err
}

// rate writes megabytes a second, with two digits that count.
func rate(n float64) string {
	if n >= 1e8 {
		return fmt.Sprintf("%.0f", n/1e6)
	}
	return fmt.Sprintf("%.1f", n/1e6)
}

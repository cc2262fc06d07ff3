package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"time"
)

// tool is a command with the name that the tables have for it.
type tool struct {
	name string
	args []string
}

// modes are the ways in which wsdump is measured.
var modes = []tool{
	{"list", []string{"list"}},
	{"ndjson, no payload", []string{"-T", "ndjson", "--payload", "none"}},
	{"ndjson", []string{"-T", "ndjson"}},
	{"table", nil},
}

// tcpdump is the yardstick T.
func tcpdump(c *capture) []string { return []string{"tcpdump", "-r", c.file, "-w", "/dev/null"} }

// wideMemory is what wsdump may take on wide, where more connections are alive at
// once than its default of 512 MiB holds.
const wideMemory = "4G"

// wsdump is the command line of wsdump on a capture.
func (b *bench) wsdump(c *capture, args ...string) []string {
	all := append([]string{b.path("wsdump")}, args...)
	if c.Kind == "wide" {
		all = append(all, "--max-memory", wideMemory)
	}
	return append(all, c.file)
}

// tools are what is measured in pairs with tcpdump.
func (b *bench) tools(c *capture) (all []tool) {
	for _, mode := range append(modes, tool{"list -f", []string{"list", "-f", "tcp port 80"}}) {
		all = append(all, tool{mode.name, b.wsdump(c, mode.args...)})
	}
	all = append(all, tool{"cat", []string{"cat", c.file}})
	if c.Kind != "disorder" { // where it takes gigabytes
		all = append(all, tool{"gopacket", []string{b.path("gopacket"), c.file}})
	}
	return all
}

// measure runs everything in pairs with tcpdump.
func (b *bench) measure() error {
	for _, kind := range b.kinds {
		c := b.captures[kind]
		tools := b.tools(c)
		b.measured[kind], b.alone[kind] = map[string]pairs{}, map[string]series{}
		if _, err := command(nil, "cat", c.file); err != nil { // into the page cache
			return err
		}
		for round := range b.rounds {
			say("%s: round %d of %d", kind, round+1, b.rounds)
			for _, tool := range tools {
				yardstick, err := command(nil, tcpdump(c)...)
				if err != nil {
					return err
				}
				r, err := command(nil, tool.args...)
				if err != nil {
					return err
				}
				b.measured[kind][tool.name] = append(b.measured[kind][tool.name], pair{r, yardstick})
				b.alone[kind][tool.name] = append(b.alone[kind][tool.name], r)
				b.alone[kind]["tcpdump"] = append(b.alone[kind]["tcpdump"], yardstick)
			}
			if err := b.rounder(kind, round); err != nil {
				return err
			}
		}
	}
	return nil
}

// tshark is the yardstick K.
func tshark(file string) []string {
	return []string{"tshark", "-r", file, "-Y", "websocket", "-T", "fields", "-e", "frame.time_epoch", "-e", "websocket.opcode", "-e", "websocket.payload_length"}
}

// worked are the outputs of which one worker is measured beside two.
var worked = []tool{modes[0], modes[2]}

// rounder measures in a round what stands beside something else than tcpdump:
// zlib, one worker beside two, and tshark, which reads a slice in one round of two.
func (b *bench) rounder(kind string, round int) error {
	c := b.captures[kind]
	if kind == "deflate" && b.has("inflate") {
		theirs, err := command(nil, b.path("inflate"), c.file+".deflated")
		if err != nil {
			return err
		}
		r, err := command(nil, b.path("wsdump"), "-T", "ndjson", "--workers", "1", c.file)
		if err != nil {
			return err
		}
		b.measured[kind]["beside zlib"] = append(b.measured[kind]["beside zlib"], pair{r, theirs})
		b.alone[kind]["zlib"] = append(b.alone[kind]["zlib"], theirs)
	}
	for _, mode := range worked {
		one, err := command(nil, append(b.wsdump(c, mode.args...), "--workers", "1")...)
		if err != nil {
			return err
		}
		two, err := command(nil, append(b.wsdump(c, mode.args...), "--workers", "2")...)
		if err != nil {
			return err
		}
		b.measured[kind]["one worker, "+mode.name] = append(b.measured[kind]["one worker, "+mode.name], pair{one, two})
		b.alone[kind]["one worker, "+mode.name] = append(b.alone[kind]["one worker, "+mode.name], one)
	}
	if round%2 == 0 && b.has("tshark") {
		idle, err := command(nil, tshark(b.path("empty.pcap"))...) // starting it takes long
		if err != nil {
			return err
		}
		r, err := command(nil, tshark(c.slice)...)
		if err != nil {
			return err
		}
		r.cpu = idle.cpu + time.Duration(float64(r.cpu-idle.cpu)*c.part)
		r.wall = idle.wall + time.Duration(float64(r.wall-idle.wall)*c.part)
		b.alone[kind]["tshark"] = append(b.alone[kind]["tshark"], r)
	}
	return nil
}

// piped is the memory that a list of a capture of some size takes.
type piped struct {
	kind string
	size int64
	peak int64
	rate float64 // bytes a second, of what both sides do together
}

// measureMemory pipes captures of several sizes through wsdump: they need no
// disk, and memory must not grow with them.
func (b *bench) measureMemory() error {
	for _, size := range b.memory {
		for _, kind := range b.kinds {
			if kind != "small" && kind != "bulk" && kind != "mixed" {
				continue
			}
			say("%s: %d MB through a pipe", kind, size/1e6)
			writer := exec.Command(b.path("write"), "-kind", kind, "-size", strconv.FormatInt(size, 10), "-manifest", b.path("piped.json"))
			out, err := writer.StdoutPipe()
			if err != nil {
				return err
			}
			if err := writer.Start(); err != nil {
				return err
			}
			r, err := command(out, b.path("wsdump"), "list", "-")
			if err := errors.Join(err, writer.Wait()); err != nil {
				return err
			}
			b.piped = append(b.piped, piped{kind, size, r.peak, float64(size) / r.wall.Seconds()})
		}
	}
	return nil
}

// firstRow returns how long a small file takes to its first row.
func (b *bench) firstRow() (time.Duration, error) {
	var all []time.Duration
	for range 15 {
		cmd := exec.Command(b.path("wsdump"), "testdata/pcaps/chat.pcap")
		out, err := cmd.StdoutPipe()
		if err != nil {
			return 0, err
		}
		began := time.Now()
		if err := cmd.Start(); err != nil {
			return 0, err
		}
		rows := bufio.NewReader(out)
		if _, err := rows.ReadByte(); err != nil {
			return 0, fmt.Errorf("no row: %w", err)
		}
		all = append(all, time.Since(began))
		if _, err := io.Copy(io.Discard, rows); err != nil {
			return 0, err
		}
		if err := cmd.Wait(); err != nil {
			return 0, err
		}
	}
	return median(all, func(d time.Duration) time.Duration { return d }), nil
}

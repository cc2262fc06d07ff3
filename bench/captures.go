package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"

	"github.com/wsdump/wsdump/internal/trafficgen"
)

// capture is a file to measure on, and a shorter one for tools that are slow.
type capture struct {
	trafficgen.Manifest
	file  string
	slice string
	part  float64 // how many times slice goes into file
	found float64 // of "disorder": the share of frames that could be found and were
}

// build compiles the programs. The captures are made by a program of their own,
// so that this one stays small: a process begins with the peak of its parent.
func (b *bench) build() error {
	for name, source := range map[string]string{"wsdump": "./cmd/wsdump", "write": "./internal/trafficgen/write", "gopacket": "./bench/gopacket", "profile": "./bench/profile"} {
		profile := "-pgo=off"
		if name == "wsdump" { // as releases are
			profile = "-pgo=cmd/wsdump/release.pgo"
		}
		cmd := exec.Command("go", "build", profile, "-trimpath", "-o", b.path(name), source)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", name, err, out)
		}
	}
	if out, err := exec.Command("cc", "-O2", "-o", b.path("inflate"), "bench/zlib/inflate.c", "-lz").CombinedOutput(); err != nil {
		b.notes = append(b.notes, "No C compiler with zlib: nothing to hold inflating against.")
		say("no zlib: %s", out)
	}
	if _, err := exec.LookPath("tcpdump"); err != nil {
		return errors.New("tcpdump is not installed, and it is the yardstick")
	}
	return nil
}

// has reports whether a program that was built, or of the machine, is there.
func (b *bench) has(name string) bool {
	if _, err := exec.LookPath(name); err == nil {
		return true
	}
	_, err := os.Stat(b.path(name))
	return err == nil
}

// make writes the captures.
func (b *bench) make() error {
	empty := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	for _, v := range []uint32{0x00040002, 0, 0, 262144, 1} {
		empty = binary.LittleEndian.AppendUint32(empty, v)
	}
	if err := os.WriteFile(b.path("empty.pcap"), empty, 0o600); err != nil {
		return err
	}
	for _, kind := range b.kinds {
		c := &capture{file: b.path(kind + ".pcap"), slice: b.path(kind + "-slice.pcap")}
		say("%s: writing", kind)
		if err := b.write(kind, c.file, b.size, &c.Manifest); err != nil {
			return err
		}
		var slice trafficgen.Manifest
		if err := b.write(kind, c.slice, min(b.slice, b.size), &slice); err != nil {
			return err
		}
		c.part = float64(c.FileBytes) / float64(slice.FileBytes)
		b.captures[kind] = c
	}
	return nil
}

func (b *bench) write(kind, file string, size int64, m *trafficgen.Manifest) error {
	args := []string{"-kind", kind, "-size", strconv.FormatInt(size, 10), "-o", file, "-manifest", file + ".json"}
	if kind == "deflate" {
		args = append(args, "-deflated", file+".deflated")
	}
	if out, err := exec.Command(b.path("write"), args...).CombinedOutput(); err != nil {
		return fmt.Errorf("writing %s: %w\n%s", file, err, out)
	}
	text, err := os.ReadFile(file + ".json")
	if err != nil {
		return err
	}
	return json.Unmarshal(text, m)
}

// line is what is looked at of wsdump's NDJSON.
type line struct {
	Type           string `json:"type"`
	Packets        uint64 `json:"packets"`
	Bytes          uint64 `json:"bytes"`
	TCPConnections uint64 `json:"tcp_connections"`
	Connections    uint64 `json:"connections"`
	Frames         uint64 `json:"frames"`
	Messages       uint64 `json:"messages"`
	Sent           trafficgen.Count
	Received       trafficgen.Count
}

// check holds what wsdump counts, payload and all, against the manifests.
func (b *bench) check() error {
	for _, kind := range b.kinds {
		c := b.captures[kind]
		say("%s: checking counts", kind)
		args := b.wsdump(c, "list", "-T", "ndjson")
		if kind == "deflate" { // whose payload a list does not need
			args = b.wsdump(c, "-T", "ndjson", "--hide", "message,control,finding,open")
		}
		cmd := exec.Command(args[0], args[1:]...)
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		var last, all line
		rows := bufio.NewScanner(out)
		rows.Buffer(nil, 16<<20)
		for rows.Scan() {
			last = line{}
			if err := json.Unmarshal(rows.Bytes(), &last); err != nil {
				return err
			}
			add(&all.Sent, last.Sent)
			add(&all.Received, last.Received)
		}
		if err := errors.Join(rows.Err(), cmd.Wait()); err != nil {
			return err
		}
		if err := c.holds(&last, &all); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	return nil
}

func add(to *trafficgen.Count, n trafficgen.Count) {
	to.Frames += n.Frames
	to.Messages += n.Messages
	to.Bytes += n.Bytes
	to.WireBytes += n.WireBytes
}

// holds returns an error when the counts are not what they have to be.
func (c *capture) holds(summary, sums *line) error {
	if summary.Packets != c.Packets || summary.Bytes != c.Bytes || summary.TCPConnections != c.TCPConnections || summary.Connections != c.Connections {
		return fmt.Errorf("wsdump counts %+v, and the capture has %+v", summary, c.Manifest)
	}
	if c.Kind == "disorder" {
		found, possible := summary.Frames, c.Frames()-c.FramesTouched
		if found > c.Frames() || found*1000 < possible*999 {
			return fmt.Errorf("wsdump finds %d frames of %d that no loss touched (%d were sent)", found, possible, c.Frames())
		}
		c.found = float64(found) / float64(possible)
		return nil
	}
	if sums.Sent != c.Sent || sums.Received != c.Received {
		return fmt.Errorf("wsdump counts %+v and %+v, and the capture has %+v and %+v", sums.Sent, sums.Received, c.Sent, c.Received)
	}
	return nil
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// bench is where the programs are run.
type bench struct {
	root, dir string
	wsdump    string // the program, built for this run
}

// run runs a program and returns its two outputs and its exit code.
func run(name string, args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := (&exec.ExitError{}); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		return "", err.Error(), -1
	}
	return out.String(), strings.ReplaceAll(errs.String(), "Running as user \"root\" and group \"root\". This could be dangerous.\n", ""), code
}

func (b *bench) fixture(name string) string { return filepath.Join(b.root, pcaps, name) }

// tsharkSees counts the frames that tshark shows of a capture.
func (b *bench) tsharkSees(path string, options ...string) int {
	rows, err := tsharkRows(path, append(best(), options...)...)
	if err != nil {
		return 0
	}
	return len(rows) - len(without(rows, "frame"))
}

// wsdumpSees does the same with wsdump as a user runs it.
func (b *bench) wsdumpSees(path string) int {
	out, _, _ := run(b.wsdump, "-T", "ndjson", "--frames", path)
	return strings.Count(out, "{\"type\":\"frame\"")
}

// probe is a capability that a run can show.
type probe struct {
	what string
	ask  func(b *bench) (tshark, wsdump string)
}

func yes(ok bool) string {
	if ok {
		return "yes"
	}
	return "no"
}

// count returns how many lines of tshark's answer begin with prefix.
func count(prefix string, args ...string) string {
	out, errs, _ := run("tshark", args...)
	return fmt.Sprint(len(regexp.MustCompile(`(?m)^`+prefix).FindAllString(out+errs, -1)))
}

func probes() []probe {
	frames := func(what, fixture string, options ...string) probe {
		return probe{what, func(b *bench) (string, string) {
			path := b.fixture(fixture)
			return fmt.Sprint(b.tsharkSees(path, options...)), fmt.Sprint(b.wsdumpSees(path))
		}}
	}
	return []probe{
		{"protocols (`tshark -G protocols`)", func(*bench) (string, string) {
			return count(`.`, "-G", "protocols"), "WebSocket and what carries it"
		}},
		{"filters by an expression, and over how many fields (`tshark -G fields`, `wsdump -Y`)", func(b *bench) (string, string) {
			_, _, code := run(b.wsdump, "-Y", `type == "message"`, b.fixture("chat.pcap"))
			return count("F\t", "-G", "fields"), map[bool]string{true: "those of its rows", false: "no"}[code == 0]
		}},
		{"capture formats that `editcap -F` can write, of which all frames of `chat.pcap` are shown", formats},
		{"live capture (`-i` in the help)", func(b *bench) (string, string) {
			theirs, _, _ := run("tshark", "--help")
			ours, _, _ := run(b.wsdump, "--help")
			option := regexp.MustCompile(`(?m)^(Live)? +-i[, ]`)
			return yes(option.MatchString(theirs)), yes(option.MatchString(ours))
		}},
		{"TLS 1.3, keys inside the capture: frames of `tls-node.pcap`", func(b *bench) (string, string) { return encrypted(b, "tls-node") }},
		{"TLS 1.2, keys inside the capture: frames of `tls12-node.pcap`", func(b *bench) (string, string) { return encrypted(b, "tls12-node") }},
		frames("IPv6 in pcapng: frames of `ipv6.pcapng`", "ipv6.pcapng"),
		frames("VLAN in VLAN: frames of `qinq.pcap`", "qinq.pcap"),
		frames("`tcpdump -i any`: frames of `any.pcap`", "any.pcap"),
		frames("IP without a link layer: frames of `raw.pcap`", "raw.pcap"),
		{"of the fields under `websocket.`, those that tell a round trip, a duration, or who closed", func(b *bench) (string, string) {
			out, _, _ := run("tshark", "-G", "fields")
			found := regexp.MustCompile(`\twebsocket\.\S*(rtt|time|duration|delta|closed_by)`).FindAllString(out, -1)
			ours, _, _ := run(b.wsdump, "-T", "ndjson", b.fixture("chat.pcap"))
			var keys []string
			for _, key := range []string{"rtt_ms", "duration_ms", "handshake_ms", "by", "clean"} {
				if strings.Contains(ours, `"`+key+`":`) {
					keys = append(keys, "`"+key+"`")
				}
			}
			return fmt.Sprint(len(found)), strings.Join(keys, ", ")
		}},
		{"two frames in one packet: how many survive a JSON reader of the JSON output", twice},
		{"nothing found (`dns.pcap`): exit code, and lines that say why", func(b *bench) (string, string) {
			out, errs, code := run("tshark", "-r", b.fixture("dns.pcap"), "-Y", "websocket")
			theirs := fmt.Sprintf("%d, %d lines", code, strings.Count(out+errs, "\n"))
			_, errs, code = run(b.wsdump, b.fixture("dns.pcap"))
			return theirs, fmt.Sprintf("%d, %d lines", code, strings.Count(errs, "\n"))
		}},
	}
}

// encrypted puts a fixture and its keys into one capture and counts frames.
func encrypted(b *bench, name string) (theirs, ours string) {
	keys, err := os.ReadFile(b.fixture(name + ".keys"))
	if err != nil {
		return err.Error(), ""
	}
	path := filepath.Join(b.dir, name+".pcapng")
	if err := withKeys(b.fixture(name+".pcap"), path, keys); err != nil {
		return err.Error(), ""
	}
	return fmt.Sprint(b.tsharkSees(path)), fmt.Sprint(b.wsdumpSees(path))
}

// formats writes chat.pcap in every format that editcap knows and counts who
// can read it.
func formats(b *bench) (theirs, ours string) {
	names, more, _ := run("editcap", "-F")
	all, tsharkReads, wsdumpReads := 0, 0, 0
	source := b.fixture("chat.pcap")
	want := b.tsharkSees(source)
	for _, m := range regexp.MustCompile(`(?m)^ +(\S+) - `).FindAllStringSubmatch(names+more, -1) {
		path := filepath.Join(b.dir, "format")
		if _, _, code := run("editcap", "-F", m[1], source, path); code != 0 {
			continue // that format has no room for Ethernet
		}
		all++
		if b.tsharkSees(path) == want {
			tsharkReads++
		}
		if b.wsdumpSees(path) == want {
			wsdumpReads++
		}
	}
	return fmt.Sprintf("%d of %d", tsharkReads, all), fmt.Sprintf("%d of %d", wsdumpReads, all)
}

// twice reads the JSON of a packet with two frames as programs do.
func twice(b *bench) (theirs, ours string) {
	c := trial{title: "two frames", scripts: []string{commas}}
	path, err := c.build(b.root, b.dir)
	if err != nil {
		return err.Error(), ""
	}
	survive := func(args ...string) int {
		out, _, _ := run("tshark", append([]string{"-r", path, "-Y", "websocket", "-T", "json"}, args...)...)
		var packets []struct {
			Source struct {
				Layers struct{ Websocket json.RawMessage }
			} `json:"_source"`
		}
		if json.Unmarshal([]byte(out), &packets) != nil || len(packets) != 1 {
			return 0
		}
		return strings.Count(string(packets[0].Source.Layers.Websocket), `"websocket.opcode"`)
	}
	return fmt.Sprintf("%d; %d with `--no-duplicate-keys`", survive(), survive("--no-duplicate-keys")), fmt.Sprint(b.wsdumpSees(path))
}

const commas = plain + "C> text \"a,b\"\nC+ text \"c\"\n"

package main

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// print writes docs/PERFORMANCE.md.
func (b *bench) print(w io.Writer) error {
	p := &page{w: w}
	p.line("# Speed and memory\n")
	p.line("How fast wsdump is beside tcpdump, tshark and gopacket, how much memory it takes, and why. `bench/run.sh` (`%s`) printed this page, after it compared the counts of wsdump with those of the captures.", strings.Join(append([]string{"go run ./bench"}, os.Args[1:]...), " "))
	p.line("\n- T is `tcpdump -r FILE -w /dev/null`. \"0.8 times T\" means: wsdump takes 0.8 of its time.")
	p.line("- K is `tshark -r FILE -Y websocket -T fields` with three fields, on a slice of %s; its time is scaled up.", amount(float64(b.slice)))
	p.line("- Output goes to /dev/null, and the page cache is warm. Ratios are medians of %d pairs, one run right after the other. The aim is in brackets.\n", b.rounds)
	p.line("| capture | holds (`internal/trafficgen`) |\n|---|---|")
	for _, k := range [][2]string{
		{"small", "1,000 connections with JSON messages of 60 to 200 bytes"},
		{"bulk", "100 connections with binary messages of 64 KiB"},
		{"mixed", "small, and four times as many bytes of TLS, HTTP, QUIC and DNS"},
		{"conns", "connections of six messages each"},
		{"deflate", "100 connections with compressed JSON messages"},
		{"disorder", "small, with segments that are overtaken (1 %), doubled (1 %) and lost (0.1 %)"},
		{"wide", "200,000 connections alive at once"},
	} {
		p.row(k[0], k[1])
	}
	p.line("")
	b.machine(p)
	b.reach(p)
	if err := b.others(p); err != nil {
		return err
	}
	b.figures(p)
	b.pairByPair(p)
	b.memoryTable(p)
	if b.profiles {
		if err := b.profile(p); err != nil {
			return err
		}
	}
	for _, note := range b.notes {
		p.line("\n%s", note)
	}
	return p.err
}

// page is Markdown.
type page struct {
	w   io.Writer
	err error
}

func (p *page) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// row writes a row of a table.
func (p *page) row(cells ...string) { p.line("| %s |", strings.Join(cells, " | ")) }

// head writes the first two rows.
func (p *page) head(cells ...string) {
	p.row(cells...)
	p.line("|%s", strings.Repeat("---|", len(cells)))
}

func (b *bench) machine(p *page) {
	model, memory := "", ""
	for _, file := range []string{"/proc/cpuinfo", "/proc/meminfo"} {
		text, _ := os.ReadFile(file) // elsewhere than on Linux there is none
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			switch strings.TrimSpace(name) {
			case "model name":
				model = strings.TrimSpace(value)
			case "MemTotal":
				memory = strings.TrimSpace(value)
			}
		}
	}
	p.line("Machine: %s, %d processors, %s of memory, %s/%s, %s, on %s.", model, runtime.NumCPU(), memory, runtime.GOOS, runtime.GOARCH, runtime.Version(), time.Now().UTC().Format("2006-01-02"))
	p.line("Tools: %s; %s; %s.\n", version(b.path("wsdump"), "version"), version("tcpdump", "--version"), version("tshark", "--version"))
}

// version returns the first line that a program says of itself.
func version(args ...string) string {
	out, err := exec.Command(args[0], args[1:]...).Output()
	if err != nil {
		return "no " + filepath.Base(args[0])
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSuffix(first, ".")
}

// aims are of the issue about speed: times T at most, or times faster than K.
var aims = map[string]map[string][2]float64{
	"list":               {"small": {0.8, 150}, "bulk": {0.5, 100}, "mixed": {0.6, 130}, "conns": {0.9, 130}},
	"ndjson, no payload": {"small": {1.5, 0}, "bulk": {0.6, 0}, "mixed": {0.8, 0}, "conns": {1.4, 0}},
	"ndjson":             {"small": {3, 60}, "bulk": {2.8, 20}, "mixed": {1.2, 60}, "conns": {2.2, 80}, "deflate": {0, 30}},
}

// reach writes the table that matters.
func (b *bench) reach(p *page) {
	p.line("## Beside tcpdump and tshark\n")
	p.head(append([]string{""}, b.kinds...)...)
	for _, mode := range modes {
		cells := []string{"`" + mode.name + "`, times T"}
		for _, kind := range b.kinds {
			cells = append(cells, ratio(b.measured[kind][mode.name].wall(), aims[mode.name][kind][0]))
		}
		p.row(cells...)
		faster, cheaper := []string{"`" + mode.name + "`, times faster than K"}, []string{"`" + mode.name + "`, times less cpu than K"}
		for _, kind := range b.kinds {
			k, ours := b.alone[kind]["tshark"], b.alone[kind][mode.name]
			faster = append(faster, ratio(float64(k.wall())/max(1, float64(ours.wall())), aims[mode.name][kind][1]))
			cheaper = append(cheaper, ratio(float64(k.cpu())/max(1, float64(ours.cpu())), 0))
		}
		p.row(faster...)
		p.row(cheaper...)
	}
	for _, tool := range []string{"list -f", "cat", "gopacket"} {
		cells := []string{"`" + tool + "`, times T"}
		for _, kind := range b.kinds {
			cells = append(cells, ratio(b.measured[kind][tool].wall(), 0))
		}
		p.row(cells...)
	}
	p.line("\nwsdump runs with its defaults: on %d processors, workers share the connections where that helps. tshark uses one processor.", runtime.NumCPU())
	p.line("wide needs `--max-memory %s` for all its connections. `list -f` has the capture filter `tcp port 80`. gopacket reads, decodes, reassembles, and counts bytes (`bench/gopacket`).", wideMemory)
}

// pairByPair writes the ratios that the medians are of.
func (b *bench) pairByPair(p *page) {
	p.line("\n## Pair by pair\n\nThe ratios behind the medians, times T, as they were measured.\n")
	p.head(append([]string{""}, b.kinds...)...)
	for _, mode := range modes {
		cells := []string{"`" + mode.name + "`"}
		for _, kind := range b.kinds {
			var all []string
			for _, pair := range b.measured[kind][mode.name] {
				all = append(all, ratio(pairs{pair}.wall(), 0))
			}
			cells = append(cells, strings.Join(all, " "))
		}
		p.row(cells...)
	}
}

// ratio writes a figure with its aim.
func ratio(v, aim float64) string {
	text := fmt.Sprintf("%.2f", v)
	switch {
	case v == 0:
		return ""
	case v >= 10:
		text = fmt.Sprintf("%.0f", v)
	}
	if aim > 0 {
		text += fmt.Sprintf(" (%g)", aim)
	}
	return text
}

// others writes what is not a ratio to tcpdump or tshark.
func (b *bench) others(p *page) error {
	p.line("\n## Other aims\n")
	p.head("what", "measured", "aim")
	small := b.captures["small"]
	if c := b.captures["wide"]; c != nil {
		list := b.alone["wide"]["list"]
		p.row("wide, packets a second", fmt.Sprintf("%.1f million", float64(c.Packets)/list.wall().Seconds()/1e6), "2 million")
		if small != nil {
			grown := float64(list.peak()-b.alone["small"]["list"].peak()) / float64(c.Connections)
			p.row(fmt.Sprintf("wide, memory a connection (%d of them)", c.Connections), amount(max(0, grown)), "700 B")
		}
	}
	if c := b.captures["disorder"]; c != nil {
		list := b.alone["disorder"]["list"]
		if small != nil {
			p.row("disorder, times small", fmt.Sprintf("%.2f", list.wall().Seconds()*float64(small.FileBytes)/float64(c.FileBytes)/b.alone["small"]["list"].wall().Seconds()), "1.5")
		}
		p.row("disorder, memory", amount(float64(list.peak())), "64 MB")
		p.row("disorder, frames found of those that no loss touched", fmt.Sprintf("%.2f %%", 100*c.found), "99.9 %")
	}
	if list := b.alone["conns"]["list"]; len(list) > 0 {
		p.row("conns, memory", amount(float64(list.peak())), "48 MB")
		p.row("conns, memory, one worker", amount(float64(b.alone["conns"]["one worker, list"].peak())), "48 MB")
	}
	if beside := b.measured["deflate"]["beside zlib"]; len(beside) > 0 {
		p.row("deflate with payload, one worker, times the cpu of zlib alone", fmt.Sprintf("%.2f", beside.cpu()), "1.0")
	}
	first, err := b.firstRow()
	if err != nil {
		return err
	}
	p.row("a small file, to its first row", fmt.Sprintf("%.1f ms", first.Seconds()*1000), "20 ms")
	return b.byKind(p)
}

// byKind writes further ratios, a column a kind.
func (b *bench) byKind(p *page) error {
	p.line("")
	p.head(append([]string{"", "aim"}, b.kinds...)...)
	table, collecting := []string{"time of the table, times `ndjson`", "3"}, []string{"garbage collection, of the cpu of `list`", "2 %"}
	for _, kind := range b.kinds {
		table = append(table, ratio(b.alone[kind]["table"].wall().Seconds()/b.alone[kind]["ndjson"].wall().Seconds(), 0))
		part, err := garbage(b.wsdump(b.captures[kind], "list")...)
		if err != nil {
			return err
		}
		collecting = append(collecting, fmt.Sprintf("%.1f %%", 100*part))
	}
	p.row(table...)
	for _, mode := range worked {
		cells := []string{"`" + mode.name + "`: one worker, times two", "1.6"}
		for _, kind := range b.kinds {
			cells = append(cells, ratio(b.measured[kind]["one worker, "+mode.name].wall(), 0))
		}
		p.row(cells...)
	}
	p.row(collecting...)
	return nil
}

// figures writes what was measured, absolutely.
func (b *bench) figures(p *page) {
	p.line("\n## Times\n\nWall time, in brackets that of the processors, and the peak of memory. Medians; they drift from run to run, ratios less so. The time of tshark is scaled up, its memory is that for a slice.\n")
	p.head(append([]string{""}, b.kinds...)...)
	for _, tool := range []string{"tcpdump", "cat", "list", "list -f", "ndjson, no payload", "ndjson", "table", "gopacket", "zlib", "tshark"} {
		cells, some := []string{tool}, false
		for _, kind := range b.kinds {
			cell := ""
			if s := b.alone[kind][tool]; len(s) > 0 {
				cell, some = fmt.Sprintf("%s (%.2f), %s", seconds(s.wall()), s.cpu().Seconds(), amount(float64(s.peak()))), true
			}
			cells = append(cells, cell)
		}
		if some {
			p.row(cells...)
		}
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// amount writes an amount of memory.
func amount(n float64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", n/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0f MB", n/1e6)
	case n >= 1e4:
		return fmt.Sprintf("%.0f KB", n/1e3)
	}
	return fmt.Sprintf("%.0f B", n)
}

func (b *bench) memoryTable(p *page) {
	if len(b.piped) == 0 {
		return
	}
	p.line("\n## Memory does not grow with the file\n\n`wsdump list -`, fed by the generator through a pipe. The aim is 48 MB.\n")
	p.head("capture", "size", "memory", "rate with the generator")
	for _, one := range b.piped {
		p.row(one.kind, amount(float64(one.size)), amount(float64(one.peak)), amount(one.rate)+"/s")
	}
}

// profile writes where the time of NDJSON goes.
func (b *bench) profile(p *page) error {
	p.line("\n## Where the time goes\n\nBy function (`go tool pprof -top`): its own time, and with what it calls. All runs in one goroutine.")
	for _, of := range [...][2]string{{"list", "small"}, {"list", "conns"}, {"list", "wide"}, {"ndjson", "small"}, {"ndjson", "bulk"}, {"ndjson", "deflate"}} {
		mode, kind := of[0], of[1]
		if b.captures[kind] == nil {
			continue
		}
		file := b.path(mode + "-" + kind + ".prof")
		if _, err := command(nil, b.path("profile"), mode, "1", "1", b.captures[kind].file, file); err != nil {
			return err
		}
		out, err := exec.Command("go", "tool", "pprof", "-top", "-nodecount", "8", b.path("profile"), file).Output()
		if err != nil {
			return fmt.Errorf("pprof: %w", err)
		}
		p.line("\n`%s`, %s:\n\n```", mode, kind)
		for line := range strings.Lines(string(out)) {
			if fields := strings.Fields(line); len(fields) > 5 && strings.HasSuffix(fields[1], "%") {
				p.line("%7s %7s  %s", fields[1], fields[4], strings.ReplaceAll(strings.Join(fields[5:], " "), "github.com/wsdump/wsdump/", ""))
			}
		}
		p.line("```")
	}
	p.line("\n%s", why)
	return nil
}

// why says what is not reached, and why.
//
//go:embed why.md
var why string

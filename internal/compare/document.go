package main

import (
	_ "embed"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
)

// print writes the whole page.
func (b *bench) print(w io.Writer) error {
	var all []judged
	for _, c := range trials() {
		j, err := c.all(b.root, b.dir)
		if err != nil {
			return fmt.Errorf("%s: %w", c.title, err)
		}
		all = append(all, j)
	}
	table, lacks := b.capabilities()
	fmt.Fprint(w, head(), better(all, lacks), table)
	if err := b.traffic(w); err != nil {
		return err
	}
	tricky(w, all)
	if err := b.violations(w); err != nil {
		return err
	}
	if err := b.outputs(w); err != nil {
		return err
	}
	_, err := fmt.Fprint(w, "\n", speed)
	return err
}

// speed is the part about speed and memory. A run of it takes long and needs a
// quiet machine, so that it is printed by go run ./bench -comparison.
//
//go:embed speed.md
var speed string

func head() string {
	absent := ""
	for _, name := range []string{"zeek", "suricata"} {
		if _, err := exec.LookPath(name); err != nil {
			absent += map[bool]string{true: " and ", false: ""}[absent != ""] + strings.ToUpper(name[:1]) + name[1:]
		}
	}
	page := `# wsdump beside tshark

<!-- Printed by: go run ./internal/compare >docs/COMPARISON.md. Do not edit; a test holds it to what the programs say. -->

What each program shows of the same captures. This page was printed from one run, with tshark ` + tsharkVersion() + ` and the wsdump of its commit; for another tshark, run the command above.
Fixtures (` + "`testdata/pcaps`" + `) are captures of real programs. ` + "`internal/compare`" + ` builds the other captures and knows every byte of them.

- tshark, default options: ` + "`tshark -r FILE -Y websocket`" + `
- tshark, best options: ` + "`tshark " + strings.Join(best(), " ") + " -r FILE -Y websocket`" + `, and what a case names besides
- wsdump: ` + "`wsdump FILE`" + `, no options

The rows of tshark come from its PDML (` + "`-T pdml`" + `), which has every frame and byte.
`
	if absent != "" {
		page += "Not compared: " + absent + ", which were not installed. (Suricata's EVE log has WebSocket events from 8.0 on.)\n"
	}
	return page
}

// better says where tshark is ahead, first of all.
func better(all []judged, lacks []string) string {
	page := `
## Where tshark is better

- It knows thousands of protocols; wsdump knows WebSocket and the layers below it.
- It has display filters over every field, a graphical program (Wireshark), statistics of all kinds, and dissectors in Lua.
- It opens more capture formats (next table).
- It shows each layer of each packet byte by byte: use it for the TCP, TLS or HTTP below a WebSocket. The packet numbers of wsdump are Wireshark's.
`
	if len(lacks) > 0 {
		page += "- wsdump does not have, yet: " + strings.Join(lacks, "; ") + ".\n"
	}

	var ahead []string
	for _, j := range all {
		if !j.wsdump.right() && (j.tshark.right() || j.best.right()) {
			ahead = append(ahead, j.title)
		}
	}
	if len(ahead) > 0 {
		page += "- Of the captures below, it is right and wsdump is not, yet, in: " + strings.Join(ahead, "; ") + ".\n"
	}
	return page
}

// capabilities returns a table of what each can do, and what wsdump cannot.
func (b *bench) capabilities() (table string, lacks []string) {
	table = "\n## What each can do, by trial\n\n| | tshark | wsdump |\n|---|---|---|\n"
	for _, p := range probes() {
		theirs, ours := p.ask(b)
		table += fmt.Sprintf("| %s | %s | %s |\n", p.what, theirs, ours)
		if what, _, _ := strings.Cut(p.what, " ("); ours == "0" || ours == "no" {
			what, _, _ = strings.Cut(what, ":")
			lacks = append(lacks, strings.TrimSuffix(what, ", and over how many fields"))
		}
	}
	return table, lacks
}

// traffic counts how far both agree about real traffic.
func (b *bench) traffic(w io.Writer) error {
	files, err := filepath.Glob(filepath.Join(b.root, pcaps, "*.pcap*"))
	if err != nil {
		return err
	}
	var frames, sameFrames, fixtures int
	for _, file := range files {
		us, err := ourRows(file, nil)
		if err != nil {
			return err
		}
		ours := without(without(us.rows, "message"), "control")
		if len(ours) == 0 {
			continue
		}
		theirs, err := tsharkRows(file, append(best(), "-o", "websocket.decompress:FALSE")...)
		if err != nil {
			return err
		}
		fixtures++
		frames += len(ours)
		sameFrames += len(ours) - len(only(ours, without(without(theirs, "message"), "control")))
	}
	fmt.Fprintf(w, `
## Real traffic

In the %d fixtures with WebSockets that need no keys, both show the same for %d of %d frames: packet, direction, opcode, FIN, reserved bits, mask, length. `+"`internal/compare/differential_test.go`"+`
lists each difference with its reason. In each of them, wsdump agrees with the records of the endpoints.
`, fixtures, sameFrames, frames)
	return nil
}

func tricky(w io.Writer, all []judged) {
	fmt.Fprint(w, "\n## Tricky captures\n\n| | tshark | tshark, best | wsdump |\n|---|---|---|---|\n")
	words := map[string]string{"right": "right", "misses": "misses some", "wrong": "**wrong**", "not": "not yet"}
	for _, j := range all {
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", j.title, words[j.tshark.word()], words[j.best.word()], words[j.wsdump.word()])
	}
	fmt.Fprint(w, "\n\"Wrong\": it shows something that nobody sent. \"Misses some\": it leaves something out. After \"says\": errors and warnings of wsdump about the traffic. Captures that all show right have no section.\n")
	for _, j := range all {
		if j.agreed() {
			continue // the table above has it
		}
		fmt.Fprint(w, "\n### ", j.title, "\n\n", j.why)
		if j.fixture != "" {
			fmt.Fprintf(w, " (`%s`)\n", j.fixture)
		} else {
			story := j.story
			if story == "" {
				story = strings.TrimSpace(strings.Join(j.scripts, "later, again\n"))
			}
			fmt.Fprintf(w, "\n\n```\n%s\n```\n", story)
			if j.swap > 0 {
				fmt.Fprintf(w, "\nPackets %d and %d are swapped.\n", j.swap, j.swap+1)
			}
		}
		fmt.Fprint(w, "\n| | |\n|---|---|\n")
		fmt.Fprintf(w, "| tshark | %s |\n| tshark, best%s | %s |\n| wsdump | %s |\n", j.tshark.cell(), besides(j.options), j.bestCell(), j.wsdump.cell())
	}
}

func besides(options []string) string {
	if len(options) == 0 {
		return ""
	}
	return " and `" + strings.Join(options, " ") + "`"
}

func (b *bench) violations(w io.Writer) error {
	fmt.Fprint(w, "\n## Violations of the protocol\n\nEach conversation has one. tshark: expert information of severity note and above (`-z expert,note`), but not of TCP, where every FIN is a note. wsdump: errors and warnings.\n\n| planted | | tshark | wsdump |\n|---|---|---|---|\n")
	all, theirs, ours := violations(), 0, 0
	for _, v := range all {
		path, rules, err := v.announced(b.dir)
		if err != nil {
			return fmt.Errorf("%s: %w", v.what, err)
		}
		said, err := experts(path)
		if err != nil {
			return err
		}
		if len(said) > 0 {
			theirs++
		}
		if len(rules) > 0 {
			ours++
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", v.what, v.ref, nothing(said), nothing(rules))
	}
	fmt.Fprintf(w, "\ntshark says something in %d of %d, wsdump in %d.\n", theirs, len(all), ours)
	return nil
}

func nothing(what []string) string {
	if len(what) == 0 {
		return "nothing"
	}
	return "`" + strings.Join(what, "`, `") + "`"
}

// outputs shows what a person and a program get.
func (b *bench) outputs(w io.Writer) error {
	fmt.Fprint(w, "\n## What comes out\n\nThe same capture for each: a text, a ping, its pong, two texts in one packet, a close.\n")
	c := trial{title: "outputs", scripts: []string{plain + "C> text \"hello\"\nS> ping \"p\"\nC> pong \"p\"\nC> text \"a,b\"\nC+ text \"c\"\nC> close 1000 \"bye\"\nS> close 1000\nS> fin\nC> fin\n"}}
	path, err := c.build(b.root, b.dir)
	if err != nil {
		return err
	}
	for _, command := range [][]string{
		{"tshark", "-r", path, "-Y", "websocket"},
		{"tshark", "-r", path, "-Y", "websocket", "-T", "fields", "-e", "frame.number", "-e", "websocket.payload.text"},
		{"wsdump", path},
		{"wsdump", "-T", "ndjson", "--hide", "open,close,finding,control", path},
	} {
		program := command[0]
		if program == "wsdump" {
			program = b.wsdump
		}
		out, errs, code := run(program, command[1:]...)
		if code != 0 {
			return fmt.Errorf("%s: exit %d: %s", strings.Join(command, " "), code, errs)
		}
		shown := strings.ReplaceAll(strings.Join(command, " ")+"\n"+strings.TrimRight(out, "\n"), path, "FILE")
		fmt.Fprintf(w, "\n```\n$ %s\n```\n", shown)
	}
	return nil
}

package filter

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/internal/long"
	"golang.org/x/net/bpf"
)

// TestError: the place, in bytes, lines and characters, and what to do.
func TestError(t *testing.T) {
	for _, tc := range []struct {
		expr, message, hint string
		offset, line        int
		caret               string
	}{
		{"port http", `not a port: "http"`, "http is port 80", 5, 1, "       ^"},
		{"tcp and\nhost example.com", `not an address: "example.com"`, "as numbers", 13, 2, "       ^"},
		{"tcp port 80 and", "the expression ends too early", "", 15, 1, "                 ^"},
		{"host 10.0.0.1/8", "a mask goes with net", "write net", 5, 1, "       ^"},
		{"net 10.0.0.1/8", `"10.0.0.1/8" has bits outside its mask`, "write net 10.0.0.0/8", 4, 1, "      ^"},
		{"net 10.0.0.1 mask 255.0.0.0", "bits outside its mask", "write net 10.0.0.0 mask 255.0.0.0", 4, 1, "      ^"},
		{"net 2001:db8::1/32", "bits outside its mask", "write net 2001:db8::/32", 4, 1, "      ^"},
		{"tcp host 10.0.0.1", "tcp has ports but no hosts", "tcp and host 10.0.0.1", 9, 1, "           ^"},
		{"ip port 80", "ip has no ports", "ip and port 80", 8, 1, "          ^"},
		{"80", "not expected here", "host 10.0.0.1 or port 80", 0, 1, "  ^"},
		{"len-4 = 2", `not expected here: "len-4"`, "spaces", 0, 1, "  ^"},
		{"geneve", "not supported", "udp port 6081", 0, 1, "  ^"},
		{"vlan 5000", "numbers up to 4095", "", 5, 1, "       ^"},
		{"tcp[0:3] = 1", "1, 2 or 4 bytes", "", 6, 1, "        ^"},
		{"ip proto tcp", `not expected here: "tcp"`, `write \tcp`, 9, 1, "           ^"},
		{"ö", "not a character", "", 0, 1, "  ^"},
		{"tcp port \x1b[31m", "not a character", "", 9, 1, "           ^"},
	} {
		_, err := Parse(tc.expr)
		wrong, ok := err.(*Error)
		if !ok {
			t.Errorf("%q: %v", tc.expr, err)
			continue
		}
		lines := strings.Split(wrong.Excerpt(), "\n")
		if !strings.Contains(wrong.Message, tc.message) || !strings.Contains(wrong.Hint, tc.hint) || wrong.Offset != tc.offset || wrong.Line != tc.line || lines[1] != tc.caret {
			t.Errorf("%q: %+v\n%s", tc.expr, *wrong, wrong.Excerpt())
		}
		if strings.ContainsRune(wrong.Error(), 0x1b) {
			t.Errorf("%q: the error has an escape byte", tc.expr)
		}
	}
}

// TestLinkErrors: what makes no sense on a link type is told when it is met.
func TestLinkErrors(t *testing.T) {
	for _, tc := range []struct {
		expr    string
		link    uint32
		message string
	}{
		{"ether host 02:00:00:00:00:01", linkRaw, "no Ethernet addresses"},
		{"vlan", linkSLL2, "vlan is not known"},
		{"tcp", linkNFLog, "cannot be filtered by what is inside"},
		{"tcp", 147, "link type 147 cannot be filtered by what is inside"},
		{"inbound", linkEthernet, "which way"},
		{"mpls and arp", linkEthernet, "only IPv4 and IPv6"},
	} {
		e, err := Parse(tc.expr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Compile(tc.link); err == nil || !strings.Contains(err.Error(), tc.message) {
			t.Errorf("%q on link type %d: %v", tc.expr, tc.link, err)
		}
	}
}

// TestUnknownLink: what looks at no protocol works on every link type.
func TestUnknownLink(t *testing.T) {
	for expr, want := range map[string]bool{
		"greater 100": false, "less 100": true, "len = 60": true, "ether[0] = 7": true, "link[0] = 8 or greater 61": false,
	} {
		e, err := Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := e.Compile(147)
		if err != nil {
			t.Errorf("%q: %v", expr, err)
			continue
		}
		p, err := NewProgram(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Match([]byte{7}, 60); got != want {
			t.Errorf("%q matches: %t", expr, got)
		}
	}
}

// TestAgainstVM: the evaluator says what the one of x/net/bpf says.
func TestAgainstVM(t *testing.T) {
	for i, one := range expressions(t) {
		if one.class == "refused" || one.class == "outside" || !long.Wanted() && i%4 != 0 {
			continue
		}
		for _, link := range []uint32{linkEthernet, linkPFLog} {
			e, err := Parse(one.expr)
			if err != nil {
				t.Fatalf("%q: %v", one.expr, err)
			}
			raw, err := e.Compile(link)
			if err != nil {
				continue
			}
			p, err := NewProgram(raw)
			if err != nil {
				t.Fatalf("%q: %v", one.expr, err)
			}
			decoded, ok := bpf.Disassemble(raw)
			if !ok {
				t.Fatalf("%q: not all instructions are known", one.expr)
			}
			vm, err := bpf.NewVM(decoded)
			if err != nil {
				t.Fatalf("%q: %v", one.expr, err)
			}
			for _, f := range capture(link, i%9 == 0) {
				want, err := vm.Run(f.data)
				if err != nil {
					t.Fatalf("%q: %v", one.expr, err)
				}
				// The VM knows no other length than that of the bytes.
				if got := p.Match(f.data, uint32(len(f.data))); got != (want != 0) {
					t.Fatalf("%q on link type %d: the VM says %d, Match %v: % x", one.expr, link, want, got, f.data)
				}
			}
		}
	}
}

// beside puts what Linux knows of a packet into a program, in place of the
// loads that ask for it.
func beside(t *testing.T, raw []bpf.RawInstruction, values map[uint32]uint32) *Program {
	t.Helper()
	changed := make([]bpf.RawInstruction, len(raw))
	for i, in := range raw {
		if in.Op&0xe7 == 0x20 && in.K >= ancillary {
			v, ok := values[in.K]
			if !ok {
				t.Fatalf("the program asks for %#x", in.K)
			}
			in = bpf.RawInstruction{Op: 0, K: v}
		}
		changed[i] = in
	}
	p, err := NewProgram(changed)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestKernelVLAN: with the first tag beside the packet, as Linux has it, an
// expression that asks for tags means the same.
func TestKernelVLAN(t *testing.T) {
	hits := 0
	for _, expr := range []string{
		"vlan", "vlan 5", "vlan 2", "vlan and tcp", "vlan and tcp port 80", "vlan 5 and vlan 6", "vlan and vlan and ip6", "vlan 7 and pppoes and tcp", "vlan and ether proto 0x42",
		"vlan 2 and tcp[13] & 2 != 0", "vlan and tcp[ip[0] & 15] = 0", "vlan and ip[ip[0] & 15] = 64", "not (vlan 2 and udp) and vlan", "vlan and mpls", "vlan and host 10.0.0.1 and ether[0] & 1 = 0",
		"vlan and (port 80 or 443)", "vlan and net 2001:db8::/32 or vlan",
	} {
		e, err := Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		file, err := e.Compile(linkEthernet)
		if err != nil {
			t.Fatal(err)
		}
		kernel, err := e.CompileKernel(linkEthernet)
		if err != nil {
			t.Fatal(err)
		}
		inFile, err := NewProgram(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range capture(linkEthernet, false) {
			want := inFile.Match(f.data, f.length)
			// As it is: the tag, if there is one, is in the packet.
			inside := beside(t, kernel, map[uint32]uint32{ancillaryTagged: 0, ancillaryTag: 0})
			if got := inside.Match(f.data, f.length); got != want {
				t.Fatalf("%q: packet %d with its tags inside: kernel %v, file %v", expr, i, got, want)
			}
			if tpid := uint32(f.data[12])<<8 | uint32(f.data[13]); tpid != etherVLAN && tpid != etherQinQ && tpid != etherOld {
				continue
			}
			stripped := join(f.data[:12], f.data[16:])
			tag := uint32(f.data[14])<<8 | uint32(f.data[15])
			if got := beside(t, kernel, map[uint32]uint32{ancillaryTagged: 1, ancillaryTag: tag}).Match(stripped, f.length-4); got != want {
				t.Fatalf("%q: packet %d with its tag beside: kernel %v, file %v", expr, i, got, want)
			}
			if want {
				hits++
			}
		}
	}
	if hits < 100 {
		t.Errorf("only %d packets passed", hits)
	}
}

// TestKernelAgainstTcpdump: what libpcap attaches to an interface says the same.
// Its optimizer is off: of "ip or vlan and ip" it makes something else.
func TestKernelAgainstTcpdump(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not root: tcpdump opens no interface")
	}
	if _, err := exec.LookPath("tcpdump"); err != nil {
		t.Skip("tcpdump is not installed")
	}
	packets := capture(linkEthernet, false)
	for _, expr := range []string{
		"tcp", "vlan", "vlan 5", "vlan and tcp port 80", "vlan 5 and vlan 6", "vlan and vlan", "ip or vlan and ip", "vlan or ip6", "not vlan 2", "outbound and tcp", "inbound",
		"vlan and host 10.0.0.1", "vlan and tcp[13] & 2 != 0", "ip[len - len] = 0x45 and vlan",
	} {
		text, err := exec.Command("tcpdump", "-n", "-O", "-i", "lo", "-ddd", expr).Output()
		if err != nil {
			t.Skipf("tcpdump cannot open lo: %v", err)
		}
		theirs, err := ParseRaw(string(text))
		if err != nil {
			t.Fatal(err)
		}
		e, err := Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		mine, err := e.CompileKernel(linkEthernet)
		if err != nil {
			t.Fatal(err)
		}
		for _, values := range []map[uint32]uint32{
			{ancillaryTagged: 0, ancillaryTag: 0, ancillaryPacket: 0},
			{ancillaryTagged: 1, ancillaryTag: 0x2005, ancillaryPacket: 4},
			{ancillaryTagged: 1, ancillaryTag: 2, ancillaryPacket: 1},
		} {
			want, got := beside(t, theirs, values), beside(t, mine, values)
			for i, f := range packets {
				if want.Match(f.data, f.length) != got.Match(f.data, f.length) {
					t.Fatalf("%q: packet %d with %v: tcpdump says %v", expr, i, values, want.Match(f.data, f.length))
				}
			}
		}
	}
}

// TestKernelCooked: the program for "any" sees packets without the header that
// the capture will have, and says what the one for the capture says.
func TestKernelCooked(t *testing.T) {
	for _, link := range []uint32{linkSLL, linkSLL2} {
		for _, expr := range []string{"ip", "tcp port 80", "arp", "inbound", "outbound and udp", "host 10.0.0.1", "ip6 and greater 80", "len = 60", "tcp[13] & 2 != 0", "ifindex 1"} {
			e, err := Parse(expr)
			if err != nil {
				t.Fatal(err)
			}
			file, err := e.Compile(link)
			if err != nil {
				continue // ifindex is in SLL2 only
			}
			kernel, err := e.CompileKernel(link)
			if err != nil {
				t.Fatal(err)
			}
			inFile, err := NewProgram(file)
			if err != nil {
				t.Fatal(err)
			}
			passed := 0
			for i, p := range mixed() {
				data := onLink(link, p, i)
				program := beside(t, kernel, map[uint32]uint32{ancillaryProtocol: uint32(p.proto), ancillaryPacket: uint32(i % 5), ancillaryInterface: uint32(i % 3)})
				want := inFile.Match(data, uint32(len(data)))
				if got := program.Match(p.data, uint32(len(p.data))); got != want {
					t.Fatalf("%q on link type %d, packet %d: kernel %v, file %v", expr, link, i, got, want)
				}
				if want {
					passed++
				}
			}
			if passed == 0 {
				t.Errorf("%q on link type %d lets nothing through", expr, link)
			}
		}
	}
	e, err := Parse("ether[4:2] = 1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.CompileKernel(linkSLL); err == nil {
		t.Error("the kernel has no such bytes")
	}
}

// TestLong: ways longer than a test can jump, and programs that are too long.
func TestLong(t *testing.T) {
	var terms []string
	for i := range 600 {
		terms = append(terms, "host 10.0."+string(rune('0'+i%10))+".1 and port "+strings.Repeat("1", 1+i%4))
	}
	for _, expr := range []string{strings.Join(terms, " or "), "not (" + strings.Join(terms, " or ") + ")", strings.Join(terms[:40], " and not ")} {
		p, err := ours(expr, linkEthernet)
		if err != nil {
			t.Fatal(err)
		}
		part, err := ours(terms[599], linkEthernet)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range capture(linkEthernet, false) {
			if part.Match(f.data, f.length) && strings.HasPrefix(expr, "host") && strings.Contains(expr, " or ") && !p.Match(f.data, f.length) {
				t.Fatal("a long program rejects what a part of it lets through")
			}
		}
		e, err := Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.CompileKernel(linkEthernet); len(expr) > 10_000 && (err == nil || !strings.Contains(err.Error(), "the kernel takes 4096")) {
			t.Errorf("%d bytes for the kernel: %v", len(expr), err)
		}
	}
	if _, err := Parse(strings.Repeat("not ", 300) + "ip"); err == nil {
		t.Error("negations without an end")
	}
	if _, err := Parse(strings.Repeat("ip or ", 20_000) + "ip"); err == nil {
		t.Error("an expression of 120 KB")
	}
}

// TestOptimised: what everybody filters by is about as short as tcpdump has it.
func TestOptimised(t *testing.T) {
	for expr, most := range map[string]int{"tcp": 12, "tcp port 80": 20, "port 80": 24, "host 10.0.0.1": 14, "ip or ip6": 5, "tcp port 8080 and host 10.0.0.1": 24, "vlan 5 and tcp port 80": 27} {
		e, err := Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := e.Compile(linkEthernet)
		if err != nil {
			t.Fatal(err)
		}
		if len(raw) > most {
			t.Errorf("%q: %d instructions, more than %d", expr, len(raw), most)
		}
	}
}

// TestParseRaw: what tcpdump -ddd prints, and what it does not.
func TestParseRaw(t *testing.T) {
	for _, text := range []string{"1\n6 0 0 262144\n", "1\n6 0 0 262144", "1,6 0 0 262144,", "  1 , 6 0 0 1"} {
		if raw, err := ParseRaw(text); err != nil || len(raw) != 1 {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, message := range map[string]string{
		"":                               "no BPF program",
		"tcp port 80":                    "no BPF program",
		"2\n6 0 0 1\n":                   "not complete",
		"1\n6 0 0\n":                     "four numbers",
		"1\n6 0 256 1\n":                 "8 bits",
		"1\n6 0 0 4294967296\n":          "32 bits",
		"1\n40 0 0 12\n":                 "does not end",
		"2\n21 1 0 5\n6 0 0 1\n":         "out of the program",
		"2\n5 0 0 4294967295\n6 0 0 1\n": "out of the program",
		"2\n96 0 0 16\n6 0 0 1\n":        "no memory cell 16",
		"2\n52 0 0 0\n6 0 0 1\n":         "divides by zero",
		"2\n255 0 0 0\n6 0 0 1\n":        "no opcode",
		"{ 0x6, 0, 0, 0x00040000 },":     "no BPF program",
	} {
		if _, err := ParseRaw(text); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestNoAllocation: running a program takes no memory.
func TestNoAllocation(t *testing.T) {
	p, err := ours("tcp port 80 and host 10.0.0.1 and tcp[tcp[12] >> 2] = 0", linkEthernet)
	if err != nil {
		t.Fatal(err)
	}
	frames := capture(linkEthernet, false)
	if n := testing.AllocsPerRun(10, func() {
		for _, f := range frames {
			p.Match(f.data, f.length)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzParse: no expression breaks the parser or the compiler, and what compiles
// is a program that the VM takes and that says what the VM says.
func FuzzParse(f *testing.F) {
	for _, one := range expressions(f) {
		f.Add(one.expr, uint8(len(one.expr)))
	}
	frames := map[uint32][]frame{}
	for _, link := range links {
		frames[link] = capture(link, true)
	}
	f.Fuzz(func(t *testing.T, expr string, which uint8) {
		e, err := Parse(expr)
		if err != nil {
			_ = err.Error()
			return
		}
		link := links[int(which)%len(links)]
		if raw, err := e.CompileKernel(link); err == nil {
			if _, err := NewProgram(raw); err != nil || len(raw) > maxKernel {
				t.Fatalf("%d instructions for the kernel: %v", len(raw), err)
			}
		}
		raw, err := e.Compile(link)
		if err != nil {
			return
		}
		p, err := NewProgram(raw)
		if err != nil {
			t.Fatal(err)
		}
		decoded, ok := bpf.Disassemble(raw)
		if !ok {
			t.Fatal("unknown instructions")
		}
		vm, err := bpf.NewVM(decoded)
		if err != nil {
			t.Fatal(err)
		}
		for i := int(which); i < len(frames[link]); i += 97 {
			data := frames[link][i].data
			want, err := vm.Run(data)
			if err != nil || p.Match(data, uint32(len(data))) != (want != 0) {
				t.Fatalf("the VM says %d, %v", want, err)
			}
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	frames := capture(linkEthernet, false)
	for _, expr := range []string{"tcp port 80", "port 80 or 443 and host 10.0.0.1"} {
		e, err := Parse(expr)
		if err != nil {
			b.Fatal(err)
		}
		raw, err := e.Compile(linkEthernet)
		if err != nil {
			b.Fatal(err)
		}
		p, err := NewProgram(raw)
		if err != nil {
			b.Fatal(err)
		}
		decoded, _ := bpf.Disassemble(raw)
		vm, err := bpf.NewVM(decoded)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(expr+"/own", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				f := &frames[i%len(frames)]
				p.Match(f.data, f.length)
			}
		})
		b.Run(expr+"/vm", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, err := vm.Run(frames[i%len(frames)].data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzProgram: a program of somebody else is refused or runs, and then says what
// the VM says.
func FuzzProgram(f *testing.F) {
	for _, text := range []string{"1,6 0 0 1", "4,40 0 0 12,21 0 1 2048,6 0 0 262144,6 0 0 0", "5,177 0 0 14,72 0 0 14,21 0 1 80,6 0 0 1,22 0 0 0", "3,1 0 0 0,60 0 0 0,22 0 0 0"} {
		f.Add(text, []byte("a packet of some bytes that is read at some places"))
	}
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		raw, err := ParseRaw(text)
		if err != nil {
			return
		}
		p, err := NewProgram(raw)
		if err != nil {
			t.Fatalf("it was read: %v", err)
		}
		got := p.Match(data, uint32(len(data)))
		decoded, ok := bpf.Disassemble(raw)
		if !ok {
			return
		}
		vm, err := bpf.NewVM(decoded)
		if err != nil {
			return // such as a negation, which it does not know
		}
		if want, err := vm.Run(data); err == nil && got != (want != 0) {
			t.Fatalf("the VM says %d, Match %v", want, got)
		}
	})
}

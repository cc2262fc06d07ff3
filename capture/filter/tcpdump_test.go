package filter

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/wsdump/wsdump/internal/long"
)

// links are the link types that tcpdump compiles for.
var links = []uint32{
	linkEthernet, linkRaw, linkIPv4, linkIPv6, linkSLL, linkSLL2, linkNull, linkLoop, linkPPP, linkPPPHDLC, linkPPPoE, linkCHDLC, linkPFLog,
}

// reference is tcpdump: it reads a capture without packets, so that it compiles
// as it does for files.
type reference struct{ folder string }

func newReference(t testing.TB) *reference {
	t.Helper()
	if _, err := exec.LookPath("tcpdump"); err != nil {
		t.Skip("tcpdump is not installed")
	}
	r := &reference{t.TempDir()}
	for _, link := range links {
		var b []byte
		for _, v := range []uint32{0xa1b2c3d4, 0x00040002, 0, 0, 262144, link} {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		if err := os.WriteFile(r.file(link), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *reference) file(link uint32) string {
	return filepath.Join(r.folder, fmt.Sprintf("%d.pcap", link))
}

// compile returns what tcpdump makes of an expression, or the error it tells.
func (r *reference) compile(expr string, link uint32, flags ...string) (*Program, error) {
	cmd := exec.Command("tcpdump", append(flags, "-n", "-ddd", "-r", r.file(link), "--", expr)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(stderr.String())
		text = text[strings.LastIndexByte(text, '\n')+1:]
		if strings.Contains(text, "expression rejects all packets") {
			return &Program{steps: []step{{op: reject}}}, nil
		}
		return nil, fmt.Errorf("%s", text)
	}
	raw, err := ParseRaw(stdout.String())
	if err != nil {
		return nil, err
	}
	return NewProgram(raw)
}

// ours compiles an expression by this package.
func ours(expr string, link uint32) (*Program, error) {
	e, err := Parse(expr)
	if err != nil {
		return nil, err
	}
	raw, err := e.Compile(link)
	if err != nil {
		return nil, err
	}
	return NewProgram(raw)
}

// task is an expression for a link type.
type task struct {
	class, expr, means string
	link               uint32
}

// expressions reads the corpus.
func expressions(t testing.TB) (tasks []task) {
	t.Helper()
	text, err := os.ReadFile("testdata/expressions.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		one := task{expr: line}
		for _, class := range []string{"refused", "outside", "stricter"} {
			if rest, ok := strings.CutPrefix(line, class+": "); ok {
				one.class, one.expr = class, rest
			}
		}
		if one.class == "stricter" {
			one.expr, one.means, _ = strings.Cut(one.expr, " => ")
		}
		tasks = append(tasks, one)
	}
	return tasks
}

// each runs the tasks, some of them at a time.
func each(tasks []task, run func(task)) {
	queue := make(chan task)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for one := range queue {
				run(one)
			}
		})
	}
	for _, one := range tasks {
		queue <- one
	}
	close(queue)
	wait.Wait()
}

// compare holds our program of an expression against tcpdump's.
func compare(t *testing.T, r *reference, packets map[uint32][]frame, one task) {
	means := one.expr
	if one.means != "" {
		means = one.means
	}
	theirs, refusal := r.compile(means, one.link)
	mine, wrong := ours(one.expr, one.link)
	if (refusal != nil) != (wrong != nil) {
		t.Errorf("%q on link type %d: tcpdump says %v, we say %v", one.expr, one.link, refusal, wrong)
		return
	}
	if wrong != nil {
		return
	}
	differ := 0
	var plain *Program
	for i, p := range packets[one.link] {
		if want, got := theirs.Match(p.data, p.length), mine.Match(p.data, p.length); want != got {
			// A load from behind the end rejects a packet. tcpdump changes the order of
			// tests, or leaves some out, so that such a packet has two verdicts: the one
			// of tcpdump -O is right as well.
			if plain == nil {
				plain, _ = r.compile(means, one.link, "-O")
			}
			if (len(p.data) < int(p.length) || want) && plain.Match(p.data, p.length) == got {
				continue
			}
			if differ++; differ == 1 {
				t.Errorf("%q on link type %d: packet %d of %d bytes, %d captured: tcpdump says %v, we say %v\n% x", one.expr, one.link, i, p.length, len(p.data), want, got, p.data)
			}
		}
	}
	if differ > 1 {
		t.Errorf("%q on link type %d: %d packets differ", one.expr, one.link, differ)
	}
}

func captures() map[uint32][]frame {
	packets := map[uint32][]frame{}
	for _, link := range links {
		packets[link] = capture(link, true)
	}
	return packets
}

// TestAgainstTcpdump: the same verdict as tcpdump's own program on every packet
// of a mixed capture, cut ones included, and the same expressions refused.
func TestAgainstTcpdump(t *testing.T) {
	r := newReference(t)
	packets := captures()
	var tasks []task
	for i, one := range expressions(t) {
		if one.class == "outside" {
			continue
		}
		for j, link := range links {
			// All on Ethernet and a third on each of the others; in little time fewer.
			if j != 0 && (i+j)%3 != 0 || !long.Wanted() && (i+5*j)%8 != 0 || one.class == "stricter" && j != 0 {
				continue
			}
			one.link = link
			tasks = append(tasks, one)
		}
	}
	each(tasks, func(one task) { compare(t, r, packets, one) })
	t.Logf("%d comparisons on %d packets of Ethernet", len(tasks), len(packets[linkEthernet]))
}

// TestRefused: what stands in the corpus as refused is, with a place; what is
// outside of the subset is refused and tcpdump takes it, so that the list is
// neither too long nor too short.
func TestRefused(t *testing.T) {
	for _, one := range expressions(t) {
		if one.class != "refused" && one.class != "outside" {
			continue
		}
		_, err := ours(one.expr, linkEthernet)
		wrong, ok := err.(*Error)
		if !ok {
			t.Errorf("%q is not refused", one.expr)
			continue
		}
		if wrong.Message == "" || wrong.Offset > len(one.expr) || !strings.HasSuffix(wrong.Excerpt(), "^") {
			t.Errorf("%q: %v", one.expr, wrong)
		}
	}
	r := newReference(t)
	for _, one := range expressions(t) {
		if one.class == "outside" {
			// Names are known on some machines only, and a protocol chain is a loop.
			named := strings.Contains(one.expr, "localhost") || strings.Contains(one.expr, "loopback")
			if _, err := r.compile(one.expr, linkEthernet); err != nil && !named && !strings.Contains(err.Error(), "backwards") {
				t.Errorf("%q: tcpdump refuses it too: %v", one.expr, err)
			}
		}
	}
}

// TestGenerated: expressions put together at random, seeded, against tcpdump.
func TestGenerated(t *testing.T) {
	r := newReference(t)
	packets := captures()
	random := rand.New(rand.NewPCG(4, 7))
	count := 1200
	if !long.Wanted() {
		count = 100
	}
	tasks := make([]task, count)
	for i := range tasks {
		tasks[i] = task{expr: madeUp(random, 3), link: links[0]}
		if i%3 == 2 {
			tasks[i].link = links[random.IntN(len(links))]
		}
	}
	each(tasks, func(one task) { compare(t, r, packets, one) })
}

// madeUp returns an expression of at most a depth.
func madeUp(r *rand.Rand, depth int) string {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	switch n := r.IntN(10); {
	case depth > 0 && n < 4:
		return madeUp(r, depth-1) + pick(" and ", " or ", " && ", " || ") + madeUp(r, depth-1)
	case depth > 0 && n == 4:
		return pick("not ", "!") + "(" + madeUp(r, depth-1) + ")"
	case depth > 0 && n == 5:
		return "(" + madeUp(r, depth-1) + ")"
	}
	dir := pick("", "", "src ", "dst ", "src or dst ", "src and dst ")
	switch r.IntN(9) {
	case 0:
		return pick("ip", "ip6", "arp", "tcp", "udp", "icmp", "icmp6", "sctp", "vlan", "vlan 5", "vlan 2", "mpls", "pppoes", "broadcast", "multicast")
	case 1, 2:
		return pick("", "tcp ", "udp ") + dir + "port " + pick("80", "443", "53", "0", "8080", "80 or 443", "(53 or 80)")
	case 3:
		return pick("", "tcp ", "udp ", "sctp ") + dir + "portrange " + pick("1-80", "80-443", "50000-1", "53")
	case 4, 5:
		return pick("", "ip ") + dir + pick("host ", "net ") + pick("10.0.0.1", "10.0.0.2", "192.168.1.7", "10", "192.168", "10.0.0.1 or 10.0.0.2")
	case 6:
		return dir + "net " + pick("10.0.0.0/8", "192.168.0.0/16", "2001:db8::/32", "2001:db8:0:1::/64", "0.0.0.0/0", "10.0.0.2/31")
	case 7:
		return pick("less ", "greater ") + pick("40", "60", "100")
	}
	return comparison(r)
}

// comparison returns two values compared.
func comparison(r *rand.Rand) string {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	header := func() string {
		return pick("ip", "ip", "tcp", "tcp", "udp", "icmp", "ip6", "ether", "arp") + "[" + pick("0", "1", "2", "6", "8", "9", "12", "13", "ip[0] & 15", "len - 20", "40") + pick("", ":1", ":2", ":4") + "]"
	}
	value := header()
	for range r.IntN(3) {
		value = "(" + value + ")" + pick(" + ", " - ", " * ", " & ", " | ", " / ", " << ", " >> ") + pick("1", "2", "4", "7", "15", "24")
	}
	return value + pick(" = ", " != ", " > ", " < ", " >= ", " <= ") + pick("0", "1", "2", "5", "69", "80", "255", "0x800", "len", "len - 14")
}

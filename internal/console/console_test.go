package console

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	commands := []string{"read", "list", "version"}
	for name, want := range map[string]string{
		"lits": "list", "lsit": "list", "lst": "list", "vers": "version", "LIST": "list", "raed": "read", "chat.pcap": "", "x": "", "": "",
	} {
		if got := Nearest(name, commands); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestConsole(t *testing.T) {
	for _, test := range []struct {
		quiet, verbose bool
		hints          int
		want           string
	}{
		{false, false, 1, "wsdump: error: bad\nwsdump: x\nwsdump: hint: h\n"},
		{false, false, 4, "wsdump: error: bad\nwsdump: x\nwsdump: hint: 4 things (-v lists them)\n"},
		{false, true, 4, "wsdump: error: bad\nwsdump: x\n" + strings.Repeat("wsdump: hint: h\n", 4)},
		{true, true, 4, "wsdump: error: bad\n"},
	} {
		var b strings.Builder
		c := &Console{W: &b, Quiet: test.quiet, Verbose: test.verbose}
		c.Error("bad")
		c.Say("x")
		c.Say("")
		c.Hint("")
		c.HintEach(strings.Fields(strings.Repeat("h ", test.hints)), "things")
		if b.String() != test.want {
			t.Errorf("%+v: got %q", test, b.String())
		}
	}
	var b strings.Builder
	New(&b).Error("a\x1b[2Jb")
	if strings.Contains(b.String(), "\x1b") {
		t.Errorf("an escape sequence reaches the terminal: %q", b.String())
	}
}

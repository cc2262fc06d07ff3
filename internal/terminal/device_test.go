package terminal

import (
	"bytes"
	"testing"
)

func TestColored(t *testing.T) {
	for _, test := range []struct {
		mode, no, force, term string
		terminal, want        bool
	}{
		{"auto", "", "", "xterm", true, true},
		{"auto", "", "", "xterm", false, false},
		{"auto", "1", "", "xterm", true, false},
		{"auto", "", "1", "xterm", false, true},
		{"auto", "", "0", "xterm", false, false},
		{"auto", "1", "1", "xterm", true, false},
		{"auto", "", "", "dumb", true, false},
		{"always", "1", "", "dumb", false, true},
		{"never", "", "1", "xterm", true, false},
	} {
		t.Setenv("NO_COLOR", test.no)
		t.Setenv("CLICOLOR_FORCE", test.force)
		t.Setenv("TERM", test.term)
		if got := Colored(test.mode, test.terminal); got != test.want {
			t.Errorf("%+v: got %v", test, got)
		}
	}
}

func TestUTF8(t *testing.T) {
	for _, test := range []struct {
		all, ctype, lang string
		want             bool
	}{{"", "", "", true}, {"C", "", "de_DE.UTF-8", false}, {"", "en_US.utf8", "C", true}, {"", "", "POSIX", false}} {
		t.Setenv("LC_ALL", test.all)
		t.Setenv("LC_CTYPE", test.ctype)
		t.Setenv("LANG", test.lang)
		if got := UTF8(); got != test.want {
			t.Errorf("%+v: got %v", test, got)
		}
	}
	if Is(&bytes.Buffer{}) || Width(&bytes.Buffer{}) != 0 {
		t.Error("a buffer is no terminal")
	}
}

package report

import (
	"net/netip"
	"testing"
)

func TestCutRune(t *testing.T) {
	const s = "a\u00e9\u20ac\U0001F600"
	for n, want := range []string{"", "a", "a", "a\u00e9", "a\u00e9", "a\u00e9", "a\u00e9\u20ac", "a\u00e9\u20ac", "a\u00e9\u20ac", "a\u00e9\u20ac", s, s} {
		if got := string(cutRune([]byte(s), n)); got != want {
			t.Errorf("%d bytes: got %q, want %q", n, got, want)
		}
	}
	if got := string(cutRune([]byte("half \xe2\x82"), 100)); got != "half " {
		t.Errorf("a text that ends inside a character: got %q", got)
	}
}

// The vectors are those of the specification's baseline files.
func TestCommunityID(t *testing.T) {
	for _, v := range []struct{ a, b, want string }{
		{"128.232.110.120:34855", "66.35.250.204:80", "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{"66.35.250.204:80", "128.232.110.120:34855", "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	} {
		if got := communityID(netip.MustParseAddrPort(v.a), netip.MustParseAddrPort(v.b)); got != v.want {
			t.Errorf("%s -> %s: got %s, want %s", v.a, v.b, got, v.want)
		}
	}
	v4, v6 := netip.MustParseAddrPort("1.2.3.4:5"), netip.MustParseAddrPort("[::1]:5")
	if communityID(v4, v6) != "" || communityID(v4, netip.AddrPort{}) != "" {
		t.Error("addresses of two families, or none, have no Community ID")
	}
}

package flagvalue

import (
	"errors"
	"testing"

	"github.com/wsdump/wsdump/internal/console"
)

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{
		"64": 64 << 10, "64k": 64 << 10, "64MiB": 64 << 20, "2G": 2 << 30, "2 gb": 2 << 30, "1T": 0, "16GiB": 16 << 30, "17GiB": 0,
		"": 0, "x": 0, "-1": 0, "0": 0, "1.5M": 0, "99999999999999999999": 0, "9223372036854775807G": 0, "1MM": 0,
	} {
		s := Size{Unit: 1 << 10, Most: 16 << 30, Hint: "say 64MiB"}
		err := s.Set(text)
		if wrong := errors.As(err, new(*console.UsageError)); s.Bytes != want || wrong != (want == 0) || s.IsSet == wrong {
			t.Errorf("%q: %d, %v; want %d", text, s.Bytes, err, want)
		}
	}
	if s := (Size{Least: 32 << 20}); s.Set("31M") == nil || s.Set("32M") != nil || s.String() != "32M" {
		t.Errorf("%+v", s)
	}
}

func TestChoiceAndCount(t *testing.T) {
	c := NewChoice("auto", "auto", "never")
	if c.Set("nevr") == nil || c.String() != "auto" || c.Set("never") != nil || c.Value != "never" {
		t.Errorf("%+v", c)
	}
	var n Count
	if n.Set("0") == nil || n.Set("-3") == nil || n.Set("many") == nil || n.String() != "" || n.Set("12") != nil || n.String() != "12" {
		t.Errorf("%d", n)
	}
}

package record

import (
	"errors"
	"testing"
	"time"

	"github.com/wsdump/wsdump/internal/console"
)

func TestStrftime(t *testing.T) {
	at := time.Date(2026, 3, 7, 15, 4, 5, 0, time.UTC)
	for pattern, want := range map[string]string{
		"cap-%Y%m%d-%H%M%S.pcapng": "cap-20260307-150405.pcapng", "%F_%T": "2026-03-07_15:04:05", "%j%%%y%e": "066%26 7", "plain": "plain",
		"%s": "1772895845", "%I%p %b %a": "03PM Mar Sat",
	} {
		if got, err := strftime(pattern, at); err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", pattern, got, err, want)
		}
	}
	for _, pattern := range []string{"%Q", "100%"} {
		if got, err := strftime(pattern, at); !errors.As(err, new(*console.UsageError)) {
			t.Errorf("%q is %q, %v", pattern, got, err)
		}
	}
}

func TestRotationNames(t *testing.T) {
	at := time.Unix(0, 0)
	for _, test := range []struct {
		r    Rotation
		n    uint32
		want string
	}{
		{Rotation{}, 0, "x%s"},
		{Rotation{Megabytes: 1}, 0, "x%s"},
		{Rotation{Megabytes: 1}, 3, "x%s3"},
		{Rotation{Megabytes: 1, Files: 100}, 3, "x%s03"},
		{Rotation{Megabytes: 1, Files: 10}, 13, "x%s3"},
		{Rotation{Seconds: 60}, 3, "x0"},
		{Rotation{Seconds: 60, Megabytes: 1}, 3, "x03"},
	} {
		if got, err := test.r.name("x%s", test.n, at); err != nil || got != test.want {
			t.Errorf("%+v, file %d: %q, %v; want %q", test.r, test.n, got, err, test.want)
		}
	}
	for _, bad := range []struct {
		r    Rotation
		name string
	}{
		{Rotation{Megabytes: 1}, ""},
		{Rotation{Files: 1}, "x"},
		{Rotation{Seconds: 1}, "x"},
		{Rotation{Megabytes: 1}, "-"},
		{Rotation{Seconds: 1}, "x%Q"},
	} {
		if err := bad.r.Check(bad.name); !errors.As(err, new(*console.UsageError)) {
			t.Errorf("%+v %q: %v", bad.r, bad.name, err)
		}
	}
}

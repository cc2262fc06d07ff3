package main

import (
	"errors"
	"testing"
	"time"
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
		if got, err := strftime(pattern, at); !errors.As(err, new(*usageError)) {
			t.Errorf("%q is %q, %v", pattern, got, err)
		}
	}
}

func TestRotationNames(t *testing.T) {
	at := time.Unix(0, 0)
	for _, test := range []struct {
		r    rotation
		n    uint32
		want string
	}{
		{rotation{}, 0, "x%s"},
		{rotation{megabytes: 1}, 0, "x%s"},
		{rotation{megabytes: 1}, 3, "x%s3"},
		{rotation{megabytes: 1, files: 100}, 3, "x%s03"},
		{rotation{megabytes: 1, files: 10}, 13, "x%s3"},
		{rotation{seconds: 60}, 3, "x0"},
		{rotation{seconds: 60, megabytes: 1}, 3, "x03"},
	} {
		if got, err := test.r.name("x%s", test.n, at); err != nil || got != test.want {
			t.Errorf("%+v, file %d: %q, %v; want %q", test.r, test.n, got, err, test.want)
		}
	}
	for _, bad := range []struct {
		r    rotation
		name string
	}{
		{rotation{megabytes: 1}, ""},
		{rotation{files: 1}, "x"},
		{rotation{seconds: 1}, "x"},
		{rotation{megabytes: 1}, "-"},
		{rotation{seconds: 1}, "x%Q"},
	} {
		if err := bad.r.check(bad.name); !errors.As(err, new(*usageError)) {
			t.Errorf("%+v %q: %v", bad.r, bad.name, err)
		}
	}
}

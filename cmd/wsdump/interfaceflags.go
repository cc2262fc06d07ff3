package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/net/bpf"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/capture/live"
	"github.com/wsdump/wsdump/pipeline"
)

// interfaceFlags say which interface packets are captured from, and how.
type interfaceFlags struct {
	name        string
	promiscuous bool
	buffer      sizeFlag
	snaplen     uint32
	retry       bool
	duration    time.Duration
	user        string
	metrics     metricsFlags

	opened func(*live.Identity) error // called between opening and dropping; nil: nothing is to be done
}

func (i *interfaceFlags) flags(f *pflag.FlagSet) {
	i.buffer = sizeFlag{bytes: live.DefaultBuffer}
	f.StringVarP(&i.name, "interface", "i", "", "capture from interface `NAME` (any: all of them) until Ctrl-C; Linux, docs/LIVE.md")
	f.BoolVarP(&i.promiscuous, "promiscuous", "p", false, "with -i: packets for other machines too")
	f.VarP(&i.buffer, "buffer", "B", "with -i: `SIZE` of the kernel's ring, in KiB or as 64MiB")
	f.Uint32Var(&i.snaplen, "snaplen", 0, "with -i: keep the first `N` bytes of a packet; 0 keeps all")
	f.BoolVar(&i.retry, "retry", false, "with -i: wait for an interface that is not there, or goes away")
	f.DurationVar(&i.duration, "duration", 0, "with -i: end after `TIME`, such as 90s or 10m")
	i.metrics.flags(f)
	f.StringVarP(&i.user, "user", "Z", "", "with -i: go on as user `NAME` once the interface is open; under sudo its caller is the default")
}

// check returns an error when a flag that goes with -i stands without it.
func (i *interfaceFlags) check(paths []string) error {
	if err := i.metrics.check(i.name != ""); err != nil {
		return err
	}
	if i.name != "" {
		if len(paths) > 0 {
			return &usageError{text: "packets come from an interface or from files, and not from both: " + quote(paths[0]), hint: "leave out one of them"}
		}
		if i.duration < 0 {
			return &usageError{text: "--duration ends before it begins"}
		}
		return nil
	}
	for _, f := range []struct {
		set  bool
		flag string
	}{
		{i.promiscuous, "-p"},
		{i.buffer.set, "-B"},
		{i.snaplen != 0, "--snaplen"},
		{i.retry, "--retry"},
		{i.duration != 0, "--duration"},
		{i.user != "", "-Z"},
	} {
		if f.set {
			return &usageError{text: f.flag + " goes with -i", hint: "for instance -i lo; `wsdump interfaces` lists what there is"}
		}
	}
	return nil
}

// open begins to capture.
func (i *interfaceFlags) open(filter *captureFilterFlags, words *console, notes *pipeline.Notes) (*live.Ring, error) {
	ring, err := live.Open(live.Options{
		Filter:    filter.program,
		Interface: i.name, Promiscuous: i.promiscuous, Buffer: int(i.buffer.bytes), Snaplen: i.snaplen, Retry: i.retry,
		OnNote: notes.Add, OnState: words.say,
	})
	if err != nil {
		return nil, err
	}
	return ring, nil
}

// program returns the filter for a link type, nil when every packet passes.
func (c *captureFilterFlags) program(link capture.LinkType) ([]bpf.RawInstruction, error) {
	if c.expr == nil {
		return c.raw, nil
	}
	return c.expr.Compile(uint32(link))
}

// drop gives up the privileges that were needed to open the interface. Files are
// opened afterwards, as the user that we are then.
func (i *interfaceFlags) drop(words *console, files bool) error {
	to, name, err := i.identity()
	if err != nil {
		return err
	}
	if i.opened != nil {
		if err := i.opened(to); err != nil {
			return err
		}
	}
	switch err := live.Drop(to, files); {
	case errors.Is(err, live.ErrThreads):
		words.hint(err.Error())
	case err != nil:
		return err
	}
	if to != nil && words.verbose {
		words.say("going on as " + name)
	}
	return nil
}

// identity returns who to go on as: -Z, or who called sudo. nil is nobody else.
func (i *interfaceFlags) identity() (to *live.Identity, name string, err error) {
	root := os.Geteuid() == 0
	caller, err := strconv.Atoi(os.Getenv("SUDO_UID"))
	switch {
	case i.user == "" && (!root || err != nil || caller == 0):
		return nil, "", nil
	case i.user == "":
		group, err := strconv.Atoi(os.Getenv("SUDO_GID"))
		if err != nil {
			return nil, "", &usageError{text: "SUDO_UID is set, and SUDO_GID is none", hint: "say who to go on as with -Z"}
		}
		to = &live.Identity{UID: caller, GID: group, Groups: []int{group}}
		if known, err := user.LookupId(strconv.Itoa(caller)); err == nil {
			to.Groups = append(to.Groups, groups(known)...)
		}
		return to, os.Getenv("SUDO_USER"), nil
	}
	known, err := user.Lookup(i.user)
	if err != nil {
		if known, err = user.LookupId(i.user); err != nil {
			return nil, "", &usageError{text: "-Z: there is no user " + quote(i.user)}
		}
	}
	uid, err := strconv.Atoi(known.Uid)
	gid, err2 := strconv.Atoi(known.Gid)
	switch {
	case err != nil || err2 != nil:
		return nil, "", &usageError{text: "-Z: user " + quote(i.user) + " has no number"}
	case uid == os.Geteuid():
		return nil, "", nil
	case !root:
		return nil, "", &usageError{text: "-Z: only root can go on as another user"}
	}
	return &live.Identity{UID: uid, GID: gid, Groups: append([]int{gid}, groups(known)...)}, known.Username, nil
}

// groups returns what other groups a user is in, as far as that is known.
func groups(u *user.User) (ids []int) {
	names, err := u.GroupIds()
	if err != nil {
		return nil
	}
	for _, name := range names {
		if id, err := strconv.Atoi(name); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// detach returns the context of a run. One that is live is not cut off by the
// first interrupt, nor at the end of its time: what was captured until then is
// shown, and that is its end.
func (in *input) detach(ctx context.Context, cancel context.CancelCauseFunc) (context.Context, context.CancelCauseFunc) {
	if in.ring == nil {
		return ctx, cancel
	}
	context.AfterFunc(ctx, in.ring.Stop)
	if d := in.source.iface.duration; d > 0 {
		time.AfterFunc(d, in.ring.Stop)
	}
	run, enough := context.WithCancelCause(context.WithoutCancel(ctx))
	context.AfterFunc(run, in.ring.Stop)
	return run, enough
}

// greet says that packets are heard from now on.
func (in *input) greet(words *console) {
	if in.ring != nil {
		words.say("capturing on " + in.source.iface.name + "; Ctrl-C ends it")
	}
}

// farewell says what the kernel has counted.
func (in *input) farewell(words *console) {
	if in.ring == nil {
		return
	}
	s := in.ring.Stats()
	words.say(plural(int(min(s.Packets, math.MaxInt)), "packet") + " captured on " + in.source.iface.name + ", " +
		strconv.FormatUint(s.Dropped, 10) + " of them dropped by the kernel for want of room")
}

// refusal returns what to do about an interface that cannot be captured from.
func refusal(err error) string {
	wrong := (*live.InterfaceError)(nil)
	if !errors.As(err, &wrong) {
		return ""
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		self, err := os.Executable()
		if err != nil {
			self = "wsdump"
		}
		return "run it with sudo (it goes on as you once the interface is open), or allow it once: sudo setcap cap_net_raw,cap_net_admin+ep " + self +
			"; to allow it to a group only: sudo chgrp GROUP and sudo chmod o-x on it as well"
	case errors.Is(err, live.ErrUnsupported):
		return "sudo tcpdump -i " + wrong.Name + " -U -w - 'tcp port 8080' | wsdump -"
	case errors.Is(err, fs.ErrNotExist):
		names := interfaceNames()
		if near := nearest(wrong.Name, names); near != "" {
			return "did you mean " + near + "? There are " + strings.Join(names, ", ") + " and any"
		}
		return "there are " + strings.Join(names, ", ") + " and any; --retry waits for one"
	}
	return ""
}

// interfaceNames returns what there is, without any.
func interfaceNames() (names []string) {
	all, err := live.Interfaces()
	if err != nil {
		return nil
	}
	for _, i := range all {
		names = append(names, i.Name)
	}
	return names
}

// sizeFlag is a number of bytes: a plain number is KiB, as tcpdump has it.
type sizeFlag struct {
	bytes int64
	set   bool
}

func (s *sizeFlag) Type() string { return "SIZE" }

func (s *sizeFlag) String() string {
	if s.bytes == 0 {
		return ""
	}
	return fmt.Sprintf("%dMiB", s.bytes>>20)
}

// Set takes a size.
func (s *sizeFlag) Set(text string) error {
	number, unit := strings.TrimRight(text, "KMGiBkmgb "), int64(1<<10)
	switch strings.ToLower(strings.TrimSpace(text[len(number):])) {
	case "", "k", "kb", "kib":
	case "m", "mb", "mib":
		unit = 1 << 20
	case "g", "gb", "gib":
		unit = 1 << 30
	default:
		number = ""
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || n > 16<<30/unit {
		return &usageError{text: "not a size", hint: "it is a number of KiB, or such as 64MiB; 16 GiB at most"}
	}
	s.bytes, s.set = n*unit, true
	return nil
}

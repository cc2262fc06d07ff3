package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/capture/live"
	"github.com/wsdump/wsdump/check"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/timeline"
)

const runExamples = `  sudo wsdump run -- npm test                                        capture while it runs, then judge by the protocol's rules
  sudo wsdump run --rules rules.yaml --report junit=ws.xml -- npm test    by what a team wrote down, for CI
  sudo wsdump run -T html -o run.html -- npx playwright test         and a page to look at, secrets taken out
  sudo wsdump run -i lo -f 'tcp port 8080' -w run.pcapng -- ./test.sh    less is captured, and kept`

const runWords = "The command runs as who called sudo, with SSLKEYLOGFILE and NODE_OPTIONS=--tls-keylog set, so that browsers, curl, Node and others give their TLS keys; they are\n" +
	"used and thrown away. Exit code: the command's own if it is not 0, else as `wsdump check` has it."

// runCommand captures while a command runs, and judges.
type runCommand struct {
	source sourceFlags
	view   viewFlags
	judge  judgeFlags
	linger time.Duration
	args   []string // of the command

	cmd  *exec.Cmd
	keys string // folder of the key log
}

func (r *runCommand) flags(f *pflag.FlagSet) {
	r.source.flags(f)
	r.source.iface.name = live.Any
	f.Lookup("interface").DefValue = live.Any
	r.view.flags(f, rowsView)
	r.view.rowFlags(f)
	r.judge.flags(f)
	f.DurationVar(&r.linger, "linger", time.Second, "go on for `TIME` after the command, for what is still on its way")
	f.SortFlags = false
}

func (r *runCommand) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	words := r.view.console(stderr)
	if err := r.check(stdout); err != nil {
		return words.fail(err)
	}
	r.judge.color = r.view.color
	rules, err := r.judge.rules()
	if err != nil {
		return words.fail(err)
	}
	program, err := r.view.filter.compile(query.Rows)
	if err != nil {
		return words.fail(err)
	}
	if r.keys, err = os.MkdirTemp("", "wsdump-run-"); err != nil {
		return words.fail(err)
	}
	defer func() { _ = os.RemoveAll(r.keys) }() // keys are never kept
	r.source.iface.opened = func(to *live.Identity) error { return r.start(to, stdin, stdout, stderr) }
	in, err := r.source.begin(ctx, stdin, words)
	defer r.kill()
	if err != nil {
		return words.fail(err)
	}
	defer in.close()
	ctx, cancel := in.detach(context.WithCancelCause(ctx))
	defer cancel(nil)
	record, err := r.view.keep.record(in, stdout)
	if err != nil {
		return words.fail(err)
	}

	judge := check.NewJudge(rules, in.files()...)
	clean, err := r.view.redact.before(judge, true, words) // reports are made to be passed on
	if err != nil {
		return words.fail(err)
	}
	seen := &witness{Sink: clean}
	peers := &keyless{}
	var sink timeline.Sink = timeline.Tee(seen, peers)
	page, finish, err := r.page(in, stdout, words)
	if err != nil {
		return words.fail(err)
	}
	if page != nil {
		if program != nil {
			page = query.NewFilter(page, program, in.files()...)
		}
		sink = timeline.Tee(sink, page)
	}
	if chooses := record.sink(in.files()); chooses != nil {
		sink = timeline.Tee(sink, chooses)
	}
	sink, stopped := in.watch(sink, &r.view, words, stdout, stderr)
	defer stopped()
	src := in.packets()
	if record != nil {
		src = record
	}

	ended := make(chan error, 1)
	go func() {
		ended <- r.cmd.Wait()
		time.AfterFunc(r.linger, in.ring.Stop)
	}()
	failed := in.run(ctx, sink, instead(src))
	stopped()
	own := r.wait(ended, words)
	failed = errors.Join(failed, record.finish(words), finish())
	in.farewell(words)
	if failed != nil {
		judge.Cut()
		words.fail(failed)
	}
	peers.tell(words)
	if seen.totals.Conns == 0 {
		said, hint := report.Nothing(&seen.totals)
		words.say(said)
		words.hint(hint)
	}
	verdict := r.judge.conclude(judge.Results(), in.files(), failed, stdout, words)
	if own != exitOK {
		words.say(fmt.Sprintf("%s ended with exit code %d", r.args[0], own))
		return own
	}
	return verdict
}

// check refuses what cannot be run.
func (r *runCommand) check(stdout io.Writer) error {
	switch {
	case len(r.args) == 0:
		return &usageError{text: "run needs a command", hint: "wsdump run -- npm test"}
	case len(r.source.read) > 0:
		return &usageError{text: "run captures while a command runs, and -r reads a file", hint: "`wsdump check` judges files"}
	case r.view.keep.alone || r.view.keep.file == "-":
		return &usageError{text: "run judges, and standard output is for that", hint: "-w copy.pcapng"}
	case r.view.output == "" && r.view.format.value != "table":
		return &usageError{text: "run writes a timeline to a file", hint: "-T " + r.view.format.value + " -o FILE"}
	}
	return r.view.keep.checkLive(stdout, false)
}

// start starts the command as who called sudo. The interface is open by then.
func (r *runCommand) start(to *live.Identity, stdin io.Reader, stdout, stderr io.Writer) error {
	log := filepath.Join(r.keys, "keys.log")
	if err := os.WriteFile(log, nil, modeSecret); err != nil {
		return err
	}
	r.cmd = exec.Command(r.args[0], r.args[1:]...)
	r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = stdin, stdout, stderr
	r.cmd.Env = append(os.Environ(), "SSLKEYLOGFILE="+log, "NODE_OPTIONS="+strings.TrimSpace(os.Getenv("NODE_OPTIONS")+" --tls-keylog="+log))
	if to != nil {
		for _, name := range []string{r.keys, log} {
			if err := os.Chown(name, to.UID, to.GID); err != nil {
				return err
			}
		}
		r.cmd.Env = append(r.cmd.Env, identityVariables(to)...)
		become(r.cmd, to)
	}
	if err := r.cmd.Start(); err != nil {
		r.cmd = nil
		return &usageError{text: "cannot run " + r.args[0] + ": " + reason(err)}
	}
	r.source.followed = append(r.source.followed, &keyLog{name: log})
	return nil
}

// wait returns the exit code of the command. One that goes on after the capture
// has ended, by Ctrl-C or --duration, is asked to end, and then made to.
func (r *runCommand) wait(ended chan error, words *console) int {
	for _, step := range []struct {
		patience time.Duration
		ask      func() error
	}{
		{2 * time.Second, func() error { return r.cmd.Process.Signal(terminate) }},
		{5 * time.Second, r.cmd.Process.Kill},
		{5 * time.Second, nil},
	} {
		select {
		case err := <-ended:
			r.cmd.Process = nil
			return exitCodeOf(err, words)
		case <-time.After(step.patience):
			if step.ask == nil {
				break
			}
			_ = step.ask() // it may be over by now
		}
	}
	return exitFailed
}

// exitCodeOf returns that of a command, as a shell has it.
func exitCodeOf(err error, words *console) int {
	exit := (*exec.ExitError)(nil)
	switch {
	case err == nil:
		return exitOK
	case !errors.As(err, &exit):
		words.error(err.Error())
		return exitFailed
	case exit.ExitCode() < 0:
		return killedBy(exit)
	}
	return exit.ExitCode()
}

// kill ends a command that is not waited for.
func (r *runCommand) kill() {
	if r.cmd != nil && r.cmd.Process != nil && r.cmd.ProcessState == nil {
		_ = r.cmd.Process.Kill()
	}
}

// page opens the file of -o; nil when none is asked for.
func (r *runCommand) page(in *input, stdout io.Writer, words *console) (_ timeline.Sink, finish func() error, err error) {
	if r.view.output == "" {
		return nil, func() error { return nil }, nil
	}
	opt := r.view.options(stdout)
	opt.Files = in.files()
	target, out, err := r.view.open(stdout, opt)
	if err != nil {
		return nil, nil, err
	}
	clean, err := r.view.redact.before(out, r.view.format.format().shared, &console{w: words.w, quiet: true})
	if err != nil {
		target.abandon()
		return nil, nil, err
	}
	return clean, func() error {
		if err := out.Err(); err != nil {
			target.abandon()
			return &targetError{target.name(), err}
		}
		return target.keep()
	}, nil
}

// keyless is a Sink that remembers whose TLS could not be read.
type keyless struct {
	timeline.Nop
	peers map[string]int
}

// mostPeers bounds the peers that are remembered.
const mostPeers = 1000

// Other implements [timeline.Sink].
func (k *keyless) Other(o *timeline.Other) {
	if o.Kind != "tls" || o.Idle {
		return
	}
	name := o.Transport.Server.String()
	if o.ServerName != "" {
		name = o.ServerName + " (" + name + ")"
	}
	if k.peers == nil {
		k.peers = make(map[string]int)
	}
	if _, known := k.peers[name]; known || len(k.peers) < mostPeers {
		k.peers[name]++
	}
}

// tell says which peers gave no keys.
func (k *keyless) tell(words *console) {
	if len(k.peers) == 0 {
		return
	}
	names := slices.SortedFunc(maps.Keys(k.peers), func(a, b string) int { return k.peers[b] - k.peers[a] })
	most := min(len(names), 10)
	var b strings.Builder
	for i, name := range names[:most] {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s: %s", name, plural(k.peers[name], "connection"))
	}
	if len(names) > most {
		fmt.Fprintf(&b, " and %d more", len(names)-most)
	}
	words.say("TLS that could not be read, for no keys were given: " + b.String())
	words.hint("programs that do not mind SSLKEYLOGFILE have to be told: Go by tls.Config.KeyLogWriter, Java by an agent (docs/KEYS.md)")
}

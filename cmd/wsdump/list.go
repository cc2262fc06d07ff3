package main

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/flagvalue"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/report"
)

const listExamples = `  wsdump list capture.pcap
  wsdump list captures/ more.pcapng
  wsdump list -T ndjson run.pcap | jq 'select(.status != 101) | .url'
  wsdump list -Y 'path startsWith "/chat" and not clean' run.pcap
  wsdump list --all run.pcap              TLS, HTTP, event streams, polling too
  wsdump list --sort bytes -c 10 run.pcap the ten that carried most
  wsdump list --payload none huge.pcap    fast: nothing is unmasked or inflated`

// listCommand shows one row a connection.
type listCommand struct {
	viewFlags
	all     bool
	sort    flagvalue.Choice
	reverse bool
}

func (l *listCommand) register(f *pflag.FlagSet) {
	l.viewFlags.register(f, kindList)
	f.BoolVar(&l.all, "all", false, "connections without a WebSocket too; TLS without keys, HTTP and its polling, SSH")
	l.sort = flagvalue.NewChoice("", report.SortKeys()...)
	f.Var(&l.sort, "sort", "rows in order of a `KEY`; "+strings.Join(report.SortKeys(), ", ")+" (figures: the largest first)")
	f.BoolVar(&l.reverse, "reverse", false, "with --sort: the other way round")
}

func (l *listCommand) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	if l.reverse && l.sort.Value == "" {
		return fail(l.output.console(stderr), console.Usage("--reverse needs --sort", "for example --sort duration --reverse"))
	}
	return show(ctx, &view{
		viewFlags: &l.viewFlags,
		scope:     query.Connections,
		options:   func(opt *report.Options) { opt.All, opt.Sort, opt.Reverse = l.all, l.sort.Value, l.reverse },
		open:      l.output.open,
	}, stdin, stdout, stderr)
}

package main

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/report"
)

const listExamples = `  wsdump list capture.pcap
  wsdump list captures/ more.pcapng
  wsdump list -T ndjson capture.pcap | jq 'select(.status != 101) | .url'
  wsdump list -Y 'path startsWith "/chat" and not clean' capture.pcap
  wsdump list --all capture.pcap          what else is there: TLS, HTTP, event streams, polling
  wsdump list --sort bytes -c 10 capture.pcap     the ten that carried most
  wsdump list --payload none huge.pcap    fast: nothing is unmasked or inflated`

// listCommand shows one row a connection.
type listCommand struct {
	source sourceFlags
	view   viewFlags
}

func (l *listCommand) flags(f *pflag.FlagSet) {
	l.source.flags(f)
	l.view.flags(f, listView)
	f.BoolVar(&l.view.all, "all", false, "connections without a WebSocket too: TLS without keys, HTTP and its polling, SSH")
	l.view.sort = choice{words: report.SortKeys()}
	f.Var(&l.view.sort, "sort", "rows in order of a `KEY`: "+strings.Join(report.SortKeys(), ", ")+" (figures: the largest first)")
	f.BoolVar(&l.view.reverse, "reverse", false, "with --sort: the other way round")
	f.SortFlags = false
}

func (l *listCommand) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	if l.view.reverse && l.view.sort.value == "" {
		return l.view.console(stderr).fail(&usageError{text: "--reverse needs --sort", hint: "for example --sort duration --reverse"})
	}
	return show(ctx, &l.source, &l.view, query.Connections, stdin, stdout, stderr)
}

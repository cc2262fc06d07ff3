package main

import (
	"context"
	"io"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/query"
)

const liveExamples = `  sudo wsdump live -i eth0                  what happens now, as a timeline; sudo wsdump -i eth0 is the same
  sudo wsdump live -i any --duration 1m     on all interfaces, for a minute
  sudo wsdump live -i lo -k keys.log        wss as well, with the keys that a program writes meanwhile
  sudo wsdump live -i eth0 -T ndjson | jq . for programs
  sudo wsdump list -i eth0                  one row a connection, when it ends
  wsdump interfaces                         which there are, and whether we may`

// liveCommand shows what passes an interface as a timeline.
type liveCommand struct {
	source sourceFlags
	view   viewFlags
}

func (l *liveCommand) flags(f *pflag.FlagSet) {
	l.source.flags(f)
	l.view.flags(f, rowsView)
	l.view.rowFlags(f)
	f.SortFlags = false
}

func (l *liveCommand) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	if l.source.iface.name == "" {
		return l.view.console(stderr).fail(&usageError{text: "live captures from an interface, and none is named", hint: "-i eth0; `wsdump interfaces` lists them; a file is for `wsdump read`"})
	}
	return show(ctx, &l.source, &l.view, query.Rows, stdin, stdout, stderr)
}

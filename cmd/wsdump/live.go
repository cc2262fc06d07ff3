package main

import (
	"context"
	"io"

	"github.com/wsdump/wsdump/internal/console"
)

const liveExamples = `  sudo wsdump live -i eth0                what happens now (or wsdump -i eth0)
  sudo wsdump live -i any --duration 1m   on all interfaces, for a minute
  sudo wsdump live -i lo -k keys.log      wss too, with keys written meanwhile
  sudo wsdump live -i eth0 -T ndjson | jq .
  sudo wsdump list -i eth0                one row a connection, when it ends
  wsdump interfaces                       which there are, and whether we may`

// liveCommand shows what passes an interface as a timeline. Its flags are those of
// read.
type liveCommand struct{ readCommand }

func (l *liveCommand) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	if l.source.iface.name == "" {
		return fail(l.output.console(stderr), console.Usage("live needs an interface", "-i eth0; `wsdump interfaces` lists them; a file is for `wsdump read`"))
	}
	return l.readCommand.run(ctx, stdin, stdout, stderr)
}

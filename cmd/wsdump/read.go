package main

import (
	"context"
	"io"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/query"
)

const readExamples = `  wsdump read capture.pcap
  wsdump read --hide control,open,close capture.pcap      messages and findings only
  wsdump -Y 'dir == "receive" and text contains "error"' capture.pcap
  wsdump read -T ndjson --payload all -o out.ndjson capture.pcap
  wsdump read -c 100 -t u capture.pcap                    the first 100 rows, with UTC times`

// readCommand shows captures as a timeline.
type readCommand struct {
	source sourceFlags
	view   viewFlags
}

func (r *readCommand) flags(f *pflag.FlagSet) {
	r.source.flags(f)
	r.view.flags(f, rowsView)
	r.view.rowFlags(f)
	f.SortFlags = false
}

func (r *readCommand) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	return show(ctx, &r.source, &r.view, query.Rows, stdin, stdout, stderr)
}

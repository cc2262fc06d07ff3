package main

import (
	"context"
	"io"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/internal/outfile"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/report"
)

const readExamples = `  wsdump read capture.pcap
  wsdump read --hide control,open,close run.pcap   messages and findings only
  wsdump -Y 'dir == "receive" and text contains "error"' run.pcap
  wsdump read -T ndjson --payload all -o out.ndjson run.pcap
  wsdump read -c 100 -t u run.pcap                 100 rows, with UTC times`

// readCommand shows captures as a timeline.
type readCommand struct {
	viewFlags
	rows rowFlags
}

func (r *readCommand) register(f *pflag.FlagSet) {
	r.viewFlags.register(f, kindRows)
	r.rows.register(f)
}

func (r *readCommand) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	return show(ctx, &view{
		viewFlags: &r.viewFlags,
		scope:     query.Rows, buffers: r.rows.group, pager: r.rows.pager, replies: &r.rows.replies, options: r.rows.add,
		open: func(stdout io.Writer, opt report.Options) (*outfile.File, report.Output, error) {
			return r.rows.open(&r.output, stdout, opt)
		},
		remarks: report.Duplicates,
	}, stdin, stdout, stderr)
}

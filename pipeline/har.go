package pipeline

import (
	"context"

	"github.com/wsdump/wsdump/dissect"
	"github.com/wsdump/wsdump/har"
	"github.com/wsdump/wsdump/timeline"
)

// Play tells archives to sink, Done included. It returns the context's error;
// what was told until then stands.
func Play(ctx context.Context, archives []*har.Archive, sink timeline.Sink) error {
	t := &tally{Sink: sink}
	totals, err := har.Play(ctx, archives, t, dissect.Understand)
	totals.Conns, totals.Messages, totals.Findings, totals.HeadersOnly = t.totals.Conns, t.totals.Messages, t.totals.Findings, t.totals.HeadersOnly
	sink.Done(&totals)
	return err
}

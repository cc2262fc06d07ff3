package pipeline

import (
	"context"

	"github.com/wsdump/wsdump/dissect"
	"github.com/wsdump/wsdump/har"
	"github.com/wsdump/wsdump/timeline"
)

// Play emits the connections in HAR archives to sink, Done included. It returns the
// error of the context; what was emitted until then stands.
func Play(ctx context.Context, archives []*har.Archive, sink timeline.Sink) error {
	n := &counter{Sink: sink}
	totals, err := har.Play(ctx, archives, n, dissect.Understand)
	n.setCounts(&totals)
	sink.Done(&totals)
	return err
}

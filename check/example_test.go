package check_test

import (
	"context"
	"fmt"

	"github.com/wsdump/wsdump"
	"github.com/wsdump/wsdump/check"
	"github.com/wsdump/wsdump/timeline"
)

// A Go test can do what a file of rules does, in ten lines.
func Example() {
	rules, err := check.Load("testdata/chat.yaml")
	if err != nil {
		panic(err)
	}
	results, err := check.Run(rules, func(sink timeline.Sink) error {
		return wsdump.Play(context.Background(), "../testdata/pcaps/chat.pcap", sink, timeline.Limits{})
	})
	if err != nil {
		panic(err)
	}
	for _, r := range results {
		fmt.Println(r.Check.ID, r.Outcome)
		for _, v := range r.Violations {
			fmt.Println(" ", v.Expected, "|", v.Actual, "|", v.Rows[0].Line)
		}
	}
	// Output:
	// one-socket pass
	// answers pass
	// small fail
	//   every: length <= 60 | length is 63 | > {"type":"subscribe","channel":"prices","symbols":["ABC","XYZ"]}
}

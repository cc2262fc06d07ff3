package reassembly

import "github.com/wsdump/wsdump/timeline"

var (
	ruleGap = &timeline.Rule{
		ID: "tcp/gap", Severity: timeline.Warning, Since: "0.1", Ref: "RFC 9293 3.4",
		Title: "bytes are missing from the capture",
		Text:  "Segments of this direction were not captured, or their packets were cut by the snap length. Capture with a larger buffer and a full snap length.",
	}
	ruleOverlap = &timeline.Rule{
		ID: "tcp/overlap-differs", Severity: timeline.Warning, Since: "0.1", Ref: "RFC 9293 3.10.7.4",
		Title: "a retransmission carries other bytes",
		Text:  "Two segments give different bytes for the same place. The first are shown. A broken middlebox, or somebody who wants observers to see something else than the receiver.",
	}
	ruleMidstream = &timeline.Rule{
		ID: "tcp/midstream", Severity: timeline.Note, Since: "0.1",
		Title: "the connection's start is not in the capture",
		Text:  "No SYN was captured: the connection is older than the capture.",
	}
	ruleLimit = &timeline.Rule{
		ID: "tcp/limit", Severity: timeline.Warning, Since: "0.1",
		Title: "a limit was reached",
		Text:  "More bytes waited behind a hole, or more connections were open, than memory is allowed to hold; what was given up counts as missing.",
	}
)

// Rules returns the rules of this package, in the order of the catalogue.
func Rules() []*timeline.Rule {
	return []*timeline.Rule{timeline.RuleDuplicate, ruleGap, ruleOverlap, ruleMidstream, ruleLimit}
}

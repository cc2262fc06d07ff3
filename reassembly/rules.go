package reassembly

import "github.com/wsdump/wsdump/timeline"

var (
	ruleFragments = &timeline.Rule{
		ID: "ip/fragment-overlap", Severity: timeline.Warning, Since: "0.1", Ref: "RFC 5722",
		Title: "IP fragments contradict each other",
		Text:  "Two fragments of one IP packet carry different bytes for the same place, or tell different ends. The first are shown. No sender does that: a broken middlebox, or somebody who wants observers to see something else than the receiver.",
	}
	ruleFragmentLost = &timeline.Rule{
		ID: "ip/fragment-lost", Severity: timeline.Note, Since: "0.1", Ref: "RFC 791 3.2",
		Title: "IP packets that never became whole",
		Text:  "Fragments of them were captured, and others were not within the time that receivers wait. What they carried is not known; if it was TCP, the bytes are told as missing where they belong.",
	}
	ruleChecksum = &timeline.Rule{
		ID: "tcp/checksum", Severity: timeline.Warning, Since: "0.1", Ref: "RFC 9293 3.1",
		Title: "packets with a wrong checksum were left out",
		Text:  "Looked at with --checksums only. The receiver drops such packets; but a capture made on the sending host has wrong checksums where the network card fills them in, and then --checksums leaves out what is right.",
	}
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
	return []*timeline.Rule{timeline.RuleDuplicate, ruleFragments, ruleFragmentLost, ruleChecksum, ruleGap, ruleOverlap, ruleMidstream, ruleLimit}
}

package pipeline

import (
	"github.com/wsdump/wsdump/dissect"
	"github.com/wsdump/wsdump/har"
	"github.com/wsdump/wsdump/reassembly"
	"github.com/wsdump/wsdump/timeline"
)

// The rules about the capture itself; package capture knows no findings.
var (
	ruleCut = &timeline.Rule{
		ID: "capture/cut-short", Severity: timeline.Warning, Since: "0.1",
		Title: "the file ends inside a record",
		Text:  "The capture was stopped hard, is still being written, or was not copied whole. Everything before the cut was read.",
	}
	ruleSnaplen = &timeline.Rule{
		ID: "capture/snaplen", Severity: timeline.Warning, Since: "0.1",
		Title: "packets are shorter than the wire",
		Text:  "The capture kept only the first bytes of packets, so payload is missing. Capture with a full snap length (tcpdump -s 0).",
	}
	ruleDamaged = &timeline.Rule{
		ID: "capture/damaged", Severity: timeline.Warning, Since: "0.1",
		Title: "a part of the file made no sense",
		Text:  "A record or block contradicts itself; reading went on behind it.",
	}
	ruleDropped = &timeline.Rule{
		ID: "capture/dropped", Severity: timeline.Warning, Since: "0.1",
		Title: "the capture lost packets",
		Text:  "The capturing machine says that it could not keep up. Use a larger buffer or a narrower capture filter.",
	}
	ruleClock = &timeline.Rule{
		ID: "capture/clock-backwards", Severity: timeline.Note, Since: "0.1",
		Title: "time runs backwards",
		Text:  "A packet has an earlier time than the one before it: the clock was set, or several queues were captured.",
	}
)

// Rules returns every rule that wsdump judges by, in the order of the
// catalogue.
func Rules() []*timeline.Rule {
	all := []*timeline.Rule{ruleCut, ruleSnaplen, ruleDamaged, ruleDropped, ruleClock}
	all = append(all, reassembly.Rules()...)
	all = append(all, dissect.Rules()...)
	return append(all, har.Rules()...)
}

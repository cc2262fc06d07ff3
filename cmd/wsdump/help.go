package main

import "github.com/wsdump/wsdump/internal/helptext"

// purposes holds every flag once.
func purposes() []helptext.Purpose {
	return []helptext.Purpose{
		{Title: "Input", Common: []string{"capture-filter", "keylog", "follow"}, Rest: []string{"read", "each", "decode-as", "checksums", "bpf-raw", "max-memory", "workers"}},
		{Title: "Show", Common: []string{"filter", "time", "hide", "payload", "frames", "sort", "all", "seq", "reply-key"}, Rest: []string{"count", "pretty", "group", "hex", "reverse", "har-control", "dir"}},
		{Title: "Judge", Common: []string{"rules", "assert", "protocol", "report", "init"}, Rest: []string{"inconclusive", "update", "schema", "linger"}},
		{Title: "Compare", Common: []string{"match", "normalize", "align"}, Rest: []string{"ignore-control", "context"}},
		{Title: "Output", Common: []string{"format", "output", "write", "redact"}, Rest: []string{"split", "follow-stream", "with-keys", "color", "ascii", "pager", "no-redact", "redact-key", "anonymize"}},
		{Title: "Live", Common: []string{"interface", "every"}, Rest: []string{
			"duration", "keep", "keep-buffer", "no-timeline", "rotate-size", "rotate-seconds", "rotate-files", "promiscuous", "buffer", "snaplen", "retry", "metrics", "metrics-public", "user",
		}},
		{Title: "More", Common: nil, Rest: []string{"quiet", "verbose", "help", helptext.AllFlag, "version"}},
	}
}

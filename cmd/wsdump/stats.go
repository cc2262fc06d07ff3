package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/stats"
)

const statsExamples = `  wsdump stats capture.pcap
  wsdump stats -Y 'path startsWith "/chat"' captures/   of some connections
  wsdump stats -Y 'dir == "receive"' run.pcap           of some messages
  wsdump stats --seq json.seq run.pcap    messages missing, doubled, disordered
  wsdump stats --reply-key json.id run.pcap             how long replies take
  wsdump stats -T html -o stats.html captures/          a page to pass on
  sudo wsdump stats -i eth0 --every 5s                  figures every 5 seconds
  wsdump stats -T ndjson run.pcap | jq -r 'select(.type == "stat_stands_out")'`

// statsCommand says what stands out, and gives figures.
type statsCommand struct {
	viewFlags
	sequence termFlag
	replies  replyFlag
	every    time.Duration
	ascii    bool
	pager    bool
}

func (s *statsCommand) register(f *pflag.FlagSet) {
	s.viewFlags.register(f, kindStats)
	f.Var(&s.sequence, "seq", "where messages have an id that counts by one; such as json.seq: tells what is missing, doubled or out of order")
	s.replies.register(f)
	f.DurationVar(&s.every, "every", 0, "with -i: a line of figures every `TIME`; such as 5s, before the whole at the end")
	f.BoolVar(&s.ascii, "ascii", false, "print ASCII only; a terminal without UTF-8 gets that anyway")
	f.BoolVar(&s.pager, "pager", false, "page by page through $PAGER, on a terminal")
}

func (s *statsCommand) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	if err := s.check(); err != nil {
		return fail(s.output.console(stderr), err)
	}
	s.output.format.figures = stats.Options{Sequence: s.sequence.extract(), ReplyKey: s.replies.extract()}
	return show(ctx, &view{
		viewFlags: &s.viewFlags,
		scope:     query.Rows, pager: s.pager, replies: &s.replies, tied: true, every: s.every,
		options: func(opt *report.Options) { opt.ASCII = opt.ASCII || s.ascii },
		open:    s.output.open,
	}, stdin, stdout, stderr)
}

// check refuses flags that contradict each other.
func (s *statsCommand) check() error {
	switch {
	case s.output.payload.payload == report.PayloadNone && (s.sequence.term != nil || s.replies.term != nil):
		return console.Usage("--seq and --reply-key need payload, and --payload none drops it", "")
	case s.every == 0:
		return nil
	case s.source.iface.name == "":
		return console.Usage("--every goes with -i", "")
	case s.every < 100*time.Millisecond:
		return console.Usage("--every must be at least 100ms", "")
	case s.output.format.Value == "html":
		return console.Usage("--every prints lines, which -T html cannot do", "")
	}
	return nil
}

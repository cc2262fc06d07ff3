package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/stats"
	"github.com/wsdump/wsdump/timeline"
)

const statsExamples = `  wsdump stats capture.pcap
  wsdump stats -Y 'path startsWith "/chat"' captures/     of some connections
  wsdump stats -Y 'dir == "receive"' capture.pcap         of some messages
  wsdump stats --seq json.seq capture.pcap                messages missing, doubled or out of order
  wsdump stats --reply-key json.id capture.pcap           how long answers take
  wsdump stats -T html -o stats.html captures/            the same as a page, to pass on
  sudo wsdump stats -i eth0 --every 5s                    a line of figures every 5 seconds, and the whole at the end
  wsdump stats -T ndjson capture.pcap | jq -r 'select(.type == "stat_stands_out") | .text'`

// statsCommand says what stands out, and gives figures.
type statsCommand struct {
	source   sourceFlags
	view     viewFlags
	sequence termFlag
	every    time.Duration
}

func (s *statsCommand) flags(f *pflag.FlagSet) {
	s.source.flags(f)
	s.view.flags(f, statsView)
	f.Var(&s.sequence, "seq", "where messages have an id that counts by one, such as json.seq: tells what is missing, doubled or out of order")
	s.view.replyFlag(f)
	f.DurationVar(&s.every, "every", 0, "with -i: a line of figures every `TIME`, such as 5s, before the whole at the end")
	f.BoolVar(&s.view.ascii, "ascii", false, "nothing but ASCII; a terminal that is not UTF-8 has it so")
	f.BoolVar(&s.view.pager, "pager", false, "page by page through $PAGER, on a terminal")
	f.SortFlags = false
}

func (s *statsCommand) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	if s.view.payload.payload == report.PayloadNone && (s.sequence.term != nil || s.view.replies.term != nil) {
		return s.view.console(stderr).fail(&usageError{text: "--seq and --reply-key look into payload, and --payload none forbids it"})
	}
	if err := s.checkEvery(); err != nil {
		return s.view.console(stderr).fail(err)
	}
	s.view.every = s.every
	s.view.format.figures = stats.Options{Sequence: s.sequence.extract(), ReplyKey: s.view.replies.extract()}
	return show(ctx, &s.source, &s.view, query.Rows, stdin, stdout, stderr)
}

func (s *statsCommand) checkEvery() error {
	switch {
	case s.every == 0:
		return nil
	case s.source.iface.name == "":
		return &usageError{text: "--every goes with -i"}
	case s.every < 100*time.Millisecond:
		return &usageError{text: "--every: a tenth of a second is the least"}
	case s.view.format.value == "html":
		return &usageError{text: "--every prints lines, and -T html makes a page at the end"}
	}
	return nil
}

// termFlag is where to look in a message.
type termFlag struct{ term *query.Term }

func (t *termFlag) Type() string { return "PATH" }

func (t *termFlag) String() string {
	if t.term == nil {
		return ""
	}
	return t.term.String()
}

// Set compiles the term.
func (t *termFlag) Set(s string) (err error) {
	t.term, err = query.CompileTerm(s)
	return err
}

// extract returns how to find what was asked for, nil when nothing was.
func (t *termFlag) extract() stats.Extract {
	if t.term == nil {
		return nil
	}
	row := &query.Row{}
	return func(dst []byte, m *timeline.Message) ([]byte, bool) { return t.term.Of(dst, row, m) }
}

package main

import (
	"io"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/input"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/flagvalue"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/record"
)

// writeFlags say which packets are written, and where.
type writeFlags struct {
	file       string
	withKeys   bool
	noTimeline bool
	keep       string
	buffer     flagvalue.Size // of --keep
	rotation   record.Rotation
}

func (w *writeFlags) register(f *pflag.FlagSet) {
	f.StringVarP(&w.file, "write", "w", "", "write packets to `FILE` (pcapng); of files those of the WebSockets shown, unchanged; with -i all, as they come")
	f.Uint32VarP(&w.rotation.Megabytes, "rotate-size", "C", 0, "with -i and -w: begin the next file after `N` million bytes")
	f.Uint32VarP(&w.rotation.Seconds, "rotate-seconds", "G", 0, "with -i and -w: begin the next file after `N` seconds; its name has the time: -w 'copy-%H%M%S.pcapng'")
	f.Uint32VarP(&w.rotation.Files, "rotate-files", "W", 0, "with -i and -w: after `N` files start over (-C), or end (-G)")
	w.buffer = bufferSize(256 << 20)
	f.StringVar(&w.keep, "keep", "", "with -i and -w: write only connections that match `EXPR` when they end, such as 'not clean' (a flight recorder)")
	f.Var(&w.buffer, "keep-buffer", "with --keep: buffer the latest packets of this `SIZE` until their connection ends")
	f.BoolVar(&w.noTimeline, "no-timeline", false, "with -i: only write (-w) and count (--metrics)")
	f.BoolVar(&w.withKeys, "with-keys", false, "with -w: the TLS keys of those connections too")
}

// check refuses what cannot be written. counted says that --metrics is given.
func (w *writeFlags) check(live, counted bool, stdout io.Writer) error {
	if live {
		return w.checkLive(counted, stdout)
	}
	switch {
	case w.keep != "" || w.buffer.IsSet:
		return console.Usage("--keep goes with -i", "of files -w writes the connections that -Y selects: wsdump list -Y 'not clean' -w copy.pcapng FILE")
	case w.rotation.Given() || w.noTimeline:
		return console.Usage("-C, -G, -W and --no-timeline go with -i", "")
	case w.file == "" && w.withKeys:
		return console.Usage("--with-keys goes with -w", "-w copy.pcapng --with-keys; to put keys into a capture as it is, see `wsdump keys inject`")
	case w.file == "-" && terminal.Is(stdout):
		return console.Usage("a capture is binary, and standard output is a terminal", "name a file, -w copy.pcapng")
	case w.file == "-":
		return console.Usage("-w cannot write to standard output, because the rows go there", "name a file, -w copy.pcapng")
	}
	return nil
}

func (w *writeFlags) checkLive(counted bool, stdout io.Writer) error {
	switch {
	case w.withKeys:
		return console.Usage("--with-keys works with files only: live, keys come after the packets that they decrypt", "`wsdump keys inject` puts them into what -w wrote")
	case w.noTimeline && w.file == "" && !counted:
		return console.Usage("--no-timeline needs -w or --metrics, or there is nothing to do", "")
	case w.file == "-" && !w.noTimeline:
		return console.Usage("-w cannot write to standard output, because the rows go there", "name a file, -w copy.pcapng, or say --no-timeline")
	case w.file == "-" && terminal.Is(stdout):
		return console.Usage("a capture is binary, and standard output is a terminal", "name a file, -w copy.pcapng")
	case w.keep != "" && w.file == "":
		return console.Usage("--keep needs -w: it chooses what -w writes", "")
	case w.buffer.IsSet && w.keep == "":
		return console.Usage("--keep-buffer goes with --keep", "")
	}
	if _, err := w.keepProgram(); err != nil {
		return err
	}
	return w.rotation.Check(w.file)
}

// keepProgram returns the condition of --keep; nil without.
func (w *writeFlags) keepProgram() (*query.Program, error) {
	if w.keep == "" {
		return nil, nil
	}
	return query.Compile(w.keep, query.Connections)
}

// maxBehind is how many bytes of packets the view may be behind what is written.
const maxBehind = 64 << 20

// record begins to write what an interface captures, and lets the view be behind
// it; nil when nothing is to be written.
func (w *writeFlags) record(in *input.Input, memory int64, stdout io.Writer, way *input.Passage) (*record.Recorder, error) {
	if in.Ring() == nil || w.file == "" {
		return nil, nil
	}
	keep, err := w.keepProgram()
	if err != nil {
		return nil, err
	}
	buffer := w.buffer.Bytes
	if !w.buffer.IsSet {
		buffer = min(buffer, memory/2)
	}
	r, err := record.New(in.Ring(), record.Options{
		Name: w.file, Stdout: stdout, Rotation: w.rotation, Keep: keep, Buffer: buffer, Limits: in.Options().Limits, Stop: in.Stop,
	})
	if err != nil {
		return nil, err
	}
	way.Source, way.Behind = r, int(min(maxBehind, memory/8))
	return r, nil
}

// selection returns what copies packets from files after the run; nil when nothing
// is to be copied. It wraps the source where that cannot be read twice.
func (w *writeFlags) selection(in *input.Input, redacted bool, way *input.Passage) (_ *record.Selection, err error) {
	switch {
	case in.Ring() != nil || w.file == "":
		return nil, nil
	case !in.HasPackets():
		return nil, console.Usage("-w writes packets, and a HAR has no packets", "-T har writes a HAR")
	case redacted:
		return nil, console.Usage("-w writes packets unchanged: --redact cannot remove secrets from them", "-T ndjson, har or html can be redacted")
	}
	s := record.NewSelection(w.file, w.withKeys)
	if !in.Options().Rereadable() {
		way.Around, err = s.Spool()
	}
	return s, err
}

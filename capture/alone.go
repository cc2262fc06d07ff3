package capture

import "os"

// Alone is the [Source] of one file of an [Input]. Packets are numbered from 1;
// Packet.File is the file's index in the Input.
type Alone struct {
	file   *file
	number uint64
}

// Alone returns a source for each file, to be read by a goroutine of its own or
// one after the other. notes returns who hears what the file with that index says
// besides packets, from now on; nil: nobody. Next of in is not to be called any
// more, and its Close only when nobody reads.
func (in *Input) Alone(notes func(file int) func(Note)) []*Alone {
	in.started = true
	all := make([]*Alone, len(in.files))
	for i, f := range in.files {
		if f.handle != nil {
			f.handle.alone()
		}
		if f.reader != nil {
			f.reader.state().note = notes(i)
		}
		all[i] = &Alone{file: f}
	}
	return all
}

// Packets returns how many packets were given.
func (a *Alone) Packets() uint64 { return a.number }

// Next implements [Source]. At the end the error is io.EOF, or what was wrong with
// the file; see [Incomplete].
func (a *Alone) Next(p *Packet) error {
	if !a.file.next() {
		return a.file.err
	}
	a.number++
	*p = a.file.head
	p.Number = a.number
	return nil
}

// Close closes the file.
func (a *Alone) Close() error { return a.file.close() }

// Again opens the files of in, which are regular ones and not compressed, once more
// from their start, before in was read to its end. Both give the same packets: those
// that were there when the first Again was called, where a program still writes. note
// hears what the new Input says; nil: nobody. The files are as many more to hold open.
func (in *Input) Again(note func(Note)) (*Input, error) {
	opt := in.options
	opt.OnNote, opt.ends = note, make(map[string]int64)
	for _, f := range in.files {
		if f.handle == nil { // there was none to open, and will be none
			continue
		}
		if f.handle.end == 0 {
			info, err := os.Stat(f.name)
			if err != nil {
				return nil, openError(f.name, err)
			}
			f.handle.end = max(info.Size(), f.handle.offset)
		}
		opt.ends[f.name] = f.handle.end
	}
	return Open(in.Files(), opt)
}

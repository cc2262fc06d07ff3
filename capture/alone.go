package capture

import "os"

// Alone is the [Source] of one file of an [Input]. Packets are numbered from 1;
// Packet.File is the file's index in the Input.
type Alone struct {
	file   *file
	number uint64
}

// Alone returns a source for each file. The sources may be read in goroutines of their
// own, or one after the other. notes returns the callback for the notes of the file with
// that index, nil for none. After Alone, do not call Next of in, and call its Close only
// when no source is read.
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

// Packets returns how many packets Next has returned.
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

// Again opens the files of in once more, from their start. They must be regular files
// that are not compressed, and in must not have been read to its end. Both Inputs have
// the same packets. When a program still writes to a file, these are the packets at the
// first call of Again. note receives the notes of the new Input, nil for none. The new
// Input holds as many files open as in.
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

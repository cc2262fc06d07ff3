package capture

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

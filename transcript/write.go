package transcript

import (
	"bytes"
	"encoding/hex"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Write writes conversations as a transcript.
func Write(w io.Writer, all []Conversation) error {
	b := append([]byte(nil), header...)
	b = append(b, '\n')
	for i := range all {
		b = append(b, '\n')
		b = all[i].append(b)
	}
	_, err := w.Write(b)
	return err
}

// append appends all lines of c.
func (c *Conversation) append(b []byte) []byte {
	b = c.AppendOpen(b)
	for i := range c.Events {
		b = append(c.Events[i].Append(b), '\n')
	}
	return b
}

// AppendOpen appends the open line of c with its line break.
func (c *Conversation) AppendOpen(b []byte) []byte {
	b = append(b, "! open "...)
	if c.URL == "" {
		b = append(b, '-')
	} else {
		b = appendText(b, []byte(strings.ToValidUTF8(c.URL, "\ufffd")), false, true)
	}
	b = append(b, ' ')
	if c.Status == 0 {
		b = append(b, '-')
	} else {
		b = strconv.AppendInt(b, int64(c.Status), 10)
	}
	for _, p := range c.Properties {
		b = append(append(append(b, ' '), p.Name...), '=')
		b = appendText(b, []byte(strings.ToValidUTF8(p.Value, "\ufffd")), false, true)
	}
	return append(b, '\n')
}

// Append appends the line of e without its line break.
func (e *Event) Append(b []byte) []byte {
	arrow := byte('>')
	if e.Dir != 0 {
		arrow = '<'
	}
	if e.Kind == Message {
		return e.appendMessage(append(b, arrow))
	}
	b = append(b, "! "...)
	if e.HasDir {
		b = append(b, arrow, ' ')
	}
	switch e.Kind {
	case Ping:
		b = append(b, "ping"...)
	case Pong:
		b = append(b, "pong"...)
	case Close:
		b = append(b, "close"...)
		if e.Code != 0 {
			b = strconv.AppendInt(append(b, ' '), int64(e.Code), 10)
		}
	case End:
		return append(append(b, "end "...), e.Words...)
	case Finding:
		return append(b, e.Words...)
	}
	if len(e.Payload) > 0 {
		b = append(b, ' ')
		if utf8.Valid(e.Payload) {
			b = append(appendText(append(b, '"'), e.Payload, true, false), '"')
		} else {
			b = hex.AppendEncode(append(b, "0x"...), e.Payload)
		}
	}
	return appendMarks(b, e.Marks, " ")
}

func (e *Event) appendMessage(b []byte) []byte {
	raw := e.Binary || !utf8.Valid(e.Payload)
	if raw {
		b = append(b, "0x"...)
	}
	marks := e.Marks
	if raw && !e.Binary {
		marks = append([]string{markText}, marks...)
	}
	b = appendMarks(b, marks, "")
	switch {
	case len(e.Payload) == 0:
		return b
	case raw:
		return hex.AppendEncode(append(b, ' '), e.Payload)
	}
	return appendText(append(b, ' '), e.Payload, false, false)
}

// markText marks a message in hex that has the text opcode.
const markText = "text"

func appendMarks(b []byte, marks []string, before string) []byte {
	if len(marks) == 0 {
		return b
	}
	b = append(append(b, before...), '[')
	b = append(b, strings.Join(marks, ",")...)
	return append(b, ']')
}

// Equal reports whether two events have the same line.
func (e *Event) Equal(f *Event) bool {
	return bytes.Equal(e.Append(nil), f.Append(nil))
}

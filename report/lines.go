package report

import (
	"time"

	"github.com/wsdump/wsdump/internal/quantity"
	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/timeline"
)

// This file makes the lines of the table that are no rows of traffic: heads,
// findings, endings. It also makes the marks at the end of a row.

// appendMarks appends the marks of a row, joined by commas.
func appendMarks(dst []byte, incomplete, truncated, guessed bool) []byte {
	if incomplete {
		dst = appendMark(dst, "incomplete")
	}
	if truncated {
		dst = appendMark(dst, "truncated")
	}
	if guessed {
		dst = appendMark(dst, "guessed")
	}
	return dst
}

func appendMark(dst []byte, word string) []byte {
	if len(dst) > 0 {
		dst = append(dst, ", "...)
	}
	return append(dst, word...)
}

// marksWidth returns how many columns closeMarks fills. Marks are ASCII.
func marksWidth(marks []byte) int {
	if len(marks) == 0 {
		return 0
	}
	return len(marks) + len("  []")
}

// closeMarks appends the marks of a row in brackets.
func (t *Table) closeMarks(dst, marks []byte) []byte {
	if len(marks) == 0 {
		return dst
	}
	dst = t.paint(append(dst, "  "...), terminal.ColorDim)
	dst = append(append(append(dst, '['), marks...), ']')
	return t.paint(dst, terminal.ColorReset)
}

// appendHead appends "URL   client -> server   101   chat   12.4 ms".
func (t *Table) appendHead(dst []byte, c *timeline.Conn) []byte {
	const gap = "   "
	rest := append([]byte(gap), address(c.Client)...)
	if c.Peer.IsValid() {
		rest = append(append(append(rest, " (via "...), c.Peer.String()...), ')')
	}
	rest = append(append(rest, " -> "...), address(c.Server)...)
	h := c.Handshake
	switch {
	case h == nil && c.Guessed:
		rest = append(rest, gap+"mid-stream, recognised by its frames"...)
	case h == nil:
		rest = append(rest, gap+"mid-stream"...)
	case c.Refused():
		rest = append(append(rest, gap+"refused: "...), status(h)...)
	default:
		rest = append(append(rest, gap...), status(h)...)
	}
	if h != nil {
		if h.Subprotocol != "" {
			rest, _ = terminal.AppendSafe(append(rest, gap...), []byte(h.Subprotocol), 60)
		}
		for i, e := range h.Extensions {
			if i == 0 {
				rest = append(rest, gap...)
			} else {
				rest = append(rest, ", "...)
			}
			rest, _ = terminal.AppendSafe(rest, []byte(e.Name), 60)
		}
		if !h.Response.IsZero() && !h.Request.IsZero() {
			d := h.Response.Time - h.Request.Time
			rest = append(append(rest, gap...), quantity.Duration(time.Duration(d))...)
		}
	}
	if c.LegOf != 0 {
		rest = appendConn(append(rest, gap+"leg of "...), c.LegOf)
		if c.LegGuessed {
			rest = append(rest, " (guessed)"...)
		}
	}
	room := pipedWidth
	if t.opt.Width > 0 {
		room = max(t.opt.Width-len(rest)-connWidth, leastURL)
	}
	dst = t.paint(dst, terminal.ColorBold)
	if h == nil {
		dst = append(dst, "(handshake not in the capture)"...)
	} else {
		dst, _ = terminal.AppendSafe(dst, []byte(c.URL()), room)
	}
	dst = t.paint(dst, terminal.ColorReset)
	return append(dst, rest...)
}

// appendFinding appends the cells of a finding to the right of TIME.
func (t *Table) appendFinding(dst []byte, f *timeline.Finding) []byte {
	at := len(dst)
	if t.opt.Time != TimeDelta {
		dst = append(alignRight(dst, at, deltaWidth), ' ')
	}
	at = len(dst)
	dst = append(alignRight(dst, at, lengthWidth), "  "...)
	color := terminal.ColorDim
	switch f.Severity {
	case timeline.Error:
		color = terminal.ColorError
	case timeline.Warning:
		color = terminal.ColorWarning
	}
	dst = t.paint(dst, color)
	dst = append(append(dst, "! "...), f.Severity.String()...)
	if f.Rule != nil {
		dst = append(append(dst, ' '), f.Rule.ID...)
	}
	dst = t.paint(dst, terminal.ColorReset)
	if f.N != 0 {
		dst = quantity.AppendCount(append(dst, ", row "...), f.N)
	}
	if f.HasDir {
		dst = append(append(dst, ", by the "...), f.Dir.Sender().String()...)
	}
	if f.Count > 1 {
		dst = append(quantity.AppendCount(append(dst, ", "...), f.Count), " times"...)
	}
	return t.appendFindingText(append(dst, ": "...), f)
}

// appendFindingText appends title, detail, got and want, and reference of a finding.
// Only bytes off the wire are cut: a finding is read in full or not understood.
func (t *Table) appendFindingText(dst []byte, f *timeline.Finding) []byte {
	const quoted = 80
	if f.Rule != nil {
		dst, _ = terminal.AppendSafe(dst, []byte(f.Rule.Title), pipedWidth)
	}
	if f.Detail != "" {
		if f.Rule != nil {
			dst = append(dst, ". "...)
		}
		dst, _ = terminal.AppendSafe(dst, []byte(f.Detail), pipedWidth)
	}
	if f.Got != "" || f.Want != "" {
		dst = append(dst, " ("...)
		if f.Got != "" {
			dst, _ = terminal.AppendSafe(append(dst, "got "...), []byte(f.Got), quoted)
		}
		if f.Want != "" {
			if f.Got != "" {
				dst = append(dst, ", "...)
			}
			dst, _ = terminal.AppendSafe(append(dst, "want "...), []byte(f.Want), quoted)
		}
		dst = append(dst, ')')
	}
	if f.Rule != nil && f.Rule.Ref != "" {
		dst = append(append(append(dst, " ["...), f.Rule.Ref...), ']')
	}
	return dst
}

// appendClosing appends the last line of a connection.
func (t *Table) appendClosing(dst []byte, c *timeline.Conn) []byte {
	return t.painted(dst, terminal.ColorDim, ending(c))
}

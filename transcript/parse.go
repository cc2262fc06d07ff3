package transcript

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wsdump/wsdump/timeline"
)

// ParseError is a mistake in a transcript, with the number of its line.
type ParseError struct {
	Line int
	Text string
}

func (e *ParseError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Text) }

// maxLine is the longest line in bytes: the largest message in hex.
const maxLine = 64 << 20

// Parse reads a transcript. It skips lines that begin with #. An empty line ends a
// conversation. A conversation without an open line has no URL and no status. The
// error is a [*ParseError] or a read error of r.
func Parse(r io.Reader) (all []Conversation, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	open := false
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSuffix(lines.Bytes(), []byte("\r"))
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		switch {
		case len(line) == 0:
			open = false
			continue
		case line[0] == '#':
			continue
		}
		rest, begins := bytes.CutPrefix(line, []byte("! open "))
		if begins || !open {
			all = append(all, Conversation{Line: n})
			open = true
		}
		c := &all[len(all)-1]
		if begins {
			err = c.parseOpen(rest)
		} else {
			var e Event
			e, err = parseEvent(line)
			e.Line = n
			c.Events = append(c.Events, e)
		}
		if err != nil {
			return nil, &ParseError{n, err.Error()}
		}
	}
	return all, lines.Err()
}

func (c *Conversation) parseOpen(rest []byte) error {
	words := strings.Split(string(rest), " ")
	if len(words) < 2 {
		return errors.New("an open line has a URL and a status, or - for each")
	}
	if words[0] != "-" {
		url, ok := appendUnescaped(nil, []byte(words[0]))
		if !ok {
			return errors.New("the URL has an escape that is none")
		}
		c.URL = string(url)
	}
	if words[1] != "-" {
		status, err := strconv.ParseUint(words[1], 10, 16)
		if err != nil || status == 0 {
			return fmt.Errorf("%q is no status", words[1])
		}
		c.Status = int(status)
	}
	for _, word := range words[2:] {
		name, value, ok := strings.Cut(word, "=")
		plain, good := appendUnescaped(nil, []byte(value))
		if !ok || !good || !isWord(name) {
			return fmt.Errorf("%q is not NAME=VALUE", word)
		}
		c.Properties = append(c.Properties, Property{name, string(plain)})
	}
	return nil
}

func parseEvent(line []byte) (e Event, err error) {
	switch line[0] {
	case '>', '<':
		if line[0] == '<' {
			e.Dir = timeline.ServerToClient
		}
		e.HasDir = true
		return e, e.parseMessage(line[1:])
	case '!':
		rest, ok := bytes.CutPrefix(line, []byte("! "))
		if !ok {
			return e, errors.New("an event is ! and a space and a word")
		}
		return e, e.parseControl(rest)
	}
	return e, errors.New("a line begins with >, <, ! or #")
}

func (e *Event) parseMessage(rest []byte) error {
	rest, raw := bytes.CutPrefix(rest, []byte("0x"))
	e.Binary = raw
	if len(rest) > 0 && rest[0] == '[' {
		marks, behind, ok := bytes.Cut(rest[1:], []byte{']'})
		if !ok {
			return errors.New("marks have no ]")
		}
		rest = behind
		if e.Marks, ok = splitMarks(marks); !ok {
			return fmt.Errorf("%q are no marks", marks)
		}
		if i := slices.Index(e.Marks, markText); i >= 0 && raw {
			e.Binary = false
			e.Marks = slices.Delete(e.Marks, i, i+1)
		}
		if len(e.Marks) == 0 {
			e.Marks = nil
		}
	}
	if len(rest) == 0 {
		return nil
	}
	if rest[0] != ' ' {
		return errors.New("a space is missing before the payload")
	}
	return e.parsePayload(rest[1:], raw)
}

func (e *Event) parsePayload(b []byte, raw bool) error {
	if raw {
		e.Payload = make([]byte, hex.DecodedLen(len(b)))
		if _, err := hex.Decode(e.Payload, b); err != nil {
			return errors.New("the payload is not hexadecimal")
		}
		return nil
	}
	var ok bool
	if e.Payload, ok = appendUnescaped(nil, b); !ok {
		return errors.New(`the text has an escape that is none; a backslash is written \\`)
	}
	if !utf8.Valid(e.Payload) {
		return errors.New("the text is not UTF-8; bytes are written 0x... behind the arrow")
	}
	return nil
}

func (e *Event) parseControl(rest []byte) error {
	if len(rest) > 2 && (rest[0] == '>' || rest[0] == '<') && rest[1] == ' ' {
		e.HasDir = true
		if rest[0] == '<' {
			e.Dir = timeline.ServerToClient
		}
		rest = rest[2:]
	}
	word, behind, _ := bytes.Cut(rest, []byte{' '})
	switch string(word) {
	case "ping":
		e.Kind = Ping
	case "pong":
		e.Kind = Pong
	case "close":
		e.Kind = Close
		if code, after, _ := bytes.Cut(behind, []byte{' '}); len(code) > 0 && code[0] >= '0' && code[0] <= '9' && !bytes.HasPrefix(code, []byte("0x")) {
			n, err := strconv.ParseUint(string(code), 10, 16)
			if err != nil || n == 0 {
				return fmt.Errorf("%q is no close code", code)
			}
			e.Code, behind = int(n), after
		}
	case "end":
		e.Kind, e.Words = End, string(behind)
		return e.checkWords()
	default:
		e.Kind, e.Words = Finding, string(rest)
		return e.checkWords()
	}
	if !e.HasDir {
		return fmt.Errorf("%s needs a direction: ! > %s or ! < %s", word, word, word)
	}
	return e.parseQuoted(behind)
}

// checkWords checks that the words of an event can be printed.
func (e *Event) checkWords() error {
	if !utf8.ValidString(e.Words) || strings.ContainsFunc(e.Words, func(r rune) bool { return !printed(r) }) {
		return errors.New("an event is printed text")
	}
	return nil
}

func (e *Event) parseQuoted(b []byte) error {
	switch {
	case len(b) > 0 && b[0] == '"':
		end := 1
		for end < len(b) && b[end] != '"' {
			if b[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(b) {
			return errors.New("a quotation mark is missing")
		}
		if err := e.parsePayload(b[1:end], false); err != nil {
			return err
		}
		b = bytes.TrimPrefix(b[end+1:], []byte{' '})
	case bytes.HasPrefix(b, []byte("0x")):
		raw, behind, _ := bytes.Cut(b[2:], []byte{' '})
		if err := e.parsePayload(raw, true); err != nil {
			return err
		}
		b = behind
	}
	if len(b) == 0 {
		return nil
	}
	if b[0] != '[' || b[len(b)-1] != ']' {
		return fmt.Errorf("%q is neither payload nor marks", b)
	}
	var ok bool
	if e.Marks, ok = splitMarks(b[1 : len(b)-1]); !ok {
		return fmt.Errorf("%q are no marks", b)
	}
	return nil
}

// splitMarks splits words at commas.
func splitMarks(b []byte) (marks []string, ok bool) {
	marks = strings.Split(string(b), ",")
	return marks, !slices.ContainsFunc(marks, func(m string) bool { return !isWord(m) })
}

// isWord reports whether s is lower-case letters, digits, - and _.
func isWord(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

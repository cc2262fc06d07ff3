package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/wsdump/wsdump/internal/excerpt"
)

// Error is why an expression cannot be used, and where.
type Error struct {
	Expr    string // the whole expression
	Message string // one sentence without a full stop
	Hint    string // advice, "" for none
	Offset  int    // bytes into Expr, at most its length
	Line    int    // 1-based
	Column  int    // 1-based, in characters
}

// Error returns the message with its place, the line and a caret below it.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s (line %d, column %d)", e.Message, e.Line, e.Column)
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text + "\n" + e.Excerpt()
}

// Excerpt returns the line of the place and a line with a caret below it,
// both indented by two spaces. Bytes that a terminal might obey are replaced.
func (e *Error) Excerpt() string { return excerpt.At(e.Expr, e.Offset) }

// failure is what parsing and generating code panic with; it does not leave
// the package.
type failure struct {
	at      int // bytes into the expression
	message string
	hint    string
}

// fail ends the work on an expression.
func fail(at int, hint, format string, args ...any) {
	panic(failure{at, fmt.Sprintf(format, args...), hint})
}

// caught turns a failure that was recovered into an Error about text. Anything
// else goes on as a panic.
func caught(text string, recovered any) error {
	if recovered == nil {
		return nil
	}
	f, ok := recovered.(failure)
	if !ok {
		panic(recovered)
	}
	e := &Error{Expr: text, Message: f.message, Hint: f.hint, Offset: min(f.at, len(text)), Line: 1}
	before := text[:e.Offset]
	e.Line += strings.Count(before, "\n")
	e.Column = 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return e
}

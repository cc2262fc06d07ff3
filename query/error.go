package query

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/file"

	"github.com/wsdump/wsdump/internal/excerpt"
)

// Error describes why an expression does not compile, and where.
type Error struct {
	Expr    string // the whole expression
	Message string // one sentence without a full stop
	Hint    string // what to do, or ""
	Offset  int    // bytes into Expr, at most its length
	Line    int    // 1-based
	Column  int    // 1-based, in characters
}

// Error returns the message, with the position, the line and a caret below it.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (line %d, column %d)", e.Message, e.Line, e.Column)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String() + "\n" + e.Excerpt()
}

// Excerpt returns the line of the error and a line with a caret below it, both indented
// by two spaces. Control characters are replaced, so that a terminal can print it.
func (e *Error) Excerpt() string { return excerpt.At(e.Expr, e.Offset) }

// places turns the parser's positions, counted in characters, into bytes.
type places struct {
	text  string
	bytes []int32 // by character; one more for the end
}

func newPlaces(text string) places {
	p := places{text: text}
	if len(text) > MaxText {
		return p
	}
	for i := 0; i < len(text); {
		p.bytes = append(p.bytes, int32(i))
		_, n := utf8.DecodeRuneInString(text[i:])
		i += n
	}
	p.bytes = append(p.bytes, int32(len(text)))
	return p
}

// at returns an Error at a position.
func (p places) at(where file.Location, hint, format string, args ...any) *Error {
	e := &Error{Expr: p.text, Message: fmt.Sprintf(format, args...), Hint: hint, Line: 1, Column: 1}
	if len(p.bytes) == 0 {
		return e
	}
	e.Offset = int(p.bytes[max(0, min(where.From, len(p.bytes)-1))])
	before := p.text[:e.Offset]
	e.Line += strings.Count(before, "\n")
	e.Column += utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return e
}

// ofParser turns an error of the parser into an Error, in words of the language.
func (p places) ofParser(err error) *Error {
	var theirs *file.Error
	if !errors.As(err, &theirs) {
		return p.at(file.Location{}, "", "%s", err)
	}
	message, hint := theirs.Message, ""
	where := theirs.Location
	switch {
	case strings.Contains(message, "token EOF"):
		message, where.From = "the expression ends too early", len(p.bytes)-1
	case strings.Contains(message, `Operator("=")`):
		hint = "to compare, write =="
	case strings.Contains(message, "exceeds maximum allowed nodes"):
		message = "the expression is too large"
	}
	if q, ok := strings.CutPrefix(message, "unexpected token "); ok {
		message = "not expected here: " + tokenWord(q)
	}
	return p.at(where, hint, "%s", message)
}

// tokenWord turns `Operator("=")` into `"="`.
func tokenWord(token string) string {
	if open := strings.IndexByte(token, '('); open > 0 && strings.HasSuffix(token, ")") {
		return token[open+1 : len(token)-1]
	}
	return token
}

// Nearest returns the name that is most similar to word, "" when none is similar.
func Nearest(word string, names []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, name := range names {
		if d := Distance(strings.ToLower(word), name, least); d < least {
			best, least = name, d
		}
	}
	return best
}

// Distance returns how many letters must be inserted, removed, changed or swapped with
// their neighbour to turn a into b, at most limit.
func Distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return min(row[len(b)], limit)
}

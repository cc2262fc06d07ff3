// Package ndjson makes lines of newline-delimited JSON: keys with their values, and
// the values alone. It allocates nothing.
package ndjson

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/wsdump/wsdump/internal/decimal"
)

// Line is a line of NDJSON in the making. Its methods append a key with its value,
// each with a comma before it: the caller writes the first key. Names of keys must
// need no escape.
type Line []byte

// Key appends a comma, name and a colon.
func (l *Line) Key(name string) {
	*l = append(*l, ',', '"')
	*l = append(*l, name...)
	*l = append(*l, '"', ':')
}

// Word appends a value that needs no escape: one of our own words.
func (l *Line) Word(name, value string) {
	l.Key(name)
	*l = append(*l, '"')
	*l = append(*l, value...)
	*l = append(*l, '"')
}

// Text appends a value that may hold anything.
func (l *Line) Text(name, value string) {
	l.Key(name)
	*l = AppendString(*l, value)
}

// TextIfAny appends a text unless it is empty.
func (l *Line) TextIfAny(name, value string) {
	if value != "" {
		l.Text(name, value)
	}
}

// Texts appends a list of texts.
func (l *Line) Texts(name string, values []string) {
	l.Key(name)
	*l = append(*l, '[')
	for i, v := range values {
		if i > 0 {
			*l = append(*l, ',')
		}
		*l = AppendString(*l, v)
	}
	*l = append(*l, ']')
}

// Header appends the value of an HTTP header, see [AppendLatin1].
func (l *Line) Header(name, value string) {
	l.Key(name)
	*l = AppendLatin1(*l, value)
}

// Headers appends a list of such values.
func (l *Line) Headers(name string, values []string) {
	l.Key(name)
	*l = append(*l, '[')
	for i, v := range values {
		if i > 0 {
			*l = append(*l, ',')
		}
		*l = AppendLatin1(*l, v)
	}
	*l = append(*l, ']')
}

// Number appends a number.
func (l *Line) Number(name string, value uint64) {
	l.Key(name)
	*l = decimal.AppendUint(*l, value)
}

// Numbers appends a list of numbers.
func (l *Line) Numbers(name string, values []uint64) {
	l.Key(name)
	*l = append(*l, '[')
	for i, v := range values {
		if i > 0 {
			*l = append(*l, ',')
		}
		*l = decimal.AppendUint(*l, v)
	}
	*l = append(*l, ']')
}

// Millis appends nanoseconds as milliseconds, see [AppendMillis].
func (l *Line) Millis(name string, ns int64) {
	l.Key(name)
	*l = AppendMillis(*l, time.Duration(ns))
}

// Flag appends true or false.
func (l *Line) Flag(name string, value bool) {
	l.Key(name)
	*l = strconv.AppendBool(*l, value)
}

// Mark appends true, or nothing: a mark that does not apply is absent.
func (l *Line) Mark(name string, value bool) {
	if value {
		l.Flag(name, true)
	}
}

// Address appends an address and port, or nothing for the zero value.
func (l *Line) Address(name string, a netip.AddrPort) {
	if a.IsValid() {
		l.Key(name)
		*l = append(*l, '"')
		*l = a.AppendTo(*l)
		*l = append(*l, '"')
	}
}

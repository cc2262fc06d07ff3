package query

import (
	"bytes"
	"strings"
)

// state is how much the capture shows of a value. The zero value is absent.
type state uint8

const (
	stateAbsent  state = iota // does not apply
	stateKnown                // all of it
	statePartial              // at least that number, or the first bytes of it
	stateUnknown              // nothing
)

// kind is the kind of a value, and says which of its fields hold it.
type kind uint8

const (
	kindNone   kind = iota
	kindBool        // num is 0 or 1
	kindNumber      // num
	kindText        // str, or raw where isRaw
	kindBytes       // raw
	kindTime        // index: nanoseconds since 1970
	kindNull        // JSON's null
	kindList        // index: which of the row's lists
	kindArray       // doc and index: a node of JSON
	kindObject      // the same
)

// value is the value of an expression on a row. It borrows bytes from the row. It is
// passed by value, in registers.
type value struct {
	kind  kind
	state state
	isRaw bool
	num   float64
	index int64
	str   string
	raw   []byte
	doc   *document
}

var (
	absent  = value{}
	unknown = value{state: stateUnknown}
)

func number(n float64) value { return value{kind: kindNumber, state: stateKnown, num: n} }

func count(n uint64) value { return number(float64(n)) }

func text(s string) value { return value{kind: kindText, state: stateKnown, str: s} }

func rawText(b []byte) value {
	return value{kind: kindText, state: stateKnown, raw: b, isRaw: true}
}

func blob(b []byte) value {
	return value{kind: kindBytes, state: stateKnown, raw: b, isRaw: true}
}

func instant(ns int64) value { return value{kind: kindTime, state: stateKnown, index: ns} }

func flag(is bool) value {
	v := value{kind: kindBool, state: stateKnown}
	if is {
		v.num = 1
	}
	return v
}

// some returns text that is absent when empty.
func some(s string) value {
	if s == "" {
		return absent
	}
	return text(s)
}

// partly marks v as the first part of a longer value.
func (v value) partly(is bool) value {
	if is && v.state == stateKnown {
		v.state = statePartial
	}
	return v
}

// truth returns v as a condition: the result of comparing it with true.
func (v value) truth() Verdict {
	switch {
	case v.state == stateAbsent:
		return False
	case v.state == stateUnknown:
		return Unknown
	}
	return verdict(v.kind == kindBool && v.num != 0)
}

// ofVerdict returns a verdict as a value.
func ofVerdict(v Verdict) value {
	if v == Unknown {
		return unknown
	}
	return flag(v == True)
}

// stringLike reports whether v has characters or bytes.
func (v *value) stringLike() bool { return v.kind == kindText || v.kind == kindBytes }

// size returns how many bytes v has.
func (v *value) size() int {
	if v.isRaw {
		return len(v.raw)
	}
	return len(v.str)
}

// order compares two stringLike values and returns -1, 0 or 1.
func order(a, b *value) int {
	switch {
	case a.isRaw && b.isRaw:
		return bytes.Compare(a.raw, b.raw)
	case a.isRaw:
		return -compareMixed(b.str, a.raw)
	case b.isRaw:
		return compareMixed(a.str, b.raw)
	}
	return strings.Compare(a.str, b.str)
}

// compareMixed compares bytes with a string. It copies nothing: the conversions do not
// escape.
func compareMixed(s string, b []byte) int {
	switch {
	case s == string(b):
		return 0
	case s < string(b):
		return -1
	}
	return 1
}

// same reports equality of two stringLike values.
func same(a, b *value) bool {
	switch {
	case a.isRaw && b.isRaw:
		return bytes.Equal(a.raw, b.raw)
	case a.isRaw:
		return string(a.raw) == b.str
	case b.isRaw:
		return a.str == string(b.raw)
	}
	return a.str == b.str
}

// bytesOf returns the bytes of a stringLike value; it copies a string.
func bytesOf(v *value) []byte {
	if v.isRaw {
		return v.raw
	}
	return []byte(v.str)
}

// operator is a comparison operator.
type operator uint8

const (
	opEqual operator = iota
	opNotEqual
	opLess
	opLessEqual
	opGreater
	opGreaterEqual
	opContains
	opStartsWith
	opEndsWith
)

// flipped returns the operator that means the same with its sides exchanged.
func (op operator) flipped() operator {
	switch op {
	case opLess:
		return opGreater
	case opLessEqual:
		return opGreaterEqual
	case opGreater:
		return opLess
	case opGreaterEqual:
		return opLessEqual
	}
	return op
}

// of turns an order into a verdict.
func (op operator) of(order int) Verdict {
	switch op {
	case opEqual:
		return verdict(order == 0)
	case opNotEqual:
		return verdict(order != 0)
	case opLess:
		return verdict(order < 0)
	case opLessEqual:
		return verdict(order <= 0)
	case opGreater:
		return verdict(order > 0)
	}
	return verdict(order >= 0)
}

// compare returns the result of op between two values. It is inapplicable when one is
// absent, and unknown when the capture does not show enough of them.
func compare(op operator, a, b *value) Verdict {
	switch {
	case a.state == stateAbsent || b.state == stateAbsent:
		return inapplicable
	case a.state == stateUnknown || b.state == stateUnknown:
		return Unknown
	case a.state == statePartial && b.state == statePartial:
		return Unknown
	case a.state == statePartial:
		return comparePartial(op, a, b)
	case b.state == statePartial:
		return comparePartial(op.flipped(), b, a)
	}
	if a.kind != b.kind && !(a.stringLike() && b.stringLike()) {
		return verdict(op == opNotEqual)
	}
	switch a.kind {
	case kindNumber:
		switch {
		case a.num < b.num:
			return op.of(-1)
		case a.num > b.num:
			return op.of(1)
		}
		return op.of(0)
	case kindText, kindBytes:
		if op <= opNotEqual {
			return verdict(same(a, b) == (op == opEqual))
		}
		return op.of(order(a, b))
	case kindTime:
		switch {
		case a.index < b.index:
			return op.of(-1)
		case a.index > b.index:
			return op.of(1)
		}
		return op.of(0)
	case kindBool, kindNull:
		if op > opNotEqual {
			return False
		}
		return verdict((a.num == b.num) == (op == opEqual))
	}
	return inapplicable // lists, arrays and objects have no order and no equals
}

// comparePartial does the same where only the first part of a is known: a number may be
// larger, a text longer.
func comparePartial(op operator, a, b *value) Verdict {
	if a.kind != b.kind && !(a.stringLike() && b.stringLike()) {
		return verdict(op == opNotEqual)
	}
	switch {
	case a.kind == kindNumber:
		switch {
		case a.num > b.num:
			return op.of(1)
		case a.num == b.num && op == opGreaterEqual:
			return True
		case a.num == b.num && op == opLess:
			return False
		}
	case a.stringLike() && op <= opNotEqual:
		if a.size() > b.size() || !bytes.HasPrefix(bytesOf(b), bytesOf(a)) {
			return op.of(1)
		}
	}
	return Unknown
}

// search evaluates contains, startsWith or endsWith. If the first bytes of a payload
// decide the result, it is known although the rest is missing.
func search(op operator, a, b *value) Verdict {
	switch {
	case a.state == stateAbsent || b.state == stateAbsent:
		return inapplicable
	case a.state == stateUnknown || b.state >= statePartial:
		return Unknown
	case !a.stringLike() || !b.stringLike():
		return inapplicable
	}
	found := false
	switch {
	case !a.isRaw && !b.isRaw:
		switch op {
		case opContains:
			found = strings.Contains(a.str, b.str)
		case opStartsWith:
			found = strings.HasPrefix(a.str, b.str)
		case opEndsWith:
			found = strings.HasSuffix(a.str, b.str)
		}
	default:
		x, y := bytesOf(a), bytesOf(b)
		switch op {
		case opContains:
			found = bytes.Contains(x, y)
		case opStartsWith:
			found = bytes.HasPrefix(x, y)
		case opEndsWith:
			found = bytes.HasSuffix(x, y)
		}
	}
	if a.state == statePartial {
		switch {
		case op == opEndsWith:
			return Unknown
		case !found && op == opStartsWith && a.size() >= b.size():
			return False
		case !found:
			return Unknown
		}
	}
	return verdict(found)
}

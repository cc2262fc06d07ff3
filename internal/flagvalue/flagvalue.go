// Package flagvalue has values of command-line flags ([pflag.Value]). Their errors
// are of type [*console.UsageError].
//
// [pflag.Value]: https://pkg.go.dev/github.com/spf13/pflag#Value
package flagvalue

import (
	"strconv"
	"strings"

	"github.com/wsdump/wsdump/internal/console"
)

// Choice is one of a few words. The zero value allows none.
type Choice struct {
	Words []string
	Value string // "" until it is set, unless there is a default
}

// NewChoice returns a Choice with a default, which may be "".
func NewChoice(value string, words ...string) Choice { return Choice{words, value} }

func (c *Choice) String() string { return c.Value }

// Type returns what help calls the value.
func (c *Choice) Type() string { return "WORD" }

// Set takes one of the words.
func (c *Choice) Set(s string) error {
	for _, word := range c.Words {
		if s == word {
			c.Value = s
			return nil
		}
	}
	return console.UnknownWord(s, c.Words)
}

// Count is a number from 1; 0 until it is set.
type Count uint64

func (c *Count) String() string {
	if *c == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(*c), 10)
}

// Type returns what help calls the value.
func (c *Count) Type() string { return "N" }

// Set takes a number.
func (c *Count) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || n == 0 {
		return console.Usage("not a number of rows", "it is a whole number from 1")
	}
	*c = Count(n)
	return nil
}

// Size is a number of bytes, with a unit or without.
type Size struct {
	Bytes int64
	Unit  int64 // of a plain number, in bytes; 0 means 1
	Least int64
	Most  int64 // 0: none
	IsSet bool
	Hint  string // of the error for what is no size
}

func (s *Size) String() string {
	if s.Bytes == 0 {
		return ""
	}
	return strconv.FormatInt(s.Bytes>>20, 10) + "M"
}

// Type returns what help calls the value.
func (s *Size) Type() string { return "SIZE" }

// Set takes a number with K, M, G or T behind it, also as KB or KiB; all are powers of
// 1024.
func (s *Size) Set(text string) error {
	wrong := console.Usage("not a size", s.Hint)
	number := strings.ToUpper(strings.TrimSpace(text))
	number = strings.TrimSuffix(strings.TrimSuffix(number, "B"), "I")
	unit := max(1, s.Unit)
	for i, letter := range []string{"K", "M", "G", "T"} {
		if strings.HasSuffix(number, letter) {
			number, unit = strings.TrimSuffix(number, letter), 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n <= 0 || n > (1<<62)/unit {
		return wrong
	}
	n *= unit
	if n < s.Least || s.Most > 0 && n > s.Most {
		return wrong
	}
	s.Bytes, s.IsSet = n, true
	return nil
}

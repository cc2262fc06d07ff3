package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/wsdump/wsdump/capture/filter"
	"github.com/wsdump/wsdump/input"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/record"
)

// Exit codes; a contract with scripts.
const (
	exitOK           = 0
	exitFailed       = 1  // check: something is wrong; diff: something differs
	exitUsage        = 2  // wrong use
	exitInput        = 3  // input unreadable, damaged or cut; output not written
	exitInconclusive = 4  // check: the capture does not decide
	exitBug          = 70 // our own fault
)

var (
	errInterrupted = errors.New("interrupted") // Ctrl-C ended the run
	errEnough      = errors.New("enough")      // all rows that were asked for are printed
)

// fail reports err with what to do about it, and returns its exit code.
func fail(words *console.Console, err error) int {
	if usage := (*console.UsageError)(nil); errors.As(err, &usage) {
		words.Error(usage.Text)
		words.Hint(usage.Hint)
		return exitUsage
	}
	if wrong := (*query.Error)(nil); errors.As(err, &wrong) {
		words.Error(fmt.Sprintf("%s (line %d, column %d)", wrong.Message, wrong.Line, wrong.Column))
		fmt.Fprintln(words.W, wrong.Excerpt()) // which is escaped
		words.Hint(wrong.Hint)
		return exitUsage
	}
	if wrong := (*filter.Error)(nil); errors.As(err, &wrong) {
		words.Error(fmt.Sprintf("%s (capture filter, line %d, column %d)", wrong.Message, wrong.Line, wrong.Column))
		fmt.Fprintln(words.W, wrong.Excerpt()) // which is escaped
		words.Hint(wrong.Hint)
		return exitUsage
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			fail(words, err)
		}
		return exitInput
	}
	words.Error(err.Error())
	words.Hint(advice(err))
	return exitInput
}

// advice returns what to try after err; "" when the error says it already.
func advice(err error) string {
	return cmp.Or(input.InterfaceAdvice(err), record.Advice(err), input.Advice(err))
}

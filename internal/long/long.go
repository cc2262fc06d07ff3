// Package long is the switch of tests that take long: they run with WSDUMP_LONG=1, which
// .ci/run sets.
package long

import (
	"os"
	"testing"
)

// Wanted reports whether long tests run.
func Wanted() bool { return os.Getenv("WSDUMP_LONG") != "" }

// Test skips a test that takes long, unless long tests are wanted.
func Test(t testing.TB) {
	t.Helper()
	if !Wanted() {
		t.Skip("takes long: WSDUMP_LONG=1 runs it, as .ci/run does")
	}
}

// Every returns 1 where long tests are wanted, else n: of a long list of cases, one of n
// is then tried.
func Every(n int) int {
	if Wanted() {
		return 1
	}
	return n
}

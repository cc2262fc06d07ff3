package helptext

import (
	"strings"
	"testing"
)

func TestWantsAll(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"list --help-all", "list --help full"}, {"run -- x --help-all", "run -- x --help-all"}, {"--help", "--help"}, {"", ""},
	} {
		args, full := WantsAll(strings.Fields(test.args))
		if got := strings.Join(args, " "); full && got+" full" != test.want || !full && got != test.want {
			t.Errorf("%q: %q, %v", test.args, got, full)
		}
	}
}

package privilege

import (
	"errors"
	"os"
	"testing"

	"github.com/wsdump/wsdump/internal/console"
)

func TestChoose(t *testing.T) {
	root := os.Geteuid() == 0
	for _, test := range []struct {
		name, uid, gid, user string
		want                 *Identity // by UID and Name
		wrong                bool
	}{
		{},
		{uid: "0", gid: "0"},
		{uid: "65534", gid: "65534", user: "someone", want: &Identity{Name: "someone", UID: 65534}},
		{uid: "65534", user: "someone", wrong: true},
		{name: "no-such-user-here", wrong: true},
	} {
		t.Setenv("SUDO_UID", test.uid)
		t.Setenv("SUDO_GID", test.gid)
		t.Setenv("SUDO_USER", test.user)
		if test.uid == "65534" && !root {
			test.want, test.wrong = nil, false // sudo makes us root
		}
		got, err := Choose(test.name)
		if errors.As(err, new(*console.UsageError)) != test.wrong {
			t.Errorf("%+v: %v", test, err)
		}
		if (got == nil) != (test.want == nil) || got != nil && (got.UID != test.want.UID || got.Name != test.want.Name) {
			t.Errorf("%+v: got %+v", test, got)
		}
	}
}

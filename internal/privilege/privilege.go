// Package privilege drops the privileges that a capture needs once it is open,
// and runs commands as the user who called sudo.
package privilege

import (
	"os"
	"os/user"
	"strconv"

	"github.com/wsdump/wsdump/internal/console"
)

// Identity is a user that a process runs as.
type Identity struct {
	Name     string // for messages; "" when it is not known
	UID, GID int
	Groups   []int
}

// Choose returns the user to go on as: the named one (-Z), or the one who called
// sudo. nil means that the process stays who it is. A [console.UsageError] says
// that there is no such user, or that only root can become another one.
func Choose(name string) (*Identity, error) {
	if name == "" {
		return sudoCaller()
	}
	known, err := user.Lookup(name)
	if err != nil {
		if known, err = user.LookupId(name); err != nil {
			return nil, console.Usage("-Z: there is no user "+console.Quote(name), "")
		}
	}
	uid, err := strconv.Atoi(known.Uid)
	gid, err2 := strconv.Atoi(known.Gid)
	switch {
	case err != nil || err2 != nil:
		return nil, console.Usage("-Z: user "+console.Quote(name)+" has no number", "")
	case uid == os.Geteuid():
		return nil, nil
	case os.Geteuid() != 0:
		return nil, console.Usage("-Z: only root can go on as another user", "")
	}
	return &Identity{Name: known.Username, UID: uid, GID: gid, Groups: append([]int{gid}, groups(known)...)}, nil
}

func sudoCaller() (*Identity, error) {
	uid, err := strconv.Atoi(os.Getenv("SUDO_UID"))
	if os.Geteuid() != 0 || err != nil || uid == 0 {
		return nil, nil
	}
	gid, err := strconv.Atoi(os.Getenv("SUDO_GID"))
	if err != nil {
		return nil, console.Usage("SUDO_UID is set, and SUDO_GID is none", "say who to go on as with -Z")
	}
	to := &Identity{Name: os.Getenv("SUDO_USER"), UID: uid, GID: gid, Groups: []int{gid}}
	if known, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		to.Groups = append(to.Groups, groups(known)...)
	}
	return to, nil
}

// groups returns the other groups of a user, as far as they are known.
func groups(u *user.User) (ids []int) {
	names, err := u.GroupIds()
	if err != nil {
		return nil
	}
	for _, name := range names {
		if id, err := strconv.Atoi(name); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

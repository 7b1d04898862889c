//go:build unix

package systemd

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// ownerOf is the name of the user to whom a file belongs, or the number of one without a name.
func ownerOf(file string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	uid := strconv.Itoa(int(info.Sys().(*syscall.Stat_t).Uid))
	if known, err := user.LookupId(uid); err == nil {
		return known.Username, nil
	}
	return uid, nil
}

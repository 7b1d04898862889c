//go:build unix

package owner

import (
	"io/fs"
	"os"
	"syscall"
)

// isRoot reports whether we may give files away.
func isRoot() bool { return os.Geteuid() == 0 }

// compare returns the owner and the group of a file, and whether another one has others.
func compare(of, with fs.FileInfo) (uid, gid int, differs bool) {
	a, ok1 := of.Sys().(*syscall.Stat_t)
	b, ok2 := with.Sys().(*syscall.Stat_t)
	if !ok1 || !ok2 {
		return 0, 0, false
	}
	return int(a.Uid), int(a.Gid), a.Uid != b.Uid || a.Gid != b.Gid
}

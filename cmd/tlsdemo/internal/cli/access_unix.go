//go:build unix

package cli

import (
	"io/fs"
	"os"
	"syscall"
)

// AccessTo finds out who but us can use a file.
func AccessTo(info fs.FileInfo) Access {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch mode := info.Mode().Perm(); {
	case !ok || int(stat.Uid) != os.Geteuid():
		return Foreign
	case mode&0o022 != 0:
		return Writable
	case mode&0o044 != 0:
		return Readable
	}
	return Ours
}

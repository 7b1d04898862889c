//go:build unix

package session

import (
	"io/fs"
	"os"
	"syscall"
)

// exposed says why a file is not ours alone, or returns "".
func exposed(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch mode := info.Mode().Perm(); {
	case !ok || int(stat.Uid) != os.Geteuid():
		return foreign
	case mode&0o022 != 0:
		return "other users can write it, and could have us believe another server: delete it"
	case mode&0o044 != 0:
		return "other users can read it, and could connect as us: set its mode to 0600, or delete it"
	}
	return ""
}

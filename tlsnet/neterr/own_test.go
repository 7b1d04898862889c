package neterr

import (
	"io/fs"
	"os"
	"syscall"
	"testing"
)

// An error of the system's own counts, on every system, where there is such a list.
func TestOwnErrors(t *testing.T) {
	own := []syscall.Errno{10061, 10054}
	for errno, want := range map[syscall.Errno]bool{10061: true, 10054: true, 10053: false} {
		if got := isOneOf(os.NewSyscallError("connect", errno), fs.ErrClosed, own); got != want {
			t.Errorf("%d: %v", errno, got)
		}
	}
}

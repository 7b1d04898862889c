//go:build unix

package wire

import (
	"syscall"
	"time"
)

// worked is how much this process has worked so far. Unlike the time on the wall it does not
// depend on what else the machine does.
func worked() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

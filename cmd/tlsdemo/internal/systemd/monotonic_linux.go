package systemd

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// monotonic is the time at which a reload begins. systemd compares it with that of its own
// signal, to know that this reload is the one that it asked for.
func monotonic() string {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return ""
	}
	return fmt.Sprintf("\nMONOTONIC_USEC=%d", now.Nano()/1000)
}

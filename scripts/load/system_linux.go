package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the CPU time that a process has used so far, of all its threads, in user
// and in system mode. The clock of another process is clock_getcpuclockid(3)'s.
func cpuTime(pid int) (time.Duration, error) {
	const schedClock = 2
	var spent unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedClock), &spent); err != nil {
		return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	return time.Duration(spent.Nano()), nil
}

// memory is what a process holds of memory that is its own, in bytes: proc(5).
func memory(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(status, []byte("RssAnon:"))
	kib, _, ok := bytes.Cut(bytes.TrimSpace(rest), []byte(" kB"))
	n, err := strconv.Atoi(string(kib))
	if !ok || err != nil {
		return 0, fmt.Errorf("memory of process %d: no RssAnon in its status", pid)
	}
	return float64(n) * 1024, nil
}

// maxFiles is how many file descriptors this process may have.
func maxFiles() int {
	var most unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &most); err != nil {
		return 0
	}
	return int(min(most.Max, 1<<30))
}

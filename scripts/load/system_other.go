//go:build !linux

package main

import (
	"errors"
	"time"
)

var errNotLinux = errors.New("what a process uses is measured on Linux only")

func cpuTime(int) (time.Duration, error) { return 0, errNotLinux }

func memory(int) (float64, error) { return 0, errNotLinux }

func maxFiles() int { return 0 }

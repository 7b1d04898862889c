//go:build !unix

package workshop

import "os/exec"

// Without process groups the process alone is ended, which [exec.CommandContext] does.
func ownGroup(*exec.Cmd) {}

func killGroup(*exec.Cmd) {}

package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tlsdemo/cmd/tlsdemo/internal/cli"
)

var update = flag.Bool("update", false, "write what programs print into the scripts of testdata/script, as what they expect")

// programs are what a script can exec besides what is installed: this test binary
// again, under other names.
var programs = map[string]func(){"tlsdemo": tlsdemo}

func TestMain(m *testing.M) {
	testscript.Main(m, programs)
}

// clockVariable stops the clock of a script's programs at a time (RFC 3339).
const clockVariable = "TLSDEMO_TEST_NOW"

// tlsdemo is main, but for its clock.
func tlsdemo() {
	now := clock(os.Getenv(clockVariable))
	os.Exit(start(&cli.Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Now: now}, os.Args[1:]))
}

func clock(at string) func() time.Time {
	if at == "" {
		return time.Now
	}
	now, err := time.Parse(time.RFC3339, at)
	if err != nil {
		panic(err)
	}
	return func() time.Time { return now }
}

// TestScripts runs what is in testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		Setup:               setup,
		Cmds:                commands,
		Condition:           condition,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
	})
}

// commands are what scripts can use besides testscript's own.
var commands = map[string]func(*testscript.TestScript, bool, []string){
	"atmost":   atMost,       // atmost N FILE: FILE, which can be stdout or stderr, is no longer than N bytes
	"await":    await,        // await FILE VAR: wait for a --ready-file, and set VAR to the address in it
	"exited":   exited,       // exited N: the background program that was waited for last ended with status N
	"fetch":    fetch,        // fetch URL: make a request without TLS, and print status, headers and body
	"forge":    forgeCommand, // forge KIND PATH: make a certificate, or a set, with something wrong with it
	"gone":     gone,         // gone ADDR: wait until nobody listens there
	"json":     jsonObjects,  // json FILE N [KEY...]: FILE is N lines, each a JSON object with these keys
	"knock":    knock,        // knock KIND ADDR [DIR]: be a client with a fault
	"logged":   logged,       // logged FILE REGEXP VAR: wait until it matches in a log, and set VAR to its first group
	"occupy":   occupy,       // occupy VAR: listen, without ever accepting, and set VAR to the address
	"peer":     peer,         // peer KIND DIR VAR: be a server with a fault, and set VAR to its address
	"request":  request,      // request PROTOCOL REQUEST ADDR DIR [HEADER...]: make a request over h2, http/1.1 or no ALPN, and print status, headers and body
	"signal":   sendSignal,   // signal NAME: send SIGHUP (HUP) or SIGTERM (TERM) to the background program that was started last
	"soon":     statusSoon,   // soon N PROGRAM [ARG...]: as status, but it is tried again until it is so
	"status":   exitStatus,   // status N PROGRAM [ARG...]: as exec, but the exit status has to be N
	"tmpfs":    tmpfs,        // tmpfs SIZE DIR: make DIR, a file system of its own
	"tree":     tree,         // tree [-all] DIR: print modes and paths, or all that can change
	"web":      web,          // web KIND DIR VAR: be a server of HTTP, and set VAR to its address
	"truncate": truncate,     // truncate SIZE FILE: make FILE that long, without taking the room
}

// setup isolates a script, and names characters that a script's text cannot hold.
func setup(env *testscript.Env) error {
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("TLSDEMO_DIR", "certs")
	env.Setenv("ESC", "\x1b")
	env.Setenv("NL", "\n")
	env.Setenv("RLO", "\u202e") // right-to-left override
	env.Vars = append(env.Vars, raceOptions()...)
	env.Values[waitedKey{}] = new(waited)
	// So that another user can reach what is in it.
	return os.Chmod(filepath.Dir(env.WorkDir), 0o711)
}

// raceOptions keep a program that was built with the race detector from sleeping for
// a second when it ends.
func raceOptions() []string {
	if os.Getenv("GORACE") != "" {
		return nil
	}
	return []string{"GORACE=atexit_sleep_ms=0"}
}

func condition(name string) (bool, error) {
	switch name {
	case "ipv6":
		return hasIPv6(), nil
	case "tmpfs":
		return canMount(), nil
	case "unprivileged": // the program of that name works
		return canDropPrivileges(), nil
	case "low-ports": // that program may listen on port 1 of loopback
		return lowPortsAreOpen(), nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

var hasIPv6 = sync.OnceValue(func() bool {
	ln, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		return false
	}
	_ = ln.Close()
	return true
})

var canMount = sync.OnceValue(func() bool {
	dir, err := os.MkdirTemp("", "tlsdemo-mount-*")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	if exec.Command("mount", "-t", "tmpfs", "none", dir).Run() != nil {
		return false
	}
	return exec.Command("umount", dir).Run() == nil
})

// canDropPrivileges and lowPortsAreOpen are known where the program unprivileged is.
var (
	canDropPrivileges = func() bool { return false }
	lowPortsAreOpen   = func() bool { return false }
)

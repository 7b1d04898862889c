package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"tlsdemo/scripts/load/rival"
)

// server is a server in a process of its own. Whoever started it stops it.
type server struct {
	addr  string
	cmd   *exec.Cmd
	ended chan struct{}
}

// role is a process of its own that ends when its standard input does: a rival, or this
// program as a siege.
type role struct {
	server
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// servers counts what has been started, for names of files.
var servers atomic.Int64

// ours starts tlsdemo serve with the flags. What it prints goes to the two writers or,
// where they are nil, to nowhere.
func (w *workshop) ours(ctx context.Context, stdout, stderr io.Writer, flags ...string) (*server, error) {
	cmd := exec.CommandContext(ctx, w.binary, append([]string{"serve"}, flags...)...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return w.startOurs(cmd)
}

// limited starts tlsdemo serve with as many file descriptors, if that is not 0.
func (w *workshop) limited(ctx context.Context, stderr io.Writer, files int) (*server, error) {
	if files == 0 {
		return w.ours(ctx, nil, stderr, "--drain=1s")
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, files), w.binary, "serve", "--drain=1s")
	cmd.Stderr = stderr
	return w.startOurs(cmd)
}

// startOurs starts a command that is tlsdemo serve, and waits until it listens.
func (w *workshop) startOurs(cmd *exec.Cmd) (*server, error) {
	ready := filepath.Join(w.dir, fmt.Sprintf("ready-%d", servers.Add(1)))
	cmd.Args = append(cmd.Args, "--ready-file="+ready)
	if !slices.ContainsFunc(cmd.Args, func(arg string) bool { return strings.HasPrefix(arg, "--addr=") }) {
		cmd.Args = append(cmd.Args, "--addr=127.0.0.1:0")
	}
	cmd.Env = append(os.Environ(), "TLSDEMO_DIR="+w.set)
	s := &server{cmd: cmd}
	if err := s.start(); err != nil {
		return nil, err
	}
	for !s.over() {
		if addr, err := os.ReadFile(ready); err == nil && len(addr) > 0 {
			s.addr = strings.TrimSpace(string(addr))
			return s, nil
		}
		time.Sleep(time.Millisecond)
	}
	return nil, fmt.Errorf("tlsdemo serve: %v", s.cmd.ProcessState)
}

// rival starts a server of a kind, such as bare, with the certificate of the set.
func (w *workshop) rival(ctx context.Context, kind, trust string, flags ...string) (*role, error) {
	return w.rivalAs(ctx, kind, w.file("server.crt"), w.file("server.key"), trust, flags...)
}

func (w *workshop) rivalAs(ctx context.Context, kind, cert, key, trust string, flags ...string) (*role, error) {
	args := []string{rival.Command, "--kind=" + kind, "--cert=" + cert, "--key=" + key, "--ca=" + trust}
	r, err := startRole(ctx, w.binary, append(args, flags...)...)
	if err != nil {
		return nil, err
	}
	r.addr, err = r.line()
	return r, err
}

func startRole(ctx context.Context, binary string, args ...string) (*role, error) {
	r := &role{server: server{cmd: exec.CommandContext(ctx, binary, args...)}}
	r.cmd.Stderr = os.Stderr
	stdin, err := r.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r.stdin, r.stdout = stdin, bufio.NewReader(stdout)
	return r, r.start()
}

// stop ends the role, by force if need be.
func (r *role) stop() {
	_ = r.stdin.Close()
	r.awaitEnd()
}

// line reads a line of what a role prints.
func (r *role) line() (string, error) {
	line, err := r.stdout.ReadString('\n')
	return strings.TrimSpace(line), err
}

// ask asks a role for its number: of a server's allocations, of a siege's connections.
func (r *role) ask() (float64, error) {
	if _, err := io.WriteString(r.stdin, "\n"); err != nil {
		return 0, err
	}
	line, err := r.line()
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(line, 64)
}

func (s *server) start() error {
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.ended = make(chan struct{})
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	return nil
}

func (s *server) over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// stop ends the server, by force if need be, and returns how long that took.
func (s *server) stop() time.Duration {
	asked := time.Now()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	s.awaitEnd()
	return time.Since(asked)
}

// awaitEnd waits for the process to end, and kills one that takes too long.
func (s *server) awaitEnd() {
	select {
	case <-s.ended:
	case <-time.After(limit):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
}

// cpu is the CPU time that the server has used, in seconds.
func (s *server) cpu() (float64, error) {
	spent, err := cpuTime(s.cmd.Process.Pid)
	return spent.Seconds(), err
}

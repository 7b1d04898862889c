package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// ofTheSystem are the faults of what is around the server.
func (f *faulting) ofTheSystem() []fault {
	return []fault{
		{"a full disk under the log", "0 exchanges lost", f.fullDisk},
		{"standard output closed", "0 exchanges lost", f.closed(">&-")},
		{"standard error closed", "0 exchanges lost", f.closed("2>&-")},
		{"both closed", "0 exchanges lost", f.closed(">&- 2>&-")},
		{"a reader of the log that stops", "0 exchanges lost", f.stoppedReader},
		{"a reader of the log that is gone", "0 exchanges lost", f.goneReader},
		{"no file descriptor left (ulimit -n 64)", "the next is answered when others go", f.noFiles},
	}
}

// lost has exchanges in all manners, of which none is to be lost.
func (f *faulting) lost(ctx context.Context, s *server) (string, error) {
	defer s.stop()
	var seen tally
	n := 240
	if f.long {
		n = 6000
	}
	var next tally
	err := crowd(ctx, n, func(ctx context.Context) error {
		m := manners[int(next.made.Add(1))%len(manners)]
		state, err := f.good.exchange(ctx, s.addr, m)
		seen.add(m, state, err)
		return err
	})
	f.good.caches.Clear()
	return seen.String(), err
}

// fullDisk has the server write into a file system that is full.
func (f *faulting) fullDisk(ctx context.Context) (string, error) {
	if os.Getuid() != 0 {
		return "", skipped("only root can mount a small file system")
	}
	dir := filepath.Join(f.dir, "small")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	if err := quietly(exec.CommandContext(ctx, "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", dir)); err != nil {
		return "", skipped("no file system can be mounted here")
	}
	defer func() { _ = quietly(exec.Command("umount", "-l", dir)) }()
	out, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return "", err
	}
	defer out.Close()
	if err := fill(filepath.Join(dir, "filler")); err != nil {
		return "", err
	}
	s, err := f.ours(ctx, out, out, "--log=json", "--echo")
	if err != nil {
		return "", err
	}
	return f.lost(ctx, s)
}

// fill writes a file until there is no room.
func fill(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for range 1 << 10 {
		if _, err := file.Write(make([]byte, 4096)); err != nil {
			return nil
		}
	}
	return errors.New("the file system does not fill up")
}

// closed has the server start without some of its standard streams.
func (f *faulting) closed(which string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		cmd := exec.CommandContext(ctx, "sh", "-c", `exec "$0" "$@" `+which, f.binary, "serve", "--log=json", "--echo")
		s, err := f.startOurs(cmd)
		if err != nil {
			return "", err
		}
		return f.lost(ctx, s)
	}
}

// stoppedReader has nobody read what the server says.
func (f *faulting) stoppedReader(ctx context.Context) (string, error) {
	out, in, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer out.Close()
	defer in.Close()
	// The pipe is full before the server has it: from then on writing to it has no deadline.
	_ = in.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	_, _ = io.Copy(in, neverEnding{})
	s, err := f.ours(ctx, in, in, "--log=json", "--echo", "--drain=1s")
	if err != nil {
		return "", err
	}
	return f.lost(ctx, s)
}

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) { return len(p), nil }

// goneReader has the reader of the log go away.
func (f *faulting) goneReader(ctx context.Context) (string, error) {
	out, in, err := os.Pipe()
	if err != nil {
		return "", err
	}
	s, err := f.ours(ctx, in, in, "--log=json", "--echo")
	_ = in.Close()
	_ = out.Close()
	if err != nil {
		return "", err
	}
	return f.lost(ctx, s)
}

// noFiles has more connections than the server has file descriptors for. When they are gone,
// the next is answered.
func (f *faulting) noFiles(ctx context.Context) (string, error) {
	s, err := f.limited(ctx, nil, 64)
	if err != nil {
		return "", err
	}
	defer s.stop()
	f.server = s
	conns, answered := f.hold(ctx, 120)
	closeAll(conns)
	began := time.Now()
	err = f.answers(ctx)
	return fmt.Sprintf("%d of 120 came through, answered again after %d ms", answered, time.Since(began).Milliseconds()), err
}

// hold opens connections, and returns them and how many have shaken hands.
func (f *faulting) hold(ctx context.Context, n int) (conns []net.Conn, answered int) {
	ctx, cancel := context.WithTimeout(ctx, promptly)
	defer cancel()
	var mu sync.Mutex
	_ = together(n, func(int) error {
		conn, secure, err := f.dial(ctx, "tlsdemo/1")
		mu.Lock()
		defer mu.Unlock()
		if conn != nil {
			conns = append(conns, conn)
		}
		if secure != nil && err == nil {
			answered++
		}
		return nil
	})
	return conns, answered
}

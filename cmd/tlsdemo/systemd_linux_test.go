package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/cli"
)

// unit is a server as systemd starts it.
type unit struct {
	*exec.Cmd
	out bytes.Buffer
}

// newUnit passes files from 3 on, and says so, as systemd does, to the process itself.
func newUnit(t *testing.T, dir certs.Dir, files []*os.File, args ...string) *unit {
	t.Helper()
	script := `LISTEN_PID=$$ exec tlsdemo serve --dir="$0" "$@"`
	u := &unit{Cmd: exec.CommandContext(t.Context(), "sh", append([]string{"-c", script, string(dir)}, args...)...)}
	u.Env = append(os.Environ(), raceOptions()...)
	u.Env = append(u.Env, "LISTEN_FDS="+strconv.Itoa(len(files)))
	u.ExtraFiles, u.Stdout, u.Stderr = files, &u.out, &u.out
	u.WaitDelay = time.Second
	return u
}

func (u *unit) start(t *testing.T) {
	t.Helper()
	if err := u.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.Process.Kill() })
}

// stop has it end by itself, and returns what it printed.
func (u *unit) stop(t *testing.T) string {
	t.Helper()
	if err := errors.Join(u.Process.Signal(syscall.SIGTERM), u.Wait()); err != nil {
		t.Errorf("%v\n%s", err, &u.out)
	}
	return u.out.String()
}

func newCerts(t *testing.T) certs.Dir {
	t.Helper()
	dir := certs.Dir(filepath.Join(t.TempDir(), "certs"))
	if status, _, stderr := runInit(t, dir); status != cli.ExitDone {
		t.Fatal(stderr)
	}
	return dir
}

// passing returns the file of a socket, as it is passed. The listener itself is not closed: to
// close a Unix socket would remove it.
func passing(t *testing.T, network, addr string) (net.Listener, *os.File) {
	t.Helper()
	ln, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	file, err := ln.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(file.Close(), ln.Close()) })
	return ln, file
}

// sendTo says hello, and returns what was printed.
func sendTo(t *testing.T, dir certs.Dir, addr string) {
	t.Helper()
	send := exec.CommandContext(t.Context(), "tlsdemo", "send", "--dir", string(dir), "--addr="+addr)
	send.Env = append(os.Environ(), raceOptions()...)
	if out, err := send.CombinedOutput(); err != nil || string(out) != "Received \"Hello world!\"\n" {
		t.Errorf("send: %v: %s", err, out)
	}
}

func TestSocketActivation(t *testing.T) {
	dir := newCerts(t)
	path := filepath.Join(t.TempDir(), "s")
	for _, addr := range []string{"127.0.0.1:0", "unix:" + path} {
		network := "tcp"
		bare, isUnix := strings.CutPrefix(addr, "unix:")
		if isUnix {
			network = "unix"
		}
		ln, file := passing(t, network, bare)
		if !isUnix {
			addr = ln.Addr().String()
		}
		u := newUnit(t, dir, []*os.File{file})
		u.start(t)
		sendTo(t, dir, addr) // who connects before the server is there waits
		got := u.stop(t)
		if !strings.Contains(got, "listening addr="+addr+" ") || !strings.Contains(got, "(client.localhost)\nReceived data: \"Hello world!\"") {
			t.Errorf("%s: printed %s", addr, got)
		}
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("a socket that is systemd's is not ours to remove: %v", err)
	}
}

func TestSocketsThatCannotBeUsed(t *testing.T) {
	dir := newCerts(t)
	_, tcp := passing(t, "tcp", "127.0.0.1:0")
	_, other := passing(t, "tcp", "127.0.0.1:0")
	_, everywhere := passing(t, "tcp", "0.0.0.0:0")
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	udp, err := packets.(*net.UDPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	pair := os.NewFile(uintptr(fds[0]), "pair")
	defer func() { _ = errors.Join(pair.Close(), syscall.Close(fds[1])) }()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for want, test := range map[string]struct {
		files []*os.File
		args  []string
	}{
		"systemd has passed a socket to listen on, so --addr must not be given":            {files: []*os.File{tcp}, args: []string{"--addr=127.0.0.1:0"}},
		"systemd passed 2 sockets, and we listen on one":                                   {files: []*os.File{tcp, other}},
		"it is not a stream socket: the .socket unit needs ListenStream=":                  {files: []*os.File{udp}},
		"it does not listen: the .socket unit needs Accept=no":                             {files: []*os.File{pair}},
		"the socket that systemd passed cannot be used: file descriptor 3 is not a socket": {files: []*os.File{null}},
	} {
		failed(t, newUnit(t, dir, test.files, test.args...), want)
	}
	for number, want := range map[string]string{
		"-1":                   "the environment variable LISTEN_FDS is -1, which is not a number of sockets",
		"x":                    "the environment variable LISTEN_FDS is x, which is not a number of sockets",
		"99999999999999999999": "the environment variable LISTEN_FDS is 99999999999999999999, which is not a number of sockets",
		"999999999":            "systemd passed 999999999 sockets, and we listen on one",
	} {
		u := newUnit(t, dir, nil)
		u.Env = append(u.Env, "LISTEN_FDS="+number)
		failed(t, u, want)
	}
	plain := newUnit(t, "", []*os.File{everywhere})
	plain.Args = []string{"sh", "-c", "LISTEN_PID=$$ exec tlsdemo serve --plain"}
	failed(t, plain, "--plain listens on loopback addresses only")

	// Sockets that were passed to another process are not for us.
	u := newUnit(t, dir, []*os.File{tcp}, "--addr=127.0.0.1:0")
	u.Args[2] = strings.Replace(u.Args[2], "$$", "1", 1)
	notices := manager(t, u)
	u.start(t)
	notices.expect("READY=1")
	u.stop(t)
}

// failed has a unit fail because of a local mistake, and say so.
func failed(t *testing.T, u *unit, want string) {
	t.Helper()
	err := u.Run()
	if ended, ok := errors.AsType[*exec.ExitError](err); !ok || ended.ExitCode() != cli.ExitLocal || !strings.Contains(u.out.String(), want) {
		t.Errorf("%v, printed %swant: %s", err, &u.out, want)
	}
}

// notices are what a manager is told.
type notices struct {
	t    *testing.T
	conn *net.UnixConn
}

// manager makes one for a unit that has not been started.
func manager(t *testing.T, u *unit) *notices {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	u.Env = append(u.Env, "NOTIFY_SOCKET="+path)
	return &notices{t, conn}
}

func (n *notices) next() string {
	n.t.Helper()
	if err := n.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		n.t.Fatal(err)
	}
	buf := make([]byte, 4096)
	size, err := n.conn.Read(buf)
	if err != nil {
		n.t.Fatal(err)
	}
	return string(buf[:size])
}

// expect returns the next notice, whose first line has to be want.
func (n *notices) expect(want string) (rest string) {
	n.t.Helper()
	notice := n.next()
	first, rest, _ := strings.Cut(notice, "\n")
	if first != want {
		n.t.Fatalf("systemd was told %q, want %s", notice, want)
	}
	return rest
}

func TestNotices(t *testing.T) {
	dir := newCerts(t)
	u := newUnit(t, dir, nil, "--addr=127.0.0.1:0")
	n := manager(t, u)
	u.start(t)
	addr, ok := strings.CutPrefix(n.expect("READY=1"), "STATUS=listening on ")
	if !ok {
		t.Errorf("no address in the status: %q", addr)
	}
	before := monotonicNow(t)
	if err := u.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	n.expectReload(before)
	renewAll(t, dir)
	n.expectReload(before)
	sendTo(t, dir, addr)
	u.stop(t)
	n.expectStop()
}

// expectStop expects the end. To renew takes several steps, so there can be more than one reload
// before it.
func (n *notices) expectStop() {
	n.t.Helper()
	for {
		switch first, _, _ := strings.Cut(n.next(), "\n"); first {
		case "STOPPING=1":
			return
		case "RELOADING=1":
			n.expect("READY=1")
		default:
			n.t.Fatalf("systemd was told %q", first)
		}
	}
}

func renewAll(t *testing.T, dir certs.Dir) {
	t.Helper()
	renew := exec.CommandContext(t.Context(), "tlsdemo", "certs", "renew", "server", "--new-key", "--dir", string(dir))
	if out, err := renew.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// expectReload expects a reload that began after a time of the monotonic clock.
func (n *notices) expectReload(after int64) {
	n.t.Helper()
	rest := n.expect("RELOADING=1")
	at, err := strconv.ParseInt(strings.TrimPrefix(rest, "MONOTONIC_USEC="), 10, 64)
	if err != nil || at < after || at > monotonicNow(n.t) {
		n.t.Errorf("RELOADING=1 with %q, after %d", rest, after)
	}
	n.expect("READY=1")
}

// monotonicNow is the time of the monotonic clock in microseconds.
func monotonicNow(t *testing.T) int64 {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return now.Nano() / 1000
}

// The server answers the watchdog in time, in the middle of its work.
func TestWatchdog(t *testing.T) {
	dir := newCerts(t)
	u := newUnit(t, dir, nil, "--addr=127.0.0.1:0")
	n := manager(t, u)
	const limit = 400 * time.Millisecond
	u.Env = append(u.Env, "WATCHDOG_USEC="+strconv.FormatInt(limit.Microseconds(), 10))
	u.start(t)
	addr := strings.TrimPrefix(n.expect("READY=1"), "STATUS=listening on ")
	begun := time.Now()
	for range 5 {
		n.expect("WATCHDOG=1")
		sendTo(t, dir, addr)
	}
	if took := time.Since(begun); took < 4*limit/2 {
		t.Errorf("the watchdog was told five times in %v, which is too often", took)
	}
	if printed := u.stop(t); strings.Contains(printed, "accept failed") {
		t.Error(printed)
	}
}

// systemd takes the unit that we print as it is, and finds little that it could still forbid.
func TestUnit(t *testing.T) {
	require(t, "systemd-analyze")
	roots, users := newCerts(t), newCerts(t)
	giveTo(t, users, 1) // daemon, whom every system has; nobody would be refused
	for name, args := range map[string][]string{
		"root":     {"--dir=" + string(roots), "--reply=100% of \"$HOME\" \\ 'x'; y"},
		"files":    {"--cert=" + roots.Files("server").Cert, "--key=" + roots.Files("server").Key, "--ca=" + roots.Files("server").CA, "--addr=:443"},
		"user":     {"--dir=" + string(users), "--addr=:8888", "--ready-file=ready"},
		"unix":     {"--dir=" + string(users), "--addr=unix:x.sock"},
		"low port": {"--dir=" + string(users), "--addr=0.0.0.0:443"},
	} {
		file := filepath.Join(t.TempDir(), "tlsdemo.service")
		printed, err := exec.CommandContext(t.Context(), "tlsdemo", append([]string{"serve", "--print-unit"}, args...)...).Output()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := os.WriteFile(file, printed, 0o600); err != nil {
			t.Fatal(err)
		}
		// It complains of what is installed here, too.
		out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", file).CombinedOutput()
		if err != nil || bytes.Contains(out, []byte("tlsdemo.service")) {
			t.Errorf("%s: verify: %v\n%s\n%s", name, err, out, printed)
		}
		// The threshold is in tenths.
		out, err = exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=20", file).CombinedOutput()
		if err != nil {
			t.Errorf("%s: security: %v\n%s", name, err, out)
		}
	}
}

// systemd reads the values back as they were typed: its own dump of the unit shows them.
func TestUnitIsReadBack(t *testing.T) {
	const program = "/lib/systemd/systemd"
	if _, err := os.Stat(program); err != nil || os.Geteuid() != 0 {
		t.Skip("systemd is not installed, or we cannot become another user, as it wants for a test")
	}
	for reply, want := range map[string]string{
		"line 1\nline 2":             `"--reply=line 1\nline 2"`,
		"100%d %% %h":                `"--reply=100%d %% %h"`,
		`it's "q" \ \x41 \`:          `"--reply=it's \"q\" \\ \\x41 \\"`,
		"$HOME ${HOME} $$":           `"--reply=\$\$HOME \$\${HOME} \$\$\$\$"`, // each pair becomes one when it runs
		"\x1b[31m\u00e9\u2028\ufffd": "\"--reply=\\033[31m\u00e9\u2028\ufffd\"",
	} {
		dir := readable(t)
		set := filepath.Join(dir, "a b:c%d'e")
		if status, _, stderr := runInit(t, certs.Dir(set)); status != cli.ExitDone {
			t.Fatal(stderr)
		}
		giveTo(t, certs.Dir(set), 1)
		printed, err := exec.CommandContext(t.Context(), "tlsdemo", "serve", "--print-unit", "--dir="+set, "--reply="+reply, "--ready-file="+set+"/ready").Output()
		if err != nil {
			t.Fatal(err)
		}
		dump := dumpOf(t, program, dir, printed)
		if !strings.Contains(dump, "Command Line: ") {
			t.Skip("this systemd shows units in another form")
		}
		for _, want := range []string{want, "ReadWritePaths: " + set + "\n", "BindReadOnlyPaths: " + set + ":" + set + ":rbind\n"} {
			if !strings.Contains(dump, want) {
				t.Errorf("%q: no %s in\n%s\n%s", reply, want, printed, dump)
			}
		}
	}
}

// readable is a directory in which everybody can read.
func readable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "unit")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// dumpOf is what systemd has read of a unit.
func dumpOf(t *testing.T, program, dir string, unit []byte) string {
	t.Helper()
	for name, text := range map[string][]byte{"tlsdemo.service": unit, "default.target": []byte("[Unit]\nWants=tlsdemo.service\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const daemon = 1
	runtime := filepath.Join(dir, "run")
	if err := errors.Join(os.Mkdir(runtime, 0o700), os.Chown(runtime, daemon, daemon)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "--test", "--user", "--unit=default.target")
	cmd.Env = []string{"SYSTEMD_UNIT_PATH=" + dir, "XDG_RUNTIME_DIR=" + runtime, "HOME=/"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: daemon, Gid: daemon}}
	out, err := cmd.CombinedOutput()
	_, dump, found := bytes.Cut(out, []byte("-> Unit tlsdemo.service:"))
	if err != nil || !found {
		t.Skipf("systemd cannot be asked here: %v: %.300s", err, out)
	}
	dump, _, _ = bytes.Cut(dump, []byte("-> Unit "))
	return string(dump)
}

// giveTo gives a directory to another user, where we may.
func giveTo(t *testing.T, dir certs.Dir, uid int) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	if out, err := exec.CommandContext(t.Context(), "chown", "-R", strconv.Itoa(uid), string(dir)).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

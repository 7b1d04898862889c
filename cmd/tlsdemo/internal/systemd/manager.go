// Package systemd is how a server fits into systemd: it takes the socket that it is passed, says
// when it is ready, reloads and stops, and answers the watchdog. Where there is no systemd,
// nothing of that happens.
package systemd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Manager is what started us, if it wants to hear of us (sd_notify(3)): it has set NOTIFY_SOCKET.
type Manager struct {
	// Logger is told, once, that the manager cannot be reached. It is required.
	Logger *slog.Logger

	mu      sync.Mutex
	ready   bool
	reloads int // that are going on
	failed  bool
	unread  chan error // what has been told and not read yet, or nil
}

// Ready says that clients are accepted, and in a few words what is going on.
func (m *Manager) Ready(status string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ready = true
	m.tell(daemon.SdNotifyReady + "\nSTATUS=" + status)
}

// Attend returns the listener through which clients are to be accepted. Until ctx is done the
// watchdog is told that they are, if there is one; then, or when done is called, that we stop.
func (m *Manager) Attend(ctx context.Context, ln net.Listener) (_ net.Listener, done func()) {
	ctx, cancel := context.WithCancel(ctx)
	ln, watchdog := m.watch(ln)
	var all sync.WaitGroup
	all.Go(func() {
		watchdog(ctx)
		<-ctx.Done()
		m.stopping()
	})
	return ln, func() {
		cancel()
		all.Wait()
	}
}

// stopping says that no more clients are accepted.
func (m *Manager) stopping() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ready = false // a reload that is still going on must not take that back
	m.tell(daemon.SdNotifyStopping)
}

// Reloading says that the configuration is read again, until done is called. Before Ready, and
// within another reload, there is nothing to say.
func (m *Manager) Reloading() (done func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reloads++
	if m.ready && m.reloads == 1 {
		m.tell(daemon.SdNotifyReloading + monotonic())
	}
	return m.reloaded
}

func (m *Manager) reloaded() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reloads--
	if m.ready && m.reloads == 0 {
		m.tell(daemon.SdNotifyReady)
	}
}

func (m *Manager) alive() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tell(daemon.SdNotifyWatchdog)
}

// patience is how long we wait for a manager that does not read what it is told: to serve, and to
// end, is more important.
const patience = 100 * time.Millisecond

var errNotRead = errors.New("it does not read what it is told")

// tell tells the manager something, or leaves it out where the last has not been read.
func (m *Manager) tell(state string) {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return
	}
	if m.unread != nil && !m.await(m.unread) {
		return
	}
	told := make(chan error, 1)
	go func() {
		_, err := daemon.SdNotify(false, state)
		told <- err
	}()
	m.await(told)
}

// await waits until something has been told, and notes it if that takes too long.
func (m *Manager) await(told chan error) bool {
	var err error
	select {
	case err = <-told:
		m.unread = nil
	case <-time.After(patience):
		err, m.unread = errNotRead, told
	}
	if err != nil && !m.failed {
		m.failed = true
		m.Logger.Warn("systemd cannot be told how we are", "error", err)
	}
	return m.unread == nil
}

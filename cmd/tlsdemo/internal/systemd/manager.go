// Package systemd is how a server fits into systemd: it takes the socket that it is passed, says
// when it is ready, reloads and stops, and answers the watchdog. Where there is no systemd,
// nothing of that happens.
package systemd

import (
	"context"
	"log/slog"
	"net"
	"sync"

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

func (m *Manager) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil && !m.failed {
		m.failed = true
		m.Logger.Warn("systemd cannot be told how we are", "error", err)
	}
}

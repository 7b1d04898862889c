package trace

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"tlsdemo/tlsnet/wire"
)

// DefaultLimit is how much is kept of a connection.
const DefaultLimit = 16 << 20

// Recorder records connections. Its configurations are those that Config returns: without them
// what is encrypted stays so. The zero value is ready. It is safe for concurrent use.
type Recorder struct {
	// Limit is how many bytes are kept of a connection, both directions together. If zero,
	// DefaultLimit.
	Limit int64
	// Now is the clock by which it is noted when something was said. If nil, time.Now.
	Now func() time.Time
	// Done is told of every connection that our end has closed, by whoever closes it. May be
	// nil.
	Done func(*Capture)

	secrets wire.Secrets // of connections that are not open
	mu      sync.Mutex
	known   []traced               // the one used last comes last
	open    map[name]*wire.Secrets // of those that are
}

// traced is a configuration, and its clone that writes a key log.
type traced struct{ plain, clone *tls.Config }

// maxKnown is how many configurations are remembered: a server has a new one when its files
// change.
const maxKnown = 16

// Config returns a function that returns clones of what f returns, with which the recorder can
// read what is encrypted. The same configuration always gives the same clone, since crypto/tls
// keeps the keys of session tickets in it: with a clone for each connection no client could
// resume a session.
//
// The clones neither give nor use tickets of TLS 1.2. A server with such a clone sends an empty
// ticket, which means that there is none (RFC 5077 section 3.3). A client asks for none, and
// since it asks before the version is known, it resumes sessions only if its MinVersion is TLS
// 1.3. A KeyLogWriter of the configuration is still written to.
func (r *Recorder) Config(f func() *tls.Config) func() *tls.Config {
	return func() *tls.Config { return r.Readable(f()) }
}

// Readable returns the clone of one configuration, as Config has it, or nil of none. A nil recorder
// records nothing: it returns the configuration itself.
func (r *Recorder) Readable(config *tls.Config) *tls.Config {
	if r == nil || config == nil {
		return config
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	at := slices.IndexFunc(r.known, func(t traced) bool { return config == t.plain || config == t.clone })
	if at >= 0 {
		now := r.known[at]
		r.known = append(slices.Delete(r.known, at, at+1), now)
		return now.clone
	}
	clone := r.newClone(config)
	r.known = append(r.known[max(0, len(r.known)-maxKnown+1):], traced{config, clone})
	return clone
}

func (r *Recorder) newClone(config *tls.Config) *tls.Config {
	clone := config.Clone()
	clone.KeyLogWriter = keyLog{r}
	if config.KeyLogWriter != nil {
		clone.KeyLogWriter = io.MultiWriter(keyLog{r}, config.KeyLogWriter)
	}
	if choose := config.GetConfigForClient; choose != nil {
		clone.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			chosen, err := choose(hello)
			return r.Readable(chosen), err
		}
	}
	WithoutOldTickets(clone)
	return clone
}

// WithoutOldTickets has a configuration that is not in use yet give and use no tickets of TLS
// 1.2, as those of [Recorder.Config]: for whoever writes a key log and nothing else.
// SessionTicketsDisabled would do so, and would end those of TLS 1.3 as well. These are no
// danger: the secret with which such a session is resumed is in no key log.
func WithoutOldTickets(config *tls.Config) {
	if config.MinVersion < tls.VersionTLS13 {
		config.ClientSessionCache = nil
	}
	wrap, unwrap := config.WrapSession, config.UnwrapSession
	if wrap == nil {
		wrap = config.EncryptTicket
	}
	if unwrap == nil {
		unwrap = config.DecryptTicket
	}
	config.WrapSession = func(state tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
		if state.Version < tls.VersionTLS13 {
			return nil, nil
		}
		return wrap(state, session)
	}
	config.UnwrapSession = func(identity []byte, state tls.ConnectionState) (*tls.SessionState, error) {
		if state.Version < tls.VersionTLS13 {
			return nil, nil
		}
		return unwrap(identity, state)
	}
}

// Listener returns a listener whose connections are recorded: those of a server, below TLS.
func (r *Recorder) Listener(ln net.Listener) net.Listener { return &listener{ln, r} }

type listener struct {
	net.Listener
	recorder *Recorder
}

// Accept waits for a connection, and has it recorded.
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.recorder.Conn(conn, wire.Server), nil
}

// limit is how much is kept of a connection.
func (r *Recorder) limit() int64 {
	if r.Limit == 0 {
		return DefaultLimit
	}
	return r.Limit
}

// now is the time.
func (r *Recorder) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}

// name is what a key log calls a connection: the random of its ClientHello, in hexadecimal digits as
// crypto/tls writes them.
type name [2 * len(wire.Random{})]byte

// keyLog takes the lines of key logs that crypto/tls writes. Those of a connection that is open stay
// with it: a server that runs for long need not keep those of all others.
type keyLog struct{ *Recorder }

func (l keyLog) Write(line []byte) (int, error) {
	secrets := &l.secrets
	if _, rest, _ := bytes.Cut(line, []byte(" ")); len(rest) > len(name{}) {
		l.mu.Lock()
		if own := l.open[name(rest[:len(name{})])]; own != nil {
			secrets = own
		}
		l.mu.Unlock()
	}
	return secrets.Write(line)
}

// opened returns where the secrets of a connection will be, until it is closed. Both ends of one have
// the same.
func (r *Recorder) opened(of name) *wire.Secrets {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		r.open = make(map[name]*wire.Secrets)
	}
	secrets, ok := r.open[of]
	if !ok {
		secrets = &wire.Secrets{Others: &r.secrets}
		r.open[of] = secrets
	}
	return secrets
}

// closed is for what opened returned.
func (r *Recorder) closed(of name) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, of)
}

// done tells of a connection that is closed.
func (r *Recorder) done(c *Capture) {
	if r.Done != nil {
		r.Done(c)
	}
}

package explain

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"runtime"
	"sync"
	"time"
	"weak"

	"tlsdemo/tlsnet/wire"
)

// Client is [tls.Client] for a connection whose failure [Of] can explain. Sessions are
// resumed as with config itself, by its ClientSessionCache.
func Client(conn net.Conn, config *tls.Config) *tls.Conn {
	w := &witness{Tap: wire.Tap{Conn: &lasting{Conn: conn}}, side: ClientSide, config: config}
	return tls.Client(w, w.clientConfig())
}

// Server is [tls.Server] for a connection whose failure [Of] can explain. Clients resume
// sessions if config is the same for every connection.
func Server(conn net.Conn, config *tls.Config) *tls.Conn {
	w := &witness{Tap: wire.Tap{Conn: conn}, side: ServerSide, config: config}
	return tls.Server(w, entrances.of(config))
}

// Of returns why conn failed with err, or nil where there is nothing to explain: err is
// nil, conn is not one of [Client]'s or [Server]'s, or its handshake was done and err is
// neither an alert with which the server refuses the client after all nor that it wants
// another handshake. It is to be called before
// conn is used again; conn may be closed.
//
// intermediates are certificates at hand that may be the one which either end failed to
// send: with them an explanation can name it. They are not trusted.
func Of(conn *tls.Conn, err error, intermediates ...*x509.Certificate) *Error {
	if err == nil || conn == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	w, ok := conn.NetConn().(*witness)
	if !ok {
		return nil
	}
	state := conn.ConnectionState()
	if state.HandshakeComplete && (w.side == ServerSide || !endedLater(err)) {
		return nil
	}
	return w.facts(state, err, intermediates).explain(err)
}

// endedLater reports whether err is what a client's connection can fail with because of its
// handshake once that is done: the server's alert, or our own that we do not renegotiate.
func endedLater(err error) bool {
	_, alerted := receivedAlert(err)
	return alerted || sentAlert(err, alertNoRenegotiation)
}

// Release drops what is kept of conn to explain a handshake that fails, once it is done.
// That a TLS 1.3 server refuses the client after all can still be explained.
func Release(conn *tls.Conn) {
	if w, ok := conn.NetConn().(*witness); ok {
		w.Tap.Release()
		w.note(func() { w.hello = nil })
	}
}

// Config returns the configuration that conn has: that which [Client] or [Server] was given, or
// what its GetConfigForClient returned instead; or nil if conn is not one of theirs. So a
// program that changes its configuration knows which one a failure is of.
func Config(conn *tls.Conn) (config *tls.Config) {
	if w, ok := conn.NetConn().(*witness); ok {
		w.note(func() { config = w.config })
	}
	return config
}

// Tap returns what lies below conn and has seen its bytes, or nil if conn is not one of
// [Client]'s or [Server]'s.
func Tap(conn *tls.Conn) *wire.Tap {
	if w, ok := conn.NetConn().(*witness); ok {
		return &w.Tap
	}
	return nil
}

// witness is the connection below TLS, with what crypto/tls tells of a handshake only
// while it lasts.
type witness struct {
	wire.Tap
	side Side

	mu      sync.Mutex
	config  *tls.Config                 // that is in force
	hello   *tls.ClientHelloInfo        // what a server was offered, or nil
	request *tls.CertificateRequestInfo // what a client was asked for, or nil
	shown   *tls.Certificate            // what was shown, if that is known
	verdict *verdict                    // of the configuration's own checks, if they refused the peer
	pace    pace                        // of what came
}

// pace is when something came: what tells a slow peer from one that stopped.
type pace struct {
	first, last time.Time
	pieces      int
}

// slow reports whether something was still coming at a time at which it was not yet complete:
// for longer than the peer has been silent since. What comes at once comes in a few pieces.
func (p pace) slow(at time.Time) bool {
	return p.pieces > 2 && p.last.Sub(p.first) > at.Sub(p.last)
}

// Read reads from the connection, and notes when something came: for a server only until its
// handshake is done, since nothing is explained after that.
func (w *witness) Read(p []byte) (int, error) {
	n, err := w.Tap.Read(p)
	if n > 0 && !(w.side == ServerSide && w.Released()) {
		now := time.Now()
		w.note(func() {
			if w.pace.pieces == 0 {
				w.pace.first = now
			}
			w.pace.last = now
			w.pace.pieces++
		})
	}
	return n, err
}

// verdict is that of a VerifyConnection or VerifyPeerCertificate.
type verdict struct {
	err    error
	theirs []*x509.Certificate
}

func (w *witness) note(down func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	down()
}

// clientConfig returns the configuration with the hooks of a client.
func (w *witness) clientConfig() *tls.Config {
	base := w.config
	config := base.Clone()
	config.GetClientCertificate = func(request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		cert, err := choose(base, request)
		w.note(func() { w.request, w.shown = request, cert })
		return cert, err
	}
	w.hook(config)
	return config
}

// choose is what crypto/tls does on its own.
func choose(config *tls.Config, request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if config.GetClientCertificate != nil {
		return config.GetClientCertificate(request)
	}
	for i := range config.Certificates {
		if request.SupportsCertificate(&config.Certificates[i]) == nil {
			return &config.Certificates[i], nil
		}
	}
	return new(tls.Certificate), nil
}

// serverConfig returns the configuration with which to answer hello, with the hooks of a
// server.
func (w *witness) serverConfig(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	base := w.config
	if base.GetConfigForClient != nil {
		other, err := base.GetConfigForClient(w.told(hello))
		if err != nil {
			w.note(func() { w.hello = hello })
			return nil, err
		}
		if other != nil {
			base = other
		}
	}
	w.note(func() { w.hello, w.config = hello, base })
	config := base.Clone()
	if base.GetCertificate != nil {
		config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			cert, err := base.GetCertificate(w.told(hello))
			w.note(func() { w.shown = cert })
			return cert, err
		}
	}
	if base.GetEncryptedClientHelloKeys != nil {
		config.GetEncryptedClientHelloKeys = w.echKeys
	}
	w.hook(config)
	return config, nil
}

// told is what the user's own functions are told of a hello: that its connection is the one
// they know.
func (w *witness) told(hello *tls.ClientHelloInfo) *tls.ClientHelloInfo {
	theirs := *hello
	theirs.Conn = w.Tap.Conn
	return &theirs
}

// echKeys asks the configuration in force for the keys of Encrypted Client Hello.
func (w *witness) echKeys(hello *tls.ClientHelloInfo) ([]tls.EncryptedClientHelloKey, error) {
	return w.config.GetEncryptedClientHelloKeys(w.told(hello))
}

// hook notes what config's own checks say of the peer.
func (w *witness) hook(config *tls.Config) {
	if check := config.VerifyConnection; check != nil {
		config.VerifyConnection = func(state tls.ConnectionState) error {
			return w.judged(check(state), state.PeerCertificates)
		}
	}
	if check := config.VerifyPeerCertificate; check != nil {
		config.VerifyPeerCertificate = func(raw [][]byte, chains [][]*x509.Certificate) error {
			return w.judged(check(raw, chains), parsed(raw))
		}
	}
}

func (w *witness) judged(err error, theirs []*x509.Certificate) error {
	if err != nil {
		w.note(func() { w.verdict = &verdict{err: err, theirs: theirs} })
	}
	return err
}

// entrances are the configurations with which a server takes a ClientHello, one for each
// that it is given, as long as that lives. They have to be kept: crypto/tls keeps the
// keys of session tickets in them, and with new ones nobody could resume a session.
var entrances = &doorway{}

// doorway keeps entrances by the configuration that they are for, without keeping that.
type doorway struct{ known sync.Map } // weak.Pointer[tls.Config] to *tls.Config

func (d *doorway) of(config *tls.Config) *tls.Config {
	key := weak.Make(config)
	if known, ok := d.known.Load(key); ok {
		return known.(*tls.Config)
	}
	known, there := d.known.LoadOrStore(key, entrance(config))
	if !there {
		runtime.AddCleanup(config, func(key weak.Pointer[tls.Config]) { d.known.Delete(key) }, key)
	}
	return known.(*tls.Config)
}

// entrance returns a configuration that asks the connection's witness for the one to go
// on with. It has none of config's functions, which may refer to config, and would keep
// it for ever.
func entrance(config *tls.Config) *tls.Config {
	door := config.Clone()
	door.GetCertificate, door.GetClientCertificate = nil, nil
	door.VerifyConnection, door.VerifyPeerCertificate = nil, nil
	door.WrapSession, door.UnwrapSession, door.Time = nil, nil, nil
	if config.GetEncryptedClientHelloKeys != nil {
		door.GetEncryptedClientHelloKeys = func(hello *tls.ClientHelloInfo) ([]tls.EncryptedClientHelloKey, error) {
			return hello.Conn.(*witness).echKeys(hello)
		}
	}
	door.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		return hello.Conn.(*witness).serverConfig(hello)
	}
	return door
}

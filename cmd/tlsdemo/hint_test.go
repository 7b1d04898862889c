package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
	"tlsdemo/certs/forge"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/listen"
	"tlsdemo/cmd/tlsdemo/internal/metrics"
	"tlsdemo/cmd/tlsdemo/internal/retype"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

// advised is the hint about err for the person who typed args.
func advised(c *credentials, err error, args ...string) string {
	typed := retype.New(newRootCmd(&cli.Env{Now: time.Now}), args)
	l := &located{err: err, origin: c.origin, typed: typed}
	if args[0] == "serve" {
		l.local = "127.0.0.1:4711" // that a client came to
	}
	return explained(l).Hint
}

// fromDir is what the end called name has of a directory.
func fromDir(t *testing.T, dir, name string) *credentials {
	t.Helper()
	return opened(t, &credentialFlags{DirFlags: cli.DirFlags{Dir: dir}}, name)
}

// A hint repeats the flags that its command has, and leaves out those that would be refused.
func TestHintFlags(t *testing.T) {
	dir := written(t, certstest.New(t).Pairs())
	server, client := fromDir(t, dir, certs.Server), fromDir(t, dir, certs.Client)
	named := opened(t, &credentialFlags{files: certs.Dir(dir).Files(certs.Client)}, certs.Client)
	var (
		ofServer = func(code explain.Code) error { return &explain.Error{Code: code, Side: explain.ServerSide} }
		ofClient = func(code explain.Code) error { return &explain.Error{Code: code, Side: explain.ClientSide} }
		refused  = &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	)
	for _, c := range []struct {
		creds *credentials
		err   error
		typed string
		want  string
	}{
		{
			client, ofClient(explain.PeerStalled), "send --addr=127.0.0.1:7 --dir=D --crl=crl.pem --groups=X25519 --server-name=db --min-tls=1.2 --max-tls=1.2 --ciphers=C --timeout=2s hi",
			"to see whether another handshake gets further: tlsdemo probe 127.0.0.1:7 --dir=D --crl=crl.pem --min-tls=1.2 --max-tls=1.2 --groups=X25519 --ciphers=C --server-name=db",
		},
		{
			named, ofClient(explain.PeerStalled), "send --cert=c --key=k --ca=a",
			"to see whether another handshake gets further: tlsdemo probe 127.0.0.1:8888 --cert=c --key=k --ca=a",
		},
		{
			client, ofClient(explain.PeerNotTLS), "send --addr=127.0.0.1:7 --dir=D --crl=crl.pem --groups=X25519 --server-name=db --min-tls=1.2 --max-tls=1.2 --ciphers=C --alpn= --timeout=2s hi",
			"if this server is meant to run without TLS (nothing is encrypted, and neither end is authenticated): tlsdemo send --addr=127.0.0.1:7 --timeout=2s hi --plain",
		},
		{
			named, ofClient(explain.PeerNotTLS), "send --cert=c --key=k --ca=a",
			"if this server is meant to run without TLS (nothing is encrypted, and neither end is authenticated): tlsdemo send --plain",
		},
		{client, ofClient(explain.PeerNotTLS), "send --addr=192.0.2.1:7", ""},
		{server, ofServer(explain.PeerPlaintextHTTP), "serve", "at the client: use https:// and not http://"},
		{server, ofServer(explain.PeerNotTLS), "serve", "at the client: begin the connection with TLS"},
		{
			client, &connectError{addr: "127.0.0.1:7", err: refused}, "send --addr=127.0.0.1:7 --dir=D --crl=crl.pem --min-tls=1.3 --max-tls=1.3 --groups=X25519 --alpn= hi",
			"tlsdemo serve --dir=D --min-tls=1.3 --max-tls=1.3 --groups=X25519 --alpn= --addr=127.0.0.1:7",
		},
		{client, &connectError{addr: "127.0.0.1:7", plain: true, err: refused}, "send --plain --dir=D --addr=127.0.0.1:7", "tlsdemo serve --addr=127.0.0.1:7 --plain"},
		{client, &connectError{addr: "127.0.0.1:0", err: refused}, "send --addr=127.0.0.1:0", ""},
		{client, &connectError{addr: "192.0.2.1:7", err: refused}, "send --addr=192.0.2.1:7", ""},
		{server, ofServer(explain.ClientCertMissing), "serve --addr=127.0.0.1:0", "start the client again, with the same directory as this server: tlsdemo send --addr=127.0.0.1:4711 --dir=" + dir},
		{server, ofServer(explain.ClientCertMissing), "serve --addr=:7", "start the client again, with the same directory as this server: tlsdemo send --addr=127.0.0.1:4711 --dir=" + dir},
		{server, ofServer(explain.ClientCertMissing), "serve --addr=127.0.0.1:7", "start the client again, with the same directory as this server: tlsdemo send --addr=127.0.0.1:7 --dir=" + dir},
		{client, ofClient(explain.RefusedInHTTP), "send", "the reason is in the server's own log"},
		{
			&credentials{origin: new(origin)}, ofClient(explain.RefusedInHTTP), "probe db:443 --http",
			"ask the person who runs the server for a certificate, and give it and its key with --cert and --key; tlsdemo probe --http shows which CAs the server accepts",
		},
		{server, ofServer(explain.PeerHungUp), "serve", "the reason is in the client's own output or log"},
		{client, ofClient(explain.PeerHungUp), "send", "the reason is in the server's own output or log"},
		{server, &tlsnet.ExchangeError{Code: explain.MessageNotTaken, Side: explain.ServerSide, Err: io.EOF}, "serve", "the reason is in the client's own output or log"},
		{client, &tlsnet.ExchangeError{Code: explain.MessageNotTaken, Side: explain.ClientSide, Err: io.EOF}, "send", "at the server: read the whole message before answering"},
		{client, &tlsnet.ExchangeError{Code: explain.PeerStalled, Side: explain.ClientSide, Err: io.EOF}, "send", "the reason is in the server's own output or log"},
		{client, &explain.Error{Code: explain.NoSharedCipher, Side: explain.ClientSide, Version: tls.VersionTLS13}, "send --ciphers=C", "at the client: allow a cipher suite that both ends have"},
		{client, &explain.Error{Code: explain.NoSharedCipher, Side: explain.ClientSide, Version: tls.VersionTLS12}, "send --ciphers=C", "try without the limits that were set at this end: tlsdemo send"},
		{client, &explain.Error{Code: explain.NoSharedCipher, Side: explain.ClientSide, Version: tls.VersionTLS12}, "send", "at the server: allow a cipher suite that both ends have"},
		{server, &explain.Error{Code: explain.NoSharedCipher, Side: explain.ServerSide, Version: tls.VersionTLS12}, "serve", "at the client: allow TLS 1.3, or a cipher suite of TLS 1.2 with AES-GCM or ChaCha20-Poly1305"},
		{server, &explain.Error{Code: explain.NoSharedCipher, Side: explain.ServerSide, Version: tls.VersionTLS12}, "serve --ciphers=C", "try without the limits that were set at this end: tlsdemo serve"},
		{client, ofClient(explain.ALPNMismatch), "probe db:443 --http", "the server does not speak HTTP; to look at it without a request: tlsdemo probe db:443"},
		{client, ofClient(explain.ALPNMismatch), "probe db:443", "offer application protocols that the server may support: tlsdemo probe db:443 --alpn=h2,http/1.1"},
		{client, ofClient(explain.HandshakeFailed), "send", ""},
		{client, &explain.Error{Code: explain.HandshakeFailed, Side: explain.ClientSide, Alerted: true}, "send", "the reason is in the server's own output or log"},
	} {
		if got := advised(c.creds, c.err, strings.Fields(c.typed)...); got != c.want {
			t.Errorf("%s: %v:\ngot  %s\nwant %s", c.typed, c.err, got, c.want)
		}
	}
}

// A client whose protocol has its own encryption cannot be told to begin with TLS: it needs
// another server.
func TestHintForAClientOfOpenVPN(t *testing.T) {
	set := certstest.New(t)
	server := fromDir(t, written(t, set.Pairs()), certs.Server)
	for first, want := range map[string]string{
		"\x00\x0e8TJ6\xca*qLm\x00\x00\x00\x00\x00": "at the client: use the address and the port of an OpenVPN server; no other server understands this client",
		"SSH-2.0-OpenSSH_9.2\r\n":                  "at the client: use the address and the port of an SSH server; no other server understands this client",
		"AMQP\x00\x00\x09\x01":                     "at the client: begin the connection with TLS",
	} {
		near, far := net.Pipe()
		go func() {
			_, _ = io.WriteString(far, first)
			_, _ = io.Copy(io.Discard, far)
		}()
		conn := explain.Server(near, &tls.Config{Certificates: []tls.Certificate{set.Server.TLS()}})
		e := explain.Of(conn, conn.HandshakeContext(t.Context()))
		_, _ = near.Close(), far.Close()
		if got := advised(server, e, "serve"); got != want {
			t.Errorf("%q: %s, want %s", first, got, want)
		}
	}
}

// A server that cannot listen keeps the host that was typed, and is given another port.
func TestHintToListen(t *testing.T) {
	for why, want := range map[syscall.Errno]string{
		syscall.EACCES:     "ports below 1024 need root; use another port: tlsdemo serve --addr=%s:8888 --dir=D",
		syscall.EADDRINUSE: "tlsdemo serve --addr=%s:0 --dir=D",
	} {
		for _, host := range []string{"", "127.0.0.1", "db.internal"} {
			err := &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", why)}
			typed := retype.New(newRootCmd(&cli.Env{Now: time.Now}), []string{"serve", "--addr=" + host + ":80", "--dir=D"})
			if got, want := hint(&listen.Error{Err: err}, typed), fmt.Sprintf(want, host); got != want {
				t.Errorf("%v: %s, want %s", why, got, want)
			}
		}
	}
	taken := &metrics.ListenError{Err: &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}}
	typed := retype.New(newRootCmd(&cli.Env{Now: time.Now}), []string{"serve", "--metrics=[::1]:9464"})
	if got, want := hint(taken, typed), "tlsdemo serve --metrics='[::1]:0'"; got != want {
		t.Errorf("metrics: %s, want %s", got, want)
	}
	if got := hint(&os.PathError{Op: "open", Path: "ca.crt", Err: syscall.EACCES}, retype.Of("tlsdemo", "serve")); got != "" {
		t.Errorf("a file that cannot be read: %s", got)
	}
}

// A server whose files have changed since it read them is started again. Nothing else is made
// for it, and a client has just read its own.
func TestHintAfterAChange(t *testing.T) {
	set := certstest.New(t)
	const restart = "the files have changed since this server started; stop it and start it again: tlsdemo serve --addr=:7"
	now := time.Now()
	for what, change := range map[string]func(file string) error{
		"a later time":  func(file string) error { return os.Chtimes(file, now, now.Add(time.Hour)) },
		"an older time": func(file string) error { return os.Chtimes(file, now, now.Add(-time.Hour)) },
		"another size": func(file string) error {
			info, err := os.Stat(file)
			return errors.Join(err, os.Truncate(file, info.Size()-1), os.Chtimes(file, info.ModTime(), info.ModTime()))
		},
		"another file": func(file string) error {
			info, err := os.Stat(file)
			data, readErr := os.ReadFile(file)
			other := filepath.Join(t.TempDir(), "other")
			return errors.Join(err, readErr, os.WriteFile(other, data, 0o600), os.Chtimes(other, info.ModTime(), info.ModTime()), os.Rename(other, file))
		},
	} {
		for _, file := range []string{"server.crt", "server.key", "ca.crt"} {
			dir := written(t, set.Pairs())
			server, client := fromDir(t, dir, certs.Server), fromDir(t, dir, certs.Client)
			if err := change(filepath.Join(dir, file)); err != nil {
				t.Fatal(err)
			}
			for _, e := range []*explain.Error{
				{Code: explain.ClientCertUnknownCA, Side: explain.ServerSide, Cert: set.Client.Leaf()},
				{Code: explain.ClientCertExpired, Side: explain.ServerSide, Cert: set.Client.Leaf()},
				{Code: explain.ServerCertExpired, Side: explain.ServerSide, Cert: set.Server.Leaf(), Ours: true},
			} {
				if got := advised(server, e, "serve", "--addr=:7"); got != restart {
					t.Errorf("%s of %s, %s: %s", what, file, e.Code, got)
				}
			}
			e := &explain.Error{Code: explain.ServerCertExpired, Side: explain.ClientSide, Cert: set.Server.Leaf()}
			if got := advised(client, e, "send"); strings.Contains(got, "have changed") {
				t.Errorf("%s of %s, at the client: %s", what, file, got)
			}
		}
	}
}

// Which command makes a certificate again depends on whose it is, on what is wrong with it and
// on what the directory can still do.
func TestHintForACertificate(t *testing.T) {
	f := certstest.Forge(t)
	set := f.Set()
	corporate := f.Sign(nil, forge.CA("corporate CA"))
	foreign := certs.Set{
		certs.CA:     corporate,
		certs.Server: f.Sign(corporate, forge.ForServers, forge.Names("localhost")),
		certs.Client: f.Sign(corporate, forge.ForClients, forge.Names("client.localhost")),
	}
	dirs := map[string]string{"DIR": written(t, set), "KEYLESS": written(t, set), "ENDED": written(t, set), "THEIRS": written(t, foreign)}
	old := f.Again(set[certs.CA], nil, forge.Expired)
	for _, err := range []error{
		f.Err(),
		os.Remove(filepath.Join(dirs["KEYLESS"], "ca.key")),
		os.WriteFile(filepath.Join(dirs["ENDED"], "ca.crt"), old.CertPEM(), 0o600),
		os.Remove(filepath.Join(dirs["THEIRS"], ".tlsdemo")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	server, client := set[certs.Server].Leaf(), set[certs.Client].Leaf()
	odd := func(names ...string) *x509.Certificate {
		cert := *client
		cert.DNSNames = names
		return &cert
	}
	const (
		again  = "make a new set (the old one is kept), then start both ends again with that set: tlsdemo certs init --dir="
		one    = "renew the certificate, then start both ends again with that set: tlsdemo certs renew "
		ask    = `at the server: ask the CA that issued it, "CN=corporate CA", for a new certificate`
		wanted = "db.localhost"
	)
	for _, c := range []struct {
		dir, end string
		code     explain.Code
		cert     *x509.Certificate
		ours     bool
		want     string
	}{
		{"DIR", "serve", explain.ServerCertWeak, server, true, "renew our certificate, then start this server again: tlsdemo certs renew server --dir=DIR --new-key"},
		{"DIR", "send", explain.ServerCertWeak, server, false, one + "server --dir=DIR --new-key"},
		{"DIR", "serve", explain.ClientCertWeak, client, false, one + "client --dir=DIR --new-key"},
		{"DIR", "send", explain.ServerCertExpired, server, false, one + "server --dir=DIR"},
		{"DIR", "send", explain.ServerCertRevoked, server, false, one + "server --dir=DIR --new-key"},
		{"DIR", "serve", explain.ClientCertRevoked, client, false, one + "client --dir=DIR --new-key"},
		{"DIR", "send", explain.ServerCertExpired, foreign[certs.Server].Leaf(), false, ask},
		{"KEYLESS", "send", explain.ServerCertExpired, server, false, again + "KEYLESS --force"},
		{"KEYLESS", "serve", explain.ClientCertRevoked, client, false, "make a new set, of which nothing is revoked (the old one is kept), then start both ends again with that set, this one without --crl: tlsdemo certs init --dir=KEYLESS --force && tlsdemo serve --dir=KEYLESS --timeout=1s"},
		{"ENDED", "send", explain.ServerCertExpired, server, false, again + "ENDED --force"},
		{"THEIRS", "send", explain.ServerCertExpired, foreign[certs.Server].Leaf(), false, ask},
		{"THEIRS", "serve", explain.ClientCertRevoked, foreign[certs.Client].Leaf(), false, `at the client: ask the CA that issued it, "CN=corporate CA", for a new certificate`},
		{"THEIRS", "send", explain.ServerCertNameMismatch, foreign[certs.Server].Leaf(), false, "use a name that is in our own file THEIRS/server.crt: tlsdemo send --dir=THEIRS --crl=crl.pem --timeout=1s --server-name=localhost"},
		{"DIR", "send", explain.ServerCertNameMismatch, server, false, "use a name that is in our own file DIR/server.crt: tlsdemo send --dir=DIR --crl=crl.pem --timeout=1s --server-name=server.localhost"},
		{"DIR", "serve", explain.ServerCertNameMismatch, server, true, "at the client: use the name server.localhost for this server, as in: tlsdemo send --dir=DIR --addr=127.0.0.1:4711 --server-name=server.localhost"},
		{"DIR", "send", explain.ServerCertNameMismatch, foreign[certs.Server].Leaf(), false, `at the server: get a certificate with the name db.localhost from "CN=corporate CA"`},
		{"DIR", "serve", explain.ClientCertNotAllowed, odd("-x", "127.0.0.1", "a b", strings.Repeat("x", 254), "ok.localhost"), false, "to accept this client as well: tlsdemo serve --dir=DIR --crl=crl.pem --timeout=1s --allow-dns=ok.localhost"},
		{"DIR", "serve", explain.ClientCertNotAllowed, odd("-x", "127.0.0.1", "a b", strings.Repeat("x", 254)), false, "to accept this client as well: tlsdemo serve --dir=DIR --crl=crl.pem --timeout=1s --allow-cn=client"},
		{"DIR", "serve", explain.ClientCertWrongUsage, server, false, "at the client: tlsdemo send --dir=DIR --addr=127.0.0.1:4711"},
		{"DIR", "serve", explain.ClientCertUnknownCA, foreign[certs.Client].Leaf(), false, `at the client: present a certificate of a CA that this server trusts; or, if this is the right client, trust the CA "CN=corporate CA" here: give its certificate with --ca`},
	} {
		e := &explain.Error{Code: c.code, Side: explain.ClientSide, Cert: c.cert, Ours: c.ours, Wanted: wanted}
		name := certs.Client
		if c.end == "serve" {
			e.Side, name = explain.ServerSide, certs.Server
		}
		got := advised(fromDir(t, dirs[c.dir], name), e, c.end, "--dir="+dirs[c.dir], "--crl=crl.pem", "--timeout=1s")
		if got = strings.ReplaceAll(got, dirs[c.dir], c.dir); got != c.want {
			t.Errorf("%s with %s, %s:\ngot  %s\nwant %s", c.end, c.dir, c.code, got, c.want)
		}
	}
}

// A server that has no name to offer is issued a certificate with the name that was wanted, if
// that is a name of this machine and the directory is ours.
func TestHintForANamelessServer(t *testing.T) {
	f := certstest.Forge(t)
	set := f.Set()
	set[certs.Server] = f.Sign(set[certs.CA], forge.ForServers, forge.Names("127.0.0.1"))
	dir, keyless := written(t, set), written(t, set)
	if err := errors.Join(f.Err(), os.Remove(filepath.Join(keyless, "ca.key"))); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dir, wanted, want string }{
		{dir, "db.localhost", "renew the certificate, then start both ends again with that set: tlsdemo certs renew server --dir=DIR --name=db.localhost"},
		{dir, "::1", "renew the certificate, then start both ends again with that set: tlsdemo certs renew server --dir=DIR --name=::1"},
		{keyless, "db.localhost", "make a new set (the old one is kept), then start both ends again with that set: tlsdemo certs init --dir=DIR --force --name=db.localhost"},
		{dir, "db.example.com", `at the server: get a certificate with the name db.example.com from "CN=tlsdemo CA"`},
	} {
		e := &explain.Error{Code: explain.ServerCertNameMismatch, Side: explain.ClientSide, Cert: set[certs.Server].Leaf(), Wanted: c.wanted}
		got := advised(fromDir(t, c.dir, certs.Client), e, "send")
		if got = strings.ReplaceAll(got, c.dir, "DIR"); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.wanted, got, c.want)
		}
	}
}

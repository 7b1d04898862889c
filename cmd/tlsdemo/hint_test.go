package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
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
	"tlsdemo/cmd/tlsdemo/internal/certscmd"
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
	return explained(l, typed).Hint
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
		{client, ofClient(explain.PeerNotTLS), "send --addr=192.0.2.1:7", "ask the person who runs the server which port speaks TLS"},
		{server, ofServer(explain.PeerPlaintextHTTP), "serve", "at the client: use https:// and not http://"},
		{server, ofServer(explain.PeerNotTLS), "serve", "at the client: begin the connection with TLS"},
		{server, ofServer(explain.PeerNotTLS), "serve --addr=192.0.2.1:7", "at the client: begin the connection with TLS"},
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
		{
			server, &explain.Error{Code: explain.ClientCertNotAllowed, Side: explain.ServerSide, Cert: client.Leaf()}, "serve --allow-cn=other --allow-uri=a:b",
			"to accept this client as well: tlsdemo serve --allow-cn=other --allow-uri=a:b --allow-cn=client",
		},
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
			if err := os.Remove(filepath.Join(dir, "ca.key")); err != nil {
				t.Fatal(err)
			}
			server, client := fromDir(t, dir, certs.Server), fromDir(t, dir, certs.Client)
			if err := change(filepath.Join(dir, file)); err != nil {
				t.Fatal(err)
			}
			for _, e := range []*explain.Error{
				{Code: explain.ClientCertUnknownCA, Side: explain.ServerSide, Cert: set.Client.Leaf()},
				{Code: explain.ClientCertExpired, Side: explain.ServerSide, Cert: set.Client.Leaf()},
				{Code: explain.ClientCertRevoked, Side: explain.ServerSide, Cert: set.Client.Leaf()},
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
			if err := os.Remove(filepath.Join(dir, file)); err != nil {
				t.Fatal(err)
			}
			if server.origin.changed() {
				t.Errorf("%s is gone, and there is nothing that a new start could read", file)
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
	old, early := f.Again(set[certs.CA], nil, forge.Expired), f.Again(set[certs.CA], nil, forge.NotYetValid)
	oldLeaf := f.Again(set[certs.CA], nil, forge.Expired, forge.NoCA)
	other, third := f.Set(), f.Sign(nil, forge.CA("third CA"))
	stale := f.Sign(f.Sign(nil, forge.CA("corporate CA")), forge.ForClients, forge.Subject("stale"))
	named := f.Sign(f.Sign(nil, forge.CA("tlsdemo CA 2")), forge.ForClients, forge.Subject("named"))
	stranger := f.Sign(third, forge.ForClients, forge.Subject("stranger"))
	middle := f.Sign(set[certs.CA], forge.CA("middle"))
	chained := maps.Clone(set)
	chained[certs.Server] = f.Sign(middle, forge.ForServers, forge.Names("localhost"))
	chained[certs.Server].Chain = append(chained[certs.Server].Chain, middle.Leaf())
	apart := maps.Clone(set)
	apart[certs.Server] = other[certs.Server]
	dirs := map[string]string{"DIR": written(t, set), "THEIRS": written(t, foreign), "LEFT": written(t, foreign), "CHAINED": written(t, chained), "APART": written(t, apart), "MIXED": written(t, apart)}
	for _, name := range []string{"KEYLESS", "ENDED", "ENDED-LEAF", "EARLY", "DAMAGED", "ROTATED", "NO-CLIENT", "NO-CLIENT-KEY", "NO-SERVER"} {
		dirs[name] = written(t, set)
	}
	in := func(dir, file string) string { return filepath.Join(dirs[dir], file) }
	for _, err := range []error{
		f.Err(),
		os.Remove(in("KEYLESS", "ca.key")),
		os.WriteFile(in("ENDED", "ca.crt"), old.CertPEM(), 0o600),
		os.WriteFile(in("ENDED-LEAF", "ca.crt"), oldLeaf.CertPEM(), 0o600),
		os.WriteFile(in("EARLY", "ca.crt"), early.CertPEM(), 0o600),
		os.WriteFile(in("DAMAGED", "ca.crt"), append(set[certs.CA].CertPEM(), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"...), 0o600),
		os.WriteFile(in("ROTATED", "ca.crt"), append(set[certs.CA].CertPEM(), other[certs.CA].CertPEM()...), 0o600),
		os.Remove(in("NO-CLIENT", "client.crt")),
		os.Remove(in("NO-CLIENT-KEY", "client.key")),
		os.Remove(in("NO-SERVER", "server.key")),
		os.Remove(in("THEIRS", ".tlsdemo")),
		os.Remove(in("LEFT", ".tlsdemo")),
		os.Remove(in("LEFT", "ca.key")),
		os.WriteFile(in("MIXED", "notes.txt"), nil, 0o600),
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
		{"ENDED", "send", explain.ServerCertExpired, server, false, one + "ca --dir=ENDED && tlsdemo certs renew server --dir=ENDED"},
		{"ENDED", "serve", explain.ClientCertWeak, client, false, one + "ca --dir=ENDED && tlsdemo certs renew client --dir=ENDED --new-key"},
		{"ENDED", "send", explain.CAExpired, old.Leaf(), false, one + "ca --dir=ENDED"},
		{"ENDED-LEAF", "send", explain.CAExpired, oldLeaf.Leaf(), false, again + "ENDED-LEAF --force"},
		{"KEYLESS", "send", explain.CAExpired, set[certs.CA].Leaf(), false, again + "KEYLESS --force"},
		{"EARLY", "send", explain.CANotYetValid, early.Leaf(), false, again + "EARLY --force"},
		{"DAMAGED", "send", explain.ServerCertExpired, server, false, again + "DAMAGED --force"},
		{"CHAINED", "send", explain.CAExpired, middle.Leaf(), false, one + "server --dir=CHAINED"},
		{"DIR", "send", explain.CAExpired, corporate.Leaf(), false, "at the server: get a certificate from another CA, one that the client trusts"},
		{"ROTATED", "send", explain.ServerCertWeak, other[certs.CA].Leaf(), false, again + "ROTATED --force"},
		{"DIR", "serve", explain.ServerCertNameConstraint, server, true, again + "DIR --force"},
		{"DIR", "serve", explain.ServerCertWrongUsage, server, true, again + "DIR --force"},
		{"DIR", "serve", explain.ServerCertWrongUsage, client, true, `ask the CA that issued it, "CN=tlsdemo CA", for a new certificate`},
		{"DIR", "send", explain.ServerCertWrongUsage, client, false, "at the server: tlsdemo serve --dir=DIR"},
		{"DIR", "serve", explain.ClientCertWrongUsage, foreign[certs.Client].Leaf(), false, `at the client: ask the CA that issued it, "CN=corporate CA", for a new certificate`},
		{"NO-CLIENT", "serve", explain.ClientCertWrongUsage, server, false, `at the client: ask the CA that issued it, "CN=tlsdemo CA", for a new certificate`},
		{"NO-CLIENT-KEY", "serve", explain.ClientCertWrongUsage, server, false, `at the client: ask the CA that issued it, "CN=tlsdemo CA", for a new certificate`},
		{"KEYLESS", "serve", explain.ClientCertRevoked, foreign[certs.Client].Leaf(), false, `at the client: ask the CA that issued it, "CN=corporate CA", for a new certificate`},
		{"LEFT", "serve", explain.ClientCertRevoked, foreign[certs.Client].Leaf(), false, `at the client: ask the CA that issued it, "CN=corporate CA", for a new certificate`},

		{"APART", "serve", explain.ClientCertUnknownCA, stranger.Leaf(), false, again + "APART --force"},
		{"MIXED", "serve", explain.ServerCertUnknownCA, other[certs.Server].Leaf(), true, `ask the CA that issued it, "CN=tlsdemo CA", for a new certificate`},
		{"MIXED", "serve", explain.ClientCertUnknownCA, stranger.Leaf(), false, `at the client: present a certificate of a CA that this server trusts; or, if this is the right client, trust the CA "CN=third CA" here: give its certificate with --ca`},
		{"DIR", "serve", explain.ClientCertUnknownCA, client, false, again + "DIR --force"},
		{"THEIRS", "serve", explain.ClientCertUnknownCA, foreign[certs.Client].Leaf(), false, `at the client: present a certificate of a CA that this server trusts; or, if this is the right client, trust the CA "CN=corporate CA" here: give its certificate with --ca`},
		{"DIR", "send", explain.ClientCertUnknownCA, client, true, "start the server again, with the same directory as this client: tlsdemo serve --dir=DIR"},
		{"NO-SERVER", "send", explain.ClientCertUnknownCA, client, true, `at the server: trust the CA "CN=tlsdemo CA", which issued NO-SERVER/client.crt`},
		{"NO-SERVER", "send", explain.ClientCertMissing, nil, true, "ask the person who runs the server for a certificate, and give it and its key with --cert and --key"},
		{"NO-CLIENT", "serve", explain.ClientCertMissing, nil, false, "at the client: present a certificate that one of these CAs issued"},
		{"DIR", "serve", explain.ClientCertStaleCA, other[certs.Client].Leaf(), false, "start the client again, with the same directory as this server: tlsdemo send --dir=DIR --addr=127.0.0.1:4711"},
		{"THEIRS", "serve", explain.ClientCertStaleCA, stale.Leaf(), false, "start the client again, with the same directory as this server: tlsdemo send --dir=THEIRS --addr=127.0.0.1:4711"},
		{"THEIRS", "serve", explain.ClientCertUnknownCA, stranger.Leaf(), false, `at the client: present a certificate of a CA that this server trusts; or, if this is the right client, trust the CA "CN=third CA" here: give its certificate with --ca`},
		{"NO-CLIENT", "serve", explain.ServerCertNameMismatch, server, true, "at the client: use the name server.localhost for this server"},
		{"DIR", "send", explain.ServerCertNotAllowed, server, false, "to accept this server as well, whose certificate is in our own file DIR/server.crt: tlsdemo send --dir=DIR --crl=crl.pem --timeout=1s --expect-dns=server.localhost"},
		{"DIR", "send", explain.ServerCertNotAllowed, foreign[certs.Server].Leaf(), false, "at the server: present a certificate with a name, an address or a fingerprint that this client expects"},
		{"DIR", "serve", explain.ClientCertNotAllowed, &x509.Certificate{IPAddresses: []net.IP{{127, 0, 0, 1}}}, false, "to accept this client as well: tlsdemo serve --dir=DIR --crl=crl.pem --timeout=1s --allow-ip=127.0.0.1"},
		{"DIR", "serve", explain.ClientCertNotAllowed, odd(strings.Repeat("x", 63) + strings.Repeat("."+strings.Repeat("x", 63), 2) + "." + strings.Repeat("x", 61)), false, "to accept this client as well: tlsdemo serve --dir=DIR --crl=crl.pem --timeout=1s --allow-dns=" + strings.Repeat("x", 63) + strings.Repeat("."+strings.Repeat("x", 63), 2) + "." + strings.Repeat("x", 61)},
		{"DIR", "serve", explain.ClientCertIncompleteChain, foreign[certs.Client].Leaf(), false, `at the client: append the certificate of the intermediate "CN=corporate CA" to the file that has its own certificate`},
		{"THEIRS", "send", explain.ServerCertExpired, foreign[certs.Server].Leaf(), false, one + "server --dir=THEIRS"},
		{"THEIRS", "serve", explain.ClientCertRevoked, foreign[certs.Client].Leaf(), false, one + "client --dir=THEIRS --new-key"},
		{"LEFT", "send", explain.ServerCertExpired, foreign[certs.Server].Leaf(), false, ask},
		{"THEIRS", "send", explain.ServerCertNameMismatch, foreign[certs.Server].Leaf(), false, "use a name that is in our own file THEIRS/server.crt: tlsdemo send --dir=THEIRS --crl=crl.pem --timeout=1s --server-name=localhost"},
		{"DIR", "send", explain.ServerCertNameMismatch, server, false, "use a name that is in our own file DIR/server.crt: tlsdemo send --dir=DIR --crl=crl.pem --timeout=1s --server-name=server.localhost"},
		{"DIR", "serve", explain.ServerCertNameMismatch, server, true, "at the client: use the name server.localhost for this server, as in: tlsdemo send --dir=DIR --addr=127.0.0.1:4711 --server-name=server.localhost"},
		{"DIR", "send", explain.ServerCertNameMismatch, foreign[certs.Server].Leaf(), false, `at the server: get a certificate with the name db.localhost from "CN=corporate CA"`},
		{"DIR", "serve", explain.ClientCertNotAllowed, odd("-x", "127.0.0.1", "a b", strings.Repeat("x", 254), "ok.localhost"), false, "to accept this client as well: tlsdemo serve --dir=DIR --crl=crl.pem --timeout=1s --allow-dns=ok.localhost"},
		{"DIR", "serve", explain.ClientCertNotAllowed, odd("a..b"), false, "to accept this client as well: tlsdemo serve --dir=DIR --crl=crl.pem --timeout=1s --allow-cn=client"},
		{"DIR", "serve", explain.ClientCertUnknownCA, other[certs.Client].Leaf(), false, "start the client again, with the same directory as this server: tlsdemo send --dir=DIR --addr=127.0.0.1:4711"},
		{"DIR", "serve", explain.ClientCertUnknownCA, named.Leaf(), false, "start the client again, with the same directory as this server: tlsdemo send --dir=DIR --addr=127.0.0.1:4711"},
		{"THEIRS", "serve", explain.ServerCertUnknownCA, foreign[certs.Server].Leaf(), true, "start the client again, with the same directory as this server: tlsdemo send --dir=THEIRS --addr=127.0.0.1:4711"},
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
	dir, keyless, left := written(t, set), written(t, set), written(t, set) // in left there is something else, too
	if err := errors.Join(f.Err(), os.Remove(filepath.Join(keyless, "ca.key")), os.Remove(filepath.Join(left, "ca.key")), os.WriteFile(filepath.Join(left, "notes.txt"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dir, wanted, want string }{
		{left, "db.localhost", `at the server: get a certificate with the name db.localhost from "CN=tlsdemo CA"`},
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
	for wanted, want := range map[string]string{
		"":               `ask the CA that issued it, "CN=tlsdemo CA", for a certificate with the name by which the client calls this server`,
		"db.example.com": `ask the CA that issued it, "CN=tlsdemo CA", for a certificate with the name db.example.com`,
	} {
		e := &explain.Error{Code: explain.ServerCertNameMismatch, Side: explain.ServerSide, Cert: set[certs.Server].Leaf(), Ours: true, Wanted: wanted}
		if got := advised(fromDir(t, dir, certs.Server), e, "serve"); got != want {
			t.Errorf("at the server, %q: %s, want %s", wanted, got, want)
		}
	}
	if err := os.Remove(filepath.Join(left, "server.crt")); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{dir, left} {
		e := &explain.Error{Code: explain.ServerNameUnknown, Side: explain.ClientSide, Wanted: "db.localhost"}
		if got, want := advised(fromDir(t, dir, certs.Client), e, "send"), "ask the person who runs the server which names it has, and give one of them with --server-name"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Every code has its advice, for the end that can act and for the command that was typed.
func TestHintForAConnection(t *testing.T) {
	dir := written(t, certstest.New(t).Pairs())
	server, client := fromDir(t, dir, certs.Server), fromDir(t, dir, certs.Client)
	none := &credentials{origin: new(origin)}
	beside := &credentials{origin: &origin{near: []certs.CertFile{{Path: "server.crt", Certs: server.Chain()}}}}
	at := func(side explain.Side, code explain.Code) *explain.Error {
		return &explain.Error{Code: code, Side: side}
	}
	const s, c = explain.ServerSide, explain.ClientSide
	quiet := &tlsnet.UnansweredError{Why: at(c, explain.PeerSilent)}
	dial := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	bind := func(why syscall.Errno) error {
		return &listen.Error{Err: &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", why)}}
	}
	for i, row := range []struct {
		creds *credentials
		err   error
		typed string
		want  string
	}{
		{none, &cli.UsageError{Command: "tlsdemo send", Err: io.EOF}, "send --nosuch", "tlsdemo send --help"},
		{client, quiet, "send --http", "the reason is in the server's own output or log"},
		{client, &tlsnet.UnansweredError{Why: at(c, explain.PeerNotTLS)}, "send --http --addr=127.0.0.1:7", "ask the person who runs the server which port speaks TLS"},
		{client, &tlsnet.ExchangeError{Side: c, Err: io.EOF}, "send", ""},
		{server, &tlsnet.ExchangeError{Code: explain.PeerSilent, Side: s, Err: io.EOF}, "serve", "the reason is in the client's own output or log"},
		{client, &tlsnet.ExchangeError{Code: explain.MessageMalformed, Side: c, Err: io.EOF}, "send --http", "the reason is in the server's own output or log"},
		{client, &tlsnet.ExchangeError{Code: explain.MessageMalformed, Side: c, Err: tlsnet.ErrMalformed}, "send --alpn=x hi", "try without the protocol tlsdemo/1, so that any bytes are a message: tlsdemo send --alpn= hi"},
		{server, &tlsnet.ExchangeError{Code: explain.MessageTooLarge, Side: s, Err: &tlsnet.LimitError{Limit: 1 << 10}}, "serve --max-message=1KiB", "to accept longer messages: tlsdemo serve --max-message=16KiB"},
		{client, &tlsnet.ExchangeError{Code: explain.MessageTooLarge, Side: c, Err: io.EOF}, "send", "the reason is in the server's own output or log"},

		{server, at(s, explain.ClientCertRefused), "serve", "at the client: ask the CA that issued it for a new certificate"},
		{server, &explain.Error{Code: explain.ServerCertRefused, Side: s, Ours: true}, "serve", "the reason is in the client's own output or log"},
		{client, &explain.Error{Code: explain.ClientCertUnparsable, Side: c, Ours: true}, "send", "ask the CA that issued it for a new certificate"},
		{client, &explain.Error{Code: explain.HandshakeFailed, Side: c, Basis: "why"}, "send", "the reason is in the server's own output or log"},
		{client, at(c, explain.TLSVersionMismatch), "send --max-tls=1.2 --min-tls=1.2", "try without the limits that were set at this end: tlsdemo send"},
		{client, at(c, explain.TLSVersionMismatch), "send --max-tls=1.2", "try without the limits that were set at this end: tlsdemo send"},
		{server, at(s, explain.TLSVersionMismatch), "serve", "at the client: allow TLS 1.2 and 1.3"},
		{client, at(c, explain.NoSharedGroup), "send --groups=X25519", "try without the limits that were set at this end: tlsdemo send"},
		{server, &explain.Error{Code: explain.NoSharedCipher, Side: s, Ours: true}, "serve", "at the client: allow a cipher suite that works with the key of this server's certificate"},
		{client, at(c, explain.NoSharedCipher), "probe db:443", "at the server: allow a cipher suite that both ends have"},
		{client, at(c, explain.ALPNMismatch), "send", "try without an application protocol: tlsdemo send --alpn="},
		{client, at(c, explain.ALPNMismatch), "probe db:443 --alpn=h2", "try without an application protocol: tlsdemo probe db:443 --alpn="},
		{client, at(c, explain.ALPNMismatch), "send --http --alpn=h2", "try without an application protocol: tlsdemo send --http --alpn="},
		{server, at(s, explain.ALPNNone), "serve", "at the client: turn on one of these application protocols"},

		{none, at(c, explain.PeerPlaintextHTTP), "probe 127.0.0.1:80", "http:// reaches this port; ask the person who runs the server which port is for https://"},
		{none, at(c, explain.PeerClosedBeforeHello), "probe 127.0.0.1:80", "ask the person who runs the server which protocol this port speaks, and who may connect"},
		{none, at(c, explain.PeerNotTLS), "probe 127.0.0.1:80", "ask the person who runs the server which port speaks TLS"},
		{client, at(c, explain.PeerPlaintextHTTP), "send --addr=192.0.2.1:80", "http:// reaches this port; ask the person who runs the server which port is for https://"},
		{client, at(c, explain.PeerEchoes), "send --addr=unix:x.sock", "if this server is meant to run without TLS (nothing is encrypted, and neither end is authenticated): tlsdemo send --addr=unix:x.sock --plain"},
		{client, at(c, explain.PeerEchoes), "send --expect-dns=a --expect-uri=a:b --expect-ip=::1 --expect-cn=a --expect-sha256=b --session-file=f --addr=127.0.0.1:7 hi", "if this server is meant to run without TLS (nothing is encrypted, and neither end is authenticated): tlsdemo send --addr=127.0.0.1:7 hi --plain"},
		{server, at(s, explain.PeerEchoes), "serve", "at the client: begin the connection with TLS"},
		{client, at(c, explain.HelloTooLarge), "send --groups=X25519MLKEM768 hi", "until the server, or what is in front of it, has been updated: tlsdemo send --groups=X25519 hi"},
		{client, at(c, explain.ConnectTimeout), "send", "ask the person who runs the server, or its firewall, whether this port is open to this machine"},
		{server, at(s, explain.PeerWantsStartTLS), "serve", "at the client: choose the setting with which TLS begins at once, not STARTTLS and not sslmode"},
		{client, &explain.Error{Code: explain.PeerWantsStartTLS, Side: c, StartTLS: "smtp"}, "probe db:25", "ask the person who runs the server for a port on which TLS begins at once"},
		{client, &explain.Error{Code: explain.PeerWantsStartTLS, Side: c, StartTLS: "smtp"}, "send --addr=127.0.0.1:25", "ask the person who runs the server for a port on which TLS begins at once; to look at this port: tlsdemo probe 127.0.0.1:25 --starttls=smtp"},
		{client, &explain.Error{Code: explain.PeerWantsStartTLS, Side: c, StartTLS: "nntp"}, "send --addr=127.0.0.1:25", "ask the person who runs the server for a port on which TLS begins at once"},
		{server, at(s, explain.PeerSilent), "serve", "the reason is in the client's own output or log"},
		{client, at(c, explain.PeerSilent), "send", "ask the person who runs the server which protocol this port speaks, and whether it uses TLS; tlsdemo send --plain tries a port of this machine without TLS"},
		{none, &certscmd.ServerError{Addr: "db:443", Err: at(c, explain.PeerSilent)}, "certs verify db:443", "ask the person who runs the server which protocol this port speaks, and whether it uses TLS"},
		{server, at(s, explain.PeerStalled), "serve", "the reason is in the client's own output or log"},
		{none, at(c, explain.PeerStalled), "probe db:443", "the reason is in the server's own output or log"},
		{none, &certscmd.ServerError{Addr: "db:443", Err: at(c, explain.PeerStalled)}, "certs verify db --dir=D --ca=a.crt --for=db.internal", "to see whether another handshake gets further: tlsdemo probe db:443 --ca=a.crt --server-name=db.internal"},
		{none, &certscmd.ServerError{Addr: "db:443", Err: at(c, explain.HelloTooLarge)}, "certs show db --dir=D", "until the server, or what is in front of it, has been updated: tlsdemo probe db:443 --dir=D --groups=X25519"},
		{server, at(s, explain.PeerProxyHeader), "serve", "at the load balancer: turn off send-proxy (HAProxy) or proxy_protocol (nginx)"},
		{client, at(c, explain.PeerProxyHeader), "send", "connect through the load balancer, or turn off accept-proxy (HAProxy) or proxy_protocol (nginx) at the server"},
		{client, &explain.Error{Code: explain.ServerNameRequired, Side: c, Wanted: "a.localhost"}, "send hi", "use the name to which this server answers: tlsdemo send hi --server-name=a.localhost"},
		{client, &explain.Error{Code: explain.ServerNameRequired, Side: c, Wanted: "a b"}, "send --addr=192.0.2.1:7", "ask the person who runs the server which names it has, and give one of them with --server-name"},
		{client, &explain.Error{Code: explain.ServerNameUnknown, Side: c, Wanted: "a.localhost"}, "send hi", "use a name that is in our own file DIR/server.crt: tlsdemo send hi --server-name=server.localhost"},
		{client, &explain.Error{Code: explain.ServerNameUnknown, Side: c, Wanted: "a.localhost"}, "send --addr=192.0.2.1:7", "ask the person who runs the server which names it has, and give one of them with --server-name"},
		{beside, &explain.Error{Code: explain.ServerNameUnknown, Side: c, Wanted: "a.localhost"}, "send", "ask the person who runs the server which names it has, and give one of them with --server-name"},
		{none, &explain.Error{Code: explain.ServerNameUnknown, Side: c, Wanted: "a.localhost"}, "send", "ask the person who runs the server which names it has, and give one of them with --server-name"},
		{&credentials{origin: &origin{files: certs.Files{Cert: "c"}}}, at(c, explain.RefusedInHTTP), "probe db:443 --http --cert=c --key=k", "the reason is in the server's own log"},
		{none, &explain.Error{Code: explain.RefusedInHTTP, Side: c, Cert: new(x509.Certificate)}, "probe db:443 --http", "the reason is in the server's own log"},

		{client, &connectError{addr: "127.0.0.1:8888", err: dial}, "send", "tlsdemo serve"},
		{client, &connectError{addr: "unix:x.sock", err: dial}, "send --addr=unix:x.sock", "tlsdemo serve --addr=unix:x.sock"},
		{none, dial, "probe db:443", "start the server that should listen there, or ask the person who runs it for its address and port"},
		{none, &certscmd.ServerError{Addr: "db:443", Err: dial}, "certs verify db:443", "start the server that should listen there, or ask the person who runs it for its address and port"},
		{none, dial, "send", ""},
		{server, bind(syscall.EADDRINUSE), "serve --addr=unix:x.sock", "another server listens there: stop it, or use another path"},
		{server, bind(syscall.EACCES), "serve --addr=unix:/x.sock", "use a path in a directory in which you may write, such as tlsdemo serve --addr=unix:tlsdemo.sock"},
		{client, &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EACCES)}, "send --addr=unix:/x.sock", "only the user who runs the server can connect, unless that user permits it: tlsdemo serve --socket-mode=0660, or chmod"},
		{client, &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENOENT)}, "send --addr=unix:/x.sock", ""},
		{server, bind(syscall.ENAMETOOLONG), "serve --addr=unix:/x.sock", ""},
		{server, bind(syscall.EADDRNOTAVAIL), "serve --addr=192.0.2.1:8888", ""},
		{client, &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EACCES)}, "send --addr=127.0.0.1:7", ""},
	} {
		if got := strings.ReplaceAll(advised(row.creds, row.err, strings.Fields(row.typed)...), dir, "DIR"); got != row.want {
			t.Errorf("%d: %s: %v:\ngot  %s\nwant %s", i, row.typed, row.err, got, row.want)
		}
	}
}

// A server that reads its files again by itself need not be started again.
func TestHintForAServerThatReloads(t *testing.T) {
	set := certstest.New(t)
	dir := written(t, set.Pairs())
	server := fromDir(t, dir, certs.Server)
	server.origin.reloads = true
	ours := &explain.Error{Code: explain.ServerCertExpired, Side: explain.ServerSide, Cert: set.Server.Leaf(), Ours: true}
	theirs := &explain.Error{Code: explain.ClientCertExpired, Side: explain.ServerSide, Cert: set.Client.Leaf()}
	for _, c := range []struct {
		e    *explain.Error
		want string
	}{
		{ours, "renew our certificate, which this server then reads by itself: tlsdemo certs renew server --dir=DIR"},
		{theirs, "renew the certificate, then start the client again with that set: tlsdemo certs renew client --dir=DIR"},
	} {
		if got := strings.ReplaceAll(advised(server, c.e, "serve", "--dir="+dir), dir, "DIR"); got != c.want {
			t.Errorf("%s: %s", c.e.Code, got)
		}
	}
	if err := os.Chtimes(filepath.Join(dir, "server.crt"), time.Now(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := advised(server, theirs, "serve"); !strings.HasPrefix(got, "the files have changed since this connection began, and the server reads them by itself: try again; ") {
		t.Error(got)
	}
}

// Files that were named stay as they are. What lies beside them may be what the other end needs,
// or what was meant.
func TestHintForNamedFiles(t *testing.T) {
	f := certstest.Forge(t)
	set, other := f.Set(), f.Set()
	middle := f.Sign(set[certs.CA], forge.CA("middle"))
	deep := f.Sign(middle, forge.ForClients, forge.Subject("deep"))
	root := t.TempDir()
	key := func(p *certs.Pair) []byte {
		data, err := p.KeyPEM()
		f.Fail(err)
		return data
	}
	for path, text := range map[string][]byte{
		"pair/us.crt": set[certs.Server].CertPEM(), "pair/us.key": key(set[certs.Server]), "pair/a.crt": set[certs.CA].CertPEM(), "pair/b.crt": other[certs.Client].CertPEM(), "pair/b.key": key(other[certs.Client]), "pair/c.crt": set[certs.Client].CertPEM(), "pair/c.key": key(set[certs.Client]),
		"chain/us.crt": set[certs.Server].CertPEM(), "chain/us.key": key(set[certs.Server]), "chain/a.crt": set[certs.CA].CertPEM(), "chain/c.crt": append(deep.CertPEM(), middle.CertPEM()...), "chain/c.key": key(deep),
		"keyless/us.crt": set[certs.Server].CertPEM(), "keyless/us.key": key(set[certs.Server]), "keyless/a.crt": set[certs.CA].CertPEM(), "keyless/c.crt": set[certs.Client].CertPEM(),
		"strange/us.crt": set[certs.Server].CertPEM(), "strange/us.key": key(set[certs.Server]), "strange/a.crt": set[certs.CA].CertPEM(), "strange/c.crt": other[certs.Client].CertPEM(), "strange/c.key": key(other[certs.Client]),
		"middle/us.crt": deep.CertPEM(), "middle/us.key": key(deep), "middle/a.crt": set[certs.CA].CertPEM(), "middle/m.crt": middle.CertPEM(),
		"lone/us.crt": deep.CertPEM(), "lone/us.key": key(deep), "lone/a.crt": set[certs.CA].CertPEM(),
		"a.crt": other[certs.CA].CertPEM(),
	} {
		path = filepath.Join(root, path)
		if err := errors.Join(f.Err(), os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	const s, c = explain.ServerSide, explain.ClientSide
	server, client := set[certs.Server].Leaf(), set[certs.Client].Leaf()
	for i, row := range []struct {
		dir, end, ca string
		err          error
		want         string
	}{
		{"pair", "serve", "pair/a.crt", &explain.Error{Code: explain.ClientCertWrongUsage, Side: s, Cert: server}, "at the client: tlsdemo send --cert=pair/c.crt --key=pair/c.key --ca=pair/a.crt --addr=127.0.0.1:7"},
		{"pair", "send", "pair/a.crt", &explain.Error{Code: explain.ClientCertWrongUsage, Side: c, Cert: server, Ours: true}, "tlsdemo send --cert=pair/c.crt --key=pair/c.key --addr=127.0.0.1:7 --ca=pair/a.crt"},
		{"pair", "send", "pair/a.crt", &explain.Error{Code: explain.ClientCertMissing, Side: c, Ours: true}, "tlsdemo send --cert=pair/c.crt --key=pair/c.key --addr=127.0.0.1:7 --ca=pair/a.crt"},
		{"pair", "probe", "", &explain.Error{Code: explain.ClientCertWrongUsage, Side: c, Cert: server, Ours: true}, `ask the CA that issued it, "CN=tlsdemo CA", for a new certificate`},
		{"pair", "serve", "pair/a.crt", &explain.Error{Code: explain.ClientCertMissing, Side: s}, "at the client: present a certificate that one of these CAs issued"},
		{"pair", "serve", "pair/a.crt", &explain.Error{Code: explain.ServerCertNameMismatch, Side: s, Cert: server, Ours: true, Wanted: "x"}, "at the client: use the name server.localhost for this server, as in: tlsdemo send --cert=pair/c.crt --key=pair/c.key --ca=pair/a.crt --addr=127.0.0.1:7 --server-name=server.localhost"},
		{"chain", "serve", "chain/a.crt", &explain.Error{Code: explain.ClientCertWrongUsage, Side: s, Cert: server}, "at the client: tlsdemo send --cert=chain/c.crt --key=chain/c.key --ca=chain/a.crt --addr=127.0.0.1:7"},
		{"keyless", "serve", "keyless/a.crt", &explain.Error{Code: explain.ClientCertWrongUsage, Side: s, Cert: server}, `at the client: ask the CA that issued it, "CN=tlsdemo CA", for a new certificate`},
		{"strange", "serve", "strange/a.crt", &explain.Error{Code: explain.ClientCertWrongUsage, Side: s, Cert: server}, `at the client: ask the CA that issued it, "CN=tlsdemo CA", for a new certificate`},
		{"pair", "send", "a.crt", &explain.Error{Code: explain.ServerCertUnknownCA, Side: c, Cert: client}, "to trust its CA, which is in pair/a.crt: tlsdemo send --cert=pair/us.crt --key=pair/us.key --addr=127.0.0.1:7 --ca=pair/a.crt"},
		{"pair", "send", "pair/a.crt", &explain.Error{Code: explain.ServerCertUnknownCA, Side: c, Cert: other[certs.Server].Leaf()}, `at the server: present a certificate of a CA that this client trusts; or, if this is the right server, trust the CA "CN=tlsdemo CA" here: give its certificate with --ca`},
		{"pair", "serve", "pair/a.crt", &explain.Error{Code: explain.ServerCertUnknownCA, Side: s, Cert: server, Ours: true}, `at the client: trust the CA "CN=tlsdemo CA", which issued pair/us.crt`},
		{"pair", "serve", "pair/a.crt", &explain.Error{Code: explain.ServerCertExpired, Side: s, Cert: server, Ours: true}, `ask the CA that issued it, "CN=tlsdemo CA", for a new certificate`},
		{"middle", "send", "middle/a.crt", &explain.Error{Code: explain.ClientCertIncompleteChain, Side: c, Cert: deep.Leaf(), Ours: true}, "cat middle/us.crt middle/m.crt >middle/us.crt.pem && tlsdemo send --cert=middle/us.crt.pem --key=middle/us.key --addr=127.0.0.1:7 --ca=middle/a.crt"},
		{"lone", "send", "lone/a.crt", &explain.Error{Code: explain.ClientCertIncompleteChain, Side: c, Cert: deep.Leaf(), Ours: true}, `ask the CA that issued it, "CN=middle", for the CA's own certificate, and append this to lone/us.crt`},
		{"pair", "send", "pair/a.crt", &connectError{addr: "127.0.0.1:7", err: syscall.ECONNREFUSED}, "tlsdemo serve --cert=pair/us.crt --key=pair/us.key --ca=pair/a.crt --addr=127.0.0.1:7"},
		{"lone", "send", "lone/a.crt", &connectError{addr: "127.0.0.1:7", err: syscall.ECONNREFUSED}, "start a server at 127.0.0.1:7 whose certificate chain leads to lone/a.crt"},
	} {
		files := certs.Files{Cert: filepath.Join(root, row.dir, "us.crt"), Key: filepath.Join(root, row.dir, "us.key")}
		typed := []string{row.end, "--cert=" + files.Cert, "--key=" + files.Key, "--addr=127.0.0.1:7"}
		if row.ca != "" {
			files.CA = filepath.Join(root, row.ca)
			typed = append(typed, "--ca="+files.CA)
		}
		creds, err := (&credentialFlags{files: files}).openAny(&cli.Env{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(advised(creds, row.err, typed...), root+"/", ""); got != row.want {
			t.Errorf("%d: %s in %s: %v\ngot  %s\nwant %s", i, row.end, row.dir, row.err, got, row.want)
		}
	}
}

// A hint in JSON is for the command that was typed, too.
func TestHintInJSON(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var stderr bytes.Buffer
	env := &cli.Env{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: &stderr, Now: time.Now}
	run(t.Context(), env, []string{"serve", "--plain", "--log=json", "--addr=" + taken.Addr().String()})
	if want := `"hint":"tlsdemo serve --plain --log=json --addr=127.0.0.1:0"`; !strings.Contains(stderr.String(), want) {
		t.Errorf("%s, want %s", &stderr, want)
	}
}

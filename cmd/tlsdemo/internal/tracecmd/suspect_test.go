package tracecmd

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/forge"
	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// refused is the recording of a handshake in which one end refuses the certificate of the other.
func refused(t *testing.T, root *certs.Pair, server, client *certs.Pair) *trace.Capture {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(root.Leaf())
	near, far := net.Pipe()
	var r trace.Recorder
	conn := r.Conn(far, wire.Client)
	for _, c := range []net.Conn{near, far} {
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	}
	var done sync.WaitGroup
	done.Go(func() {
		defer near.Close()
		_ = tls.Server(near, r.Readable(&tls.Config{Certificates: []tls.Certificate{server.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots})).Handshake()
	})
	secure := tls.Client(conn, r.Readable(&tls.Config{Certificates: []tls.Certificate{client.TLS()}, RootCAs: roots, ServerName: "localhost"}))
	if secure.Handshake() == nil {
		_, _ = secure.Read(make([]byte, 1))
	}
	_ = conn.Close()
	done.Wait()
	return trace.Of(conn)
}

// What is wrong with a certificate that was refused is named where it can be seen: also where it is a CA
// in the chain, of which the alert says nothing.
func TestSuspect(t *testing.T) {
	f := &forge.Forge{Now: time.Now()}
	root := f.Authority(certs.Request{})
	sound := f.Leaves(root)
	under := func(leaf string, changes ...forge.Change) *certs.Pair { // issued by a CA that is sent along
		middle := f.Sign(root, append(changes, forge.CA("middle"))...)
		pair := f.Again(sound[leaf], middle)
		pair.Chain = append(pair.Chain, middle.Leaf())
		return pair
	}
	withRoot := f.Again(sound[certs.Server], root)
	withRoot.Chain = append(withRoot.Chain, root.Leaf())
	namesake := f.Authority(certs.Request{})
	for name, test := range map[string]struct {
		server, client *certs.Pair
		want           string
	}{
		"expired client":       {sound[certs.Server], f.Again(sound[certs.Client], root, forge.Expired), "client-cert-expired: the client's certificate ended 2 days before this handshake"},
		"expired CA of client": {sound[certs.Server], under(certs.Client, forge.Expired), "ca-expired: the certificate of the CA CN=middle ended 2 days before this handshake"},
		"expired CA of server": {under(certs.Server, forge.Expired), sound[certs.Client], "ca-expired: the certificate of the CA CN=middle ended 2 days before this handshake"},
		"early CA of server":   {under(certs.Server, forge.NotYetValid), sound[certs.Client], "ca-not-yet-valid: the certificate of the CA CN=middle begins 48 hours after this handshake"},
		"self-signed server":   {f.Again(sound[certs.Server], nil), sound[certs.Client], "server-cert-self-signed: the server's certificate is self-signed, and the client does not trust it as it is"},
		"client for servers":   {sound[certs.Server], f.Again(sound[certs.Client], root, forge.ForServers), "client-cert-wrong-usage: the client's certificate may not be used for clients (clientAuth)"},
		"server for clients":   {f.Again(sound[certs.Server], root, forge.ForClients), sound[certs.Client], "server-cert-wrong-usage: the server's certificate may not be used for servers (serverAuth)"},
		"CA with another key":  {withRoot, f.Leaves(namesake)[certs.Client], `client-cert-stale-ca: the client's certificate names "CN=tlsdemo CA" as its issuer, and the certificate of that name which the server sends has another key`},
	} {
		t.Run(name, func(t *testing.T) {
			var got told
			got.add(refused(t, root, test.server, test.client))
			code, _, _ := strings.Cut(test.want, ":")
			notes := strings.Join(got.Stories[0].Ending.Notes, "\n")
			if got.Code != code || !strings.Contains(notes, "Likely "+test.want+". tlsdemo failures "+code+" says more.") {
				t.Errorf("%q, %q, %q", got.Stories[0].Ending.Text, got.Code, notes)
			}
			blamed := 0
			for _, act := range got.Stories[0].Acts {
				for _, step := range act.Steps {
					if step.Blamed {
						blamed++
					}
				}
			}
			if blamed != 1 {
				t.Errorf("%d messages are to blame", blamed)
			}
		})
	}
	if err := f.Err(); err != nil {
		t.Fatal(err)
	}
}

// A CA is not said to have another key where that is not seen: where the signature is one that is not
// checked here, or where the server sends a second CA of that name, which has issued the certificate.
func TestSuspectNoOtherKey(t *testing.T) {
	f := &forge.Forge{Now: time.Now()}
	root, namesake := f.Authority(certs.Request{}), f.Authority(certs.Request{})
	sound := f.Leaves(root)
	with := func(cas ...*certs.Pair) *certs.Pair {
		pair := f.Again(sound[certs.Server], root)
		for _, ca := range cas {
			pair.Chain = append(pair.Chain, ca.Leaf())
		}
		return pair
	}
	weak := f.Again(sound[certs.Client], root, forge.SHA1)
	for name, test := range map[string]struct {
		server, client *certs.Pair
		unknown        bool // that is the alert
	}{
		"SHA-1":             {with(), weak, true},
		"SHA-1, CA is sent": {with(root), weak, false},
		"two CAs of a name": {with(root, namesake), f.Leaves(namesake)[certs.Client], false},
	} {
		c := refused(t, root, test.server, test.client).Conversation()
		certs, _ := certificates(c.Message(wire.Client, wire.Handshake, wire.Certificate))
		if code, why := issuer(c, wire.Client, certs, test.unknown); code != "" {
			t.Errorf("%s: %s: %s", name, code, why)
		}
	}
	if err := f.Err(); err != nil {
		t.Fatal(err)
	}
}

// Whoever has the key has signed; who may have, where this cannot be checked, is not said to have another.
func TestMayHaveSigned(t *testing.T) {
	f := &forge.Forge{Now: time.Now()}
	root, namesake := f.Authority(certs.Request{}), f.Authority(certs.Request{})
	leaf := f.Leaves(root)[certs.Client].Leaf()
	if err := f.Err(); err != nil {
		t.Fatal(err)
	}
	if !mayHaveSigned(root.Leaf(), leaf) || mayHaveSigned(namesake.Leaf(), leaf) {
		t.Error("the one that has signed is another")
	}
	for _, algorithm := range []x509.SignatureAlgorithm{x509.MD5WithRSA, x509.UnknownSignatureAlgorithm} {
		odd := *leaf
		odd.SignatureAlgorithm = algorithm
		if !mayHaveSigned(namesake.Leaf(), &odd) {
			t.Errorf("%v was checked", algorithm)
		}
	}
}

// Where the recording has no time, or that of a clock that was not set, nothing is said of dates. Where
// the name that the client wants is not known, nothing is said of that.
func TestDefectUnknown(t *testing.T) {
	f := &forge.Forge{Now: time.Now()}
	root := f.Authority(certs.Request{})
	sound := f.Leaves(root)
	capture := refused(t, root, f.Again(sound[certs.Server], root, forge.ForClients), sound[certs.Client])
	for _, at := range []time.Time{{}, time.Unix(0, 0), time.Unix(3600, 0)} {
		for i := range capture.Chunks {
			capture.Chunks[i].At = at
		}
		var got told
		if got.add(capture); got.Code != "server-cert-wrong-usage" {
			t.Errorf("at %v: %q, %q", at, got.Code, got.Stories[0].Ending.Notes)
		}
	}
	c := refused(t, root, f.Again(sound[certs.Server], root, forge.Names()), sound[certs.Client]).Conversation()
	c.Messages = slices.DeleteFunc(c.Messages, func(m wire.Message) bool { return m.Type == wire.ClientHello })
	m := c.Message(wire.Server, wire.Handshake, wire.Certificate)
	chain, _ := certificates(m)
	if code, why := defect(c, m, chain); code != "server-cert-no-san" || strings.Contains(why, "wants") {
		t.Errorf("%s: %s", code, why)
	}
	if err := f.Err(); err != nil {
		t.Fatal(err)
	}
}

package verifiers

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/forge"
	"tlsdemo/scripts/peers/workshop"
)

// verdict is what a verifier has to say of an exhibit, and why.
type verdict string

const (
	accepted    verdict = ""
	outside     verdict = "a name outside the constraints"
	revoked     verdict = "revoked"
	untrusted   verdict = "no trusted issuer"
	badlyFormed verdict = "findings"
	unknown     verdict = "it cannot read the CA"
	otherwise   verdict = "another reason"
)

// exhibit is a leaf with what it is judged by: files.
type exhibit struct {
	name  string
	chain string // the leaf, and what links it to a root
	roots string
	lists string
	usage certs.Usage
	host  string // that a server's leaf has to have; empty if that is not of interest
	want  verdict
	// foreign means that tlsdemo has not issued it: whether it is well formed is not judged.
	foreign bool
}

// maker makes exhibits in a directory of its own, by the commands that a user types.
type maker struct {
	ctx  context.Context
	w    *workshop.Workshop
	root string
	dir  string // the one that is being made
	all  []exhibit
	err  error
}

// exhibits makes all there is to judge.
func exhibits(ctx context.Context, w *workshop.Workshop) ([]exhibit, error) {
	root, err := w.Scratch()
	if err != nil {
		return nil, err
	}
	m := &maker{ctx: ctx, w: w, root: root}
	for _, add := range []func(){m.keys, m.constraints, m.trustDomain, m.leaves, m.renewed, m.rotated, m.revokedOne} {
		add()
	}
	return m.all, m.err
}

// run types a command for the directory that is being made.
func (m *maker) run(args ...string) {
	if m.err == nil {
		m.err = m.w.Run(m.ctx, append(append([]string{"certs"}, args...), "--dir="+m.dir)...)
	}
}

// init begins another directory. It has a list from the start.
func (m *maker) init(name string, flags ...string) {
	m.dir = filepath.Join(m.root, name)
	m.run(append([]string{"init"}, flags...)...)
	m.run("crl")
}

func (m *maker) file(name string) string { return filepath.Join(m.dir, name) }

// add adds a leaf of the directory as it is now: what is changed later does not count.
func (m *maker) add(name, leaf string, usage certs.Usage, host string) *exhibit {
	e := &exhibit{
		name: name, usage: usage, host: host,
		chain: m.keep(leaf + ".crt"), roots: m.keep("ca.crt"), lists: m.keep("crl.pem"),
	}
	m.all = append(m.all, *e)
	return &m.all[len(m.all)-1]
}

// server and client add the leaves that certs init makes.
func (m *maker) server(name string) *exhibit {
	return m.add(name+": server", certs.Server, certs.ServerAuth, "localhost")
}

func (m *maker) client(name string) *exhibit {
	return m.add(name+": client", certs.Client, certs.ClientAuth, "")
}

func (m *maker) both(name string) {
	m.server(name)
	m.client(name)
}

// keep copies a file of the directory, and returns where to.
func (m *maker) keep(file string) string {
	if m.err != nil {
		return ""
	}
	data, err := os.ReadFile(m.file(file))
	if err != nil {
		m.err = err
		return ""
	}
	return m.write(file, data)
}

func (m *maker) write(file string, data []byte) string {
	dir, err := m.w.Scratch()
	if err != nil {
		m.err = err
		return ""
	}
	path := filepath.Join(dir, filepath.Base(file))
	m.err = os.WriteFile(path, data, 0o600)
	return path
}

// forge adds a leaf that somebody with the CA's key has made, whatever its constraints say.
func (m *maker) forge(name string, want verdict, changes ...forge.Change) {
	if m.err != nil {
		return
	}
	ca, err := certs.Dir(m.dir).Pair(certs.CA)
	if err != nil {
		m.err = err
		return
	}
	f := forge.Forge{Now: time.Now()}
	leaf := f.Sign(ca, append(changes, forge.ForServers)...)
	if m.err = f.Err(); m.err != nil {
		return
	}
	e := exhibit{name: name, usage: certs.ServerAuth, want: want, foreign: true}
	e.chain, e.roots, e.lists = m.write("forged.crt", leaf.CertPEM()), m.keep("ca.crt"), m.keep("crl.pem")
	m.all = append(m.all, e)
}

func (m *maker) keys() {
	for _, key := range []string{"p256", "p384", "ed25519", "rsa3072"} {
		m.init(key, "--key-type="+key)
		m.both("init --key-type=" + key)
	}
}

// Names that are outside every constraint that is not widened, one each: a leaf that has no
// DNS name might be refused for its common name.
var (
	evilDNS  = forge.Names("localhost", "evil.example")
	evilIP   = forge.Names("localhost", "192.0.2.1")
	evilMail = func(t *forge.Template) {
		t.DNSNames, t.EmailAddresses = []string{"localhost"}, []string{"eve@evil.example"}
	}
	evilURI = func(t *forge.Template) {
		t.DNSNames, t.URIs = []string{"localhost"}, []*url.URL{{Scheme: "https", Host: "evil.example", Path: "/"}}
	}
)

// constraints are all kinds, with names in addition, and leaves with each kind of name: ones
// that the CA may issue, and ones that it may not and that were made with its key.
func (m *maker) constraints() {
	for _, of := range []struct {
		name               string
		dns, ip, mail, uri verdict
	}{
		{"names", outside, accepted, outside, outside},
		{"full", outside, outside, outside, outside},
		{"none", accepted, accepted, accepted, accepted},
	} {
		name := "--constraints=" + of.name
		m.init("constraints-"+of.name, name, "--name=db.internal", "--name=10.1.2.3", "--name=*.example.com", "--name="+permittedMail.Address)
		m.both("init " + name)
		m.run("issue", "more", "--server", "--name=db.internal", "--name=10.1.2.3", "--name=a.example.com", "--name=x.localhost", "--name="+permittedMail.Address)
		m.add(name+": permitted names", "more", certs.ServerAuth, "db.internal")
		m.forge(name+": forbidden DNS name", of.dns, evilDNS)
		m.forge(name+": forbidden address", of.ip, evilIP)
		m.forge(name+": forbidden mail address", of.mail, evilMail)
		m.forge(name+": forbidden URI", of.uri, evilURI)
	}
}

var permittedMail = mail.Address{Address: "alice@example.com"}

// trustDomain are leaves with a URI, whose CA does not limit URIs.
func (m *maker) trustDomain() {
	for _, constraints := range []string{"names", "full"} {
		name := "--trust-domain, " + constraints
		m.init("trust-domain-"+constraints, "--trust-domain=example.org", "--constraints="+constraints)
		m.both("init " + name)
		m.run("issue", "alice")
		m.add("issue, "+name, "alice", certs.ClientAuth, "")
		m.forge(name+": forbidden DNS name", outside, evilDNS)
	}
}

// leaves are all that certs issue makes.
func (m *maker) leaves() {
	m.init("issue")
	for _, key := range []string{"p256", "p384", "ed25519", "rsa3072"} {
		m.run("issue", "alice-"+key, "--key-type="+key)
		m.add("issue --key-type="+key, "alice-"+key, certs.ClientAuth, "")
	}
	m.run("issue", "api", "--server", "--name=*.api.localhost", "--name=my_db.localhost")
	m.add("issue --server, wildcard", "api", certs.ServerAuth, "x.api.localhost")
	m.run("issue", "etcd", "--peer", "--cn=etcd one")
	m.add("issue --peer, as a server", "etcd", certs.ServerAuth, "etcd.localhost")
	m.add("issue --peer, as a client", "etcd", certs.ClientAuth, "")
	m.run("issue", "build", "--csr="+m.request(&x509.CertificateRequest{DNSNames: []string{"build.localhost"}}))
	m.add("issue --csr", "build", certs.ClientAuth, "")
	m.run("issue", "bare", "--csr="+m.request(&x509.CertificateRequest{Subject: pkix.Name{CommonName: "root"}}))
	m.add("issue --csr, a request without names", "bare", certs.ClientAuth, "")
}

// request is somebody else's.
func (m *maker) request(template *x509.CertificateRequest) string {
	if m.err != nil {
		return ""
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		m.err = err
		return ""
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		m.err = err
		return ""
	}
	return m.write("build.csr", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func (m *maker) renewed() {
	m.init("renew")
	old := m.keep("ca.crt")
	m.run("renew", "server", "--new-key", "--name=db.localhost")
	m.run("renew", "client")
	m.both("renew")
	m.run("renew", "ca")
	m.both("renew ca, leaves from before")
	m.run("renew", "client")
	m.client("renew ca, leaf from after")
	m.client("renew ca, for those with the old ca.crt").roots = old
}

// rotated are the leaves of both CAs, for those who have moved and for those who have not.
func (m *maker) rotated() {
	m.init("rotate")
	oldRoots, oldLeaf := m.keep("ca.crt"), m.keep("client.crt")
	m.run("rotate-ca", "--name=db.internal")
	m.both("rotate-ca")
	m.server("rotate-ca, for those with the old ca.crt").roots = oldRoots
	m.client("rotate-ca, old leaf").chain = oldLeaf
	m.run("rotate-ca", "--finish")
	m.both("rotate-ca --finish")
	dropped := m.client("rotate-ca --finish, old leaf")
	dropped.chain, dropped.want = oldLeaf, untrusted
	m.run("issue", "db", "--server", "--name=db.internal")
	m.add("rotate-ca --name=db.internal, issue", "db", certs.ServerAuth, "db.internal")
	m.forge("rotate-ca --name=db.internal: forbidden DNS name", outside, evilDNS)
}

// revokedOne is a leaf that is on the list. Of a CA that is being replaced both have one.
func (m *maker) revokedOne() {
	m.init("revoke", "--client=alice", "--client=bob")
	alice := m.keep("alice.crt")
	m.run("revoke", "alice", "--reason=keyCompromise")
	m.server("revoke")
	e := m.add("revoke: revoked", "bob", certs.ClientAuth, "")
	e.chain, e.want = alice, revoked
	m.run("rotate-ca")
	newBob := m.keep("bob.crt")
	m.run("revoke", "bob")
	m.server("revoke, rotate-ca")
	e = m.server("revoke, rotate-ca: revoked before")
	e.chain, e.usage, e.host, e.want = alice, certs.ClientAuth, "", revoked
	e = m.server("revoke, rotate-ca: revoked, of the new CA")
	e.chain, e.usage, e.host, e.want = newBob, certs.ClientAuth, "", revoked
}

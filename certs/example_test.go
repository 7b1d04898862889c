package certs_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func ExampleAuthority() {
	ca, err := certs.NewAuthority(now, certs.Request{})
	if err != nil {
		log.Fatal(err)
	}
	server, err := ca.Issue(now, certs.Request{Name: "server", Usage: certs.ServerAuth})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(server.Leaf().DNSNames, server.Leaf().IPAddresses, server.Leaf().NotAfter.Format(time.DateOnly))

	_, err = ca.Issue(now, certs.Request{Name: "server", Names: []string{"example.com"}, Usage: certs.ServerAuth})
	fmt.Println(err)
	// Output:
	// [server.localhost localhost] [127.0.0.1 ::1] 2027-02-20
	// example.com is not permitted by the CA's name constraints, only "localhost"
}

func ExampleRequest() {
	names := []string{"db.internal", "10.1.2.3"}
	ca, err := certs.NewAuthority(now, certs.Request{Name: "Office CA", Names: names, ValidFor: 30 * 24 * time.Hour})
	if err != nil {
		log.Fatal(err)
	}
	db, err := ca.Issue(now, certs.Request{Name: "db", Names: names, Usage: certs.ServerAuth, Key: certs.Ed25519})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(db.Leaf().Issuer, db.Leaf().DNSNames, db.Leaf().PublicKeyAlgorithm)
	fmt.Println("ends with the CA:", db.Leaf().NotAfter.Equal(ca.Certificate().NotAfter))
	// Output:
	// CN=Office CA [db.localhost localhost db.internal] Ed25519
	// ends with the CA: true
}

// A CA that limits IP addresses, too, cannot issue for others.
func ExampleConstraints() {
	for _, constraints := range []certs.Constraints{certs.ConstrainNames, certs.ConstrainFull} {
		ca, err := certs.NewAuthority(now, certs.Request{Constraints: constraints})
		if err != nil {
			log.Fatal(err)
		}
		_, err = ca.Issue(now, certs.Request{Name: "server", Usage: certs.ServerAuth, Names: []string{"10.1.2.3"}})
		fmt.Println(constraints, err)
	}
	// Output:
	// names <nil>
	// full 10.1.2.3 is not permitted by the CA's name constraints, only "127.0.0.0/8", "::1/128"
}

func ExampleProfile() {
	set, err := certs.Profile{Names: []string{"db.internal"}, TrustDomain: "example.org"}.Make(now)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(set[certs.CA].Leaf().PermittedDNSDomains)
	fmt.Println(set[certs.Server].Leaf().DNSNames, set[certs.Server].Leaf().URIs)
	// Output:
	// [localhost db.internal]
	// [server.localhost localhost db.internal] [spiffe://example.org/server]
}

// Programs that are built on BoringSSL cannot check limits on IP addresses.
func ExampleConstraints_refusers() {
	set, err := certs.Profile{Constraints: certs.ConstrainFull}.Make(now)
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range chain.Refusers(set[certs.Server].Leaf(), set[certs.CA].Leaf()) {
		fmt.Println(v.Name, v.Cannot)
	}
	// Output:
	// BoringSSL (Envoy, gRPC's C core, Bun) [IP addresses]
	// wolfSSL [DNS names IP addresses mail addresses URIs]
	// mbedTLS [DNS names IP addresses mail addresses URIs]
}

func ExampleKeyType() {
	for _, name := range []string{"p384", "dsa"} {
		key, err := certs.ParseKeyType(name)
		fmt.Println(key, err)
	}
	// Output:
	// p384 <nil>
	// p256 unknown key type "dsa": want one of ["p256" "p384" "ed25519" "rsa3072"]
}

func ExampleUsage() {
	ca, err := certs.NewAuthority(now, certs.Request{})
	if err != nil {
		log.Fatal(err)
	}
	for _, usage := range []certs.Usage{certs.ClientAuth, certs.ServerAuth} {
		leaf, err := ca.Issue(now, certs.Request{Name: "alice", Usage: usage})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(certs.Role(leaf.Leaf()), leaf.Leaf().DNSNames)
	}
	// Output:
	// client [alice.localhost]
	// server [alice.localhost localhost]
}

func ExamplePair() {
	ca, err := certs.NewAuthority(now, certs.Request{})
	if err != nil {
		log.Fatal(err)
	}
	key, err := ca.Pair().KeyPEM()
	if err != nil {
		log.Fatal(err)
	}
	pair, err := certs.ParsePair(ca.Pair().CertPEM(), key)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(pair.Leaf().Subject)
	_, err = certs.ParsePair(key, ca.Pair().CertPEM())
	fmt.Println(err)
	// Output:
	// CN=tlsdemo CA
	// contains a private key, and a certificate is expected here
}

// A directory is filled whole or not at all, and never over another.
func ExampleDir() {
	tmp, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	dir := certs.Dir(filepath.Join(tmp, "set"))
	_, err = dir.Names()
	fmt.Println("not there:", errors.Is(err, fs.ErrNotExist))

	set := newSet()
	if err := dir.Create(set); err != nil {
		log.Fatal(err)
	}
	names, err := dir.Names()
	fmt.Println(names, err)
	fmt.Println("there:", errors.Is(dir.Create(set), fs.ErrExist))
	// Output:
	// not there: true
	// [ca server client] <nil>
	// there: true
}

func ExampleEntry() {
	dir, remove := saved(newSet())
	defer remove()
	entries, err := dir.Entries(now.AddDate(1, 0, 0))
	if err != nil {
		log.Fatal(err)
	}
	for _, entry := range entries {
		fmt.Println(entry.Name, len(entry.Findings))
		for _, f := range entry.Findings {
			fmt.Println("  ", f.Code, f.Text)
		}
	}
	// Output:
	// ca 0
	// server 1
	//    cert-expired it expired 275 days ago (2027-02-20 12:00 UTC)
	// client 1
	//    cert-expired it expired 275 days ago (2027-02-20 12:00 UTC)
}

func ExampleFinding() {
	_, err := certs.ParseCertificates([]byte("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"))
	if finding, ok := errors.AsType[*certs.Finding](err); ok {
		fmt.Println(finding.Code)
		fmt.Println(finding.Text)
	}
	// Output:
	// pem-swapped
	// contains a private key, and a certificate is expected here
}

func ExampleCode() {
	dir, remove := saved(newSet())
	defer remove()
	files := dir.Files(certs.Client)
	files.CA = os.DevNull
	_, err := certs.Open(files)
	if finding, ok := errors.AsType[*certs.Finding](err); ok && finding.Code == certs.CAFileEmpty {
		fmt.Println(finding.Text)
	}
	// Output:
	// contains no certificate: the file is empty
}

func ExampleFiles() {
	files := certs.Dir("set").Files(certs.Server)
	fmt.Println(filepath.ToSlash(files.Cert), filepath.ToSlash(files.Key), filepath.ToSlash(files.CA))
	// Output:
	// set/server.crt set/server.key set/ca.crt
}

// The two configurations are where credentials and connections meet.
func ExampleSource() {
	dir, remove := saved(newSet())
	defer remove()
	source, err := certs.Open(dir.Files(certs.Server))
	if err != nil {
		log.Fatal(err)
	}
	config := source.ServerConfig()
	fmt.Println(source.Leaf().Subject, config.ClientAuth == tls.RequireAndVerifyClientCert)
	// Output:
	// CN=server true
}

func ExampleSet() {
	ca, err := certs.NewAuthority(now, certs.Request{})
	if err != nil {
		log.Fatal(err)
	}
	set := certs.Set{certs.CA: ca.Pair()}
	if set["alice"], err = ca.Issue(now, certs.Request{Name: "alice"}); err != nil {
		log.Fatal(err)
	}
	dir, remove := saved(set)
	defer remove()
	fmt.Println(dir.Names())
	// Output:
	// [ca alice] <nil>
}

// newSet makes a set at the time now.
func newSet() certs.Set {
	set, err := certs.Profile{}.Make(now)
	if err != nil {
		log.Fatal(err)
	}
	return set
}

// saved writes the set into a temporary directory.
func saved(set certs.Set) (dir certs.Dir, remove func()) {
	tmp, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	dir = certs.Dir(filepath.Join(tmp, "set"))
	if err := dir.Create(set); err != nil {
		log.Fatal(err)
	}
	return dir, func() { os.RemoveAll(tmp) }
}

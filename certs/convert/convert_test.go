package convert_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
	"tlsdemo/certs/convert"
	"tlsdemo/certs/forge"
)

func write(t *testing.T, file string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// run returns what a program prints, or skips the test if it is not installed.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("TLSDEMO_INTEROP") == "require" {
			t.Fatalf("%s is not installed", program)
		}
		t.Skipf("%s is not installed", program)
	}
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

func passphrase(s string) certs.Passphrase { return func() ([]byte, error) { return []byte(s), nil } }

// Whatever we write we read again as the same set; OpenSSL reads it, too.
func TestPKCS12(t *testing.T) {
	f := certstest.Forge(t)
	set := f.Set()
	cas := set[certs.CA].Chain
	for name, test := range map[string]struct {
		password string
		legacy   bool
		args     []string
	}{
		"modern":              {password: "secret"},
		"legacy":              {password: "secret", legacy: true},
		"no password":         {},
		"no password, legacy": {legacy: true},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "client.p12")
			write(t, file, must(convert.PKCS12(set[certs.Client], cas, test.password, test.legacy)))
			if out := run(t, "openssl", "pkcs12", "-in", file, "-passin", "pass:"+test.password, "-nodes"); strings.Count(out, "BEGIN CERT") != 2 || !strings.Contains(out, "BEGIN PRIVATE KEY") {
				t.Errorf("openssl: %s", out)
			}
			found := must(convert.Read(t.Context(), []string{file}, passphrase(test.password)))
			read, _, err := found.Set()
			if err != nil {
				t.Fatal(err)
			}
			if !read[certs.Client].Leaf().Equal(set[certs.Client].Leaf()) || !read[certs.CA].Leaf().Equal(cas[0]) || read[certs.CA].Key != nil {
				t.Errorf("read: %v", read)
			}
		})
	}
}

// Without a password, NSS and Java have to find the key, too.
func TestPKCS12WithoutPassword(t *testing.T) {
	set := certstest.Forge(t).Set()
	for name, legacy := range map[string]bool{"modern": false, "legacy": true} {
		file := write(t, filepath.Join(t.TempDir(), name+".p12"), must(convert.PKCS12(set[certs.Client], set[certs.CA].Chain, "", legacy)))
		t.Run("NSS, "+name, func(t *testing.T) {
			db := "sql:" + t.TempDir()
			run(t, "certutil", "-N", "-d", db, "--empty-password")
			run(t, "pk12util", "-i", file, "-d", db, "-W", "")
			if out := run(t, "certutil", "-K", "-d", db); !strings.Contains(out, "< 0>") {
				t.Errorf("no key: %s", out)
			}
		})
		t.Run("Java, "+name, func(t *testing.T) {
			if out := run(t, "keytool", "-list", "-keystore", file, "-storepass", ""); !strings.Contains(out, "PrivateKeyEntry") {
				t.Errorf("no key: %s", out)
			}
		})
	}
}

// What links a certificate to its root is in the file, too.
func TestPKCS12Intermediate(t *testing.T) {
	f := certstest.Forge(t)
	root := f.Authority(certs.Request{})
	middle := f.Sign(root, forge.CA("middle"))
	server := f.Sign(middle, forge.Names("localhost"), forge.ForServers)
	server.Chain = append(server.Chain, middle.Leaf())
	file := write(t, filepath.Join(t.TempDir(), "server.p12"), must(convert.PKCS12(server, root.Chain, "secret", false)))
	set, _, err := must(convert.Read(t.Context(), []string{file}, passphrase("secret"))).Set()
	if err != nil {
		t.Fatal(err)
	}
	if got := set[certs.Server].Chain; len(got) != 2 || !got[1].Equal(middle.Leaf()) || !set[certs.CA].Leaf().Equal(root.Leaf()) {
		t.Errorf("%d certificates of the server, under %v", len(got), set[certs.CA].Leaf().Subject)
	}
}

func TestTrustStore(t *testing.T) {
	ca := certstest.New(t).CA.Certificate()
	for name, jks := range map[string]bool{"PKCS12": false, "JKS": true} {
		file := filepath.Join(t.TempDir(), "trust")
		write(t, file, must(convert.TrustStore([]*x509.Certificate{ca}, "changeit", jks)))
		out := run(t, "keytool", "-list", "-keystore", file, "-storepass", "changeit")
		if !strings.Contains(out, "trustedCertEntry") || !strings.Contains(out, name) {
			t.Errorf("%s: %s", name, out)
		}
	}
	open := write(t, filepath.Join(t.TempDir(), "open"), must(convert.TrustStore([]*x509.Certificate{ca}, "", false)))
	if out := run(t, "keytool", "-list", "-keystore", open, "-storepass", ""); !strings.Contains(out, "trustedCertEntry") {
		t.Errorf("no password: %s", out)
	}
}

// A Secret, a bundle and the separate files make the same set.
func TestRead(t *testing.T) {
	f := certstest.Forge(t)
	set := f.Set()
	key := func(name string) []byte { return must(set[name].KeyPEM()) }
	dir := t.TempDir()
	secret := write(t, filepath.Join(dir, "secret.yaml"), must(convert.Secret("server", set[certs.Server], set[certs.CA].Chain)))
	bundle := write(t, filepath.Join(dir, "client.pem"), must(convert.Bundle(set[certs.Client])))
	caKey := write(t, filepath.Join(dir, "rootCA-key.pem"), key(certs.CA))
	write(t, filepath.Join(dir, "README"), []byte("nothing\n"))
	for name, paths := range map[string][]string{"files": {secret, bundle, caKey}, "a directory": {dir}} {
		found, err := convert.Read(t.Context(), paths, nil)
		if err != nil {
			t.Fatal(err)
		}
		read, taken, err := found.Set()
		if err != nil {
			t.Fatal(err)
		}
		for want := range set {
			if pair := read[want]; pair == nil || !pair.Leaf().Equal(set[want].Leaf()) || pair.Key == nil {
				t.Errorf("%s: no %s", name, want)
			}
		}
		if len(taken) != 3 || taken[0].Key != caKey || taken[0].Cert.File != secret+", ca.crt" {
			t.Errorf("%s: taken %v", name, taken)
		}
		if want := strings.Count(name, "directory"); len(found.Unread) != want {
			t.Errorf("%s: not read: %v", name, found.Unread)
		}
		into := certs.Dir(filepath.Join(t.TempDir(), "set"))
		if err := into.Create(read); err != nil {
			t.Fatal(err)
		}
		entries := must(into.Entries(f.Now))
		for _, entry := range entries {
			if len(entry.Findings) > 0 {
				t.Errorf("%s: %v", entry.Name, entry.Findings)
			}
		}
	}
}

// The certificates of one name are kept apart, intermediates go with their leaf, and a set
// without the CA's key is sound.
func TestReadManyLeaves(t *testing.T) {
	f := certstest.Forge(t)
	root := f.Authority(certs.Request{})
	middle := f.Sign(root, forge.CA("middle"))
	dir := t.TempDir()
	write(t, filepath.Join(dir, "root.pem"), root.CertPEM())
	for _, name := range []string{"api", "web"} {
		leaf := f.Sign(middle, forge.Names("localhost"), forge.ForServers)
		leaf.Chain = append(leaf.Chain, middle.Leaf(), root.Leaf())
		write(t, filepath.Join(dir, name, "fullchain.pem"), leaf.CertPEM())
		write(t, filepath.Join(dir, name, "privkey.pem"), must(leaf.KeyPEM()))
	}
	client := f.Issue(root, certs.Request{Name: "bob"})
	write(t, filepath.Join(dir, "bob.pem"), must(convert.Bundle(client)))
	found := must(convert.Read(t.Context(), []string{dir}, nil))
	set, _, err := found.Set()
	if err != nil {
		t.Fatal(err)
	}
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range set {
			if !yield(name) {
				return
			}
		}
	})
	if want := []string{"ca", "client", "fullchain", "server"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	if chain := set[certs.Server].Chain; len(chain) != 2 || !chain[1].Equal(middle.Leaf()) {
		t.Errorf("%d certificates of the server", len(chain))
	}
	into := certs.Dir(filepath.Join(t.TempDir(), "set"))
	if err := into.Create(set); err != nil {
		t.Fatal(err)
	}
	for _, entry := range must(into.Entries(f.Now)) {
		if len(entry.Findings) > 0 {
			t.Errorf("%s: %v", entry.Name, entry.Findings)
		}
	}
	if _, err := into.Change(t.Context(), f.Now, nil); err == nil {
		t.Error("a CA without its key is changed")
	}
}

// Of a directory as much is read as is said, and what is hidden in it is not looked at.
func TestReadDirectory(t *testing.T) {
	cert := certstest.Forge(t).Set()[certs.Client].CertPEM()
	dir, many := t.TempDir(), t.TempDir()
	deepest := write(t, filepath.Join(dir, "a", "b", "in.pem"), cert)
	write(t, filepath.Join(dir, "a", "b", "c", "too-deep.pem"), cert)
	write(t, filepath.Join(dir, ".hidden"), []byte("not a certificate"))
	found := must(convert.Read(t.Context(), []string{dir}, nil))
	if len(found.Certs) != 1 || found.Certs[0].File != deepest || len(found.Unread) > 0 {
		t.Errorf("found %v, and could not read %v", found.Certs, found.Unread)
	}
	for i := range 300 {
		write(t, filepath.Join(many, fmt.Sprintf("%d.txt", i)), []byte("not a certificate"))
	}
	if found := must(convert.Read(t.Context(), []string{many}, nil)); len(found.Unread) != 256 {
		t.Errorf("%d files were looked at", len(found.Unread))
	}
}

// The CA whose key is there is the one that issues, and a certificate of both roles does not
// take the name of one that has only the one role, whatever was found first.
func TestSetOrder(t *testing.T) {
	f := certstest.Forge(t)
	former, ca := f.Authority(certs.Request{Name: "former CA"}), f.Authority(certs.Request{Name: "CA"})
	server := f.Issue(former, certs.Request{Name: "server", Usage: certs.ServerAuth})
	peer, client := f.Issue(ca, certs.Request{Name: "peer", Peer: true}), f.Issue(ca, certs.Request{Name: "client"})
	dir := t.TempDir()
	for i, pair := range []*certs.Pair{server, peer, client, ca} {
		write(t, filepath.Join(dir, fmt.Sprintf("%d.pem", i)), must(convert.Bundle(pair)))
	}
	write(t, filepath.Join(dir, "former.pem"), former.CertPEM())
	set, taken, err := must(convert.Read(t.Context(), []string{dir}, nil)).Set()
	if err != nil {
		t.Fatal(err)
	}
	if issuer := set[certs.CA]; issuer.Key == nil || !issuer.Leaf().Equal(ca.Leaf()) || len(issuer.Chain) != 2 {
		t.Errorf("the CA is %s, of %d", issuer.Leaf().Subject, len(issuer.Chain))
	}
	if leaf := set[certs.Client].Leaf(); !leaf.Equal(client.Leaf()) {
		t.Errorf("the client is %s: %v", leaf.Subject, taken)
	}
}

func TestReadRefuses(t *testing.T) {
	f := certstest.Forge(t)
	set := f.Set()
	dir := t.TempDir()
	locked := *set[certs.Client]
	locked.Passphrase = []byte("right")
	file := func(name string, data []byte) string { return write(t, filepath.Join(dir, name), data) }
	cert, key := file("client.crt", set[certs.Client].CertPEM()), file("client.key", must(set[certs.Client].KeyPEM()))
	lockedKey := file("locked.key", must(locked.KeyPEM()))
	p12 := file("client.p12", must(convert.PKCS12(set[certs.Client], nil, "right", false)))
	for name, test := range map[string]struct {
		paths []string
		pass  certs.Passphrase
		want  string
	}{
		"no such file":   {[]string{filepath.Join(dir, "nosuch")}, nil, "no such file"},
		"no certificate": {[]string{key}, nil, "no certificate of a client, a server or a CA with its private key"},
		"no key":         {[]string{cert}, nil, "no certificate of a client, a server or a CA with its private key"},
		"no CA":          {[]string{cert, key}, nil, "the CA that issued CN=client"},
		"text":           {[]string{file("a.txt", []byte("hello\n"))}, nil, "contains no certificate"},
		"locked":         {[]string{cert, lockedKey}, nil, "encrypted with a passphrase"},
		"wrong":          {[]string{cert, lockedKey}, passphrase("wrong"), "not the passphrase of the private key"},
		"wrong p12":      {[]string{p12}, passphrase("wrong"), "not the password of the PKCS#12"},
		"no password":    {[]string{p12}, nil, "not the password of the PKCS#12"},
	} {
		found, err := convert.Read(t.Context(), test.paths, test.pass)
		if err == nil {
			_, _, err = found.Set()
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
}

// A file that asks for years of work costs no more than we have patience for.
func TestReadHostilePKCS12(t *testing.T) {
	client := certstest.Forge(t).Set()[certs.Client]
	slow := pkcs12.Modern2023.WithIterations(500_000)
	hostile := write(t, filepath.Join(t.TempDir(), "hostile.p12"), must(slow.Encode(client.Key, client.Leaf(), nil, "x")))
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := convert.Read(ctx, []string{hostile}, passphrase("x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

// A file name with a space and a quotation mark in it is one word to every program.
func TestSettingsQuote(t *testing.T) {
	set := certstest.New(t)
	for name, pair := range map[string]*certs.Pair{certs.Client: set.Client, certs.Server: set.Server} {
		files := certs.Files{Cert: `/it's mine/a"b.crt`, Key: "/k", CA: "/c"}
		want := map[string]string{
			"curl":             `--cert '/it'\''s mine/a"b.crt' --key /k`,
			"Python, ssl":      `load_cert_chain("/it's mine/a\"b.crt", "/k")`,
			"PostgreSQL, psql": `sslcert='\''/it\'\''s mine/a"b.crt'\'' sslkey=/k`,
			"nginx":            `ssl_certificate "/it's mine/a\"b.crt";`,
			"PostgreSQL, postgresql.conf (and in pg_hba.conf: hostssl all all samehost cert)": `ssl_cert_file = '/it''s mine/a"b.crt'`,
		}
		seen := 0
		for _, s := range convert.Settings(name, files, pair.Leaf()) {
			if part, known := want[s.Program]; known {
				seen++
				if !strings.Contains(s.Text, part) {
					t.Errorf("%s of a %s: %s\nwant in it: %s", s.Program, name, s.Text, part)
				}
			}
		}
		if seen != 3 {
			t.Errorf("%d settings of a %s were looked at, want 3", seen, name)
		}
	}
}

package certs_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/forge"
)

func TestOpenNamesTheFileAtFault(t *testing.T) {
	dir := newDir(t)
	path := func(file string) string { return filepath.Join(string(dir), file) }
	write(t, dir, "empty.pem", []byte(" \n"))
	write(t, dir, "crl.pem", block("X509 CRL", []byte{0x30, 0}))
	write(t, dir, "locked.key", block("ENCRYPTED PRIVATE KEY", []byte{0x30, 0}))
	write(t, dir, "garbage", []byte("garbage"))
	for name, test := range map[string]struct {
		cert, key, ca string // of the set, if empty
		code          certs.Code
		file          string
	}{
		"no certificate":    {cert: "none.crt", code: certs.FileMissing, file: "none.crt"},
		"no key":            {key: "none.key", code: certs.FileMissing, file: "none.key"},
		"no CA":             {ca: "none.crt", code: certs.FileMissing, file: "none.crt"},
		"a directory":       {cert: ".", code: certs.CertUnreadable, file: "."},
		"a key's directory": {key: ".", code: certs.KeyUnreadable, file: "."},
		"swapped":           {cert: "server.key", key: "server.crt", code: certs.PEMSwapped, file: "server.key"},
		"another's key":     {key: "client.key", code: certs.KeyMismatch, file: "client.key"},
		"an encrypted key":  {key: "locked.key", code: certs.KeyEncrypted, file: "locked.key"},
		"no key in it":      {key: "garbage", code: certs.KeyUnparsable, file: "garbage"},
		"garbage":           {cert: "garbage", code: certs.CertUnparsable, file: "garbage"},
		"nothing to trust":  {ca: "empty.pem", code: certs.CAFileEmpty, file: "empty.pem"},
		"a CRL to trust":    {ca: "crl.pem", code: certs.CertUnparsable, file: "crl.pem"},
		"a key to trust":    {ca: "ca.key", code: certs.PEMSwapped, file: "ca.key"},
		"a leaf to trust":   {ca: "client.crt", code: certs.CertNotCA, file: "client.crt"},
	} {
		t.Run(name, func(t *testing.T) {
			files := dir.Files(certs.Server)
			for file, other := range map[*string]string{&files.Cert: test.cert, &files.Key: test.key, &files.CA: test.ca} {
				if other != "" {
					*file = path(other)
				}
			}
			_, err := certs.Open(files)
			wantCode(t, err, test.code)
			if finding, ok := err.(*certs.Finding); ok && finding.File != path(test.file) {
				t.Errorf("at fault is %s, want %s", finding.File, path(test.file))
			}
		})
	}
}

// A self-signed certificate that is trusted as itself has nothing wrong with it.
func TestOpenTakesSelfSigned(t *testing.T) {
	pair := authority(t, certs.Request{}).Pair()
	dir, remove := saved(certs.Set{"self": pair})
	defer remove()
	files := dir.Files("self")
	files.CA = files.Cert
	if _, err := certs.Open(files); err != nil {
		t.Error(err)
	}
}

func TestConfigs(t *testing.T) {
	set := newSet()
	source := certs.NewSource(set[certs.Server], set[certs.CA].Leaf())
	server, client := source.ServerConfig(), source.ClientConfig()
	if server.ClientAuth != tls.RequireAndVerifyClientCert || server.ClientCAs == nil {
		t.Error("the server does not demand a client certificate")
	}
	if client.InsecureSkipVerify || client.RootCAs == nil {
		t.Error("the client does not verify the server")
	}
	if server.MinVersion != tls.VersionTLS12 || client.MinVersion != tls.VersionTLS12 {
		t.Error("versions below 1.2 are spoken")
	}
	// A server that lists other CAs is shown the certificate all the same.
	cert, err := client.GetClientCertificate(&tls.CertificateRequestInfo{AcceptableCAs: [][]byte{{0x30, 0}}})
	if err != nil || cert.Leaf != source.Leaf() {
		t.Errorf("certificate %v, error %v", cert, err)
	}
	for _, config := range []*tls.Config{server, client} {
		if err := config.VerifyConnection(tls.ConnectionState{PeerCertificates: []*x509.Certificate{source.Leaf()}}); err != nil {
			t.Error(err)
		}
	}
}

// The names of a server's CAs have to fit into one message. At the limit they do, and
// above it that is said.
func TestCheckServer(t *testing.T) {
	const limit = 65_000
	set := newSet()
	roots, size := []*x509.Certificate{}, 0
	trust := func(ca *x509.Certificate) {
		roots = append(roots, ca)
		size += 2 + len(ca.RawSubject)
	}
	trust(set[certs.CA].Leaf())
	for size < limit-2000 {
		trust(longNamed(t, 1000))
	}
	trust(longNamed(t, limit-size-2))
	if size != limit {
		t.Fatalf("the names take %d bytes", size)
	}
	source := certs.NewSource(set[certs.Server], append(roots, roots...)...) // some bundles have all twice
	if err := source.CheckServer(); err != nil {
		t.Error(err)
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		server, client := source.ServerConfig(), certs.NewSource(set[certs.Client], roots...).ClientConfig()
		server.Time = func() time.Time { return now }
		client.Time, client.ServerName, client.MaxVersion = server.Time, "localhost", version
		if err := handshake(server, client); err != nil {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}

	trust(longNamed(t, 300))
	err := certs.NewSource(set[certs.Server], roots...).CheckServer()
	wantCode(t, err, certs.CANamesTooLong)
	want := fmt.Sprintf("contains %d CAs, and their names take 65302 bytes: ", len(roots))
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

// longNamed is a CA whose subject has so many bytes, more than 277. 21 are not its name.
func longNamed(t *testing.T, size int) *x509.Certificate {
	t.Helper()
	return authority(t, certs.Request{Name: strings.Repeat("n", size-21)}).Certificate()
}

// A trust file of which something cannot be used is used but for that, and it is said.
func TestOpenLeavesOutOfTheTrustFile(t *testing.T) {
	dir, set := filledDir(t)
	ca := string(set[certs.CA].CertPEM())
	broken := strings.Replace(ca, "MII", "M!I", 1)
	for name, test := range map[string]struct {
		trust string
		code  certs.Code
		text  string
	}{
		"a broken one":      {broken + ca, certs.CertUnparsable, "certificate 1 of 2, at line 1: line 2 is damaged"},
		"one cut off":       {ca + ca[:200], certs.CertUnparsable, "certificate 2 of 2, at line"},
		"a leaf":            {string(set[certs.Client].CertPEM()) + ca, certs.CertNotCA, "certificate 1 of 2, CN=client, is not a CA and is not used"},
		"a revocation list": {ca + string(block("X509 CRL", []byte{0x30, 0})), certs.FileFormat, "the revocation list at line"},
		"a byte order mark": {"\xef\xbb\xbf" + ca, certs.FileFormat, "it begins with a byte order mark"},
	} {
		write(t, dir, "trust.pem", []byte(test.trust))
		files := dir.Files(certs.Server)
		files.CA = filepath.Join(string(dir), "trust.pem")
		source, err := certs.Open(files)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if roots := source.Roots(); len(roots) != 1 || !roots[0].Equal(set[certs.CA].Leaf()) {
			t.Errorf("%s: %d roots", name, len(roots))
		}
		if said := source.Warnings(); len(said) != 1 || said[0].Code != test.code || said[0].File != files.CA || !strings.Contains(said[0].Text, test.text) {
			t.Errorf("%s: warnings %v, want %s", name, said, test.text)
		}
	}
}

// A chain is used as it is or not at all, and a pair that no handshake can use not either.
func TestOpenRefusesChains(t *testing.T) {
	dir, set := filledDir(t)
	ca, server := string(set[certs.CA].CertPEM()), string(set[certs.Server].CertPEM())
	key := func(pair *certs.Pair) string {
		data, err := pair.KeyPEM()
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	own := key(set[certs.Server])
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f := &forge.Forge{Now: time.Now()}
	odd := f.Sign(set[certs.CA], forge.Key(p224))
	if f.Err() != nil {
		t.Fatal(f.Err())
	}
	for name, test := range map[string]struct {
		cert, key string
		code      certs.Code
		text      string
	}{
		"the order":            {ca + server, own, certs.ChainOrder, "the private key belongs to certificate 2 of the file, CN=server: this certificate has to come first"},
		"a damaged one behind": {server + strings.Replace(ca, "MII", "M!I", 1), own, certs.CertUnparsable, "certificate 2 of 2, at line"},
		"other keys only":      {server, key(set[certs.Client]) + key(set[certs.CA]), certs.KeyMismatch, "does not belong"},
		"P-224":                {string(odd.CertPEM()), key(odd), certs.KeyUnsupported, "P-224"},
		"too large":            {server + strings.Repeat(ca, 800), own, certs.ChainTooLarge, "KiB in a handshake"},
	} {
		write(t, dir, "own.crt", []byte(test.cert))
		write(t, dir, "own.key", []byte(test.key))
		_, err := certs.Open(certs.Files{Cert: filepath.Join(string(dir), "own.crt"), Key: filepath.Join(string(dir), "own.key"), CA: dir.Files(certs.Server).CA})
		wantCode(t, err, test.code)
		if err == nil || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: error %v, want %q", name, err, test.text)
		}
	}
}

// Of several keys the one is used that is the certificate's, and it is said that others would
// not find it.
func TestOpenFindsKey(t *testing.T) {
	dir, set := filledDir(t)
	files := dir.Files(certs.Server)
	var keys []byte
	for _, name := range []string{certs.Client, certs.Server} {
		keys = append(keys, must(set[name].KeyPEM())...)
	}
	write(t, dir, certs.Server+".key", keys)
	source, err := certs.Open(files)
	if err != nil {
		t.Fatal(err)
	}
	warnings := source.Warnings()
	if len(warnings) != 1 || warnings[0].Code != certs.KeyMismatch || !strings.Contains(warnings[0].Text, "key 2 of the file") {
		t.Errorf("%v, want a warning that key 2 has to come first", warnings)
	}
}

// filledDir is a directory and the set in it.
func filledDir(t *testing.T) (certs.Dir, certs.Set) {
	t.Helper()
	dir, set := certs.Dir(filepath.Join(t.TempDir(), "set")), newSet()
	if err := dir.Create(set); err != nil {
		t.Fatal(err)
	}
	return dir, set
}

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSoundAuthorityHasNoFindings(t *testing.T) {
	out, err := lintAuthority(t, true)
	if err != nil || out != "zlint: 1 certificates, 115 lints each, 0 findings\n" {
		t.Errorf("err = %v, output:\n%s", err, out)
	}
}

func TestFindingIsPrintedAndFails(t *testing.T) {
	out, err := lintAuthority(t, false)
	if err == nil || !strings.Contains(out, "ca.crt: e_ext_name_constraints_not_critical: error: If it ") {
		t.Errorf("err = %v, output:\n%s", err, out)
	}
}

func TestNothingToLintIsAnError(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.crt")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, files := range [][]string{nil, {empty}, {empty + ".missing"}} {
		if err := run(files, new(bytes.Buffer)); err == nil {
			t.Errorf("run(%q) = nil, want an error", files)
		}
	}
}

// lintAuthority lints a CA that is sound if its name constraints are critical,
// as RFC 5280, section 4.2.1.10, wants them.
func lintAuthority(t *testing.T, critical bool) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.crt")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: authority(t, critical)}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := run([]string{file}, &out)
	return out.String(), err
}

func authority(t *testing.T, critical bool) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{
		SerialNumber:                big.NewInt(1),
		Subject:                     pkix.Name{CommonName: "test CA"},
		NotBefore:                   time.Now(),
		NotAfter:                    time.Now().Add(time.Hour),
		BasicConstraintsValid:       true,
		IsCA:                        true,
		KeyUsage:                    x509.KeyUsageCertSign,
		PermittedDNSDomains:         []string{"localhost"},
		PermittedDNSDomainsCritical: critical,
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

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
	if err != nil || out != "zlint: 1 certificates, 115 lints each, 0 revocation lists, 9 lints each, 0 findings\n" {
		t.Errorf("err = %v, output:\n%s", err, out)
	}
}

func TestFindingIsPrintedAndFails(t *testing.T) {
	out, err := lintAuthority(t, false)
	if err == nil || !strings.Contains(out, "ca.crt: e_ext_name_constraints_not_critical: error: If it ") {
		t.Errorf("err = %v, output:\n%s", err, out)
	}
}

func TestRevocationList(t *testing.T) {
	for _, test := range []struct {
		revokedAfter time.Duration // thisUpdate
		want         string
	}{
		{-time.Minute, "zlint: 0 certificates, 115 lints each, 1 revocation lists, 9 lints each, 0 findings\n"},
		{time.Minute, "crl.pem: e_crl_revocation_time_after_this_update: error: "},
	} {
		file := filepath.Join(t.TempDir(), "crl.pem")
		block := &pem.Block{Type: "X509 CRL", Bytes: revocationList(t, test.revokedAfter)}
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err := run([]string{file}, &out)
		if (err != nil) != (test.revokedAfter > 0) || !strings.Contains(out.String(), test.want) {
			t.Errorf("revoked %v after thisUpdate: err = %v, output:\n%s", test.revokedAfter, err, out.String())
		}
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

// revocationList is a list that revokes one certificate, so long after it was made.
func revocationList(t *testing.T, after time.Duration) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	list := &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: now, NextUpdate: now.Add(time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(2), RevocationTime: now.Add(after)}},
	}
	ca := &x509.Certificate{Subject: pkix.Name{CommonName: "test CA"}, KeyUsage: x509.KeyUsageCRLSign, SubjectKeyId: []byte{1}}
	der, err := x509.CreateRevocationList(rand.Reader, list, ca, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

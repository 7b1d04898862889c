package certs_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
)

func block(blockType string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: der})
}

func wantCode(t *testing.T, err error, want certs.Code) {
	t.Helper()
	if finding, ok := errors.AsType[*certs.Finding](err); !ok || finding.Code != want {
		t.Errorf("error %v, want a finding %s", err, want)
	}
}

func TestParseCertificates(t *testing.T) {
	set := newSet()
	ca, server := set[certs.CA].CertPEM(), set[certs.Server].CertPEM()
	key, err := set[certs.CA].KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"a bundle":           append(bytes.Clone(server), ca...),
		"text in between":    append([]byte("subject: nobody\n"+string(server)+"and\n"), ca...),
		"a key in front":     append(bytes.Clone(key), append(bytes.Clone(server), ca...)...),
		"Windows line ends":  bytes.ReplaceAll(append(bytes.Clone(server), ca...), []byte("\n"), []byte("\r\n")),
		"parameters as well": append(block("EC PARAMETERS", []byte{6, 0}), append(bytes.Clone(server), ca...)...),
	} {
		chain, err := certs.ParseCertificates(data)
		if err != nil || len(chain) != 2 || !chain[0].Equal(set[certs.Server].Leaf()) {
			t.Errorf("%s: %d certificates, error %v", name, len(chain), err)
		}
	}
	if chain, err := certs.ParseCertificates(set[certs.CA].Leaf().Raw); err != nil || len(chain) != 1 {
		t.Errorf("DER: %d certificates, error %v", len(chain), err)
	}
	for name, test := range map[string]struct {
		data []byte
		want certs.Code
	}{
		"nothing":      {nil, certs.CertUnparsable},
		"garbage":      {[]byte("\x00\x01garbage"), certs.CertUnparsable},
		"a key":        {key, certs.PEMSwapped},
		"a CRL":        {block("X509 CRL", []byte{0x30, 0}), certs.CertUnparsable},
		"a broken one": {block("CERTIFICATE", []byte{0x30, 0}), certs.CertUnparsable},
		"one cut off":  {server[:len(server)/2], certs.CertUnparsable},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := certs.ParseCertificates(test.data)
			wantCode(t, err, test.want)
		})
	}
}

func TestParseKey(t *testing.T) {
	for _, keyType := range []certs.KeyType{certs.P256, certs.P384, certs.Ed25519, certs.RSA3072} {
		pair := authority(t, certs.Request{Key: keyType}).Pair()
		data, err := pair.KeyPEM()
		if err != nil {
			t.Fatal(err)
		}
		if key, err := certs.ParseKey(data); err != nil || !equal(key, pair.Key) {
			t.Errorf("%v: %v", keyType, err)
		}
	}
	cert := authority(t, certs.Request{}).Pair().CertPEM()
	old := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}})
	for name, test := range map[string]struct {
		data []byte
		want certs.Code
	}{
		"nothing":                      {nil, certs.KeyUnparsable},
		"a certificate":                {cert, certs.PEMSwapped},
		"encrypted, PKCS#8":            {block("ENCRYPTED PRIVATE KEY", []byte{0x30, 0}), certs.KeyEncrypted},
		"encrypted, traditional":       {old, certs.KeyEncrypted},
		"broken":                       {block("PRIVATE KEY", []byte{0x30, 0}), certs.KeyUnparsable},
		"a key that is no signing one": {x25519(t), certs.KeyUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := certs.ParseKey(test.data)
			wantCode(t, err, test.want)
		})
	}
}

func TestReadFileIsBounded(t *testing.T) {
	big := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int64]string{certs.MaxFile: "", certs.MaxFile + 1: "larger than 4 MiB", 100 << 20: "larger than 4 MiB"} {
		if err := os.Truncate(big, size); err != nil {
			t.Fatal(err)
		}
		data, err := certs.ReadFile(big)
		if want == "" && (err != nil || int64(len(data)) != size) {
			t.Errorf("%d bytes: read %d, error %v", size, len(data), err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d bytes: error %v, want %q", size, err, want)
		}
	}
	if _, err := certs.ReadFile(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a directory: error %v", err)
	}
}

func FuzzParse(f *testing.F) {
	set := newSet()
	key, err := set[certs.CA].KeyPEM()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(set[certs.CA].CertPEM())
	f.Add(set[certs.CA].Leaf().Raw)
	f.Add(key)
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		chain, err := certs.ParseCertificates(data)
		if (err == nil) != (len(chain) > 0) {
			t.Errorf("%d certificates, error %v", len(chain), err)
		}
		key, err := certs.ParseKey(data)
		if (err == nil) != (key != nil) {
			t.Errorf("key %T, error %v", key, err)
		}
		for _, request := range certs.ParseRequests(data) {
			if _, err := x509.ParseCertificateRequest(request.Raw); err != nil {
				t.Error(err)
			}
		}
	})
}

// A certificate of which the end is missing is not one that other programs may accept.
func TestCutShort(t *testing.T) {
	der := certstest.Forge(t).Sign(nil).Leaf().Raw
	file := filepath.Join(t.TempDir(), "cut.crt")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der[:len(der)-10]})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := certs.Open(certs.Files{CA: file})
	if err == nil || !strings.Contains(err.Error(), ": it is cut short: at the end 10 bytes are missing") || strings.Contains(err.Error(), "may accept") {
		t.Error(err)
	}
}

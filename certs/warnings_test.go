package certs_test

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
	"tlsdemo/certs/forge"
)

// A revocation list past its end, or of a CA that nobody here knows, is told of, and counts
// all the same.
func TestCRLWarnings(t *testing.T) {
	set, other, f := certstest.New(t), certstest.New(t), certstest.Forge(t)
	other.CA = must(f.Sign(nil, forge.CA("another CA")).Authority())
	dir := t.TempDir()
	for name, pair := range set.Pairs() {
		key, err := pair.KeyPEM()
		if err != nil {
			t.Fatal(err)
		}
		writeTo(t, filepath.Join(dir, name+".crt"), pair.CertPEM())
		writeTo(t, filepath.Join(dir, name+".key"), key)
	}
	now := set.CA.Certificate().NotBefore.Add(time.Hour)
	ours, theirs := must(set.CA.CRL(now, nil)), must(other.CA.CRL(now, nil))
	files := certs.Dir(dir).Files(certs.Server)
	files.CRL = filepath.Join(dir, "lists")
	for _, test := range []struct {
		lists []byte
		at    time.Time
		want  []certs.Code
	}{
		{ours, now, nil},
		{ours, now.AddDate(0, 4, 0), []certs.Code{certs.CRLExpired}},
		{theirs, now, []certs.Code{certs.CRLOtherCA}},
		{slices.Concat(ours, theirs), now.AddDate(0, 4, 0), []certs.Code{certs.CRLExpired, certs.CRLExpired, certs.CRLOtherCA}},
	} {
		writeTo(t, files.CRL, test.lists)
		source, err := certs.Open(files)
		if err != nil {
			t.Fatal(err)
		}
		var got []certs.Code
		for _, finding := range source.CRLWarnings(test.at) {
			got = append(got, finding.Code)
			if finding.File != files.CRL || !strings.Contains(finding.Text, "revocation list") {
				t.Errorf("%s: %s", finding.File, finding.Text)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("at %v: %q, want %q", test.at, got, test.want)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func writeTo(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Of a certificate that Go does not read it is said which it is, who, and what is wrong.
func TestUnreadCertificate(t *testing.T) {
	set, f := certstest.New(t), certstest.Forge(t)
	bad := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Unparsable(set.Server, set.CA.Pair())})
	_, err := certs.ParseCertificates(slices.Concat(set.Server.CertPEM(), bad))
	for _, want := range []string{"certificate 2 of 2", `CN=server (serial ff123456789a, issued by "CN=`, "it has a negative serial number", " until 20"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A sound set about which other programs are of another mind is sound, with a warning that
// names them.
func TestRefusedBySome(t *testing.T) {
	f := certstest.Forge(t)
	set := f.Set()
	set[certs.Server] = f.Again(set[certs.Server], set[certs.CA], func(t *forge.Template) { t.KeyUsage = 1 << 2 }) // keyEncipherment alone
	if err := f.Err(); err != nil {
		t.Fatal(err)
	}
	dir := certs.Dir(filepath.Join(t.TempDir(), "set"))
	if err := dir.Create(set); err != nil {
		t.Fatal(err)
	}
	entries, err := dir.Entries(f.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		var got []certs.Code
		for _, w := range entry.Warnings {
			got = append(got, w.Code)
		}
		if want := entry.Name == certs.Server; (len(got) > 0) != want || want && (got[0] != certs.CertRefusedBySome || !strings.Contains(entry.Warnings[0].Text, "digitalSignature; it is refused by Java")) {
			t.Errorf("%s: %q, findings %v", entry.Name, entry.Warnings, entry.Findings)
		}
	}
}

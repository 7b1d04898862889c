package certs

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"maps"
	"math/big"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// lists are some of every shape that RFC 5280 section 5.1 allows for what comes before the
// entries, and for these.
func lists(t testing.TB) map[string][]byte {
	t.Helper()
	early, late := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), time.Date(2051, 11, 1, 0, 0, 0, 0, time.UTC)
	ca, err := NewAuthority(early, Request{})
	if err != nil {
		t.Fatal(err)
	}
	serials := []*big.Int{big.NewInt(0), big.NewInt(127), big.NewInt(128), new(big.Int).Lsh(big.NewInt(255), 152)}
	made := make(map[string][]byte)
	for name, times := range map[string][2]time.Time{
		"UTCTime": {early, early}, "GeneralizedTime": {late, late}, "one of each": {early, late},
	} {
		list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: times[0], NextUpdate: times[1].Add(time.Hour)}
		for i := range len(serials) + 1 {
			der, err := x509.CreateRevocationList(rand.Reader, list, ca.Certificate(), ca.pair.Key)
			if err != nil {
				t.Fatal(err)
			}
			made[name+", "+string(rune('0'+i))] = der
			made[name+", without a next update, "+string(rune('0'+i))] = withoutNextUpdate(t, der)
			if i < len(serials) {
				list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{
					SerialNumber: serials[i], RevocationTime: times[i%2], ReasonCode: i,
				})
			}
		}
	}
	return made
}

// withoutNextUpdate is the same list without the one field that may be missing.
func withoutNextUpdate(t testing.TB, der []byte) []byte {
	t.Helper()
	var list, tbs, element cryptobyte.String
	input := cryptobyte.String(der)
	if !input.ReadASN1(&list, asn1.SEQUENCE) || !list.ReadASN1(&tbs, asn1.SEQUENCE) {
		t.Fatal("no list")
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for i := 0; !tbs.Empty(); i++ {
				if !tbs.ReadAnyASN1Element(&element, new(asn1.Tag)) {
					t.Fatal("no list")
				}
				if i != 4 { // after the version, the algorithm, the issuer and this update
					b.AddBytes(element)
				}
			}
		})
		b.AddBytes(list)
	})
	return b.BytesOrPanic()
}

// compare holds our reading of a list against crypto/x509's.
func compare(t *testing.T, der []byte) {
	t.Helper()
	want, wantErr := x509.ParseRevocationList(der)
	got, err := parseCRL(der)
	if wantErr != nil {
		return // we look at less: not at the extensions of entries
	}
	if err != nil {
		t.Fatalf("error %v", err)
	}
	revoked := func(yield func(serialKey, int64) bool) {
		for _, r := range got.revoked {
			if !yield(r.serial, r.at) {
				return
			}
		}
	}
	entries := func(yield func(serialKey, int64) bool) {
		for _, e := range want.RevokedCertificateEntries {
			if !yield(keyOf(e.SerialNumber), e.RevocationTime.Unix()) {
				return
			}
		}
	}
	if len(got.revoked) != len(want.RevokedCertificateEntries) || !maps.Equal(maps.Collect(revoked), maps.Collect(entries)) {
		t.Errorf("%d entries: %v, want %v", len(got.revoked), got.revoked, want.RevokedCertificateEntries)
	}
	if !bytes.Equal(got.list.RawTBSRevocationList, want.RawTBSRevocationList) || !bytes.Equal(got.list.RawIssuer, want.RawIssuer) ||
		!got.list.ThisUpdate.Equal(want.ThisUpdate) || !bytes.Equal(got.list.Signature, want.Signature) {
		t.Errorf("issuer, time or what is signed differ: %+v, want %+v", got.list, want)
	}
}

func TestParseCRL(t *testing.T) {
	for name, der := range lists(t) {
		t.Run(name, func(t *testing.T) {
			if _, err := x509.ParseRevocationList(der); err != nil {
				t.Fatalf("not even crypto/x509 reads it: %v", err)
			}
			compare(t, der)
		})
	}
}

// Whatever is missing at the end, it is no list.
func TestParseCRLMalformed(t *testing.T) {
	for name, der := range lists(t) {
		for n := range der {
			if _, err := parseCRL(der[:n]); err == nil {
				t.Errorf("%s: the first %d of %d bytes were taken for a list", name, n, len(der))
			}
		}
	}
}

func FuzzParseCRL(f *testing.F) {
	for _, der := range lists(f) {
		f.Add(der)
	}
	f.Fuzz(compare)
}

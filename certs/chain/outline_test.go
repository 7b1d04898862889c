package chain

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"net"
	"strings"
	"testing"
)

// spoilt is the DER of a certificate in which old has become new, of the same length.
func spoilt(t testing.TB, der []byte, old, new string) []byte {
	t.Helper()
	from, err := hex.DecodeString(old)
	to, err2 := hex.DecodeString(new)
	if err != nil || err2 != nil || len(from) != len(to) || bytes.Count(der, from) == 0 {
		t.Fatalf("%s is not in the certificate, or %s is no replacement", old, new)
	}
	return bytes.ReplaceAll(der, from, to)
}

// unreadables are certificates that crypto/x509 does not read, by what is said of them.
func unreadables(t testing.TB) map[string][]byte {
	root := ca(t, "root", nil, nil)
	sound := leaf(t, root, func(c *x509.Certificate) {
		c.SerialNumber = big.NewInt(0x123456)
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Value: []byte{5, 0}}, {Id: asn1.ObjectIdentifier{1, 2, 3, 5}, Value: []byte{5, 0}}}
		c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}).cert.Raw
	return map[string][]byte{
		"it has a negative serial number":                                      spoilt(t, sound, "0203123456", "0203923456"),
		"it has a serial number with leading zeros":                            spoilt(t, sound, "0203123456", "0203003456"),
		"it has the extension 1.2.3.4 twice":                                   spoilt(t, sound, "06032a0305", "06032a0304"),
		"the public key uses a curve that we do not know, 1.2.840.10045.3.1.9": spoilt(t, sound, "06082a8648ce3d030107", "06082a8648ce3d030109"),
		`the end date (notAfter) is not a valid time: "261302120000Z"`:         spoilt(t, sound, hex.EncodeToString([]byte("261202120000Z")), hex.EncodeToString([]byte("261302120000Z"))),
		`a subject alternative name is not ASCII: "db.localhos\xff"`:           spoilt(t, sound, hex.EncodeToString([]byte("\x82\x0cdb.localhost")), hex.EncodeToString([]byte("\x82\x0cdb.localhos\xff"))),
	}
}

// Of a certificate that crypto/x509 does not read the element at fault is named, and who it
// is.
func TestOutline(t *testing.T) {
	for want, der := range unreadables(t) {
		_, err := x509.ParseCertificate(der)
		if err == nil {
			t.Errorf("%s: crypto/x509 reads it", want)
			continue
		}
		o := ReadOutline(der)
		if got := o.Fault(err.Error()); got != want {
			t.Errorf("fault %s, want %s (crypto/x509: %v)", got, want, err)
		}
		if o.Subject != "CN=db" || o.Issuer != "CN=root" || !o.NotBefore.Equal(now.Add(-10*day)) || !o.Known() {
			t.Errorf("%s: %+v", want, o)
		}
		if o.Called() != " CN=db" || !strings.HasSuffix(o.Details(), `3456, issued by "CN=root")`) {
			t.Errorf("%s: called%s%s", want, o.Called(), o.Details())
		}
	}
}

// A serial number is called the same, whether crypto/x509 reads the certificate or not.
func TestOutlineSerial(t *testing.T) {
	root := ca(t, "root", nil, nil)
	for _, serial := range []int64{1, 0x7f, 0x80, 0x7fff, 0x8000, 0xbbd9c55c} {
		cert := leaf(t, root, func(c *x509.Certificate) { c.SerialNumber = big.NewInt(serial) }).cert
		if got, want := ReadOutline(cert.Raw).Details(), ` (serial `+Serial(cert)+`, issued by "CN=root")`; got != want {
			t.Errorf("%x:%s, want%s", serial, got, want)
		}
	}
}

// Whatever is cut off, what is left is read.
func TestOutlineOfABeginning(t *testing.T) {
	der := leaf(t, ca(t, "root", nil, nil), nil).cert.Raw
	whole := ReadOutline(der)
	if whole.Subject != "CN=db" || whole.Fault("") != "" {
		t.Fatalf("of the whole: %+v", whole)
	}
	for n := range der {
		o := ReadOutline(der[:n])
		if o.Subject != "" && o.Subject != whole.Subject || o.Issuer != "" && o.Issuer != whole.Issuer {
			t.Errorf("of %d bytes: %+v", n, o)
		}
	}
	if o := ReadOutline(der[:len(der)/2]); o.Subject != whole.Subject {
		t.Errorf("of half: %+v", o)
	}
}

// What is said to be wrong with a certificate is so: crypto/x509 does not read it. And what
// is said is harmless.
func FuzzOutline(f *testing.F) {
	for _, der := range unreadables(f) {
		f.Add(der)
		f.Add(der[:len(der)/2])
	}
	f.Add(leaf(f, ca(f, "root", nil, nil), nil).cert.Raw)
	f.Fuzz(func(t *testing.T, der []byte) {
		o := ReadOutline(der)
		for _, text := range []string{o.Called(), o.Details(), o.Fault("x509: \n")} {
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(text) > 3*MaxName*4 {
				t.Errorf("harmful: %q", text)
			}
		}
		if o.fault == "" {
			return
		}
		if _, err := x509.ParseCertificate(der); err == nil {
			t.Errorf("%s, and crypto/x509 reads it", o.fault)
		}
	})
}

// What a certificate lacks at its end is known, wherever it was cut, once its length is there.
func TestMissing(t *testing.T) {
	whole := leaf(t, ca(t, "root", nil, nil), nil).cert.Raw
	for n := range len(whole) + 1 {
		want := len(whole) - n
		if n < 4 {
			want = 0
		}
		if got := Missing(whole[:n]); got != want {
			t.Fatalf("%d of %d bytes: %d are missing", n, len(whole), got)
		}
	}
	for _, other := range [][]byte{{0x30, 0x80}, {0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {0x02, 5, 1}, {0x30, 0}} {
		if got := Missing(other); got != 0 {
			t.Errorf("%x: %d are missing", other, got)
		}
	}
}

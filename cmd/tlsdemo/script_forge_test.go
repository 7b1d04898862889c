package main

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tlsdemo/certs"
	"tlsdemo/certs/forge"
)

// forger makes what the program itself would not, and what is no certificate besides.
type forger struct{ forge.Forge }

func newForger(now time.Time) *forger { return &forger{forge.Forge{Now: now}} }

// forgeCommand is the script command forge.
func forgeCommand(ts *testscript.TestScript, neg bool, args []string) {
	takes(ts, neg, args, 2, 2)
	kind, path := args[0], ts.MkAbs(args[1])
	f := newForger(clock(ts.Getenv(clockVariable))())
	switch {
	case sets[kind] != nil:
		set := f.Set()
		sets[kind](f, set)
		ts.Check(f.Err())
		ts.Check(certs.Dir(path).Create(set))
	case files[kind] != nil:
		data := files[kind](f)
		ts.Check(f.Err())
		ts.Check(os.WriteFile(path, data, 0o600))
	default:
		ts.Fatalf("unknown kind %q", kind)
	}
}

// at is a forger of another time, whose errors become f's.
func (f *forger) at(now time.Time, do func(*forger)) {
	other := newForger(now)
	do(other)
	f.Fail(other.Err())
}

// sets are what can be wrong with a set.
var sets = map[string]func(*forger, certs.Set){
	"sound": func(*forger, certs.Set) {},
	"first-version": func(f *forger, set certs.Set) { // with URIs that the CA limits, which many refuse
		ca := f.Authority(certs.Request{Names: []string{"db.internal"}, Constraints: certs.ConstrainFull})
		set[certs.CA] = ca
		set[certs.Server] = f.Issue(ca, certs.Request{
			Name: certs.Server, Usage: certs.ServerAuth, Names: []string{"db.internal"}, TrustDomain: "tlsdemo.localhost",
		})
		set[certs.Client] = f.Issue(ca, certs.Request{Name: certs.Client, TrustDomain: "tlsdemo.localhost"})
	},
	"expired-ca": func(f *forger, set certs.Set) {
		f.at(f.Now.AddDate(-1, 0, 0), func(old *forger) {
			maps.Copy(set, old.Leaves(old.Authority(certs.Request{ValidFor: 24 * time.Hour})))
		})
	},
	"expired-client": func(f *forger, set certs.Set) {
		f.at(f.Now.AddDate(0, 0, -10), func(old *forger) {
			maps.Copy(set, old.Set())
			set[certs.Client] = old.Issue(set[certs.CA], certs.Request{Name: certs.Client, ValidFor: 24 * time.Hour})
		})
	},
	"future-client": func(f *forger, set certs.Set) {
		f.at(f.Now.AddDate(0, 0, 10), func(after *forger) {
			set[certs.Client] = after.Issue(set[certs.CA], certs.Request{Name: certs.Client})
		})
	},
	"foreign-ca-key": func(f *forger, set certs.Set) {
		set[certs.CA] = &certs.Pair{Chain: set[certs.CA].Chain, Key: f.Authority(certs.Request{}).Key}
	},
	"foreign-client": func(f *forger, set certs.Set) {
		set[certs.Client] = f.Again(set[certs.Client], f.Authority(certs.Request{}))
	},
	"leaf-as-ca": func(_ *forger, set certs.Set) {
		set[certs.CA] = set[certs.Server]
	},
	"outside-constraints": func(f *forger, set certs.Set) {
		set[certs.Server] = f.Again(set[certs.Server], set[certs.CA], forge.MoreNames("www.example.com"))
	},
	"another-authority": func(f *forger, set certs.Set) { // as Caddy's is, whose leaves have no subject
		set[certs.CA] = f.Sign(nil, forge.CA("Local Authority"))
		noSubject := func(t *forge.Template) { t.Subject = pkix.Name{} }
		set[certs.Server] = f.Sign(set[certs.CA], noSubject, forge.Names("localhost"), forge.ForServers)
		set[certs.Client] = f.Sign(set[certs.CA], noSubject, forge.Names("client.localhost"), forge.ForClients)
	},
	"spiffe": func(f *forger, set certs.Set) { // whose server has a URI, and no name of a host
		set[certs.CA] = f.Authority(certs.Request{TrustDomain: "example.org"})
		set[certs.Client] = f.Issue(set[certs.CA], certs.Request{Name: certs.Client, TrustDomain: "example.org"})
		set[certs.Server] = f.Sign(set[certs.CA], forge.Subject("db"), forge.Names(), forge.ForServers, func(t *forge.Template) {
			t.URIs = []*url.URL{{Scheme: "spiffe", Host: "example.org", Path: "/db"}}
		})
	},
	"server-as-client": func(f *forger, set certs.Set) {
		set[certs.Client] = f.Again(set[certs.Client], set[certs.CA], forge.ForServers)
	},
	"weak-client": func(f *forger, set certs.Set) {
		set[certs.Client] = f.Again(set[certs.Client], set[certs.CA], forge.RSA1024)
	},
	"weak-server": func(f *forger, set certs.Set) {
		set[certs.Server] = f.Again(set[certs.Server], set[certs.CA], forge.RSA1024)
	},
	"hostile-set": func(f *forger, set certs.Set) {
		set[certs.CA] = f.Sign(nil, forge.CA(hostileText))
		for _, name := range []string{certs.Server, certs.Client} {
			set[name] = f.Sign(set[certs.CA], hostileNames, forge.MoreNames("localhost"), func(t *forge.Template) {
				t.NotBefore, t.NotAfter = f.Now.Add(-24*time.Hour), f.Now.Add(time.Hour) // worth a warning
			})
		}
	},
	"long-names":         longNames(),
	"long-names-expired": longNames(forge.Expired),
	"many-names": func(f *forger, set certs.Set) {
		var many []string
		for i := range 5000 {
			many = append(many, fmt.Sprintf("n%d.localhost", i))
		}
		set[certs.Server] = f.Again(set[certs.Server], set[certs.CA], forge.Names(many...))
		set[certs.Client] = f.Again(set[certs.Client], set[certs.CA], forge.Names(many...))
	},
}

// longNames gives both leaves names of 200 KB, about as much as a handshake takes.
func longNames(changes ...forge.Change) func(*forger, certs.Set) {
	return func(f *forger, set certs.Set) {
		changes := append([]forge.Change{forge.Subject(strings.Repeat("\n", 200_000))}, changes...)
		set[certs.Server] = f.Again(set[certs.Server], set[certs.CA], changes...)
		set[certs.Client] = f.Again(set[certs.Client], set[certs.CA], append(changes, forge.Names())...)
	}
}

// files are what else may stand where a certificate should.
var files = map[string]func(*forger) []byte{
	"hostile": func(f *forger) []byte { return f.Sign(nil, hostileNames).CertPEM() },
	"crashing": func(f *forger) []byte {
		return f.Sign(nil, forge.Subject("crash"), extension(oidStepProvisioner, f.der(provisioner{Type: -1}))).CertPEM()
	},
	"malformed": func(f *forger) []byte {
		return f.Sign(nil, forge.Subject("malformed"), extension(oidNetscapeComment, []byte("no DER"))).CertPEM()
	},
	"x25519": func(f *forger) []byte {
		key, err := ecdh.X25519().GenerateKey(rand.Reader)
		f.Fail(err)
		info, err := x509.MarshalPKIXPublicKey(key.Public())
		f.Fail(err)
		return f.withKey(info)
	},
	"ml-dsa": func(f *forger) []byte {
		return f.withKey(f.keyInfo(asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 18}, 1952))
	},
	"unknown-key": func(f *forger) []byte {
		return f.withKey(f.keyInfo(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, 1))
	},
	"request": func(f *forger) []byte {
		return f.request(&x509.CertificateRequest{
			Subject:  pkix.Name{CommonName: "client"},
			DNSNames: []string{"client.localhost"},
		})
	},
	"hostile-request": func(f *forger) []byte {
		return f.request(&x509.CertificateRequest{
			// Not a text at all: crypto/x509 takes that in a request.
			RawSubject: f.der([]attributeSET{{{Type: oidCommonName, Value: []byte(hostileText)}}}),
			DNSNames:   []string{hostileASCII},
		})
	},
	"crl": func(f *forger) []byte { return f.CRL(f.Authority(certs.Request{}), 0) },
	"many-cas": func(f *forger) []byte { // with names such as public ones have
		var bundle []byte
		for i := range 1000 {
			name := fmt.Sprintf("The %dth Certificate Authority of a Rather Long Organisation", i)
			bundle = append(bundle, f.Authority(certs.Request{Name: name}).CertPEM()...)
		}
		return bundle
	},
}

// hostileText would forge a line, clear the screen, and turn the writing round.
const hostileText = "evil\n        Issuer: CN=Forged\x1b[2J\u009b2J\u202egnp.exe\r"

// hostileASCII is the same for where other characters are not allowed.
var hostileASCII = strings.Map(func(r rune) rune {
	if r > '~' {
		return -1
	}
	return r
}, hostileText)

var (
	oidCommonName      = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidNetscapeComment = asn1.ObjectIdentifier{2, 16, 840, 1, 113730, 1, 13}
	oidStepProvisioner = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 37476, 9000, 64, 1}
	oidSigstoreIssuer  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}
)

// provisioner is what certinfo expects in the extension of that name.
type provisioner struct {
	Type               int
	Name, CredentialID []byte
}

// attributeSET is a part of a name, with bytes for its value. encoding/asn1 goes by the
// name of the type.
type attributeSET []struct {
	Type  asn1.ObjectIdentifier
	Value []byte
}

// hostileNames puts texts that would do harm wherever a certificate may have one.
func hostileNames(t *forge.Template) {
	t.Subject = pkix.Name{CommonName: hostileText, Organization: []string{hostileText}}
	t.DNSNames, t.EmailAddresses = []string{hostileASCII}, []string{hostileASCII}
	extension(oidSigstoreIssuer, []byte(hostileText))(t)
}

// extension adds one to a certificate.
func extension(id asn1.ObjectIdentifier, value []byte) forge.Change {
	return func(t *forge.Template) {
		t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{Id: id, Value: value})
	}
}

func (f *forger) der(v any) []byte {
	der, err := asn1.Marshal(v)
	f.Fail(err)
	return der
}

// withKey is a certificate with serial number 0, and a key that crypto/x509 would not put
// into one. Its signature is of no account.
func (f *forger) withKey(info []byte) []byte {
	der := f.Sign(nil, forge.Subject("odd"), forge.Serial(new(big.Int))).Leaf().Raw
	var cert, tbs []asn1.RawValue // RFC 5280 section 4.1
	f.parse(der, &cert)
	f.parse(cert[0].FullBytes, &tbs)
	tbs[6] = asn1.RawValue{FullBytes: info}
	cert[0] = asn1.RawValue{FullBytes: f.der(tbs)}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.der(cert)})
}

// keyInfo is a SubjectPublicKeyInfo of an algorithm, with so many bytes of key.
func (f *forger) keyInfo(algorithm asn1.ObjectIdentifier, size int) []byte {
	return f.der(struct {
		Algorithm pkix.AlgorithmIdentifier
		PublicKey asn1.BitString
	}{pkix.AlgorithmIdentifier{Algorithm: algorithm}, asn1.BitString{Bytes: make([]byte, size), BitLength: 8 * size}})
}

func (f *forger) parse(der []byte, v any) {
	_, err := asn1.Unmarshal(der, v)
	f.Fail(err)
}

func (f *forger) request(template *x509.CertificateRequest) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f.Fail(err)
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	f.Fail(err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}

package main

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tlsdemo/certs"
)

// A forger makes what the program itself would not.
type forger struct {
	now time.Time
	err error // the first that occurred
}

func forge(ts *testscript.TestScript, neg bool, args []string) {
	takes(ts, neg, args, 2, 2)
	kind, path := args[0], ts.MkAbs(args[1])
	f := &forger{now: clock(ts.Getenv(clockVariable))()}
	switch {
	case sets[kind] != nil:
		set := f.sound()
		sets[kind](f, set)
		ts.Check(f.err)
		ts.Check(certs.Dir(path).Create(set))
	case files[kind] != nil:
		block := files[kind](f)
		ts.Check(f.err)
		ts.Check(os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	case kind == "many-cas":
		bundle := f.manyCAs()
		ts.Check(f.err)
		ts.Check(os.WriteFile(path, bundle, 0o600))
	default:
		ts.Fatalf("unknown kind %q", kind)
	}
}

// manyCAs is a trust file of a thousand CAs, with names such as public ones have.
func (f *forger) manyCAs() []byte {
	var bundle []byte
	for i := range 1000 {
		name := fmt.Sprintf("The %dth Certificate Authority of a Rather Long Organisation", i)
		bundle = append(bundle, f.authority(certs.Request{Name: name}).Pair().CertPEM()...)
	}
	return bundle
}

// sets are what can be wrong with a set.
var sets = map[string]func(*forger, certs.Set){
	"sound": func(*forger, certs.Set) {},
	"first-version": func(f *forger, set certs.Set) { // with URIs that the CA limits, which many refuse
		ca := f.authority(certs.Request{Names: []string{"db.internal"}, Constraints: certs.ConstrainFull})
		set[certs.CA] = ca.Pair()
		set[certs.Server] = f.leaf(ca, certs.Request{
			Name: certs.Server, Usage: certs.ServerAuth, Names: []string{"db.internal"}, TrustDomain: "tlsdemo.localhost",
		})
		set[certs.Client] = f.leaf(ca, certs.Request{Name: certs.Client, TrustDomain: "tlsdemo.localhost"})
	},
	"expired-ca": func(f *forger, set certs.Set) {
		old := &forger{now: f.now.AddDate(-1, 0, 0)}
		maps.Copy(set, old.issue(old.authority(certs.Request{ValidFor: 24 * time.Hour})))
		f.fail(old.err)
	},
	"expired-client": func(f *forger, set certs.Set) {
		old := &forger{now: f.now.AddDate(0, 0, -10)}
		maps.Copy(set, old.sound())
		set[certs.Client] = old.leaf(f.ca(set), certs.Request{Name: certs.Client, ValidFor: 24 * time.Hour})
		f.fail(old.err)
	},
	"future-client": func(f *forger, set certs.Set) {
		after := &forger{now: f.now.AddDate(0, 0, 10)}
		set[certs.Client] = after.leaf(f.ca(set), certs.Request{Name: certs.Client})
		f.fail(after.err)
	},
	"foreign-ca-key": func(f *forger, set certs.Set) {
		set[certs.CA] = &certs.Pair{Chain: set[certs.CA].Chain, Key: f.authority(certs.Request{}).Pair().Key}
	},
	"foreign-client": func(f *forger, set certs.Set) {
		set[certs.Client] = f.leaf(f.authority(certs.Request{}), certs.Request{Name: certs.Client})
	},
	"leaf-as-ca": func(_ *forger, set certs.Set) {
		set[certs.CA] = set[certs.Server]
	},
	"outside-constraints": func(f *forger, set certs.Set) {
		set[certs.Server] = f.sign(set[certs.CA], &x509.Certificate{
			Subject:     pkix.Name{CommonName: "server"},
			DNSNames:    []string{"localhost", "www.example.com"},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		})
	},
	"server-as-client": func(f *forger, set certs.Set) {
		set[certs.Client] = f.leaf(f.ca(set), certs.Request{Name: certs.Client, Usage: certs.ServerAuth})
	},
	"weak-client": func(f *forger, set certs.Set) {
		key, err := rsa.GenerateKey(rand.Reader, 1024)
		f.fail(err)
		set[certs.Client] = f.signKey(set[certs.CA], key, &x509.Certificate{
			Subject:     pkix.Name{CommonName: "client"},
			DNSNames:    []string{"client.localhost"},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		})
	},
	"hostile-set": func(f *forger, set certs.Set) {
		ca := f.sign(nil, hostileCA())
		set[certs.CA] = ca
		for _, name := range []string{certs.Server, certs.Client} {
			leaf := hostileCertificate()
			leaf.DNSNames = append(leaf.DNSNames, "localhost")
			leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
			set[name] = f.sign(ca, leaf)
		}
	},
}

// files are what else may stand where a certificate should.
var files = map[string]func(*forger) *pem.Block{
	"hostile": func(f *forger) *pem.Block {
		return &pem.Block{Type: "CERTIFICATE", Bytes: f.sign(nil, hostileCertificate()).Leaf().Raw}
	},
	"crashing": func(f *forger) *pem.Block {
		template := &x509.Certificate{Subject: pkix.Name{CommonName: "crash"}}
		template.ExtraExtensions = []pkix.Extension{{Id: oidStepProvisioner, Value: f.der(provisioner{Type: -1})}}
		return &pem.Block{Type: "CERTIFICATE", Bytes: f.sign(nil, template).Leaf().Raw}
	},
	"malformed": func(f *forger) *pem.Block {
		template := &x509.Certificate{Subject: pkix.Name{CommonName: "malformed"}}
		template.ExtraExtensions = []pkix.Extension{{Id: oidNetscapeComment, Value: []byte("no DER")}}
		return &pem.Block{Type: "CERTIFICATE", Bytes: f.sign(nil, template).Leaf().Raw}
	},
	"x25519": func(f *forger) *pem.Block {
		key, err := ecdh.X25519().GenerateKey(rand.Reader)
		f.fail(err)
		info, err := x509.MarshalPKIXPublicKey(key.Public())
		f.fail(err)
		return f.withKey(info)
	},
	"ml-dsa": func(f *forger) *pem.Block {
		return f.withKey(f.keyInfo(asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 18}, 1952))
	},
	"unknown-key": func(f *forger) *pem.Block {
		return f.withKey(f.keyInfo(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, 1))
	},
	"request": func(f *forger) *pem.Block {
		return f.request(&x509.CertificateRequest{
			Subject:  pkix.Name{CommonName: "client"},
			DNSNames: []string{"client.localhost"},
		})
	},
	"hostile-request": func(f *forger) *pem.Block {
		return f.request(&x509.CertificateRequest{
			// Not a text at all: crypto/x509 takes that in a request.
			RawSubject: f.der([]attributeSET{{{Type: oidCommonName, Value: []byte(hostileText)}}}),
			DNSNames:   []string{hostileASCII},
		})
	},
	"crl": func(f *forger) *pem.Block {
		ca := f.authority(certs.Request{}).Pair()
		der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
			Number: big.NewInt(1), ThisUpdate: f.now, NextUpdate: f.now.Add(time.Hour),
		}, ca.Leaf(), ca.Key)
		f.fail(err)
		return &pem.Block{Type: "X509 CRL", Bytes: der}
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

func hostileCertificate() *x509.Certificate {
	return &x509.Certificate{
		Subject:         pkix.Name{CommonName: hostileText, Organization: []string{hostileText}},
		DNSNames:        []string{hostileASCII},
		EmailAddresses:  []string{hostileASCII},
		ExtraExtensions: []pkix.Extension{{Id: oidSigstoreIssuer, Value: []byte(hostileText)}},
	}
}

func hostileCA() *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: hostileText}, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}
}

func (f *forger) fail(err error) { f.err = errors.Join(f.err, err) }

func (f *forger) der(v any) []byte {
	der, err := asn1.Marshal(v)
	f.fail(err)
	return der
}

// sound is a set with nothing wrong.
func (f *forger) sound() certs.Set { return f.issue(f.authority(certs.Request{})) }

func (f *forger) issue(ca *certs.Authority) certs.Set {
	return certs.Set{
		certs.CA:     ca.Pair(),
		certs.Server: f.leaf(ca, certs.Request{Name: certs.Server, Usage: certs.ServerAuth}),
		certs.Client: f.leaf(ca, certs.Request{Name: certs.Client}),
	}
}

func (f *forger) authority(req certs.Request) *certs.Authority {
	ca, err := certs.NewAuthority(f.now, req)
	f.fail(err)
	return ca
}

func (f *forger) ca(set certs.Set) *certs.Authority {
	ca, err := set[certs.CA].Authority()
	f.fail(err)
	return ca
}

func (f *forger) leaf(ca *certs.Authority, req certs.Request) *certs.Pair {
	leaf, err := ca.Issue(f.now, req)
	f.fail(err)
	return leaf
}

// sign makes a pair as the template says, by ca, or itself if that is nil.
func (f *forger) sign(ca *certs.Pair, template *x509.Certificate) *certs.Pair {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f.fail(err)
	return f.signKey(ca, key, template)
}

func (f *forger) signKey(ca *certs.Pair, key crypto.Signer, template *x509.Certificate) *certs.Pair {
	template.SerialNumber = big.NewInt(0x5e71a1)
	template.NotBefore, template.NotAfter = f.now.Add(-time.Minute), f.now.Add(time.Hour)
	template.BasicConstraintsValid = true
	parent, by := template, key
	if ca != nil {
		parent, by = ca.Leaf(), ca.Key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	f.fail(err)
	cert, err := x509.ParseCertificate(der)
	f.fail(err)
	return &certs.Pair{Chain: []*x509.Certificate{cert}, Key: key}
}

// withKey is a certificate with serial number 0, and a key that crypto/x509 would not put
// into one. Its signature is of no account.
func (f *forger) withKey(info []byte) *pem.Block {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f.fail(err)
	template := &x509.Certificate{
		SerialNumber: new(big.Int), Subject: pkix.Name{CommonName: "odd"}, NotBefore: f.now, NotAfter: f.now.Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	f.fail(err)
	var cert, tbs []asn1.RawValue // RFC 5280 section 4.1
	f.parse(der, &cert)
	f.parse(cert[0].FullBytes, &tbs)
	tbs[6] = asn1.RawValue{FullBytes: info}
	cert[0] = asn1.RawValue{FullBytes: f.der(tbs)}
	return &pem.Block{Type: "CERTIFICATE", Bytes: f.der(cert)}
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
	f.fail(err)
}

func (f *forger) request(template *x509.CertificateRequest) *pem.Block {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f.fail(err)
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	f.fail(err)
	return &pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}
}

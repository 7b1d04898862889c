// Package impostor makes client certificates that a server should refuse, to see whether it
// does. They live in memory only: nothing of them is ever written to a file.
package impostor

import (
	"crypto/x509"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/forge"
	"tlsdemo/tlsnet/probe"
)

// Cast makes the certificates that a server should refuse, and none at all. own is the
// client certificate that they resemble, or nil; issuer is the name, in DER, of the CA that
// the server accepts, or empty; ca is that CA with its key, or nil where nobody has it.
func Cast(now time.Time, own, ca *certs.Pair, issuer []byte) ([]probe.Credential, error) {
	f := &forge.Forge{Now: now}
	if own == nil {
		own = f.Sign(nil, forge.Subject("client"), forge.Names("client.localhost"), forge.ForClients)
	}
	double := f.Sign(nil, sameName(issuer))
	cast := []probe.Credential{
		{Name: "no certificate"},
		shown("self-signed", f.Again(own, nil)),
		shown("another CA, same name", f.Again(own, double)),
	}
	right, of := ca, " (right CA)"
	if ca == nil {
		right, of = double, " (that other CA)"
	}
	cast = append(cast,
		shown("expired"+of, f.Again(own, right, forge.Expired)),
		shown("not valid yet"+of, f.Again(own, right, forge.NotYetValid)),
		shown("for servers only"+of, f.Again(own, right, forge.ForServers)))
	return cast, f.Err()
}

// sameName makes it a CA that has the name of another.
func sameName(name []byte) forge.Change {
	return func(t *forge.Template) {
		forge.CA(t.Subject.CommonName)(t)
		t.RawSubject = name
	}
}

func shown(name string, pair *certs.Pair) probe.Credential {
	cert := pair.TLS()
	return probe.Credential{Name: name, Cert: &cert}
}

// Issuer returns which of the names, in DER, of CAs that a server accepts issued own; or
// else the first of them, or that of a root of ours.
func Issuer(own *x509.Certificate, accepted [][]byte, roots []*x509.Certificate) []byte {
	for _, name := range accepted {
		if own != nil && string(name) == string(own.RawIssuer) {
			return name
		}
	}
	switch {
	case len(accepted) > 0:
		return accepted[0]
	case own != nil:
		return own.RawIssuer
	case len(roots) > 0:
		return roots[0].RawSubject
	}
	return nil
}

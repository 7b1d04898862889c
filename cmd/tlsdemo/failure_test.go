package main

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"tlsdemo/certs"
	"tlsdemo/tlsnet/explain"
)

// What an explanation says of the certificate at fault is harmless, and not long, before
// anybody has cleaned it.
func TestAtFaultIsHarmless(t *testing.T) {
	evil := hostileText + strings.Repeat("x", 60_000)
	cert := &x509.Certificate{
		SerialNumber: new(big.Int).Lsh(big.NewInt(1), 400_000),
		Issuer:       pkix.Name{CommonName: evil, Organization: []string{evil}},
		Subject:      pkix.Name{CommonName: evil},
	}
	for _, ours := range []bool{false, true} {
		e := &explain.Error{Code: explain.ClientCertRefused, Cert: cert, Ours: ours, Certainty: explain.Certain}
		got := explained(&located{err: e, origin: &origin{files: certs.Files{Cert: "certs/server.crt"}}})
		for what, text := range map[string]string{"at fault": got.AtFault, "hint": got.Hint} {
			if len(text) > 1000 || strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) {
				t.Errorf("ours: %v, %s, %d bytes: %.400q", ours, what, len(text), text)
			}
		}
		if !strings.Contains(got.AtFault, "serial 01000000") || !strings.Contains(got.AtFault, "bytes)") {
			t.Errorf("at fault: %.400s", got.AtFault)
		}
	}
}

// Nothing is at fault where nobody knows.
func TestNobodyAtFault(t *testing.T) {
	e := &explain.Error{Code: explain.ClientCertRefused, Cert: &x509.Certificate{SerialNumber: new(big.Int)}, Certainty: explain.Unknown}
	if got := explained(&located{err: e}).AtFault; got != "" {
		t.Errorf("at fault: %s", got)
	}
}

// The table of hints has a row for every code, and for nothing else.
func TestHintsAreComplete(t *testing.T) {
	for _, code := range explain.Codes() {
		if hints[code] == nil {
			t.Errorf("no row for %s", code)
		}
	}
	if got, want := len(hints), len(explain.Codes()); got != want {
		t.Errorf("%d rows for %d codes", got, want)
	}
}

package main

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/certscmd"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/retype"
	"tlsdemo/tlsnet"
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
		got := explained(&located{err: e, origin: &origin{files: certs.Files{Cert: "certs/server.crt"}}}, retype.Line{})
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

// What is certain of an exchange that failed, and from what that is known.
func TestExchangeCertainty(t *testing.T) {
	const s, c = explain.ServerSide, explain.ClientSide
	for _, row := range []struct {
		code             explain.Code
		side             explain.Side
		certainty, basis string
	}{
		{explain.AnswerCut, c, "certain", "the server did not say that this was all; we do not know who cut the connection"},
		{explain.MessageCut, s, "certain", "the client did not say that this was all; we do not know who cut the connection"},
		{explain.MessageNotTaken, c, "certain", ""},
		{explain.MessageTooLarge, s, "certain", ""},
		{explain.MessageMalformed, s, "certain", ""},
		{explain.RequestRefused, s, "certain", ""},
		{explain.ServerStopped, s, "certain", ""},
		{explain.MessageAborted, s, "certain", "these are the client's own words"},
		{explain.RecordInvalid, c, "certain", "we do not know who changed what was sent"},
		{explain.PeerStalled, s, "unknown", "only the client knows why it had not sent everything by then"},
		{explain.PeerSilent, s, "unknown", "only the client knows why it sent nothing"},
		{explain.NoAnswer, c, "unknown", "a refusal, a crash and a proxy whose backend is down look the same from here"},
		{"", c, "", ""},
	} {
		got := explained(&tlsnet.ExchangeError{Code: row.code, Side: row.side, Err: io.EOF}, retype.Line{})
		side := row.side.String()
		if row.code == "" {
			side = ""
		}
		if got.Code != string(row.code) || got.Side != side || got.Certainty != row.certainty || got.Basis != row.basis {
			t.Errorf("%s: %+v", row.code, got)
		}
	}
}

// Nothing is at fault where nobody knows.
func TestNobodyAtFault(t *testing.T) {
	e := &explain.Error{Code: explain.ClientCertRefused, Cert: &x509.Certificate{SerialNumber: new(big.Int)}, Certainty: explain.Unknown}
	if got := explained(&located{err: e}, retype.Line{}).AtFault; got != "" {
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

// Advice for certs verify and certs show is about the server that was named, and has no flag
// that these commands do not have.
func TestHintsForLooking(t *testing.T) {
	const addr = "127.0.0.1:7443"
	for _, command := range []string{"verify", "show"} {
		typed := retype.Of("tlsdemo", "certs", command, addr)
		for _, code := range explain.Codes() {
			e := &explain.Error{Code: code, Side: explain.ClientSide, Wanted: "a.localhost", StartTLS: "smtp", Cert: &x509.Certificate{SerialNumber: new(big.Int)}}
			got := hint(&certscmd.ServerError{Addr: addr, Err: e}, typed)
			if strings.Contains(got, "--plain") || strings.Contains(got, defaultAddr) || strings.Contains(got, typed.String()+" --") {
				t.Errorf("%s, %s: %s", command, code, got)
			}
		}
	}
}

// A certificate that is its own issuer has nobody who could be asked for another.
func TestHintForSelfIssued(t *testing.T) {
	set := certstest.New(t)
	ca := set.Pairs()[certs.CA].Leaf()
	for _, c := range []struct {
		code explain.Code
		cert *x509.Certificate
		ours bool
		want string
	}{
		{explain.ServerCertSelfSigned, ca, false, "at the server: get a certificate from another CA, one that the client trusts"},
		{explain.CAExpired, ca, true, "get a certificate from another CA, one that the server trusts"},
		{explain.ServerCertExpired, set.Server.Leaf(), false, `at the server: ask the CA that issued it, "CN=tlsdemo CA", for a new certificate`},
	} {
		e := &explain.Error{Code: c.code, Side: explain.ClientSide, Cert: c.cert, Ours: c.ours}
		if got := explained(e, retype.Line{}).Hint; got != c.want {
			t.Errorf("%s: %s, want %s", c.code, got, c.want)
		}
	}
}

// written is a set in a directory of its own.
func written(t *testing.T, set certs.Set) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "set")
	if err := certs.Dir(dir).Create(set); err != nil {
		t.Fatal(err)
	}
	return dir
}

// opened is what a server or client has of the files that flags choose.
func opened(t *testing.T, flags *credentialFlags, name string) *credentials {
	t.Helper()
	c, err := flags.open(&cli.Env{Now: time.Now}, name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func named(c *x509.Certificate) string {
	return fmt.Sprintf(`(serial %s, issued by "CN=tlsdemo CA")`, chain.Serial(c))
}

// What is at fault is named by where it was when it was loaded, whatever has become of the
// directory, and only if something is known to be at fault.
func TestAtFault(t *testing.T) {
	set, other := certstest.New(t), certstest.New(t)
	dir := written(t, set.Pairs())
	c := opened(t, &credentialFlags{DirFlags: cli.DirFlags{Dir: dir}}, certs.Server)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := certs.Dir(dir).Create(other.Pairs()); err != nil {
		t.Fatal(err)
	}
	ours, theirs, stranger := set.Server.Leaf(), set.Client.Leaf(), other.Client.Leaf()
	for want, e := range map[string]*explain.Error{
		filepath.Join(dir, "server.crt") + " " + named(ours):   {Side: explain.ServerSide, Certainty: explain.Likely, Cert: ours, Ours: true},
		filepath.Join(dir, "client.crt") + " " + named(theirs): {Side: explain.ServerSide, Certainty: explain.Certain, Cert: theirs},
		"the client's certificate " + named(stranger):          {Side: explain.ServerSide, Certainty: explain.Certain, Cert: stranger},
		"the server's certificate " + named(stranger):          {Side: explain.ClientSide, Certainty: explain.Certain, Cert: stranger},
		"the client's certificate " + named(theirs):            {Side: explain.ServerSide, Certainty: explain.Certain, Outline: chain.ReadOutline(theirs.Raw)},
		filepath.Join(dir, "server.crt"):                       {Side: explain.ServerSide, Certainty: explain.Certain, Outline: new(chain.Outline), Ours: true},
		"":                                                     {Side: explain.ServerSide, Cert: ours, Ours: true},
	} {
		if got := (&located{origin: c.origin}).atFault(e); got != want {
			t.Errorf("at fault is %q, want %q", got, want)
		}
	}
	if near := c.origin.cas; len(near) != 1 || !near[0].Equal(set.CA.Certificate()) {
		t.Errorf("at hand are %d CAs, want the one that was there", len(near))
	}
}

// What certs renew can be told is the name of a file that certs issue could have made.
func TestOriginNames(t *testing.T) {
	set := certstest.New(t)
	leaf := set.Client.Leaf()
	for file, want := range map[string]string{"client.crt": "client", "client.pem": "", "ca.crt": "", "client": ""} {
		o := &origin{near: []certs.CertFile{{Path: filepath.Join("D", file), Certs: []*x509.Certificate{leaf}}}}
		if got := o.nameOf(leaf); got != want {
			t.Errorf("%s: %q, want %q", file, got, want)
		}
	}
}

// Files that were named are ours to blame, and nobody's to make again.
func TestAtFaultInNamedFiles(t *testing.T) {
	set := certstest.New(t)
	files := certs.Dir(written(t, set.Pairs())).Files(certs.Server)
	c := opened(t, &credentialFlags{files: files}, certs.Server)
	leaf := set.Server.Leaf()
	if got := (&located{}).atFault(&explain.Error{Certainty: explain.Likely, Cert: leaf, Ours: true}); got != "our own certificate "+named(leaf) {
		t.Errorf("at fault is %q", got)
	}
	for want, e := range map[string]*explain.Error{
		files.Cert + " " + named(leaf):            {Certainty: explain.Likely, Cert: leaf, Ours: true},
		"the server's certificate " + named(leaf): {Certainty: explain.Certain, Cert: leaf},
	} {
		if got := (&located{origin: c.origin}).atFault(e); got != want {
			t.Errorf("at fault is %q, want %q", got, want)
		}
	}
}

// A set whose leaf another CA issued is told from one that holds together.
func TestOriginApart(t *testing.T) {
	set, other := certstest.New(t), certstest.New(t)
	for want, server := range map[bool]*certs.Pair{false: set.Server, true: other.Server} {
		pairs := set.Pairs()
		pairs[certs.Server] = server
		c := opened(t, &credentialFlags{DirFlags: cli.DirFlags{Dir: written(t, pairs)}}, certs.Server)
		if c.origin.apart != want {
			t.Errorf("apart is %v, want %v", c.origin.apart, want)
		}
	}
}

// Every field of an explanation is where it belongs.
func TestRecord(t *testing.T) {
	e := &explain.Error{
		Code: explain.PeerSilent, Side: explain.ServerSide, Text: "text", Certainty: explain.Likely, Basis: "basis",
		Alert: 42, Alerted: true, Err: errors.New("as crypto/tls had it"),
	}
	want := console.Explanation{
		Code: "peer-silent", Side: "server", Text: "text", Certainty: "likely", Basis: "basis",
		Hint:  "the reason is in the client's own output or log",
		Alert: "tls: bad certificate", Error: "as crypto/tls had it",
	}
	if got := explained(e, retype.Line{}); *got != want {
		t.Errorf("recorded %+v, want %+v", *got, want)
	}
	if got := explained(errors.New("any"), retype.Line{}); *got != (console.Explanation{Text: "any", Error: "any"}) {
		t.Errorf("recorded %+v", *got)
	}
}

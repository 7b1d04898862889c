package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tlsdemo/certs"
	"tlsdemo/certs/certstest"
	"tlsdemo/certs/forge"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/retype"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/probe"
)

// A server whose list of CAs is too long for OpenSSL breaks off after its ServerHello,
// before it has asked for anything.
func TestProbeDoesNotGuessWhatWasNotAsked(t *testing.T) {
	for _, complete := range []bool{false, true} {
		state := &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: complete}
		view := &probeView{report: &probe.Report{State: state}}
		if told := len(view.askedRows()) > 0; told != complete {
			t.Errorf("handshake complete %v: says that no certificate is asked for: %v", complete, told)
		}
	}
}

// What would show whether a server accepts us is said, and it is never what was tried already,
// nor what cannot be.
func TestProbeSaysWhatWouldShowAcceptance(t *testing.T) {
	defect := &explain.Error{Code: explain.ClientCertExpired, Ours: true}
	for _, test := range []struct {
		view      probeView
		says, not string
	}{
		{probeView{}, "us without a certificate in its answer; try --http", "login"},
		{probeView{startTLS: "imap"}, "at the login of its own protocol (imap)", "http"},
		{probeView{http: true}, "does not tell", "try --http"},
	} {
		for _, report := range []*probe.Report{
			{Accepted: explain.Likely},
			{Faults: []*explain.Error{defect}},
		} {
			test.view.report = report
			if got := test.view.accepted(); !strings.Contains(got, test.says) || strings.Contains(got, test.not) {
				t.Errorf("says %q", got)
			}
		}
	}
}

// A look-up that failed says nothing of the name, unless it was not found.
func TestProbeOfANameThatIsNotFound(t *testing.T) {
	for found, want := range map[bool]string{true: "db could not be looked up", false: "db is not known"} {
		fault := &explain.Error{Code: explain.HostUnknown, Err: &net.DNSError{IsNotFound: !found}}
		view := &probeView{addr: "db:443", report: &probe.Report{Faults: []*explain.Error{fault}}}
		if rows := view.serverRows(); rows[0] != [2]string{"name", want} {
			t.Errorf("%q", rows)
		}
	}
}

// A server that took what it should refuse ends with the status 5, whatever else is wrong.
func TestProbeOfAServerThatTakesAnything(t *testing.T) {
	view := &probeView{report: &probe.Report{Asked: true}, outcomes: []probe.Outcome{
		{Name: "no certificate", Refused: true, How: "by an alert"},
		{Name: "self-signed", Taken: explain.Likely, How: "no refusal came"},
		{Name: "expired", Taken: explain.Certain, How: "it answered HTTP 200 OK"},
		{Name: "another", How: "not connected"},
	}}
	err := view.failure()
	if err == nil || status(err) != cli.ExitRefusedPeer || err.Error() != "the server accepted 2 of the clients that it should refuse" {
		t.Errorf("%v, status %d", err, status(err))
	}
	want := [][2]string{
		{"no certificate", "refused: by an alert"},
		{"self-signed", "likely ACCEPTED: no refusal came"},
		{"expired", "ACCEPTED: it answered HTTP 200 OK"},
		{"another", "not known: not connected"},
	}
	if rows := view.outcomeRows(); !slices.Equal(rows, want) {
		t.Errorf("%q", rows)
	}
	view.outcomes = view.outcomes[:1]
	if err := view.failure(); err != nil {
		t.Errorf("%v", err)
	}
	// A server of which it is not known has not refused.
	view.outcomes = append(view.outcomes, probe.Outcome{Name: "self-signed", How: "the handshake was finished"})
	if err := view.failure(); err == nil || status(err) != cli.ExitNotKnown || !strings.Contains(err.Error(), "not known whether the server refuses 1 ") {
		t.Errorf("%v, status %d", err, status(err))
	}
	view.report.Faults = []*explain.Error{{Code: explain.ClientCertMissing, Ours: true}}
	if err := view.failure(); status(err) != cli.ExitRefused {
		t.Errorf("%v, status %d", err, status(err))
	}
}

// Whatever a probe finds, it says what mends it, or who can: in a command the whole of what was
// typed is repeated.
func TestProbeHints(t *testing.T) {
	leaf := certstest.New(t).Server.Leaf()
	root := newRootCmd(&cli.Env{Stdout: io.Discard, Stderr: io.Discard, Now: time.Now})
	typed := retype.New(root, []string{"probe", "db:443", "--timeout=3s", "--max-tls=1.2"})
	for _, code := range explain.Codes() {
		for _, ours := range []bool{false, true} {
			e := &explain.Error{Code: code, Ours: ours, Cert: leaf, Wanted: "db.localhost", Basis: "why"}
			view := &probeView{addr: "db:443", typed: typed, creds: &credentials{origin: new(origin)}, report: new(probe.Report)}
			hint := view.explanation(e).Hint
			if hint == "" || strings.Contains(hint, "tlsdemo probe") && !strings.Contains(hint, "tlsdemo probe db:443 --timeout=3s") {
				t.Errorf("%s, ours: %v: hint %q", code, ours, hint)
			}
		}
	}
}

// tables are views in which every kind of line appears, with what an object of --json has to
// have for each that says something.
func tables(t *testing.T) map[*probeView][]string {
	t.Helper()
	set, f := certstest.New(t), certstest.Forge(t)
	leaf, ca := set.Server.Leaf(), set.CA.Certificate()
	rare := f.Again(set.Server, set.CA.Pair(), forge.P521).Leaf()
	pairs := set.Pairs()
	pairs[certs.Client] = f.Again(set.Client, set.CA.Pair(), forge.Expired)
	dir := written(t, pairs)
	creds := opened(t, &credentialFlags{DirFlags: cli.DirFlags{Dir: dir}}, certs.Client)
	nobody, err := (&credentialFlags{files: certs.Files{CA: filepath.Join(dir, "ca.crt")}}).openAny(&cli.Env{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("a name that is long, ", 12)
	state := &tls.ConnectionState{
		Version: tls.VersionTLS12, CipherSuite: tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, CurveID: tls.X25519,
		HandshakeComplete: true, NegotiatedProtocol: "h2",
	}
	view := func(change func(*probeView, *probe.Report)) *probeView {
		v := &probeView{addr: "db.localhost:443", name: "db.localhost", now: time.Now(), creds: creds, report: &probe.Report{
			Addrs: []string{"127.0.0.1", "::1"}, Remote: "127.0.0.1:443", State: state, Chain: []*x509.Certificate{leaf, ca}, InOrder: true,
			Verified: true, Asked: true, CAs: []string{"CN=" + long}, Ours: leaf, Accepted: explain.Likely,
		}}
		change(v, v.report)
		return v
	}
	return map[*probeView][]string{
		view(func(v *probeView, r *probe.Report) { r.Addrs = nil; v.report = &probe.Report{} }): {`"address":"db.localhost:443"`},
		view(func(v *probeView, r *probe.Report) { v.report = &probe.Report{Addrs: r.Addrs} }):  {`"addresses":["127.0.0.1","::1"]`},
		view(func(v *probeView, r *probe.Report) {
			r.State = &tls.ConnectionState{Version: tls.VersionTLS12}
			r.Trials = []probe.Trial{{Change: "no TLS", Saw: long, Helped: true}}
			r.Chain, r.Verified, r.Asked = nil, false, false
		}): {`"handshake_complete":false,"tls_version":"TLS 1.2"`, `"tried":[{"change":"no TLS","helped":true,"saw":"a name`},
		view(func(v *probeView, r *probe.Report) {
			r.Offered, r.Fits = []string{"h2", "http/1.1"}, true
			r.Answer = &probe.Answer{Proto: "HTTP/1.1", Status: "403 Forbidden", Server: long, Says: "it does not say why"}
		}): {
			`"handshake_complete":true`, `"cipher_suite":"TLS_ECDHE`, `"group":"X25519"`, `"alpn":"h2"`, `"alpn_offered":["h2","http/1.1"]`,
			`"chain":[{`, `"pem":"-----BEGIN CERTIFICATE`, `"chain_in_order":true`, `"verified":true`, `"verified_by":"`, `"verified_for":"db.localhost"`,
			`"asks_for_client_certificate":true`, `"acceptable_cas":["CN=a name`, `"ours":[{`, `"code":"cert-expired"`, `"ours_fits":true`,
			`"accepted":"likely: `, `"accepted_verdict":"likely"`, `"http":{"proto":"HTTP/1.1","status":"403 Forbidden","server":"a name`, `"says":"it does`,
		},
		view(func(v *probeView, r *probe.Report) {
			r.State = &tls.ConnectionState{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256, HandshakeComplete: true}
			r.Offered, r.InOrder, r.Strays, r.Unjudged, r.Verified = []string{"h2"}, false, 1, true, false
			r.Refused, v.startTLS, v.creds = true, "imap", nobody
			r.Faults = []*explain.Error{{Code: explain.ClientCertMissing, Ours: true, Text: long}}
			v.refusals = true
			v.outcomes = []probe.Outcome{
				{Name: "for servers only (that other CA)", Taken: explain.Likely, How: long}, {Name: "none", Refused: true, How: "alert"}, {Name: "expired", How: "gone"},
			}
		}): {
			`"starttls":"imap"`, `"verified_not_checked":true`, `"accepted_verdict":"no"`, `"faults":[{"code":"client-cert-missing"`,
			`"refusals":[{"presented":"for servers only (that other CA)","refused":false,"taken":"likely","verdict":"likely ACCEPTED","how":"a name`,
			`"verdict":"refused","how":"alert"`, `"verdict":"not known","how":"gone"`,
		},
		view(func(v *probeView, r *probe.Report) {
			r.InOrder, r.Strays = true, 2
			r.Chain[0] = rare
			v.refusals = true
		}): {`"chain_strays":2`, `"some_refuse_it":[`, `"refusals":[]`},
	}
}

// The table is as wide as the terminal, and no wider, whatever is in it, and has all of it.
func TestProbeTableFolds(t *testing.T) {
	for view := range tables(t) {
		for _, width := range []int{80, 60, 40} {
			var out strings.Builder
			view.columns = width
			table := &probeView{}
			*table = *view
			table.report = new(probe.Report)
			*table.report = *view.report
			table.report.Faults = nil // their blocks are for pasting, and stay as they are
			if err := table.print(&out); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(out.String()) {
				if n := utf8.RuneCountInString(line) - 1; n > width {
					t.Errorf("%d columns: %d in %q", width, n, line)
				}
			}
			squeezed := strings.Join(strings.Fields(out.String()), "")
			for _, row := range append(table.rows(), table.outcomeRows()...) {
				if text := strings.Join(strings.Fields(row[0]+row[1]), ""); !strings.Contains(squeezed, text) {
					t.Errorf("%d columns: %q is lost in\n%s", width, row, &out)
				}
			}
		}
	}
}

// Whatever the table tells, an object of --json has too.
func TestProbeJSONHasTheTable(t *testing.T) {
	labels := make(map[string]bool)
	for view, wanted := range tables(t) {
		for _, row := range view.rows() {
			labels[strings.TrimRight(row[0], " 0123456789")] = true
		}
		var out strings.Builder
		if err := console.NewJSONEncoder(&out).Encode(view.record()); err != nil {
			t.Fatal(err)
		}
		for _, want := range wanted {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %s in %s", want, &out)
			}
		}
	}
	// A line that is new belongs into the views, with what it is in JSON.
	want := []string{"", "ALPN", "HTTP", "TCP", "TLS", "accepted", "asks for", "chain", "name", "our cert", "tried", "verified"}
	if got := slices.Sorted(maps.Keys(labels)); !slices.Equal(got, want) {
		t.Errorf("labels %q, want %q", got, want)
	}
}

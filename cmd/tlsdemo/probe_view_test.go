package main

import (
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"testing"

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
	if err == nil || status(err) != exitRefusedPeer || err.Error() != "the server took 2 of what it should refuse" {
		t.Errorf("%v, status %d", err, status(err))
	}
	want := [][2]string{
		{"no certificate", "refused: by an alert"},
		{"self-signed", "likely TAKEN: no refusal came"},
		{"expired", "TAKEN: it answered HTTP 200 OK"},
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
	if err := view.failure(); err == nil || status(err) != exitNotKnown || !strings.Contains(err.Error(), "not known whether the server refuses 1 ") {
		t.Errorf("%v, status %d", err, status(err))
	}
	view.report.Faults = []*explain.Error{{Code: explain.ClientCertMissing, Ours: true}}
	if err := view.failure(); status(err) != exitRefused {
		t.Errorf("%v, status %d", err, status(err))
	}
}

package main

import (
	"crypto/tls"
	"testing"

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

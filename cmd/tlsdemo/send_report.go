package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"time"

	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet"
)

// sendReport is what there is to tell about an exchange besides the answer. Times are
// in milliseconds.
type sendReport struct {
	Address     string     `json:"address"`
	Version     string     `json:"tls_version,omitempty"`
	CipherSuite string     `json:"cipher_suite,omitempty"`
	Group       string     `json:"group,omitempty"`
	ALPN        string     `json:"alpn,omitempty"`
	Resumed     bool       `json:"resumed"`
	Server      string     `json:"server,omitempty"`
	ServerUntil *time.Time `json:"server_not_after,omitempty"`
	ConnectMS   float64    `json:"connect_ms"`
	HandshakeMS float64    `json:"handshake_ms,omitempty"`
	ExchangeMS  float64    `json:"exchange_ms"`
}

func (r *sendReport) negotiated(state tls.ConnectionState) {
	server := state.PeerCertificates[0]
	r.Version = tls.VersionName(state.Version)
	r.CipherSuite = tls.CipherSuiteName(state.CipherSuite)
	r.Group = state.CurveID.String()
	r.ALPN = state.NegotiatedProtocol
	r.Resumed = state.DidResume
	r.Server = chain.Short(tlsnet.Identity(server))
	r.ServerUntil = &server.NotAfter
}

// print shows the report as lines.
func (r *sendReport) print(w io.Writer) {
	table := console.NewTable(w)
	defer table.Flush()
	fmt.Fprintf(table, "address\t%s\n", r.Address)
	if r.Version != "" {
		fmt.Fprintf(table, "TLS version\t%s\n", r.Version)
		fmt.Fprintf(table, "cipher suite\t%s\n", r.CipherSuite)
		fmt.Fprintf(table, "group\t%s\n", r.Group)
		fmt.Fprintf(table, "ALPN\t%s\n", orNone(r.ALPN))
		fmt.Fprintf(table, "resumed\t%v\n", r.Resumed)
		fmt.Fprintf(table, "server\t%s, valid until %s\n", console.Clean(r.Server), r.ServerUntil.UTC().Format(time.RFC3339))
	}
	fmt.Fprintf(table, "TCP connect\t%.2f ms\n", r.ConnectMS)
	if r.Version != "" {
		fmt.Fprintf(table, "handshake\t%.2f ms\n", r.HandshakeMS)
	}
	fmt.Fprintf(table, "exchange\t%.2f ms\n", r.ExchangeMS)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return console.Clean(s)
}

// printJSON shows the report and the answer as one object. A long answer is cut, and
// received_cut says so.
func (r *sendReport) printJSON(w io.Writer, answer tlsnet.Preview) error {
	return console.NewJSONEncoder(w).Encode(struct {
		*sendReport
		Received      string `json:"received"`
		ReceivedBytes int64  `json:"received_bytes"`
		ReceivedCut   bool   `json:"received_cut,omitempty"`
	}{r, string(answer.Head), answer.Size, answer.Size > int64(len(answer.Head))})
}

// stopwatch tells the time since the lap before, in milliseconds.
type stopwatch struct {
	now  func() time.Time
	last time.Time
}

func (s *stopwatch) lap() float64 {
	now := s.now()
	took := now.Sub(s.last)
	s.last = now
	return float64(took.Microseconds()) / 1000
}

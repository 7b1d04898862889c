package main

import (
	"cmp"
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

	Ended    tlsnet.Ending `json:"-"` // how the answer ended
	answer   tlsnet.Preview
	answered bool // whether answer is to be shown as one
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
		fmt.Fprintf(table, "ALPN\t%s\n", console.Clean(cmp.Or(r.ALPN, "none")))
		fmt.Fprintf(table, "resumed\t%v\n", r.Resumed)
		fmt.Fprintf(table, "server\t%s, valid until %s\n", console.Clean(r.Server), r.ServerUntil.UTC().Format(time.RFC3339))
	}
	fmt.Fprintf(table, "TCP connect\t%.2f ms\n", r.ConnectMS)
	if r.Version != "" {
		fmt.Fprintf(table, "handshake\t%.2f ms\n", r.HandshakeMS)
	}
	fmt.Fprintf(table, "exchange\t%.2f ms\n", r.ExchangeMS)
	if r.Ended != "" {
		fmt.Fprintf(table, "ended\t%s\n", r.Ended)
	}
}

// isAnswer reports whether what came is to be shown as an answer, even though something
// went wrong. What is known to be a part of one is not: of a framed answer that is known.
func (r *sendReport) isAnswer() bool {
	return r.answer.Size > 0 && (r.ALPN != tlsnet.Protocol || r.Ended == tlsnet.Closed)
}

// quoteRest adds to an error what came of an answer that is not shown.
func (r *sendReport) quoteRest(err error) error {
	if err == nil || r.answered || r.answer.Size == 0 {
		return err
	}
	return fmt.Errorf("%w (only this part of the answer came: %s)", err, r.quote())
}

func (r *sendReport) quote() string { return console.Quote(r.answer.Head, r.answer.Size) }

// received is the answer as --json has it.
type received struct {
	Received string `json:"received"`
	Bytes    int64  `json:"received_bytes"`
	Cut      bool   `json:"received_cut,omitempty"` // in this object, because it is long
}

// printJSON shows the report, the answer and why the command failed as one object, as far
// as there is each.
func (r *sendReport) printJSON(w io.Writer, failed error) error {
	var record struct {
		*sendReport
		Ended tlsnet.Ending `json:"ended,omitempty"`
		*received
		*console.Fields
	}
	record.Ended = r.Ended
	if r.answered {
		record.sendReport = r
		record.received = &received{string(r.answer.Head), r.answer.Size, r.answer.Size > int64(len(r.answer.Head))}
	}
	if failed != nil {
		record.Fields = explained(failed).Fields()
	}
	return console.NewJSONEncoder(w).Encode(record)
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

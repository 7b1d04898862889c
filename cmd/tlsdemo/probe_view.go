package main

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

// probeView shows what a probe has seen.
type probeView struct {
	report *tlsnet.Report
	addr   string
	name   string // that the server's certificate must bear
	now    time.Time
	origin *origin
}

// print shows a line a step, and under them the faults.
func (v *probeView) print(w io.Writer) error {
	out := new(bytes.Buffer)
	table := console.NewTable(out)
	for _, row := range v.rows() {
		fmt.Fprintf(table, "%s\t%s\n", row[0], console.Clean(row[1]))
	}
	table.Flush()
	v.printFaults(out)
	_, err := out.WriteTo(w)
	return err
}

func (v *probeView) rows() [][2]string {
	r := v.report
	if len(r.Addrs) == 0 {
		return [][2]string{{"name", host(v.addr) + " is not known"}}
	}
	rows := [][2]string{{"name", host(v.addr) + " is " + strings.Join(r.Addrs, ", ")}}
	if r.Remote == "" {
		return append(rows, [2]string{"TCP", "not connected"})
	}
	rows = append(rows, [2]string{"TCP", "connected to " + r.Remote})
	rows = append(rows, v.handshakeRows()...)
	rows = append(rows, v.chainRows()...)
	if len(r.Chain) > 0 {
		rows = append(rows, [2]string{"verified", v.verified()})
	}
	return append(rows, v.clientRows()...)
}

func (v *probeView) handshakeRows() [][2]string {
	state := v.report.State
	if state == nil {
		return [][2]string{{"TLS", "no handshake was completed"}}
	}
	if !state.HandshakeComplete {
		return [][2]string{{"TLS", tls.VersionName(state.Version) + ", but no handshake was completed"}}
	}
	return [][2]string{
		{"TLS", fmt.Sprintf("%s, %s, %s", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite), state.CurveID)},
		{"ALPN", cmp.Or(state.NegotiatedProtocol, "none")},
	}
}

// chainRows is a line a certificate, and one if they are not a chain as they stand.
func (v *probeView) chainRows() [][2]string {
	var rows [][2]string
	for i, cert := range v.report.Chain {
		names := ""
		if i == 0 {
			names = " for " + namesOf(cert)
		}
		rows = append(rows, [2]string{
			fmt.Sprintf("chain %d", i+1),
			fmt.Sprintf("%s%s, issued by %s, %s", subject(cert), names, issuer(cert), remaining(cert, v.now)),
		})
	}
	switch r := v.report; {
	case len(r.Chain) > 0 && !r.InOrder:
		rows = append(rows, [2]string{"", "OUT OF ORDER: each should have issued the one before it, which some clients insist on"})
	case r.Strays > 0:
		rows = append(rows, [2]string{"", fmt.Sprintf("of these %d are no part of the chain", r.Strays)})
	}
	return rows
}

func subject(cert *x509.Certificate) string { return chain.Short(cert.Subject.String()) }
func issuer(cert *x509.Certificate) string  { return chain.Short(cert.Issuer.String()) }

func (v *probeView) verified() string {
	ours := v.origin.files.CA
	if v.report.Verified {
		return fmt.Sprintf("yes, by %s, for %s", ours, v.name)
	}
	return fmt.Sprintf("NO, by %s, for %s", ours, v.name)
}

// clientRows are about our certificate. That the server wants none is known only once
// the handshake is done: one that broke off may have come to nothing before it asked.
func (v *probeView) clientRows() [][2]string {
	r := v.report
	if !r.Asked {
		if r.State == nil || !r.State.HandshakeComplete {
			return nil
		}
		return [][2]string{{"asks for", "no client certificate"}}
	}
	of := "any CA: it names none"
	if len(r.CAs) > 0 {
		of = strings.Join(firstFew(r.CAs), "; ")
	}
	rows := [][2]string{{"asks for", "a client certificate of " + of}}
	if r.Ours == nil {
		return append(rows, [2]string{"ours", "none was shown"})
	}
	fits := "; the server lists its CA"
	switch {
	case len(r.CAs) == 0:
		fits = ""
	case !r.Fits:
		fits = "; it was NOT issued by any CA that the server lists"
	}
	return append(rows,
		[2]string{"ours", fmt.Sprintf("%s, issued by %s%s", subject(r.Ours), issuer(r.Ours), fits)},
		[2]string{"accepted", v.accepted()})
}

func (v *probeView) accepted() string {
	refused := slices.ContainsFunc(v.report.Faults, func(e *explain.Error) bool { return e.Fault() == explain.TheyRefused })
	switch {
	case refused:
		return "NO"
	case v.report.Accepted == explain.Certain:
		return "yes"
	case v.report.Accepted == explain.Likely:
		return "likely: no refusal came within half a second, but TLS 1.3 does not confirm this, so it is not proof"
	}
	return "not known"
}

// probeRecord is a probe as --json shows it.
type probeRecord struct {
	Address   string                 `json:"address"`
	Addresses []string               `json:"addresses"`
	Remote    string                 `json:"remote,omitempty"`
	Version   string                 `json:"tls_version,omitempty"`
	Suite     string                 `json:"cipher_suite,omitempty"`
	Group     string                 `json:"group,omitempty"`
	ALPN      string                 `json:"alpn,omitempty"`
	Chain     []*description         `json:"chain,omitempty"`
	Verified  bool                   `json:"verified"`
	Asked     bool                   `json:"asks_for_client_certificate"`
	CAs       []string               `json:"acceptable_cas,omitempty"`
	Fits      bool                   `json:"ours_fits,omitempty"`
	Accepted  string                 `json:"accepted"`
	Faults    []*console.Explanation `json:"faults,omitempty"`
}

func (v *probeView) record() *probeRecord {
	seen := v.report
	r := &probeRecord{
		Address: v.addr, Addresses: seen.Addrs, Remote: seen.Remote, Verified: seen.Verified,
		Asked: seen.Asked, CAs: seen.CAs, Fits: seen.Fits, Accepted: v.accepted(),
	}
	if seen.State != nil && seen.State.HandshakeComplete {
		r.Version, r.Suite = tls.VersionName(seen.State.Version), tls.CipherSuiteName(seen.State.CipherSuite)
		r.Group, r.ALPN = seen.State.CurveID.String(), seen.State.NegotiatedProtocol
	}
	for _, cert := range seen.Chain {
		r.Chain = append(r.Chain, describe(cert, ""))
	}
	for _, fault := range seen.Faults {
		r.Faults = append(r.Faults, v.explanation(fault))
	}
	return r
}

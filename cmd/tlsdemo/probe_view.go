package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tlsdemo/tlsnet"
)

// probeView shows what a probe has seen.
type probeView struct {
	look    *tlsnet.Look
	addr    string
	name    string // that the server's certificate must bear
	now     time.Time
	explain func(error) *account
}

// print shows a line a step, and under them the faults.
func (v *probeView) print(w io.Writer) error {
	out := new(bytes.Buffer)
	table := newTable(out)
	for _, row := range v.rows() {
		fmt.Fprintf(table, "%s\t%s\n", row[0], clean(row[1]))
	}
	table.Flush()
	v.printFaults(out)
	_, err := out.WriteTo(w)
	return err
}

func (v *probeView) rows() [][2]string {
	l := v.look
	if len(l.Addrs) == 0 {
		return [][2]string{{"name", host(v.addr) + " is not known"}}
	}
	rows := [][2]string{{"name", host(v.addr) + " is " + strings.Join(l.Addrs, ", ")}}
	if l.Remote == "" {
		return append(rows, [2]string{"TCP", "not connected"})
	}
	rows = append(rows, [2]string{"TCP", "connected to " + l.Remote})
	rows = append(rows, v.handshakeRows()...)
	rows = append(rows, v.chainRows()...)
	if len(l.Chain) > 0 {
		rows = append(rows, [2]string{"verified", v.verified()})
	}
	return append(rows, v.clientRows()...)
}

func (v *probeView) handshakeRows() [][2]string {
	state := v.look.State
	if state == nil {
		return [][2]string{{"TLS", "no handshake was completed"}}
	}
	if !state.HandshakeComplete {
		return [][2]string{{"TLS", tls.VersionName(state.Version) + ", but no handshake was completed"}}
	}
	alpn := state.NegotiatedProtocol
	if alpn == "" {
		alpn = "none"
	}
	return [][2]string{
		{"TLS", fmt.Sprintf("%s, %s, %s", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite), state.CurveID)},
		{"ALPN", alpn},
	}
}

// chainRows is a line a certificate, and one if they are not a chain as they stand.
func (v *probeView) chainRows() [][2]string {
	var rows [][2]string
	for i, cert := range v.look.Chain {
		names := ""
		if i == 0 {
			names = " for " + namesOf(cert)
		}
		rows = append(rows, [2]string{
			fmt.Sprintf("chain %d", i+1),
			fmt.Sprintf("%s%s, issued by %s, %s", cert.Subject, names, cert.Issuer, remaining(cert, v.now)),
		})
	}
	switch l := v.look; {
	case len(l.Chain) > 0 && !l.InOrder:
		rows = append(rows, [2]string{"", "OUT OF ORDER: each should have issued the one before it, which some clients insist on"})
	case l.Strays > 0:
		rows = append(rows, [2]string{"", fmt.Sprintf("of these %d are no part of the chain", l.Strays)})
	}
	return rows
}

func (v *probeView) verified() string {
	ours := v.explain(nil).files.CA
	if v.look.Verified {
		return fmt.Sprintf("yes, by %s, for %s", ours, v.name)
	}
	return fmt.Sprintf("NO, by %s, for %s", ours, v.name)
}

func (v *probeView) clientRows() [][2]string {
	l := v.look
	if !l.Asked {
		if l.State == nil {
			return nil
		}
		return [][2]string{{"asks for", "no client certificate"}}
	}
	of := "any CA: it names none"
	if len(l.CAs) > 0 {
		of = strings.Join(firstFew(l.CAs), "; ")
	}
	rows := [][2]string{{"asks for", "a client certificate of " + of}}
	if l.Ours == nil {
		return append(rows, [2]string{"ours", "none was shown"})
	}
	fits := "is of one of these CAs"
	if !l.Fits {
		fits = "is NOT of one of these CAs"
	}
	return append(rows,
		[2]string{"ours", fmt.Sprintf("%s, issued by %s, %s", l.Ours.Subject, l.Ours.Issuer, fits)},
		[2]string{"accepted", v.accepted()})
}

func (v *probeView) accepted() string {
	refused := slices.ContainsFunc(v.look.Faults, func(e *tlsnet.HandshakeError) bool { return e.Fault == tlsnet.RefusedByPeer })
	switch {
	case refused:
		return "NO"
	case v.look.Accepted == tlsnet.Certain:
		return "yes"
	case v.look.Accepted == tlsnet.Likely:
		return "likely: no refusal came within half a second, but TLS 1.3 sends no word of acceptance"
	}
	return "not known"
}

// probeRecord is a probe as --json shows it.
type probeRecord struct {
	Address   string           `json:"address"`
	Addresses []string         `json:"addresses"`
	Remote    string           `json:"remote,omitempty"`
	Version   string           `json:"tls_version,omitempty"`
	Suite     string           `json:"cipher_suite,omitempty"`
	Group     string           `json:"group,omitempty"`
	ALPN      string           `json:"alpn,omitempty"`
	Chain     []*description   `json:"chain,omitempty"`
	Verified  bool             `json:"verified"`
	Asked     bool             `json:"asks_for_client_certificate"`
	CAs       []string         `json:"acceptable_cas,omitempty"`
	Fits      bool             `json:"ours_fits,omitempty"`
	Accepted  string           `json:"accepted"`
	Faults    []*failureRecord `json:"faults,omitempty"`
}

func (v *probeView) record() *probeRecord {
	l := v.look
	r := &probeRecord{
		Address: v.addr, Addresses: l.Addrs, Remote: l.Remote, Verified: l.Verified,
		Asked: l.Asked, CAs: l.CAs, Fits: l.Fits, Accepted: v.accepted(),
	}
	if l.State != nil && l.State.HandshakeComplete {
		r.Version, r.Suite = tls.VersionName(l.State.Version), tls.CipherSuiteName(l.State.CipherSuite)
		r.Group, r.ALPN = l.State.CurveID.String(), l.State.NegotiatedProtocol
	}
	for _, cert := range l.Chain {
		r.Chain = append(r.Chain, describe(cert, ""))
	}
	for _, fault := range l.Faults {
		r.Faults = append(r.Faults, v.explain(fault).record())
	}
	return r
}

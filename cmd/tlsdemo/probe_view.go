package main

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/certtext"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/retype"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/probe"
)

// probeView shows what a probe has seen.
type probeView struct {
	report   *probe.Report
	addr     string
	name     string // that the server's certificate must bear
	expected bool   // the server has to be as a flag says, so that name is not checked if it fits no host
	now      time.Time
	creds    *credentials
	startTLS string // the protocol after whose command TLS was to begin, or empty
	http     bool   // whether a request of HTTP was made
	refusals bool   // whether the server was to refuse something
	outcomes []probe.Outcome
	columns  int // how wide the table may be
	typed    retype.Line
}

// print shows a line a step, and under them the faults.
func (v *probeView) print(w io.Writer) error {
	out := new(bytes.Buffer)
	console.PrintRows(out, v.rows(), v.columns)
	switch {
	case v.refusals && len(v.outcomes) == 0:
		fmt.Fprintln(out)
		console.Hang(out, "", "--refusals: nothing was presented, because no handshake got far enough.", v.columns)
	case v.refusals:
		fmt.Fprint(out, "\nWhat the server should refuse:\n")
		console.PrintRows(out, v.outcomeRows(), v.columns)
	}
	v.printFaults(out)
	_, err := out.WriteTo(w)
	return err
}

func (v *probeView) rows() [][2]string {
	return append(v.serverRows(), v.ownRows()...)
}

func (v *probeView) serverRows() [][2]string {
	r := v.report
	_, socket := tlsnet.UnixPath(v.addr)
	if len(r.Addrs) == 0 && !socket {
		return [][2]string{{"name", host(v.addr) + v.lookup()}}
	}
	rows, way := [][2]string{{"name", v.resolved()}}, "TCP"
	if socket {
		rows, way = nil, "socket"
	}
	if r.Remote == "" {
		return append(rows, [2]string{way, "not connected"})
	}
	rows = append(rows, [2]string{way, "connected to " + r.Remote})
	rows = append(rows, v.handshakeRows()...)
	for _, trial := range r.Trials {
		rows = append(rows, [2]string{"tried", trial.Change + ": " + trial.Saw})
	}
	rows = append(rows, v.chainRows()...)
	if len(r.Chain) > 0 {
		rows = append(rows, [2]string{"verified", v.verified()})
	}
	if r.Verified {
		for _, remark := range v.remarks() {
			rows = append(rows, [2]string{"", "warning: " + remark})
		}
	}
	return append(rows, v.askedRows()...)
}

// remarks are what others refuse in the server's chain, although we do not.
func (v *probeView) remarks() []string {
	var list []string
	for _, remark := range chain.Remarks(chain.Path(v.report.Chain), chain.ServerAuth) {
		list = append(list, remark.String())
	}
	return list
}

// resolved is the server's name with its addresses. An address that was typed has no name.
func (v *probeView) resolved() string {
	if name := host(v.addr); net.ParseIP(name) == nil {
		return name + " is " + strings.Join(v.report.Addrs, ", ")
	}
	return "none: " + host(v.addr) + " is an address"
}

// lookup says how the look-up of a name failed.
func (v *probeView) lookup() string {
	for _, fault := range v.report.Faults {
		if unknown, ok := errors.AsType[*net.DNSError](fault.Err); ok && !unknown.IsNotFound {
			return " could not be looked up"
		}
	}
	return " is not known"
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
		{"TLS", strings.TrimSuffix(fmt.Sprintf("%s, %s, %s", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite), group(state)), ", ")},
		{"ALPN", v.alpn(state.NegotiatedProtocol)},
	}
}

// group is that of the key exchange, or empty where there was none: with RSA key exchange.
func group(state *tls.ConnectionState) string {
	if state.CurveID == 0 {
		return ""
	}
	return state.CurveID.String()
}

// alpn says what was negotiated, and who minds that nothing was.
func (v *probeView) alpn(chosen string) string {
	switch {
	case chosen != "":
		return chosen
	case len(v.report.Offered) == 0:
		return "none"
	}
	text := fmt.Sprintf("none: we offered %s, and the server chose none of them", strings.Join(v.report.Offered, ", "))
	if slices.Contains(v.report.Offered, "h2") {
		text += "; gRPC clients refuse such a server, and others use HTTP/1.1"
	}
	return text
}

// chainRows is a line a certificate, and one if they are not a chain as they stand.
func (v *probeView) chainRows() [][2]string {
	var rows [][2]string
	for i, cert := range v.report.Chain {
		names := ""
		if i == 0 {
			names = " for " + certtext.NamesOf(cert)
		}
		rows = append(rows, [2]string{
			fmt.Sprintf("chain %d", i+1),
			fmt.Sprintf("%s%s, issued by %s, %s", subject(cert), names, issuer(cert), certtext.Remaining(cert, v.now)),
		})
	}
	switch r := v.report; {
	case len(r.Chain) > 0 && !r.InOrder:
		rows = append(rows, [2]string{"", "WRONG ORDER: each certificate should have issued the one before it; some clients refuse any other order"})
	case r.Strays > 0:
		rows = append(rows, [2]string{"", fmt.Sprintf("%d of these certificates do not belong to the chain", r.Strays)})
	}
	return rows
}

func subject(cert *x509.Certificate) string {
	if len(cert.Subject.Names) == 0 {
		return "no subject, " + chain.Subject(cert)
	}
	return chain.Short(chain.Name(cert.Subject))
}

func issuer(cert *x509.Certificate) string {
	return cmp.Or(chain.Short(chain.Name(cert.Issuer)), "(no name)")
}

func (v *probeView) verified() string {
	by := cmp.Or(v.creds.origin.files.CA, "the system's trust store")
	switch {
	case v.report.Unjudged:
		return "not checked: the certificate came only in an experiment"
	case v.report.Verified && v.unnamed():
		return fmt.Sprintf("yes, as --expect-... says, with %s; the name %s is not checked, since the certificate has no DNS name and no IP address", by, v.name)
	case v.report.Verified:
		return fmt.Sprintf("yes, for %s, with %s", v.name, by)
	case v.bySystem():
		return fmt.Sprintf("NO, for %s, with %s; but yes, with the system's trust store", v.name, by)
	case v.creds.origin.files.CA == "":
		by += "; give your own CA with --ca=FILE"
	}
	return fmt.Sprintf("NO, for %s, with %s", v.name, by)
}

// unnamed reports whether the server's name was not checked: a certificate that fits no host, and
// that was expected, is known by something else.
func (v *probeView) unnamed() bool {
	return v.expected && len(v.report.Chain) > 0 && !chain.HasHostName(v.report.Chain[0])
}

// bySystem reports whether those who trust what the system does accept a server that our CA
// file does not verify.
func (v *probeView) bySystem() bool {
	sent := v.report.Chain
	if v.report.Verified || v.report.Unjudged || v.creds.origin.files.CA == "" || len(sent) == 0 {
		return false
	}
	options := x509.VerifyOptions{DNSName: v.name, CurrentTime: v.now, Intermediates: x509.NewCertPool()}
	for _, cert := range sent[1:] {
		options.Intermediates.AddCert(cert)
	}
	_, err := sent[0].Verify(options)
	return err == nil
}

// askedRows say whether the server wants a certificate of ours. That it wants none is known
// only once the handshake is done: one that broke off may have come to nothing before it
// asked.
func (v *probeView) askedRows() [][2]string {
	r := v.report
	switch {
	case !r.Asked && (r.State == nil || !r.State.HandshakeComplete):
		return nil
	case !r.Asked:
		return [][2]string{{"asks for", "no client certificate"}}
	case len(r.CAs) == 0:
		return [][2]string{{"asks for", "a client certificate of any CA: it lists none"}}
	}
	return [][2]string{{"asks for", "a client certificate issued by " + strings.Join(certtext.FirstFew(r.CAs), "; ")}}
}

// ownRows are about our own certificate, whether or not the server has seen it.
func (v *probeView) ownRows() [][2]string {
	own := v.creds.Chain()
	if len(own) == 0 {
		text := "no certificate; give one with --cert and --key"
		return append([][2]string{{"our cert", text}}, v.answerRows()...)
	}
	rows := [][2]string{{"our cert", fmt.Sprintf("%s for %s, issued by %s, %s%s", subject(own[0]), certtext.NamesOf(own[0]), issuer(own[0]), certtext.Remaining(own[0], v.now), v.fits())}}
	for _, finding := range v.creds.findings(certs.ClientAuth, v.now) {
		rows = append(rows, [2]string{"", fmt.Sprintf("%s: %s", finding.Code, finding.Text)})
	}
	return append(rows, v.answerRows()...)
}

// answerRows say what the server made of what we presented.
func (v *probeView) answerRows() [][2]string {
	var rows [][2]string
	if a := v.report.Answer; a != nil {
		text := strings.TrimSuffix(fmt.Sprintf("%s, %s", a.Status, a.Proto), ", ")
		if a.Server != "" {
			text += ", from " + chain.Short(a.Server)
		}
		if a.Says != "" {
			text += ": " + a.Says
		}
		rows = append(rows, [2]string{"HTTP", text})
	}
	if v.report.Asked {
		rows = append(rows, [2]string{"accepted", v.accepted()})
	}
	return rows
}

// outcomeRows are what the server should refuse, and whether it did.
func (v *probeView) outcomeRows() [][2]string {
	var rows [][2]string
	for _, o := range v.outcomes {
		rows = append(rows, [2]string{o.Name, verdictOf(o) + ": " + o.How})
	}
	return rows
}

func verdictOf(o probe.Outcome) string {
	switch {
	case o.Refused:
		return "refused"
	case o.Taken == explain.Certain:
		return "ACCEPTED"
	case o.Taken == explain.Likely:
		return "likely ACCEPTED"
	}
	return "not known"
}

// fits compares our certificate with the CAs that the server lists.
func (v *probeView) fits() string {
	switch r := v.report; {
	case r.Ours == nil || len(r.CAs) == 0:
		return ""
	case !r.Fits:
		return "; it was NOT issued by any CA that the server lists"
	}
	return "; the server lists its CA"
}

// accepted says whether the server took what we presented. A finished handshake alone is no
// proof: what would be one, or who decides, depends on what is spoken over TLS.
func (v *probeView) accepted() string {
	r := v.report
	switch {
	case r.Refused:
		return "NO"
	case r.Accepted == explain.Certain:
		return "yes: the server answered our HTTP request"
	case r.Accepted == explain.Likely && r.Answer != nil:
		return "likely: the server answered our HTTP request. This does not show whether it accepts our certificate: " + r.Answer.Says
	case r.Accepted == explain.Likely:
		return "likely: the handshake was finished, and no refusal came within half a second. This is not proof: " + v.laterRefusal()
	case slices.ContainsFunc(r.Faults, func(e *explain.Error) bool { return e.Fault() == explain.TheyRefused }):
		return "not known: the handshake was finished, but something is wrong with our certificate, and " + v.laterRefusal()
	}
	return "not known"
}

// laterRefusal says how a server can still refuse what it let finish the handshake.
func (v *probeView) laterRefusal() string {
	what := "our certificate"
	if v.report.Ours == nil {
		what = "us without a certificate"
	}
	switch {
	case v.startTLS != "":
		return fmt.Sprintf("the server can still refuse %s at the login of its own protocol (%s), which probe does not try", what, v.startTLS)
	case v.http:
		return fmt.Sprintf("the server can still refuse %s, and its answer to our HTTP request does not tell whether it does", what)
	}
	return fmt.Sprintf("an HTTP server can still refuse %s in its answer; try --http", what)
}

// probeRecord is a probe as --json shows it. Fields are only ever added.
type probeRecord struct {
	Address   string                  `json:"address"`
	Addresses []string                `json:"addresses"`
	Remote    string                  `json:"remote,omitempty"`
	StartTLS  string                  `json:"starttls,omitempty"`
	Complete  bool                    `json:"handshake_complete"`
	Version   string                  `json:"tls_version,omitempty"`
	Suite     string                  `json:"cipher_suite,omitempty"`
	Group     string                  `json:"group,omitempty"`
	ALPN      string                  `json:"alpn,omitempty"`
	Offered   []string                `json:"alpn_offered,omitempty"`
	Chain     []*certtext.Description `json:"chain,omitempty"`
	InOrder   bool                    `json:"chain_in_order,omitempty"`
	Strays    int                     `json:"chain_strays,omitempty"`
	Verified  bool                    `json:"verified"`
	By        string                  `json:"verified_by"`
	For       string                  `json:"verified_for"`
	Unnamed   bool                    `json:"name_not_checked,omitempty"`   // but what --expect-... says
	BySystem  bool                    `json:"verified_by_system,omitempty"` // although not by verified_by
	Unjudged  bool                    `json:"verified_not_checked,omitempty"`
	Remarks   []string                `json:"some_refuse_it,omitempty"`
	Asked     bool                    `json:"asks_for_client_certificate"`
	CAs       []string                `json:"acceptable_cas,omitempty"`
	Ours      []*certtext.Description `json:"ours,omitempty"`
	Fits      bool                    `json:"ours_fits,omitempty"`
	Accepted  string                  `json:"accepted"`
	Verdict   string                  `json:"accepted_verdict"` // yes, likely, no or not known
	HTTP      *httpAnswer             `json:"http,omitempty"`
	Trials    []trial                 `json:"tried,omitempty"`
	Refusals  []outcome               `json:"refusals,omitzero"` // empty if nothing could be presented
	Faults    []*console.Explanation  `json:"faults,omitempty"`
}

type httpAnswer struct {
	Proto  string `json:"proto"`
	Status string `json:"status"`
	Server string `json:"server,omitempty"`
	Says   string `json:"says,omitempty"`
}

// outcome is what a server did with what it should refuse.
type outcome struct {
	Presented string `json:"presented"`
	Refused   bool   `json:"refused"`
	Taken     string `json:"taken,omitempty"` // likely or certain
	Verdict   string `json:"verdict"`         // as the table has it
	How       string `json:"how"`
}

type trial struct {
	Change string `json:"change"`
	Helped bool   `json:"helped"`
	Saw    string `json:"saw"`
}

func (v *probeView) record() *probeRecord {
	seen := v.report
	r := &probeRecord{
		Address: v.addr, Addresses: seen.Addrs, Remote: seen.Remote, Offered: v.report.Offered,
		Chain: described(seen.Chain), InOrder: seen.InOrder, Strays: seen.Strays,
		StartTLS: v.startTLS,
		Verified: seen.Verified, By: cmp.Or(v.creds.origin.files.CA, "system"), For: v.name, Unnamed: v.unnamed(), BySystem: v.bySystem(), Unjudged: seen.Unjudged,
		Asked: seen.Asked, CAs: seen.CAs, Ours: described(v.creds.Chain()), Fits: seen.Fits, Accepted: v.accepted(),
	}
	r.Verdict, _, _ = strings.Cut(strings.ToLower(r.Accepted), ":")
	if seen.Verified {
		r.Remarks = v.remarks()
	}
	if seen.State != nil {
		r.Version, r.Complete = tls.VersionName(seen.State.Version), seen.State.HandshakeComplete
	}
	if r.Complete {
		r.Suite, r.Group, r.ALPN = tls.CipherSuiteName(seen.State.CipherSuite), group(seen.State), seen.State.NegotiatedProtocol
	}
	if len(r.Ours) > 0 {
		r.Ours[0].Findings = certtext.Listed(v.creds.findings(certs.ClientAuth, v.now))
	}
	if seen.Answer != nil {
		answer := httpAnswer(*seen.Answer)
		r.HTTP = &answer
	}
	if v.refusals {
		r.Refusals = []outcome{}
	}
	for _, o := range v.outcomes {
		shown := outcome{Presented: o.Name, Refused: o.Refused, Verdict: verdictOf(o), How: o.How}
		if o.Taken != explain.Unknown {
			shown.Taken = o.Taken.String()
		}
		r.Refusals = append(r.Refusals, shown)
	}
	for _, tried := range seen.Trials {
		r.Trials = append(r.Trials, trial(tried))
	}
	for _, fault := range seen.Faults {
		r.Faults = append(r.Faults, v.explanation(fault))
	}
	return r
}

// described is certificates with all that is in them.
func described(list []*x509.Certificate) []*certtext.Description {
	var all []*certtext.Description
	for _, cert := range list {
		all = append(all, certtext.Describe(cert, ""))
	}
	return all
}

package probe

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"tlsdemo/tlsnet/explain"
)

// maxExperiments is how many more connections are made to find out why one failed before
// the server had shown a certificate.
const maxExperiments = 6

// Trial is one more connection, with one thing changed.
type Trial struct {
	Change string // what was changed, in words
	Helped bool
	Saw    string // what the server did, in words
}

// experiment is one thing to change, and what it shows if that helps.
type experiment struct {
	change string
	// try makes a connection. What it returns is what the change has shown, or nil if
	// it made no difference, and in words what was seen.
	try func(ctx context.Context) (found *explain.Error, saw string)
}

// lab is the experiments with one server whose handshake failed.
type lab struct {
	*Probe
	way    way
	report *Report
	failed *explain.Error // the failure to be understood
	left   int            // connections that may still be made
	named  string         // the name that was sent where none was before, or empty
	last   *explain.Error // how the last connection failed, or nil
	// turn is the time for one of n connections that are still to be made.
	turn   func(n int) (context.Context, context.CancelFunc)
	passed bool // the same connection did not do the same again, so that nothing can be learnt
}

// experiments tries the failure of a report again with one thing changed each, until one of
// the changes helps. What that shows is certain, and takes the place of the failure.
func (p *Probe) experiments(ctx context.Context, w way, report *Report) {
	if !open(report) {
		return
	}
	w.purpose = ""
	l := &lab{Probe: p, way: w, report: report, failed: report.Faults[0], left: maxExperiments}
	l.turn = func(n int) (context.Context, context.CancelFunc) {
		return context.WithTimeoutCause(ctx, shareOf(ctx, n), errOutOfTime)
	}
	list := l.list(ctx)
	defer l.conclude()
	for i, e := range list {
		if l.left == 0 || ctx.Err() != nil {
			return
		}
		l.left--
		share, cancel := l.turn(len(list) - i + 1)
		p.tell("our own try with one thing changed: " + e.change)
		found, saw := e.try(share)
		cancel()
		report.Trials = append(report.Trials, Trial{Change: e.change, Helped: found != nil, Saw: saw})
		if l.passed {
			l.unsteady()
			return
		}
		if found != nil {
			found.Side, found.Err = explain.ClientSide, l.failed.Err
			found.Certainty = explain.Certain
			report.Faults[0] = found
			return
		}
	}
}

// conclude says of a failure that no experiment has explained that they were tried in vain.
func (l *lab) conclude() {
	l.reconsider()
	first := l.report.Faults[0]
	if first.Certainty == explain.Certain || l.report.Unsteady || len(l.report.Trials) == 0 {
		return
	}
	vain := *first
	switch rest := first.Basis; {
	case first.Code == explain.PeerClosedBeforeHello && l.StartTLS == "":
		vain.Basis = "nothing that we tried helped: perhaps it accepts only certain client addresses, or it is busy or not ready, or it speaks a protocol that we do not know"
	case rest == "", !l.report.begun:
		vain.Basis = "nothing that we tried helped"
	default:
		vain.Basis = "nothing that we tried helped; " + rest
	}
	l.report.Faults[0] = &vain
}

// reconsider is for a failure that was thought to be for want of a server name: one has been
// sent since, and that did not help.
func (l *lab) reconsider() {
	first := l.report.Faults[0]
	if first.Code != explain.ServerNameRequired || first.Certainty != explain.Likely || l.named == "" {
		return
	}
	same := *first
	same.Code, same.Certainty, same.Basis = explain.HandshakeFailed, explain.Unknown, "perhaps it has a certificate for other names only, as Caddy answers then: --server-name sends another; its own log may say why"
	same.Text = fmt.Sprintf("the server ended the handshake with the alert %q before it presented a certificate, and did the same when we sent the name %s",
		strings.TrimPrefix(first.Alert.Error(), "tls: "), l.named)
	l.report.Faults[0] = &same
}

// open reports whether a failure came before any certificate, and left open why.
func open(report *Report) bool {
	if report.Remote == "" && !report.begun || len(report.Chain) > 0 || len(report.Faults) == 0 {
		return false
	}
	switch first := report.Faults[0]; {
	case !report.begun:
		return report.AtOnce || slices.Contains(mayBeginAtOnce, first.Code)
	case slices.Contains(worthTrying, first.Code):
		return true
	case first.Fault() == explain.WeRefused, first.Fault() == explain.TheyRefused:
		return false
	default:
		return first.Certainty != explain.Certain
	}
}

// worthTrying are codes that are certain, and yet more can be known.
var worthTrying = []explain.Code{
	explain.TLSVersionMismatch, explain.TLSTooOld, explain.ServerNameRequired, explain.ServerNameUnknown,
}

// mayBeginAtOnce are codes of what comes before TLS that fit a server which waits for no command,
// but for a ClientHello.
var mayBeginAtOnce = []explain.Code{explain.PeerSilent, explain.PeerClosedBeforeHello, explain.PeerPlaintextHTTP}

// shareOf is how long one of n steps may take so that each has as much time.
func shareOf(ctx context.Context, n int) time.Duration {
	const usual = 3 * time.Second
	deadline, ok := ctx.Deadline()
	if !ok {
		return usual
	}
	return min(usual, time.Until(deadline)/time.Duration(n))
}

// list is the experiments that suit the failure, the likeliest first.
func (l *lab) list(ctx context.Context) []experiment {
	if !l.report.begun {
		return []experiment{l.atOnce()}
	}
	name, small, old, other, ldap, header := l.name(ctx), l.small(), l.old(), l.other(), l.ldap(), l.header()
	if l.StartTLS != "" { // it speaks first, and has done so
		other, ldap, header = experiment{}, experiment{}, experiment{}
	}
	switch l.failed.Code {
	case explain.PeerSilent, explain.PeerStalled:
		return present([]experiment{small, name, other, header, old})
	case explain.PeerClosedBeforeHello, explain.PeerHungUp: // as servers of LDAP do at once
		return present([]experiment{small, name, other, ldap, header, old})
	case explain.TLSVersionMismatch, explain.NoSharedParameters, explain.TLSTooOld:
		return present([]experiment{old, name, small})
	}
	return present([]experiment{name, old, small})
}

// present leaves out experiments that would change nothing.
func present(list []experiment) []experiment {
	return slices.DeleteFunc(list, func(e experiment) bool { return e.try == nil })
}

// again looks at the server with another configuration. It returns what was seen, and nil
// where that is no more than before.
func (l *lab) again(ctx context.Context, w way) (*Report, string) {
	seen := new(Report)
	_, _ = l.look(ctx, w, seen)
	l.last = nil
	if len(seen.Chain) > 0 {
		return seen, "it answers, and presents its certificate"
	}
	if len(seen.Faults) > 0 {
		l.last = seen.Faults[0]
		return nil, "this did not help: " + string(l.last.Code)
	}
	return nil, "this did not help"
}

// confirm repeats the connection that helped, which has to help again, and then twice the one
// that failed, which has to fail again, as far as there are connections left. Behind an
// address there can be several servers in turn, of which some are down: the order is one that
// neither every second nor every third of them can pretend. It returns in words what was
// otherwise, or "".
func (l *lab) confirm(w way) string {
	w.only = true
	for i, again := range []way{w, l.way, l.way} {
		if l.left == 0 {
			break
		}
		l.left--
		again.patience = min(again.patience, time.Second) // it has been waited for before
		again.purpose = "our own try once more, to make sure"
		share, cancel := l.turn(3 - i)
		seen, _ := l.again(share, again)
		cancel()
		switch {
		case i == 0 && seen == nil:
			return "it answers, but not a second time"
		case i > 0 && seen != nil:
			l.keep(seen)
			return "it answers, but now it also answers without the change"
		}
	}
	return ""
}

// unsteady is a server that does now this and now that: nothing that was tried can say why.
func (l *lab) unsteady() {
	did := "closed the connection"
	switch first := l.failed; {
	case first.Alerted:
		did = fmt.Sprintf("sent the alert %q", strings.TrimPrefix(first.Alert.Error(), "tls: "))
	case first.Code == explain.PeerSilent, first.Code == explain.PeerStalled:
		did = "did not answer in time"
	case first.Code == explain.HandshakeFailed:
		did = "failed"
	}
	fault := *l.failed
	if fault.Alerted {
		fault.Code = explain.HandshakeFailed
	}
	fault.Certainty, fault.Wanted = explain.Unknown, ""
	fault.Text = fmt.Sprintf("the server %s, but it does not always do so: of two handshakes that were the same one succeeded and one failed", did)
	fault.Basis = "perhaps several servers are behind this address and one of them is down, or the server was just starting"
	l.report.Faults[0], l.report.Unsteady = &fault, true
}

// keep adds what an experiment that helped has shown of the server.
func (l *lab) keep(seen *Report) {
	faults := l.report.Faults
	*l.report = Report{Addrs: l.report.Addrs, Trials: l.report.Trials, Remote: seen.Remote, Offered: seen.Offered}
	l.report.State, l.report.Chain, l.report.InOrder, l.report.Strays = seen.State, seen.Chain, seen.InOrder, seen.Strays
	l.report.Verified, l.report.Unjudged = seen.Verified, seen.Unjudged
	l.report.Asked, l.report.CAs, l.report.RawCAs, l.report.Ours = seen.Asked, seen.CAs, seen.RawCAs, seen.Ours
	l.report.AtOnce = seen.AtOnce
	l.report.Fits, l.report.Refused, l.report.Accepted, l.report.Answer = seen.Fits, seen.Refused, seen.Accepted, seen.Answer
	l.report.Faults = slices.Concat(faults, seen.Faults)
}

// tls is an experiment with another configuration. says is what it shows where it helps, or
// nil.
func (l *lab) tls(change string, w way, says func(seen *Report) *explain.Error) experiment {
	return experiment{change: change, try: func(ctx context.Context) (*explain.Error, string) {
		seen, saw := l.again(ctx, w)
		if seen == nil {
			return nil, saw
		}
		if otherwise := l.confirm(w); otherwise != "" {
			l.passed = true
			return nil, otherwise
		}
		found := says(seen)
		if found != nil {
			l.keep(seen)
		}
		return found, saw
	}}
}

// atOnce leaves out the command after which TLS was to begin. An alert of TLS shows as well as a
// certificate that the server waits for no command.
func (l *lab) atOnce() experiment {
	w := l.way
	w.before = nil
	e := l.tls("TLS at once, without the commands of "+l.StartTLS, w, func(seen *Report) *explain.Error {
		seen.AtOnce = true
		return l.beginsAtOnce("")
	})
	try := e.try
	e.try = func(ctx context.Context) (*explain.Error, string) {
		found, saw := try(ctx)
		if last := l.last; found == nil && !l.passed && last != nil && last.Alerted {
			l.report.AtOnce = true
			return l.beginsAtOnce(fmt.Sprintf(" with the alert %q", strings.TrimPrefix(last.Alert.Error(), "tls: "))), "it answers with an alert of TLS"
		}
		return found, saw
	}
	return e
}

// beginsAtOnce is a server that does not wait for a command, but for a ClientHello, which it
// answers with something.
func (l *lab) beginsAtOnce(with string) *explain.Error {
	if l.failed.Code == explain.HandshakeFailed { // an alert, which says so already
		said := *l.failed
		return &said
	}
	return &explain.Error{
		Code:  explain.HandshakeFailed,
		Text:  fmt.Sprintf("TLS begins at once on this port, without --starttls: the server answers a ClientHello%s, and does not begin TLS by the commands of %s", with, l.StartTLS),
		Basis: "we tried both ways",
	}
}

// small is a ClientHello that fits into one packet: without the post-quantum groups it is
// 1,200 bytes shorter.
func (l *lab) small() experiment {
	config := l.way.config
	large := config.CurvePreferences == nil || slices.ContainsFunc(config.CurvePreferences, postQuantum)
	if !large || config.MaxVersion != 0 && config.MaxVersion < tls.VersionTLS13 {
		return experiment{}
	}
	w := l.way
	w.config = config.Clone()
	w.config.CurvePreferences = []tls.CurveID{tls.X25519}
	return l.tls("a small ClientHello, with the group X25519 only", w, func(seen *Report) *explain.Error {
		ours := "ours"
		if l.report.helloSize > 0 { // otherwise the connection was gone before it was sent
			ours = fmt.Sprintf("ours of %d bytes", l.report.helloSize)
		}
		return &explain.Error{
			Code: explain.HelloTooLarge,
			Text: fmt.Sprintf("the server answers a ClientHello of %d bytes, but not %s, which has the post-quantum group X25519MLKEM768: "+
				"the server, or something in front of it, cannot read a ClientHello that does not fit into one packet, or does not accept this group", seen.helloSize, ours),
			Basis: "we tried with --groups=X25519, and then again without it",
		}
	})
}

func postQuantum(id tls.CurveID) bool {
	return id == tls.X25519MLKEM768 || id == tls.SecP256r1MLKEM768 || id == tls.SecP384r1MLKEM1024
}

// name is the server's name in the ClientHello (SNI, RFC 6066 section 3): another way than
// the one that failed. An address is never sent as a name.
func (l *lab) name(ctx context.Context) experiment {
	w := l.way
	w.config = blind(w.config)
	if sent := w.config.ServerName; net.ParseIP(sent) == nil {
		w.config.ServerName = ""
		return l.tls("no server name in the ClientHello", w, func(seen *Report) *explain.Error {
			seen.Unjudged = true
			return &explain.Error{
				Code: explain.ServerNameUnknown, Wanted: sent,
				Text: fmt.Sprintf("the server answers if we send no server name, and does not answer if we send %s: it does not serve this name", sent),
			}
		})
	}
	name := l.nameOf(ctx, w.config.ServerName)
	if name == "" {
		return experiment{}
	}
	w.config.ServerName = name
	named := l.tls("the server name "+name+" in the ClientHello", w, func(seen *Report) *explain.Error {
		seen.Verified = false
		return &explain.Error{
			Code: explain.ServerNameRequired, Wanted: name,
			Text: fmt.Sprintf("the server answers if we send a server name (%s), and does not answer without one: clients send none when they connect to an address", name),
		}
	})
	try := named.try
	named.try = func(ctx context.Context) (*explain.Error, string) {
		l.named = name
		return try(ctx)
	}
	return named
}

// lookUp is how long the look-up of an address may take: the experiments wait for it, and
// most addresses have no name.
const lookUp = time.Second

// nameOf is the name of an address, as far as that is to be had in a share of the time, or "".
func (l *lab) nameOf(ctx context.Context, addr string) string {
	if net.ParseIP(addr).IsLoopback() {
		return "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, min(lookUp, shareOf(ctx, maxExperiments+1)))
	defer cancel()
	names, _ := l.resolver().LookupAddr(ctx, addr)
	if len(names) == 0 {
		return ""
	}
	return strings.TrimSuffix(names[0], ".")
}

// old is versions and cipher suites that we do not use: they are offered to see whether
// the server has no others, without verifying it or presenting anything.
func (l *lab) old() experiment {
	w := l.way
	w.config = blind(w.config)
	w.config.MinVersion, w.config.MaxVersion = tls.VersionTLS10, tls.VersionTLS12
	w.config.CipherSuites = allSuites()
	w.config.Certificates, w.config.GetClientCertificate = nil, nil
	w.only = true
	return l.tls("TLS 1.0 to 1.2, with the old cipher suites", w, func(seen *Report) *explain.Error {
		seen.Unjudged, seen.Faults, seen.Accepted, seen.Refused = true, nil, explain.Unknown, false
		return tooOld(seen.State, l.way.config)
	})
}

func allSuites() []uint16 {
	var ids []uint16
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		ids = append(ids, suite.ID)
	}
	return ids
}

// tooOld is a server that shook hands in what we offer only to look, and did not in what ours
// offers; or nil, where it is not known what made the difference.
func tooOld(state *tls.ConnectionState, ours *tls.Config) *explain.Error {
	version, suite := tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite)
	least := max(ours.MinVersion, tls.VersionTLS12)
	listed := func(s *tls.CipherSuite) bool { return s.ID == state.CipherSuite }
	switch {
	case state.Version < tls.VersionTLS12:
		return &explain.Error{
			Code: explain.TLSVersionMismatch,
			Text: fmt.Sprintf("the server supports at most %s, with %s; versions before TLS 1.2 are deprecated (RFC 8996), and we do not use them", version, suite),
		}
	case state.Version < least:
		return &explain.Error{
			Code: explain.TLSVersionMismatch,
			Text: fmt.Sprintf("the server supports at most %s, and we offer nothing below %s", version, tls.VersionName(least)),
		}
	case ours.CipherSuites != nil && !slices.Contains(ours.CipherSuites, state.CipherSuite):
		return &explain.Error{
			Code: explain.NoSharedCipher, Version: state.Version,
			Text: fmt.Sprintf("the server chooses %s with %s, which is not among the cipher suites that we were told to offer", version, suite),
		}
	case strings.HasPrefix(suite, "TLS_RSA_"):
		suite += ", that is with RSA key exchange, which Go has not offered since version 1.22, and which many other programs do not offer either"
	case slices.ContainsFunc(tls.InsecureCipherSuites(), listed):
	case ours.MaxVersion == 0, ours.MaxVersion >= tls.VersionTLS13:
		return &explain.Error{
			Code: explain.TLSVersionMismatch,
			Text: fmt.Sprintf("the server answers a ClientHello of TLS 1.2 (with %s), but not one that also offers TLS 1.3: it, or something in front of it, does not accept newer versions", suite),
		}
	default:
		return nil
	}
	return &explain.Error{
		Code: explain.TLSTooOld, Version: state.Version,
		Text: fmt.Sprintf("the server accepts nothing that we offer; it chooses %s with %s", version, suite),
	}
}

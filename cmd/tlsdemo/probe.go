package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/impostor"
	"tlsdemo/cmd/tlsdemo/internal/listen"
	"tlsdemo/cmd/tlsdemo/internal/tracefile"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/probe"
)

type probeCmd struct {
	env *cli.Env
	credentialFlags
	tls        tlsFlags
	trace      tracefile.Flags
	serverName string
	timeout    time.Duration
	json       bool
	http       string
	refusals   bool
	startTLS   cli.Choice
	expect     cli.PolicyFlags
}

func newProbeCmd(env *cli.Env) *cobra.Command {
	p := &probeCmd{env: env, startTLS: cli.Choice{Words: probe.StartTLSNames()}}
	cmd := &cobra.Command{
		Use:   "probe HOST[:PORT]",
		Short: "Look at any TLS server and say, step by step, what is wrong",
		Long: `Look at a TLS server, your own or any other, as you would check it by hand. Is
the name known? Does the port answer? What is negotiated? Which certificates
does the server present, and are they valid for our CA file and for this name?
Does it ask for a client certificate, and of which CAs? Does it accept ours?
probe goes on after the first fault, so that you see all of them at once.

Many servers finish the handshake with every client, and refuse a certificate
only in their answer. --http therefore makes an HTTP request. If the answer is
no refusal, probe makes the request again without a certificate: a server can
refuse one with any page and any status, and then both get the same. Without
--http, probe sends no data after the handshake.

If a connection fails before the server has presented a certificate, probe makes
up to six more connections and changes one thing in each: the server name, a
smaller ClientHello, old versions and cipher suites (only to look), a PROXY
header, or no TLS at all. If a change helps, probe has found the reason.

With --refusals, probe checks that the server refuses what it should refuse: a
client without a certificate, with a self-signed one, with one of another CA of
the same name, and others. These certificates are made in memory and never
written to a file. The exit status is 5 if the server accepts one of them, and 8
if this is not known: a server that finishes every handshake can still refuse in
its own protocol. Only an answer is proof. --http asks for one, and so does
--refusals if the server chooses HTTP by ALPN.

--expect-... is that of tlsdemo send.

You need no files. Without --ca, probe uses the system's trust store. Without
--cert it presents no client certificate. If there is a directory that certs
init made, probe uses its files. The default port is 443, or the usual port of
the protocol of --starttls. An https URL can stand for HOST[:PORT], and so can
unix:PATH, a Unix socket.`,
		Example: `  tlsdemo probe 127.0.0.1:8888
  tlsdemo probe localhost:443 --http
  tlsdemo probe localhost:8443 --refusals
  tlsdemo probe localhost:5432 --starttls=postgres
  tlsdemo probe localhost:443 --alpn=h2,http/1.1
  tlsdemo probe localhost:8443 --ca=ca.crt
  tlsdemo probe localhost:8443 --cert=c.crt --key=c.key --ca=ca.crt`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return errors.New("name one HOST[:PORT], such as " + defaultAddr)
			}
			addr := withPort(hostOf(args[0]), p.port())
			if err := listen.Check(addr); err != nil {
				return err
			}
			if host(addr) == "" || strings.HasSuffix(addr, ":0") {
				return errors.New("name one HOST[:PORT], such as " + defaultAddr)
			}
			return nil
		},
		PreRunE: func(*cobra.Command, []string) error {
			return cmp.Or(p.tls.check(), p.trace.Check(), cli.Positive("timeout", p.timeout), checkPath(p.http))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.run(cmd.Context(), withPort(hostOf(args[0]), p.port()))
		},
	}
	p.registerFiles(cmd)
	cmd.MarkFlagsRequiredTogether("cert", "key")
	cmd.MarkFlagsMutuallyExclusive("dir", "ca")
	flags := cmd.Flags()
	p.tls.register(flags, tlsnet.Protocol)
	flags.Lookup("ciphers").Value = anyCipherList{&p.tls.ciphers}
	p.tls.alpn, flags.Lookup("alpn").DefValue = nil, "none"
	p.trace.Register(flags)
	flags.StringVar(&p.serverName, "server-name", "", "the `NAME` that the server's certificate must have (default: HOST)")
	p.expect.Register(flags, "expect", "servers")
	flags.DurationVar(&p.timeout, "timeout", 10*time.Second, "time limit for all steps together")
	flags.StringVar(&p.http, "http", "", "make one HTTP request for `PATH`, and see whether the answer refuses our certificate (without PATH: /)")
	flags.Lookup("http").NoOptDefVal = "/"
	flags.Var(&p.startTLS, "starttls", "begin TLS with the commands of a `PROTOCOL`: "+strings.Join(probe.StartTLSNames(), ", "))
	flags.BoolVar(&p.refusals, "refusals", false, "present certificates that the server should refuse, and see whether it does")
	flags.BoolVar(&p.json, "json", false, "print one JSON object")
	cmd.MarkFlagsMutuallyExclusive("starttls", "http")
	return cmd
}

const httpsPort = "443"

// port is where a server is looked for that was named without a port.
func (p *probeCmd) port() string { return cmp.Or(probe.StartTLSPort(p.startTLS.Value), httpsPort) }

func (p *probeCmd) run(ctx context.Context, addr string) error {
	creds, err := p.openAny(p.env)
	from := creds.origin
	if err != nil {
		return &located{err: err, origin: from, typed: p.env.Typed}
	}
	expected, err := p.expect.Load()
	if err != nil {
		return &located{err: err, origin: from, typed: p.env.Typed}
	}
	if err := p.trace.Prepare(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.timeout, &gaveUpError{after: p.timeout})
	defer cancel()
	name := cmp.Or(p.serverName, host(addr))
	prober := &probe.Probe{Config: p.tls.client(creds, name, expected, p.env.Now), Intermediates: from.cas, HTTP: p.http, StartTLS: p.startTLS.Value}
	showTrace := p.traced(prober)
	report, err := prober.Run(ctx, addr)
	if err != nil {
		return &located{err: err, origin: from, typed: p.env.Typed}
	}
	view := &probeView{
		report: report, addr: addr, name: name, expected: expected != nil, now: p.env.Now(), creds: creds,
		columns: cli.TerminalColumns(p.env.Stdout), refusals: p.refusals,
		startTLS: p.startTLS.Value, http: p.http != "", typed: p.env.Typed,
	}
	if p.refusals && shaken(report) {
		cast, err := p.cast(creds, report)
		if err != nil {
			return err
		}
		view.outcomes = prober.Refusals(ctx, addr, report, cast)
		if errors.Is(ctx.Err(), context.Canceled) { // what was left undone says nothing of the server
			return context.Cause(ctx)
		}
	}
	if err := p.show(view); err != nil {
		return err
	}
	return unshown(p.env, view.failure(), showTrace(view))
}

func (p *probeCmd) show(view *probeView) error {
	if p.json {
		return console.NewJSONEncoder(p.env.Stdout).Encode(view.record())
	}
	return view.print(p.env.Stdout)
}

// shaken reports whether a server has come so far that it could refuse something.
func shaken(report *probe.Report) bool {
	return report.Asked || report.State != nil && report.State.HandshakeComplete
}

// cast is what the server should refuse. Where the directory has the key of the CA that the
// server accepts, some of it is under that. A server that asks for no certificate is presented
// none.
func (p *probeCmd) cast(creds *credentials, report *probe.Report) ([]probe.Credential, error) {
	var own, ca *certs.Pair
	var leaf *x509.Certificate
	if creds.origin.ours() {
		dir := certs.Dir(creds.origin.dir)
		own, _ = dir.Pair(certs.Client) // what is not there is done without
		ca, _ = dir.Pair(certs.CA)
	}
	if chain := creds.Chain(); len(chain) > 0 {
		leaf = chain[0]
	}
	issuer := impostor.Issuer(leaf, report.RawCAs, creds.Roots())
	if ca != nil && !bytes.Equal(ca.Leaf().RawSubject, issuer) {
		ca = nil
	}
	cast, err := impostor.Cast(p.env.Now(), own, ca, issuer)
	if err == nil && !report.Asked {
		cast = cast[:1]
	}
	return cast, err
}

// checkPath refuses what is no path of HTTP.
func checkPath(path string) error {
	if _, err := url.ParseRequestURI(path); path == "" || path[0] == '/' && err == nil && !strings.ContainsAny(path, " #") {
		return nil
	}
	return errors.New("--http needs a path, such as --http=/healthz")
}

// probeError is a server with something wrong; what, has been printed.
type probeError struct {
	report *probe.Report
	taken  int // how much the server took that it should refuse
	open   int // of how much it is not known
}

func (p *probeError) Error() string {
	if p.taken > 0 {
		return fmt.Sprintf("the server accepted %d of the clients that it should refuse", p.taken)
	}
	if len(p.report.Faults) == 0 {
		return fmt.Sprintf("it is not known whether the server refuses %d of what it should", p.open)
	}
	if n := len(p.report.Faults); n > 1 {
		return fmt.Sprintf("%d faults; the first is %s", n, p.report.Faults[0].Code)
	}
	return fmt.Sprintf("1 fault: %s", p.report.Faults[0].Code)
}

// failure is the error for what is wrong with the server, or nil.
func (v *probeView) failure() error {
	failed := &probeError{report: v.report}
	for _, o := range v.outcomes {
		if o.Taken != explain.Unknown {
			failed.taken++
		}
		if !o.Known() {
			failed.open++
		}
	}
	if failed.taken == 0 && failed.open == 0 && len(v.report.Faults) == 0 {
		return nil
	}
	return failed
}

// explanation is a fault with what is known of our own files.
func (v *probeView) explanation(fault *explain.Error) *console.Explanation {
	e := explained(&located{err: fault, origin: v.creds.origin, typed: v.typed}, v.typed)
	if name := v.suggested(fault); name != "" {
		e.Hint = v.typed.With("starttls", name).String()
	}
	if v.report.AtOnce && fault == v.report.Faults[0] { // the port may have been that of --starttls
		e.Hint = v.typed.Without("starttls").Replace(host(v.addr), v.addr).String()
	}
	if v.report.Unsteady && fault == v.report.Faults[0] {
		e.Hint = "ask the person who runs the server whether all servers behind this address are up; to look once more: " + v.typed.String()
	}
	if v.http && v.shaken() && slices.Contains(notHTTP, fault.Code) && v.report.State.NegotiatedProtocol == "h2" {
		e.Hint = "to ask in HTTP/1.1: " + v.typed.With("alpn", "http/1.1").String()
	} else if v.http && v.shaken() && slices.Contains(notHTTP, fault.Code) {
		e.Hint = "if the server does not speak HTTP: " + v.typed.Without("http").String()
	}
	return e
}

// notHTTP are the codes of a server that completes the handshake and then does not speak HTTP.
// What it did may have another reason, which it alone knows.
var notHTTP = []explain.Code{explain.NoAnswer, explain.PeerSilent}

// shaken reports whether the server completed the handshake.
func (v *probeView) shaken() bool {
	return v.report.State != nil && v.report.State.HandshakeComplete
}

// suggested is the protocol with which to try again: what the server says, or what is usual
// on its port where it says nothing.
func (v *probeView) suggested(fault *explain.Error) string {
	_, port, _ := net.SplitHostPort(v.addr)
	usual := probe.StartTLSOn(port)
	switch fault.Code {
	case explain.PeerWantsStartTLS:
		if fault.StartTLS == "smtp" && usual == "ftp" && v.startTLS == "" { // many greetings can be both
			return usual
		}
		return fault.StartTLS
	case explain.PeerSilent, explain.PeerClosedBeforeHello, explain.PeerHungUp:
		if v.startTLS == "" {
			return usual
		}
	}
	return ""
}

// printFaults prints the faults, each as a block.
func (v *probeView) printFaults(w io.Writer) {
	for _, fault := range v.report.Faults {
		fmt.Fprintln(w)
		v.explanation(fault).Print(w, "FAULT ")
	}
}

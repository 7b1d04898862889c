package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

type probe struct {
	env *environment
	credentialFlags
	tls        tlsFlags
	serverName string
	timeout    time.Duration
	json       bool
}

func newProbeCmd(env *environment) *cobra.Command {
	p := &probe{env: env}
	cmd := &cobra.Command{
		Use:   "probe HOST:PORT",
		Short: "Look at any TLS server, and say step by step what is wrong",
		Long: `Look at a TLS server, ours or any other, as a person would check it by hand: is
the name known, does the port answer, what is negotiated, which certificates
does the server show, do they verify against our CA file and for this name, does
it ask for a client certificate and of which CAs, does ours fit, and is it
accepted. It goes on after the first fault, so that all of them show at once.
Nothing is ever sent over the connection.`,
		Example: `  tlsdemo probe 127.0.0.1:8888
  tlsdemo probe localhost:443 --alpn=h2,http/1.1
  tlsdemo probe localhost:8443 --cert=c.crt --key=c.key --ca=ca.crt`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("want one HOST:PORT, as in " + defaultAddr)
			}
			return checkHostPort(args[0])
		},
		PreRunE: func(*cobra.Command, []string) error {
			return cmp.Or(p.tls.check(), positive("timeout", p.timeout))
		},
		RunE: func(cmd *cobra.Command, args []string) error { return p.run(cmd.Context(), args[0]) },
	}
	p.register(cmd)
	flags := cmd.Flags()
	p.tls.register(flags)
	p.tls.alpn, flags.Lookup("alpn").DefValue = nil, "none"
	flags.StringVar(&p.serverName, "server-name", "", "the `NAME` that the server's certificate must have (default HOST)")
	flags.DurationVar(&p.timeout, "timeout", 10*time.Second, "time limit of all steps together")
	flags.BoolVar(&p.json, "json", false, "print one JSON object")
	return cmd
}

func (p *probe) run(ctx context.Context, addr string) error {
	creds, err := p.open(certs.Client)
	from := creds.origin
	if err != nil {
		return &located{err: err, origin: from}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.timeout, &gaveUpError{after: p.timeout})
	defer cancel()
	dialer := &tlsnet.Dialer{Config: p.tls.client(creds, p.serverName, p.env.now), Intermediates: from.intermediates()}
	report, err := dialer.Probe(ctx, addr)
	if err != nil {
		return &located{err: err, origin: from}
	}
	view := &probeView{report: report, addr: addr, name: cmp.Or(p.serverName, host(addr)), now: p.env.now(), origin: from}
	if p.json {
		err = console.NewJSONEncoder(p.env.stdout).Encode(view.record())
	} else {
		err = view.print(p.env.stdout)
	}
	if err == nil && len(report.Faults) > 0 {
		err = &probeError{report: report}
	}
	return err
}

// probeError is a server with something wrong; what, has been printed.
type probeError struct{ report *tlsnet.Report }

func (p *probeError) Error() string {
	if n := len(p.report.Faults); n > 1 {
		return fmt.Sprintf("%d faults, of which %s comes first", n, p.report.Faults[0].Code)
	}
	return fmt.Sprintf("one fault: %s", p.report.Faults[0].Code)
}

// explanation is a fault with what is known of our own files.
func (v *probeView) explanation(fault *explain.Error) *console.Explanation {
	return explained(&located{err: fault, origin: v.origin})
}

// printFaults prints the faults, each as a block.
func (v *probeView) printFaults(w io.Writer) {
	for _, fault := range v.report.Faults {
		fmt.Fprintln(w)
		v.explanation(fault).Print(w, "FAULT ")
	}
}

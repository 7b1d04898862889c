package certscmd

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/certtext"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

type issue struct {
	env *cli.Env
	changeFlags
	client, server, peer bool
	names                []string
	commonName           string
	validFor             cli.Validity
	keyType              cli.Choice
	csr                  string
	json                 bool
}

func newIssueCmd(env *cli.Env) *cobra.Command {
	c := &issue{
		env: env, validFor: cli.Validity(certs.DefaultLeafValidity),
		keyType: cli.Choice{Value: "p256", Words: []string{"p256", "p384", "ed25519", "rsa3072"}},
	}
	cmd := &cobra.Command{
		Use:   "issue NAME",
		Short: "Issue another certificate, for a service or a person",
		Long: `Issue another certificate of the CA in the directory, as NAME.crt and NAME.key.

The certificate is for a client, unless --server or --peer says otherwise. Its
common name is NAME, or the text of --cn; PostgreSQL and other programs use it
as the name of a user. It has the DNS name NAME.localhost, and a server's
certificate also has localhost, 127.0.0.1 and ::1. --name adds more names: DNS
names, wildcards such as *.example.localhost, IP addresses, URIs and mail
addresses. The CA can issue certificates only for the names that it is limited
to; certs rotate-ca --name=NAME adds a name to the CA.

With --csr, the key is that of a certificate request: the certificate has the
key and the names of the request, and the names of --name. If none of them is a
DNS name, it has NAME.localhost too. Everything else that the request asks for
is ignored. There is no NAME.key then.

--peer is for programs that use one certificate as a server and as a client,
such as etcd. It can be used at both ends.`,
		Example: `  tlsdemo certs issue alice
  tlsdemo certs issue api --server --name=api.localhost
  tlsdemo certs issue etcd-1 --peer
  tlsdemo certs issue build --csr=build.csr`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("give one NAME, not %d", len(args))
			}
			return nil
		},
		PreRunE: func(_ *cobra.Command, args []string) error {
			if strings.EqualFold(args[0], certs.CA) {
				return fmt.Errorf("bad name %q: the CA has this name", args[0])
			}
			return c.request(args[0]).Check()
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args[0]) },
	}
	flags := cmd.Flags()
	c.register(flags)
	flags.BoolVar(&c.client, "client", false, "for a client: the default")
	flags.BoolVar(&c.server, "server", false, "for a server")
	flags.BoolVar(&c.peer, "peer", false, "for both ends, as etcd and other programs need it")
	flags.StringArrayVar(&c.names, "name", nil, "a further DNS `name`, IP address, URI or mail address for the certificate (repeatable)")
	flags.StringVar(&c.commonName, "cn", "", "common name: any `TEXT` of up to 64 characters (default: NAME)")
	flags.Var(&c.validFor, "valid-for", "how long it is valid, but not longer than the CA: a number with m, h, d or y")
	flags.Var(&c.keyType, "key-type", "kind of the key: p256, p384, ed25519 or rsa3072")
	flags.StringVar(&c.csr, "csr", "", "sign the certificate request in this `FILE`, in PEM or DER, and make no key")
	flags.BoolVar(&c.json, "json", false, "print one JSON object")
	cmd.MarkFlagsMutuallyExclusive("client", "server", "peer")
	cmd.MarkFlagsMutuallyExclusive("csr", "key-type")
	return cmd
}

// request is what the flags ask for.
func (c *issue) request(name string) certs.Request {
	key, _ := certs.ParseKeyType(c.keyType.Value) // the flag has checked it
	req := certs.Request{
		Name: name, CommonName: c.commonName, Names: c.names, Peer: c.peer,
		ValidFor: time.Duration(c.validFor), Key: key,
	}
	if c.server {
		req.Usage = certs.ServerAuth
	}
	return req
}

func (c *issue) run(ctx context.Context, name string) error {
	csr, err := c.readRequest()
	if err != nil {
		return err
	}
	return c.change(ctx, c.env, func(dir certs.Dir, change *certs.Change) error {
		req := c.request(name)
		req.TrustDomain = dir.TrustDomain()
		if csr == nil {
			_, err = change.Issue(req)
		} else {
			_, err = change.Sign(csr, req)
		}
		if err != nil {
			return err
		}
		return c.announce(dir, name)
	})
}

// readRequest reads --csr, if it was given.
func (c *issue) readRequest() (*x509.CertificateRequest, error) {
	if c.csr == "" {
		return nil, nil
	}
	data, err := certs.ReadFile(c.csr)
	if err != nil {
		return nil, err
	}
	requests := certs.ParseRequests(data)
	if len(requests) != 1 {
		return nil, &cli.LocalError{Err: fmt.Errorf("%s contains %d certificate requests, and it has to be one", c.csr, len(requests))}
	}
	return requests[0], nil
}

// announce says what was issued, and what strict programs have against it.
func (c *issue) announce(dir certs.Dir, name string) error {
	entry := dir.Entry(name, c.env.Now())
	if c.json {
		object := certtext.Describe(entry.Cert, entry.File)
		object.Judge(entry)
		return console.NewJSONEncoder(c.env.Stdout).Encode(object)
	}
	files := name + ".crt and " + name + ".key"
	if c.csr != "" {
		files = name + ".crt"
	}
	fmt.Fprintf(c.env.Stdout, "Issued %s: %s in %s\n\n", name, files, console.Clean(string(dir)))
	printLeaves(c.env.Stdout, cli.TableColumns(c.env.Stdout), entry)
	for _, warning := range entry.Warnings {
		fmt.Fprintf(c.env.Stderr, "tlsdemo: warning: %s: %s\n", warning.Code, console.Clean(warning.Error()))
	}
	return nil
}

// printLeaves prints a line a certificate: its name, role, end and names.
func printLeaves(w io.Writer, width int, entries ...certs.Entry) {
	var rows [][]string
	for _, e := range entries {
		rows = append(rows, []string{"  " + e.Name, certs.Role(e.Cert), "until " + e.Cert.NotAfter.Format(time.DateOnly), certtext.NamesOf(e.Cert)})
	}
	console.PrintTable(w, rows, width)
}

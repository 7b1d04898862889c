package certscmd

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
	"tlsdemo/certs/convert"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

type export struct {
	env *cli.Env
	cli.DirFlags
	format     cli.Choice
	out        string
	secret     cli.Password
	noPassword bool
	legacy     bool
}

// formats are what there is to export.
var formats = []string{"p12", "pem-bundle", "jks-truststore", "k8s-secret", "env"}

func newExportCmd(env *cli.Env) *cobra.Command {
	c := &export{env: env, format: cli.Choice{Words: formats}, secret: cli.Password{Variable: cli.KeyPassword}}
	cmd := &cobra.Command{
		Use:   "export NAME --format=FORMAT",
		Short: "Write a certificate in the format of another program",
		Long: `Write a certificate with its key, or the CA, in the format of another program:

  p12             PKCS#12, for browsers, Java and Windows: the certificate, its
                  key and the CA, in NAME.p12
  pem-bundle      certificate and key in one PEM file, for HAProxy, in NAME.pem
  jks-truststore  the CA as a trust store of Java, in truststore.p12; with
                  --legacy in truststore.jks, for Java 8
  k8s-secret      a TLS Secret of Kubernetes, in YAML, on the standard output
  env             settings to paste, for about twenty programs and libraries,
                  with the names of the files, on the standard output

No file is ever overwritten. --out=- means the standard output. The password of
p12 and jks-truststore is the first line of --password-file, or
$` + cli.KeyPassword + `. If there is none, a password is made and printed once.
--no-password keeps nothing secret: the password of p12 is then the empty one,
and a trust store of Java has none.
--legacy encrypts with 3DES, for Windows before 2019, macOS and old Java.`,
		Example: `  tlsdemo certs export client --format=p12
  tlsdemo certs export server --format=pem-bundle --out=/tmp/haproxy.pem
  tlsdemo certs export ca --format=jks-truststore --password-file=password
  tlsdemo certs export server --format=k8s-secret | kubectl apply -f -
  tlsdemo certs export client --format=env`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("give one NAME, not %d", len(args))
			}
			return nil
		},
		PreRunE: func(*cobra.Command, []string) error {
			if c.format.Value == "" {
				return fmt.Errorf("--format is missing: it has to be one of %s", strings.Join(formats, ", "))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return c.run(args[0]) },
	}
	flags := cmd.Flags()
	c.Register(flags)
	flags.Var(&c.format, "format", "p12, pem-bundle, jks-truststore, k8s-secret or env")
	flags.StringVar(&c.out, "out", "", "write to this `FILE`; - means the standard output (default: as above)")
	flags.StringVar(&c.secret.File, "password-file", "", "`FILE` with the password in its first line")
	flags.BoolVar(&c.noPassword, "no-password", false, "no password: whoever has the file has the key")
	flags.BoolVar(&c.legacy, "legacy", false, "for old programs: 3DES instead of AES, JKS instead of PKCS#12")
	cmd.MarkFlagsMutuallyExclusive("password-file", "no-password")
	return cmd
}

func (c *export) run(name string) error {
	dir, err := c.Path()
	if err != nil {
		return err
	}
	if err := cli.CheckLayout(dir); err != nil {
		return c.Fail(err)
	}
	cas, err := dir.CAs()
	if err != nil {
		return err
	}
	var pair *certs.Pair
	if c.format.Value != "jks-truststore" {
		if name == certs.CA {
			return &cli.UsageError{Command: "tlsdemo certs export", Err: errors.New("the CA's key is never exported: name another certificate, or use --format=jks-truststore for the CA's certificate")}
		}
		if pair, err = dir.Pair(name); err != nil {
			return &cli.LocalError{Err: err}
		}
	}
	return c.export(dir, name, pair, cas)
}

func (c *export) export(dir certs.Dir, name string, pair *certs.Pair, cas []*x509.Certificate) error {
	switch c.format.Value {
	case "env":
		return c.printSettings(dir, name, pair)
	case "pem-bundle":
		data, err := convert.Bundle(pair)
		return c.write(name+".pem", data, err)
	case "k8s-secret":
		data, err := convert.Secret(secretName(name), pair, cas)
		return c.write("-", data, err)
	}
	password, made, err := c.password()
	if err != nil {
		return err
	}
	if c.format.Value == "p12" {
		data, err := convert.PKCS12(pair, cas, password, c.legacy)
		err = c.write(name+".p12", data, err)
		return c.tell(made, err)
	}
	file := "truststore.p12"
	if c.legacy {
		file = "truststore.jks"
	}
	data, err := convert.TrustStore(cas, password, c.legacy)
	return c.tell(made, c.write(file, data, err))
}

// password is that of --password-file or the environment. made is one that was made up.
func (c *export) password() (password, made string, err error) {
	if c.noPassword {
		return "", "", nil
	}
	given, err := c.secret.Given()
	if errors.Is(err, certs.ErrNoPassphrase) {
		made = rand.Text()
		return made, made, nil
	}
	return string(given), "", err
}

// tell says the password that was made, once what it is for has been written.
func (c *export) tell(made string, err error) error {
	if err == nil && made != "" {
		_, err = fmt.Fprintf(c.env.Stderr, "The password is %s\nIt is not stored anywhere.\n", made)
	}
	return err
}

// write writes what was made to --out, or to the file that is usual.
func (c *export) write(usual string, data []byte, err error) error {
	if err != nil {
		return err
	}
	file := cmp.Or(c.out, usual)
	if file == "-" {
		_, err := c.env.Stdout.Write(data)
		return err
	}
	if err := cli.WriteNew(file, data); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.env.Stdout, "Wrote %s\n", console.Clean(file))
	return err
}

// secretName makes a name of Kubernetes of a leaf's: RFC 1123 in lower case.
func secretName(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

// printSettings prints what to paste.
func (c *export) printSettings(dir certs.Dir, name string, pair *certs.Pair) error {
	path, err := filepath.Abs(string(dir))
	if err != nil {
		return err
	}
	var text bytes.Buffer
	err = convert.PrintSettings(&text, convert.Settings(name, certs.Dir(path).Files(name), pair.Leaf()))
	return c.write("-", text.Bytes(), err)
}

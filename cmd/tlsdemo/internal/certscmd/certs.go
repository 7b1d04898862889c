// Package certscmd has the commands of the group certs.
package certscmd

import (
	"github.com/spf13/cobra"

	"tlsdemo/cmd/tlsdemo/internal/cli"
)

// New returns the group, with the command that args begin with or, if they begin with none,
// with all of them.
func New(env *cli.Env, args []string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "certs",
		Short: "Make and show the certificates of both ends",
		Example: `  tlsdemo certs init
  tlsdemo certs show
  tlsdemo certs issue alice`,
	}
	cli.AddCommands(cmd, env, commands, args)
	return cmd
}

var commands = []cli.Command{
	{Name: "init", New: newCertsInitCmd},
	{Name: "show", New: newCertsShowCmd},
	{Name: "issue", New: newIssueCmd},
	{Name: "renew", New: newRenewCmd},
	{Name: "rotate-ca", New: newRotateCmd},
	{Name: "revoke", New: newRevokeCmd},
	{Name: "crl", New: newCRLCmd},
	{Name: "verify", New: newVerifyCmd},
	{Name: "export", New: newExportCmd},
	{Name: "import", New: newImportCmd},
	{Name: "trust", New: newTrustCmd},
	{Name: "encrypt-key", New: newEncryptKeyCmd},
}

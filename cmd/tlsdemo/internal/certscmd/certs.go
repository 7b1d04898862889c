// Package certscmd has the commands of the group certs.
package certscmd

import (
	"github.com/spf13/cobra"

	"tlsdemo/cmd/tlsdemo/internal/cli"
)

// New returns the group.
func New(env *cli.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "certs",
		Short: "Make and show the certificates of both ends",
		Example: `  tlsdemo certs init
  tlsdemo certs show
  tlsdemo certs issue alice`,
	}
	cmd.AddCommand(newCertsInitCmd(env), newCertsShowCmd(env), newIssueCmd(env), newRenewCmd(env), newRotateCmd(env),
		newRevokeCmd(env), newCRLCmd(env), newVerifyCmd(env), newExportCmd(env), newImportCmd(env), newTrustCmd(env), newEncryptKeyCmd(env))
	return cmd
}

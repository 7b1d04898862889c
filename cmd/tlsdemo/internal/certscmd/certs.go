// Package certscmd has the commands of the group certs.
package certscmd

import (
	"tlsdemo/cmd/tlsdemo/internal/cli"

	"github.com/spf13/cobra"
)

// New returns the group.
func New(env *cli.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "certs",
		Short: "Make and look at the certificates of both ends",
		Example: `  tlsdemo certs init
  tlsdemo certs show`,
	}
	cmd.AddCommand(newCertsInitCmd(env), newCertsShowCmd(env))
	return cmd
}

package main

import "github.com/spf13/cobra"

func newCertsCmd(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "certs",
		Short: "Make and look at the certificates of both ends",
		Example: `  tlsdemo certs init
  tlsdemo certs show`,
	}
	cmd.AddCommand(newCertsInitCmd(env), newCertsShowCmd(env))
	return cmd
}

package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/console"
)

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

// warn says which programs refuse a set that is sound, and what to type.
func (f *dirFlags) warn(w io.Writer, dir certs.Dir, entries []certs.Entry) {
	warned := false
	for _, entry := range entries {
		for _, warning := range entry.Warnings {
			warned = true
			fmt.Fprintf(w, "tlsdemo: warning: %s: %s\n", warning.Code, console.Clean(warning.Error()))
		}
	}
	if warned {
		fmt.Fprintf(w, "hint: %s\n", console.Clean(hintConstraints(f, dir)))
	}
}

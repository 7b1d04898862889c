package certscmd

import (
	"fmt"
	"io"

	"tlsdemo/certs"
	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/cmd/tlsdemo/internal/retype"
)

// warn says which programs refuse a set that is sound, and what to type.
func warn(w io.Writer, f *cli.DirFlags, dir certs.Dir, entries []certs.Entry) {
	warned := false
	for _, entry := range entries {
		for _, warning := range entry.Warnings {
			warned = warned || warning.Code == certs.ConstraintUnsupported
			fmt.Fprintf(w, "tlsdemo: warning: %s: %s\n", warning.Code, console.Clean(warning.Error()))
		}
	}
	if advice := hintConstraints(f, dir); warned && advice != "" {
		fmt.Fprintf(w, "hint: %s\n", console.Clean(advice))
	}
}

// hintConstraints is about a set that some programs refuse: another with its names.
func hintConstraints(f *cli.DirFlags, dir certs.Dir) string {
	if !dir.Made() {
		return ""
	}
	profile, urisLimited := dir.Profile()
	line := retype.Of("tlsdemo", "certs", "init")
	if f.Dir != "" {
		line = line.With("dir", f.Dir)
	}
	for _, name := range profile.Names {
		line = line.And("name", name)
	}
	line = line.With("constraints", "names").Alone("force")
	if urisLimited {
		return "make a new set without URIs (the old one is kept; to have URIs, add --trust-domain=" + profile.TrustDomain + "): " + line.String()
	}
	return "make a new set (the old one is kept): " + line.String()
}

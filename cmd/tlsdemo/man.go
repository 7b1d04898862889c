//go:build man

package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra/doc"

	"tlsdemo/cmd/tlsdemo/internal/cli"
)

// init makes this another program, which scripts/man runs: it writes the man pages of all
// commands into the directory that is its argument.
func init() {
	root := newRootCmd(&cli.Env{Now: time.Now})
	if failures, _, err := root.Find([]string{"failures"}); err == nil {
		failures.Long = failuresPage()
	}
	root.DisableAutoGenTag = true // the same pages for the same commands
	if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "tlsdemo", Manual: "tlsdemo"}, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "man:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

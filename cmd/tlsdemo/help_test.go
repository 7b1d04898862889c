package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// TestExamplesFitAnyShell checks that every example can be typed into zsh, too: that takes
// unquoted brackets for a pattern, and ends with an error if no file matches, and on its
// command line a comment is no comment but arguments.
func TestExamplesFitAnyShell(t *testing.T) {
	quoted := regexp.MustCompile(`'[^']*'`)
	each(newRootCmd(&environment{now: time.Now}), func(cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Example) {
			line = strings.TrimSpace(line)
			if line[0] != '#' && strings.ContainsAny(quoted.ReplaceAllString(line, ""), "[]*?~^#") {
				t.Errorf("%s: %s", cmd.CommandPath(), line)
			}
		}
	})
}

func each(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, sub := range cmd.Commands() {
		each(sub, visit)
	}
}

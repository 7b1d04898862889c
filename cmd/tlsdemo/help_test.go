package main

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"tlsdemo/cmd/tlsdemo/internal/cli"
)

// TestExamplesFitAnyShell checks that every example can be typed into zsh, too: that takes
// unquoted brackets for a pattern, and ends with an error if no file matches, and on its
// command line a comment is no comment but arguments.
func TestExamplesFitAnyShell(t *testing.T) {
	quoted := regexp.MustCompile(`'[^']*'`)
	each(newRootCmd(&cli.Env{Now: time.Now}), func(cmd *cobra.Command) {
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

// TestHelpFitsTerminal checks that no line of help is longer than that of a terminal.
func TestHelpFitsTerminal(t *testing.T) {
	root := newRootCmd(&cli.Env{Now: time.Now})
	each(root, func(cmd *cobra.Command) {
		if cmd.HasParent() && cmd.Parent().Name() == "completion" {
			return // cobra's own
		}
		var page strings.Builder
		cmd.SetOut(&page)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		if page.Len() == 0 {
			t.Errorf("%s has no help", cmd.CommandPath())
		}
		for line := range strings.Lines(page.String()) {
			if line = strings.TrimSuffix(line, "\n"); utf8.RuneCountInString(line) > cli.Columns {
				t.Errorf("%s: %s", cmd.CommandPath(), line)
			}
		}
	})
}

// TestHelpOptionalValue checks that a value which may be left out stands as it is typed.
func TestHelpOptionalValue(t *testing.T) {
	all := make(map[string]bool)
	each(newRootCmd(&cli.Env{Now: time.Now}), func(cmd *cobra.Command) {
		usage := cmd.UsageString()
		if strings.Contains(usage, `[="`) || strings.Contains(usage, "[=/]") {
			t.Errorf("%s: %s", cmd.CommandPath(), usage)
		}
		for _, flag := range regexp.MustCompile(`--[a-z]+\[=[A-Z/]+\]`).FindAllString(usage, -1) {
			all[flag] = true
		}
	})
	for _, want := range []string{"--trace[=FILE]", "--trace[=DIR]", "--http[=PATH]", "--http[=/PATH]"} {
		if !all[want] {
			t.Errorf("there is no %s: %v", want, all)
		}
	}
}

// TestCommandAlone checks that a run makes the command that is asked for, which is the same
// whether the others are made or not.
func TestCommandAlone(t *testing.T) {
	root := newRootCmd(&cli.Env{Now: time.Now})
	each(root, func(cmd *cobra.Command) {
		args := strings.Fields(cmd.CommandPath())[1:]
		if len(args) == 0 || args[0] == "help" || args[0] == "completion" {
			return
		}
		small := newRootCmd(&cli.Env{Now: time.Now}, args...)
		alone, _, err := small.Find(args)
		if err != nil {
			t.Fatal(err)
		}
		if alone.CommandPath() != cmd.CommandPath() || alone.UsageString() != cmd.UsageString() {
			t.Errorf("%s: made alone it is\n%s\nand not\n%s", cmd.CommandPath(), alone.UsageString(), cmd.UsageString())
		}
		if len(small.Commands()) != 1 || len(args) > 1 && len(alone.Parent().Commands()) != 1 {
			t.Errorf("%s: others are made, too", cmd.CommandPath())
		}
	})
}

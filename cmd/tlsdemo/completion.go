package main

import (
	"crypto/tls"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tlsdemo/cmd/tlsdemo/internal/cli"
)

// isCompletion reports whether it is a shell that asks, for what could be typed next.
func isCompletion(args []string) bool {
	return len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// prepareCompletion tells cobra what a shell may offer, which without it would be files
// everywhere. It is for a root that completes and then ends: what cobra is told about
// flags it keeps in a global table.
func prepareCompletion(root *cobra.Command) {
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	describeFlags(root)
}

func describeFlags(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		describeFlags(sub)
	}
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		// The only errors are a flag that is not there, and one that has been described.
		_ = cmd.RegisterFlagCompletionFunc(flag.Name, valuesOf(flag))
		// A shell would show the backquotes in which pflag wants the value's name.
		_, flag.Usage = pflag.UnquoteUsage(flag)
	})
}

// valuesOf offers the values that a flag can take, by its type or by the name that its
// usage gives the value. Where neither tells, there is nothing to offer.
func valuesOf(flag *pflag.Flag) cobra.CompletionFunc {
	switch value := flag.Value.(type) {
	case *cli.Choice:
		return oneOf(value.Words)
	case *cli.TLSVersion:
		return oneOf(tlsVersionNames())
	case *groupList:
		return someOf(groupNames())
	case *cipherList:
		return someOf(cipherNames())
	}
	switch name, _ := pflag.UnquoteUsage(flag); name {
	case "FILE":
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
	case "DIR":
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	}
	return cobra.NoFileCompletions
}

func oneOf(words []string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// someOf offers the next word of a list with commas.
func someOf(words []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		given := typed[:strings.LastIndex(typed, ",")+1]
		var lists []string
		for _, word := range words {
			if !slices.Contains(strings.Split(given, ","), word) {
				lists = append(lists, given+word)
			}
		}
		return lists, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

func tlsVersionNames() []string { return slices.Sorted(maps.Keys(cli.TLSVersions)) }

// cipherNames are the names that --ciphers takes.
func cipherNames() []string {
	var names []string
	for _, suite := range tls.CipherSuites() {
		if forTLS12(suite) {
			names = append(names, suite.Name)
		}
	}
	return names
}

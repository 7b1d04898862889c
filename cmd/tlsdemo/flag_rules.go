package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Where cobra keeps which flags belong together and which exclude each other, at each flag
// its groups, each the flags' names with spaces in between.
const (
	togetherGroups  = "cobra_annotation_required_if_others_set"
	exclusiveGroups = "cobra_annotation_mutually_exclusive"
)

// checkFlags finds what is wrong with the flags that were given, for any command.
func checkFlags(cmd *cobra.Command) error {
	var err error
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		for _, check := range []func(*cobra.Command, *pflag.Flag) error{notEmpty, complete, exclusive} {
			if err == nil {
				err = check(cmd, flag)
			}
		}
	})
	return err
}

// notEmpty refuses a flag that was given nothing, as with --dir="$UNSET": to go on as if
// it had not been given would be a surprise.
func notEmpty(_ *cobra.Command, flag *pflag.Flag) error {
	if flag.Value.Type() == "string" && flag.Value.String() == "" && flag.Name != "reply" {
		return fmt.Errorf("--%s is empty", flag.Name)
	}
	return nil
}

// complete is cobra's check of flags that need each other, in plain words.
func complete(cmd *cobra.Command, flag *pflag.Flag) error {
	for _, group := range flag.Annotations[togetherGroups] {
		given, missing := divide(cmd, group)
		switch {
		case len(missing) == 0:
		case len(given) == 1:
			return fmt.Errorf("%s needs %s", given[0], strings.Join(missing, " and "))
		default:
			return fmt.Errorf("%s need %s", strings.Join(given, " and "), strings.Join(missing, " and "))
		}
	}
	return nil
}

// exclusive is cobra's check of flags that exclude each other, in plain words.
func exclusive(cmd *cobra.Command, flag *pflag.Flag) error {
	for _, group := range flag.Annotations[exclusiveGroups] {
		if given, _ := divide(cmd, group); len(given) > 1 {
			return fmt.Errorf("%s and %s cannot be used together", given[0], given[1])
		}
	}
	return nil
}

// divide separates a group's flags into those that were given and those that were not.
func divide(cmd *cobra.Command, group string) (given, missing []string) {
	for name := range strings.FieldsSeq(group) {
		if cmd.Flags().Changed(name) {
			given = append(given, "--"+name)
		} else {
			missing = append(missing, "--"+name)
		}
	}
	return given, missing
}

// positive refuses a flag's value that is not greater than 0.
func positive[T int | time.Duration](name string, value T) error {
	if value > 0 {
		return nil
	}
	return fmt.Errorf("--%s must be greater than 0", name)
}

// plainAlone keeps --plain from being given together with what only TLS has.
func plainAlone(cmd *cobra.Command, others ...string) {
	for _, other := range append(others, "dir", "cert", "crl", "min-tls", "max-tls", "groups", "ciphers", "alpn") {
		cmd.MarkFlagsMutuallyExclusive("plain", other)
	}
}

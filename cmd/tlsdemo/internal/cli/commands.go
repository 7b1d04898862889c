package cli

import "github.com/spf13/cobra"

// Command is how a command of a group is made. Most of its work is its flags: a run of the
// program, which needs those of one command, makes only that one.
type Command struct {
	Name string
	New  func(*Env) *cobra.Command
}

// AddCommands adds to a group the command whose name is the first of args. If there is none, it
// adds all, for the group's help and to say which of them is meant, and reports that.
func AddCommands(group *cobra.Command, env *Env, commands []Command, args []string) (all bool) {
	for _, c := range commands {
		if len(args) > 0 && args[0] == c.Name {
			group.AddCommand(c.New(env))
			return false
		}
	}
	for _, c := range commands {
		group.AddCommand(c.New(env))
	}
	return true
}

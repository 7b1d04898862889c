package cli

import "github.com/spf13/cobra"

// Command is how a command of a group is made. Most of its work is its flags: a run of the
// program, which needs those of one command, makes only that one.
type Command struct {
	Name string
	New  func(*Env) *cobra.Command
}

// Choose makes the command whose name is the first of args. It is nil if there is none.
func Choose(env *Env, commands []Command, args []string) *cobra.Command {
	for _, c := range commands {
		if len(args) > 0 && args[0] == c.Name {
			return c.New(env)
		}
	}
	return nil
}

// All makes all the commands of a group: for its help, and to say which of them is meant.
func All(env *Env, commands []Command) []*cobra.Command {
	var all []*cobra.Command
	for _, c := range commands {
		all = append(all, c.New(env))
	}
	return all
}

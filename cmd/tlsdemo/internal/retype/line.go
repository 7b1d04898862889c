// Package retype keeps the command line that was typed, so that advice can repeat it with
// one change.
package retype

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tlsdemo/cmd/tlsdemo/internal/console"
)

// Line is a command line. The zero value is none. Lines are values: a change makes another.
type Line struct {
	words []word
}

// word is a flag or anything else of a line.
type word struct {
	flag  string // without its hyphens, or empty
	text  string // the flag's value, or the word
	alone bool   // a flag without a value, such as --once
}

// New returns the line that args are for the command root, whose own name is its first word.
func New(root *cobra.Command, args []string) Line {
	line := Line{words: []word{{text: root.Name()}}}
	cmd, _, err := root.Find(args)
	if err != nil {
		cmd = root
	}
	for i := 0; i < len(args); i++ {
		name, value, given := strings.Cut(strings.TrimPrefix(args[i], "--"), "=")
		if args[i] == "--" {
			line.words = append(line.words, words(args[i:])...)
			break
		}
		if !strings.HasPrefix(args[i], "--") {
			line.words = append(line.words, word{text: args[i]})
			continue
		}
		flag := cmd.Flags().Lookup(name)
		switch {
		case given:
			line.words = append(line.words, word{flag: name, text: value})
		case flag == nil || flag.NoOptDefVal != "" || i+1 == len(args):
			line.words = append(line.words, word{flag: name, alone: true})
		default:
			i++
			line.words = append(line.words, word{flag: name, text: args[i]})
		}
	}
	return line
}

// Of returns the line that consists of words, none of which is a flag.
func Of(text ...string) Line { return Line{words: words(text)} }

func words(text []string) []word {
	list := make([]word, len(text))
	for i, t := range text {
		list[i] = word{text: t}
	}
	return list
}

// Known reports whether there is a line.
func (l Line) Known() bool { return len(l.words) > 0 }

// Value returns the last value of a flag, and whether the flag was given.
func (l Line) Value(flag string) (value string, given bool) {
	for _, w := range l.words {
		if w.flag == flag {
			value, given = w.text, true
		}
	}
	return value, given
}

// Is reports whether the line is one of the command whose name is given.
func (l Line) Is(command ...string) bool {
	return len(l.words) > len(command) && slices.EqualFunc(l.words[1:len(command)+1], command, func(w word, name string) bool { return w.flag == "" && w.text == name })
}

// With returns the line with one value of a flag, in place of any that it has.
func (l Line) With(flag, value string) Line {
	changed := Line{}
	done := false
	for _, w := range l.words {
		switch {
		case w.flag != flag:
			changed.words = append(changed.words, w)
		case !done:
			done = true
			changed.words = append(changed.words, word{flag: flag, text: value})
		}
	}
	if done {
		return changed
	}
	return changed.insert(word{flag: flag, text: value})
}

// And returns the line with one more value of a flag that can be repeated.
func (l Line) And(flag, value string) Line { return l.insert(word{flag: flag, text: value}) }

// Alone returns the line with a flag that has no value.
func (l Line) Alone(flag string) Line {
	if _, given := l.Value(flag); given {
		return l
	}
	return l.insert(word{flag: flag, alone: true})
}

// insert adds a flag, before the "--" after which there are none.
func (l Line) insert(w word) Line {
	at := slices.IndexFunc(l.words, func(w word) bool { return w.flag == "" && w.text == "--" })
	if at < 0 {
		at = len(l.words)
	}
	return Line{words: slices.Insert(slices.Clone(l.words), at, w)}
}

// Without returns the line without some of its flags.
func (l Line) Without(flags ...string) Line {
	return Line{words: slices.DeleteFunc(slices.Clone(l.words), func(w word) bool {
		return w.flag != "" && slices.Contains(flags, w.flag)
	})}
}

// Replace returns the line with another word in place of one that is no flag's value.
func (l Line) Replace(from, to string) Line {
	changed := Line{words: slices.Clone(l.words)}
	for i, w := range changed.words {
		if w.flag == "" && w.text == from {
			changed.words[i].text = to
		}
	}
	return changed
}

// Words returns the line as a program gets it.
func (l Line) Words() []string {
	var list []string
	for _, w := range l.words {
		switch {
		case w.flag == "":
			list = append(list, w.text)
		case w.alone:
			list = append(list, "--"+w.flag)
		default:
			list = append(list, "--"+w.flag+"="+w.text)
		}
	}
	return list
}

// String returns the line for a shell.
func (l Line) String() string {
	var b strings.Builder
	for i, w := range l.words {
		if i > 0 {
			b.WriteByte(' ')
		}
		switch {
		case w.flag == "":
			b.WriteString(console.ShellWord(w.text))
		case w.alone:
			b.WriteString("--" + w.flag)
		case w.text == "":
			b.WriteString("--" + w.flag + "=")
		default:
			b.WriteString("--" + w.flag + "=" + console.ShellWord(w.text))
		}
	}
	return b.String()
}

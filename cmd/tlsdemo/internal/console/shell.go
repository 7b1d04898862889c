package console

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

var plainWord = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_./=:@%+,-]+$`) })

// ShellWord returns s as one word of a POSIX shell: as it is, quoted, or, where s has
// characters that no terminal shows, as printf would make it. A shell takes away the line ends
// with which the output of printf ends, so such a word is written as bash, zsh and POSIX.1-2024
// have it: $'one line\n'.
func ShellWord(s string) string {
	switch {
	case strings.HasSuffix(s, "\n"):
		return "$'" + dollarQuoted(s) + "'"
	case plainWord().MatchString(s):
		return s
	case Clean(s) == s:
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	var octal strings.Builder
	for _, b := range []byte(s) {
		fmt.Fprintf(&octal, `\%03o`, b)
	}
	return `"$(printf '` + octal.String() + `')"`
}

// dollarQuoted returns s as it stands in a $'...' of a shell.
func dollarQuoted(s string) string {
	var quoted strings.Builder
	for _, b := range []byte(s) {
		switch {
		case b == '\n':
			quoted.WriteString(`\n`)
		case b == '\\' || b == '\'':
			quoted.WriteString(`\` + string(b))
		case b < ' ' || b > '~':
			fmt.Fprintf(&quoted, `\%03o`, b)
		default:
			quoted.WriteByte(b)
		}
	}
	return quoted.String()
}

// ShellWords returns the words of a line for a POSIX shell, as [ShellWord] quotes them. It is
// an error if the line has anything else that is special to a shell, or no words.
func ShellWords(line string) ([]string, error) {
	var words []string
	for rest := strings.TrimLeft(line, " "); rest != ""; rest = strings.TrimLeft(rest, " ") {
		var word strings.Builder
		for rest != "" && rest[0] != ' ' {
			part := shellPart().FindStringSubmatch(rest)
			if part == nil {
				return nil, fmt.Errorf("not a plain word of a shell: %s", rest)
			}
			word.WriteString(part[1] + part[2] + part[3])
			rest = rest[len(part[0]):]
		}
		words = append(words, word.String())
	}
	if len(words) == 0 {
		return nil, errors.New("no words")
	}
	return words, nil
}

// shellPart is the beginning of a word: in single quotes, one character after a backslash,
// or plain.
var shellPart = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?s:'([^']*)'|\\(.)|([A-Za-z0-9_./=:@%+,-]+))`) })

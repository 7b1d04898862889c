package console

import (
	"fmt"
	"regexp"
	"strings"
)

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./=:@%+,-]+$`)

// ShellWord returns s as one word of a POSIX shell: as it is, quoted, or, where s has
// characters that no terminal shows, as printf would make it.
func ShellWord(s string) string {
	switch {
	case plainWord.MatchString(s):
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

package policy

import (
	"bytes"
	"errors"
	"regexp"
	"sync"
	"unicode/utf8"
)

// invalidUTF8 returns where data stops to be UTF-8, or -1.
func invalidUTF8(data []byte) int {
	for at := 0; at < len(data); {
		r, width := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && width == 1 {
			return at
		}
		at += width
	}
	return -1
}

func lineAt(data []byte, offset int) int {
	return 1 + bytes.Count(data[:min(offset, len(data))], []byte("\n"))
}

var (
	tableHeader = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^[ \t]*\[\[[ \t]*["']?allow["']?[ \t]*\]\]`) })
	inlineTable = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{`) })
)

// lineOf finds the line that an error is about, or 0. No decoder says where a value stood,
// so the text is searched from the beginning of the rule on: for the key, and then for the
// value.
func lineOf(data []byte, err error) int {
	if unknown, ok := errors.AsType[*unknownError](err); ok {
		if at := wordIn(data, unknown.key); at >= 0 {
			return lineAt(data, at)
		}
	}
	wrong, ok := errors.AsType[*RuleError](err)
	if !ok {
		return 0
	}
	at := startOf(data, wrong.Rule)
	for _, word := range []string{wrong.Key, wrong.Value} {
		if next := wordIn(data[at:], word); next > 0 { // a word that is empty is found at once
			at += next
		}
	}
	return lineAt(data, at)
}

// startOf is where a rule begins: its header in TOML, or a brace behind the word allow.
func startOf(data []byte, rule int) int {
	starts, from := tableHeader().FindAllIndex(data, rule+1), 0
	if len(starts) == 0 {
		from = max(0, bytes.Index(data, []byte(allowKey)))
		starts = inlineTable().FindAllIndex(data[from:], rule+1)
	}
	if len(starts) <= rule {
		return 0
	}
	return from + starts[rule][0]
}

// maxWord is the longest word that is looked for, in bytes: a regular expression can be too long.
const maxWord = 300

// wordIn is where a key or a value stands as a whole word, or -1.
func wordIn(data []byte, word string) int {
	if len(word) > maxWord {
		return -1
	}
	quoted := regexp.QuoteMeta(word)
	form := regexp.MustCompile(`(?:^|[\s{,\[])(` + quoted + `)[ \t]*[=\]]|["'](` + quoted + `)["']`)
	at := form.FindSubmatchIndex(data)
	if at == nil {
		return -1
	}
	return max(at[2], at[4]) // of the form that did not match it is -1
}

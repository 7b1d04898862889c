package phrases

import (
	"regexp/syntax"
	"strings"
)

// required returns literals, in lower case, of which each text that the expression matches
// has at least one. Of those it could choose from it takes the longest.
func required(expr string) []string {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil
	}
	return literalsOf(re)
}

func literalsOf(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{strings.ToLower(string(re.Rune))}
	case syntax.OpCapture, syntax.OpPlus:
		return literalsOf(re.Sub[0])
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if found := literalsOf(sub); shortest(found) > shortest(best) {
				best = found
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			found := literalsOf(sub)
			if found == nil {
				return nil
			}
			all = append(all, found...)
		}
		return all
	}
	return nil
}

func shortest(literals []string) int {
	if len(literals) == 0 {
		return 0
	}
	least := len(literals[0])
	for _, l := range literals {
		least = min(least, len(l))
	}
	return least
}

// plain is an expression as a person would write the text: the first of alternatives, and
// "..." for what varies.
func plain(expr string) string {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return expr
	}
	var b strings.Builder
	writePlain(&b, re)
	return strings.TrimSpace(strings.ReplaceAll(b.String(), "......", "..."))
}

func writePlain(b *strings.Builder, re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase != 0 {
			b.WriteString(strings.ToLower(string(re.Rune)))
			return
		}
		b.WriteString(string(re.Rune))
	case syntax.OpCapture:
		writePlain(b, re.Sub[0])
	case syntax.OpAlternate:
		writePlain(b, re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			writePlain(b, sub)
		}
	case syntax.OpCharClass:
		b.WriteString("...")
	case syntax.OpPlus, syntax.OpStar, syntax.OpRepeat, syntax.OpAnyCharNotNL, syntax.OpAnyChar:
		b.WriteString("...")
	}
}

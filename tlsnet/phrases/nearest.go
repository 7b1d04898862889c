package phrases

import (
	"strings"
	"sync"
)

// maxNear bounds how much of a text is compared.
const maxNear = 400

// Nearest returns the known text that has the most in common with one that is not known,
// or nil if none has much.
func Nearest(text string) *Phrase {
	have := trigrams(text)
	var nearest *Phrase
	best := 0.5 // what has less in common is something else
	for _, known := range candidates() {
		if s := alike(have, known.trigrams); s > best {
			nearest, best = known.phrase, s
		}
	}
	return nearest
}

type known struct {
	phrase   *Phrase
	trigrams map[string]bool
}

// candidates are the texts of which one can be the nearest.
var candidates = sync.OnceValue(func() []known {
	var all []known
	for _, p := range Phrases() {
		if p.rank >= general {
			all = append(all, known{p, trigrams(p.Text)})
		}
	}
	return all
})

// trigrams are all sequences of three characters in a text, but for its case.
func trigrams(text string) map[string]bool {
	text = strings.ToLower(text[:min(len(text), maxNear)])
	set := make(map[string]bool)
	for i := range max(0, len(text)-2) {
		set[text[i:i+3]] = true
	}
	return set
}

// alike is 1 for the same sets, and 0 for those that have nothing in common. What only the
// larger one has counts little: a line has more in it than a text, and people type less.
func alike(a, b map[string]bool) float64 {
	if len(a) > len(b) {
		a, b = b, a
	}
	common := 0
	for t := range a {
		if b[t] {
			common++
		}
	}
	if common < 5 {
		return 0
	}
	return float64(common) / (0.85*float64(len(a)) + 0.15*float64(len(b)))
}

package visit

import (
	"strconv"
	"strings"
)

// format is a form of the answer to who somebody is. Of those that a client likes equally well
// it gets the first.
type format int

const (
	asText format = iota
	asHTML
	asJSON
)

var mediaTypes = [...]string{asText: "text/plain", asHTML: "text/html", asJSON: "application/json"}

// liking is how much a client likes a format, and how it said so.
type liking struct {
	quality  float64
	specific int // 0 by */*, 1 by text/*, 2 by name
	place    int // among what it accepts
}

// preferred returns the format that a client likes best (RFC 9110 section 12.5.1). If it likes
// several equally well, one that it names comes before one that it does not, and what it names
// first before others. If it likes none, it gets text: to disregard Accept is allowed.
func preferred(accept []string) format {
	if len(accept) == 0 || len(accept) == 1 && accept[0] == "*/*" {
		return asText // curl, wget and many others: most of all clients
	}
	likings := likingsOf(strings.Join(accept, ","))
	best := asText
	for f := range likings {
		if likings[f].over(likings[best]) {
			best = format(f)
		}
	}
	return best
}

func (l liking) over(other liking) bool {
	switch {
	case l.quality == 0:
		return false
	case l.quality != other.quality:
		return l.quality > other.quality
	case l.specific != other.specific:
		return l.specific > other.specific
	}
	return l.specific == 2 && l.place < other.place
}

// likingsOf reads the list of what is accepted. For each format the most specific range counts.
func likingsOf(accept string) (likings [len(mediaTypes)]liking) {
	for f := range likings {
		likings[f].specific = -1
	}
	for place := 0; accept != ""; place++ {
		var item string
		item, accept = cutUnquoted(accept, ',')
		name, parameters := cutUnquoted(item, ';')
		name = strings.ToLower(strings.TrimSpace(name))
		quality := qualityIn(parameters)
		for f, mediaType := range mediaTypes {
			if s := covers(name, mediaType); s > likings[f].specific {
				likings[f] = liking{quality, s, place}
			}
		}
	}
	return likings
}

// covers says how exactly a range names a type: by 2, 1 or 0, or -1 if it does not.
func covers(name, mediaType string) int {
	major, _, _ := strings.Cut(mediaType, "/")
	switch name {
	case mediaType:
		return 2
	case major + "/*":
		return 1
	case "*/*":
		return 0
	}
	return -1
}

// qualityIn finds the weight among parameters: from 0 to 1, and 1 where there is none. What is
// no weight is 0: the client wanted to say something of it, and we do not know what.
func qualityIn(parameters string) float64 {
	for parameters != "" {
		var p string
		p, parameters = cutUnquoted(parameters, ';')
		key, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(key), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil || !(q >= 0 && q <= 1) { // NaN is neither
				return 0
			}
			return q
		}
	}
	return 1
}

// cutUnquoted is strings.Cut at a separator that is not within quotation marks (RFC 9110
// section 5.6.4).
func cutUnquoted(s string, separator byte) (before, after string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == separator && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

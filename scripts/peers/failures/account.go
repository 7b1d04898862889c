package failures

import (
	"encoding/json"
	"slices"
	"strings"

	"tlsdemo/tlsnet/explain"
)

// account is what our end says of a failure: all of it is judged.
type account struct {
	Code      explain.Code `json:"code"`
	Text      string       `json:"text"`
	AtFault   string       `json:"at_fault"`
	Hint      string       `json:"hint"`
	Certainty string       `json:"certainty"`
	Basis     string       `json:"basis"`
	Alert     string       `json:"alert"`
	Error     string       `json:"error"`
}

// The codes of what has none: an end that gives no code accuses nobody.
const (
	quiet   explain.Code = ""
	uncoded explain.Code = "uncoded"
)

// logged returns what our server's log says of the first client that failed. If none did,
// the code is quiet.
func logged(log string) account {
	for line := range strings.Lines(log) {
		var r struct {
			Remote string `json:"remote_addr"`
			account
		}
		if json.Unmarshal([]byte(line), &r) != nil || r.Remote == "" {
			continue
		}
		if r.Code == "" {
			r.Code = codeOf(r.Error)
		}
		return r.account
	}
	return account{Code: quiet}
}

// printed returns what our client prints of its failure, as a person reads it: a block that
// begins with the code.
func printed(text string) account {
	a := account{Code: uncoded}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		key, value, _ := strings.Cut(line, ": ")
		switch {
		case a.Code == uncoded && key == "tlsdemo":
			if code := codeOf(value); code != uncoded {
				a.Code, a.Text = code, strings.TrimPrefix(value, string(code)+": ")
			}
		case a.Code == uncoded:
		case key == "at fault":
			a.AtFault = value
		case key == "hint":
			a.Hint = value
		case key == "certainty":
			a.Certainty, a.Basis, _ = strings.Cut(value, " (")
			a.Basis = strings.TrimSuffix(a.Basis, ")")
			return a // the block ends with it
		}
	}
	return a
}

// codeOf returns the code with which a text begins.
func codeOf(text string) explain.Code {
	first, _, _ := strings.Cut(text, ": ")
	if slices.Contains(explain.Codes(), explain.Code(first)) {
		return explain.Code(first)
	}
	return uncoded
}

package console

import (
	"fmt"
	"io"
)

// Explanation is a failure as it is printed, as logs have it and as --json has it. A field
// is empty where there is nothing to say.
type Explanation struct {
	Code      string `json:"code"`
	Side      string `json:"side,omitempty"` // which end says this
	Text      string `json:"text"`
	AtFault   string `json:"at_fault,omitempty"`
	Hint      string `json:"hint,omitempty"`
	Certainty string `json:"certainty,omitempty"`
	Basis     string `json:"basis,omitempty"`
	Alert     string `json:"alert,omitempty"`
	Error     string `json:"error"` // as crypto/tls or the network had it
}

// Print writes the explanation as a block of lines, of which the first begins with prefix:
// what happened, what is at fault, the command that mends it, and how certain all that is.
func (e *Explanation) Print(w io.Writer, prefix string) {
	line := e.Text
	if e.Code != "" {
		line = e.Code + ": " + line
	}
	fmt.Fprintf(w, "%s%s\n", prefix, Clean(line))
	if e.AtFault != "" {
		fmt.Fprintf(w, "at fault: %s\n", Clean(e.AtFault))
	}
	if e.Hint != "" {
		fmt.Fprintf(w, "hint: %s\n", Clean(e.Hint))
	}
	if e.Certainty == "" {
		return
	}
	if e.Basis != "" {
		fmt.Fprintf(w, "certainty: %s (%s)\n", e.Certainty, Clean(e.Basis))
	} else {
		fmt.Fprintf(w, "certainty: %s\n", e.Certainty)
	}
}

// Attrs returns the explanation as keys and values for a [log/slog.Logger].
func (e *Explanation) Attrs() []any {
	attrs := []any{"code", e.Code}
	for _, field := range []struct{ key, value string }{
		{"side", e.Side},
		{"text", e.Text},
		{"at_fault", e.AtFault},
		{"hint", e.Hint},
		{"certainty", e.Certainty},
		{"basis", e.Basis},
		{"alert", e.Alert},
		{"error", e.Error},
	} {
		if field.value != "" {
			attrs = append(attrs, field.key, field.value)
		}
	}
	return attrs
}

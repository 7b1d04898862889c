package console

import (
	"fmt"
	"io"
)

// Explanation is a failure as it is printed, as logs have it and as --json has it. A field
// is empty where there is nothing to say. However it is written it takes less than 4 KB:
// fields that are too long are cut, and their length is said.
type Explanation struct {
	Code      string `json:"code,omitempty"`
	Side      string `json:"side,omitempty"` // which end says this
	Text      string `json:"text"`
	AtFault   string `json:"at_fault,omitempty"`
	Hint      string `json:"hint,omitempty"`
	Certainty string `json:"certainty,omitempty"`
	Basis     string `json:"basis,omitempty"`
	Alert     string `json:"alert,omitempty"`
	Error     string `json:"error"` // as crypto/tls or the network had it
	// Suspect is the code of what may be behind it, where Basis speaks of that, or empty.
	Suspect string `json:"-"`
}

// Print writes the explanation as a block of lines, of which the first begins with prefix:
// what happened, what is at fault, the command that mends it, and how certain all that is.
func (e *Explanation) Print(w io.Writer, prefix string) {
	b := e.bounded()
	if b.Code != "" {
		prefix += b.Code + ": "
	}
	certainty := b.Certainty
	if certainty != "" && b.Basis != "" {
		certainty += " (" + b.Basis + ")"
	}
	fmt.Fprintf(w, "%s%s\n", prefix, Clean(b.Text))
	printField(w, "at fault", b.AtFault)
	printField(w, "hint", b.Hint)
	printField(w, "certainty", certainty)
}

func printField(w io.Writer, name, text string) {
	if text != "" {
		fmt.Fprintf(w, "%s: %s\n", name, Clean(text))
	}
}

// Attrs returns the explanation as keys and values for a [log/slog.Logger].
func (e *Explanation) Attrs() []any {
	b := e.bounded()
	var attrs []any
	for _, field := range []struct{ key, value string }{
		{"code", b.Code},
		{"side", b.Side},
		{"text", b.Text},
		{"at_fault", b.AtFault},
		{"hint", b.Hint},
		{"certainty", b.Certainty},
		{"basis", b.Basis},
		{"alert", b.Alert},
		{"error", b.Error},
	} {
		if field.value != "" {
			attrs = append(attrs, field.key, field.value)
		}
	}
	return attrs
}

package chain

import (
	"crypto/x509/pkix"
	"fmt"
	"slices"
)

// What a distinguished name may have to be printed in full. The longest of any use have some
// twelve attributes, of which each is up to 64 characters (RFC 5280 appendix A, ub-common-name).
const (
	maxAttributes = 64
	maxNameBytes  = 4096
)

// Name returns a distinguished name as text, as [pkix.Name.String] does. That takes time which
// is quadratic in the number of attributes: 10 seconds for the 5,000 that a stranger can send.
// So of a name that has more than any of use has, it is the last few attributes, and how many
// more there are, in up to [MaxName] bytes.
func Name(name pkix.Name) string { return nameText(name.Names, name.String) }

// sequenceText is Name for a name in the order of its DER, as [pkix.RDNSequence.String] has it.
func sequenceText(rdns pkix.RDNSequence) string {
	return nameText(slices.Concat(rdns...), rdns.String)
}

func nameText(attributes []pkix.AttributeTypeAndValue, full func() string) string {
	size := 0
	for _, a := range attributes {
		size += len(a.Type) + len(valueText(a))
	}
	if len(attributes) <= maxAttributes && size <= maxNameBytes {
		return full()
	}
	return lastFew(attributes)
}

// lastFew is the end of a long name. As in any name's text, the last attribute comes first.
func lastFew(attributes []pkix.AttributeTypeAndValue) string {
	const room = MaxName - len(" and 1000000 more attributes")
	text, left := "", len(attributes)
	for _, a := range slices.Backward(attributes) {
		next := attributeText(a)
		if text != "" {
			next = text + "," + next
		}
		if len(next) > room {
			break
		}
		text, left = next, left-1
	}
	switch {
	case text == "":
		return fmt.Sprintf("a name of %d attributes", left)
	case left == 1:
		return text + " and 1 more attribute"
	case left > 0:
		return fmt.Sprintf("%s and %d more attributes", text, left)
	}
	return text
}

// attributeText is an attribute of a long name. Its value is cut so that some have room.
func attributeText(a pkix.AttributeTypeAndValue) string {
	const most = 40
	value := valueText(a)
	if len(a.Type) > most || len(value) <= most {
		return pkix.RDNSequence{{a}}.String()
	}
	a.Value = cut(value, most)
	return fmt.Sprintf("%s... (%d bytes)", pkix.RDNSequence{{a}}, len(value))
}

// valueText is the value of an attribute: in a request it need not be text.
func valueText(a pkix.AttributeTypeAndValue) string {
	if text, ok := a.Value.(string); ok {
		return text
	}
	return fmt.Sprint(a.Value)
}

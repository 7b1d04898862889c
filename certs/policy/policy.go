package policy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tlsdemo/certs/chain"
)

// Kind is a kind of name by which a certificate can be let in.
type Kind int

// The kinds, in the order in which they are told.
const (
	DNS Kind = iota
	URI
	IP
	CN
	SHA256
)

var kindNames = [...]string{DNS: "dns", URI: "uri", IP: "ip", CN: "cn", SHA256: "sha256"}

// Kinds returns every kind.
func Kinds() []Kind { return []Kind{DNS, URI, IP, CN, SHA256} }

// String returns what the kind is called in a file and in flags, such as "dns".
func (k Kind) String() string { return kindNames[k] }

// kindSet is a set of kinds, a bit for each.
type kindSet uint8

func (k Kind) set() kindSet { return 1 << k }

func (s kindSet) has(k Kind) bool { return s&k.set() != 0 }

// Rule is what a certificate has to have: of each kind that is a key, one of the values.
type Rule map[Kind][]string

// Each returns a rule for each value, so that any one of them is enough.
func (r Rule) Each() []Rule {
	var rules []Rule
	for _, kind := range Kinds() {
		for _, value := range r[kind] {
			rules = append(rules, Rule{kind: {value}})
		}
	}
	return rules
}

// RuleError is what is wrong with a rule.
type RuleError struct {
	Rule  int    // which, from 0
	Key   string // of which of its keys; empty if it is about the rule as a whole
	Value string // which value; empty if it is about all of them
	Err   error
}

func (e *RuleError) Error() string {
	where := fmt.Sprintf("rule %d: ", e.Rule+1)
	if e.Key != "" {
		where += chain.Quote(e.Key) + ": "
	}
	if e.Value != "" {
		where += chain.List([]string{e.Value}) + ": "
	}
	return where + e.Err.Error()
}

func (e *RuleError) Unwrap() error { return e.Err }

// Policy is a list of rules. It does not change, and is safe for concurrent use. The zero
// value and nil let in nobody.
type Policy struct {
	rules   []*rule
	alone   map[key]bool  // the keys that are all of a rule
	index   map[key][]int // which of the other rules have a key
	asks    kindSet       // the kinds that any rule names
	lengths []int         // those of the prefixes that any rule has
}

// rule is a Rule that has been parsed.
type rule struct {
	wants kindSet
	keys  []key
}

// New returns the policy of these rules, of which there has to be at least one. The error
// is a [*RuleError] if it is about a rule.
func New(rules ...Rule) (*Policy, error) {
	var parsed []*rule
	for i, r := range rules {
		one, err := parseRule(r)
		if err != nil {
			err.Rule = i
			return nil, err
		}
		parsed = append(parsed, one.apart()...)
	}
	if len(parsed) == 0 {
		return nil, errors.New("there is no rule, so nobody would be let in")
	}
	return build(parsed), nil
}

func parseRule(r Rule) (*rule, *RuleError) {
	parsed := new(rule)
	for _, kind := range Kinds() {
		values, given := r[kind]
		if given && len(values) == 0 {
			return nil, &RuleError{Key: kind.String(), Err: errors.New("the list is empty")}
		}
		for _, value := range values {
			k, err := parse(kind, value)
			if err != nil {
				return nil, &RuleError{Key: kind.String(), Value: value, Err: err}
			}
			parsed.wants |= kind.set()
			parsed.keys = append(parsed.keys, k)
		}
	}
	if len(parsed.keys) == 0 {
		return nil, &RuleError{Err: errors.New("it names nobody: it needs at least one of " + keyList)}
	}
	return parsed, nil
}

// apart returns a rule of one kind as a rule for each value, which is the same and reads
// more easily in a list.
func (r *rule) apart() []*rule {
	if r.wants != r.keys[0].kind.set() {
		return []*rule{r}
	}
	rules := make([]*rule, len(r.keys))
	for i, k := range r.keys {
		rules[i] = &rule{wants: r.wants, keys: []key{k}}
	}
	return rules
}

// build makes the index. With it the work for a certificate grows with its names and with
// the rules, and not with one times the other.
func build(rules []*rule) *Policy {
	p := &Policy{rules: rules, alone: make(map[key]bool), index: make(map[key][]int)}
	for i, r := range rules {
		p.asks |= r.wants
		for _, k := range r.keys {
			if len(r.keys) == 1 {
				p.alone[k] = true
			} else if at := p.index[k]; len(at) == 0 || at[len(at)-1] != i { // not twice for one rule
				p.index[k] = append(at, i)
			}
			if k.kind == IP && !slices.Contains(p.lengths, k.prefix.Bits()) {
				p.lengths = append(p.lengths, k.prefix.Bits())
			}
		}
	}
	return p
}

// Join returns the policy that lets in whoever any of policies lets in. Those that are nil
// are left out. It returns nil if all are.
func Join(policies ...*Policy) *Policy {
	var joined *Policy
	for _, p := range policies {
		switch {
		case p == nil:
		case joined == nil:
			joined = p
		default:
			joined = build(slices.Concat(joined.rules, p.rules))
		}
	}
	return joined
}

// Check returns nil if the policy lets in whoever proves to own the certificate, and else
// a defect of kind [chain.NotAllowed], whose text says what the certificate shows and what
// is allowed.
func (p *Policy) Check(leaf *x509.Certificate) *chain.Defect {
	if p == nil {
		p = new(Policy)
	}
	if p.fits(leaf) {
		return nil
	}
	return &chain.Defect{Kind: chain.NotAllowed, Cert: leaf, Text: p.refusal(leaf)}
}

// fits reports whether any rule fits the certificate. It takes notes only for a rule of
// several keys, of which most policies have none.
func (p *Policy) fits(leaf *x509.Certificate) bool {
	var found map[int]kindSet
	var seen map[key]bool
	for k := range p.keysOf(leaf) {
		rules := p.index[k]
		switch {
		case p.alone[k]:
			return true
		case len(rules) == 0 || seen[k]:
			continue
		case seen == nil:
			found, seen = make(map[int]kindSet), make(map[key]bool)
		}
		seen[k] = true
		for _, i := range rules {
			if found[i] |= k.kind.set(); found[i] == p.rules[i].wants {
				return true
			}
		}
	}
	return false
}

// VerifyConnection refuses a peer whose certificate the policy does not let in. It is for
// the field of this name of a [tls.Config].
func (p *Policy) VerifyConnection(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("no certificate to look for an allowed name in")
	}
	if defect := p.Check(state.PeerCertificates[0]); defect != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: defect}
	}
	return nil
}

// refusal says what the certificate shows and what is allowed.
func (p *Policy) refusal(leaf *x509.Certificate) string {
	text := "it has no name"
	if shown := p.shown(leaf); len(shown) > 0 {
		text = "its names are [" + strings.Join(shown, ", ") + "]"
	}
	text += ", and the allowed names are [" + p.allowed() + "]"
	if n := len(leaf.URIs); n > 1 && p.asks.has(URI) && slices.ContainsFunc(leaf.URIs, isSPIFFE) {
		text += fmt.Sprintf("; a SPIFFE ID counts only if the certificate has no other URI, and this one has %d", n)
	}
	if n := len(commonNames(leaf)); n > 1 && p.asks.has(CN) {
		text += fmt.Sprintf("; a common name counts only if it is the only one, and this certificate has %d", n)
	}
	return text
}

// shown are the names of the certificate of the kinds that the rules ask for, a few of each.
// If it has none of these, they are its alternative names.
func (p *Policy) shown(leaf *x509.Certificate) []string {
	var shown []string
	for _, kind := range Kinds() {
		if names := Names(kind, leaf); p.asks.has(kind) && len(names) > 0 {
			shown = append(shown, kind.prefix()+chain.List(names))
		}
	}
	if len(shown) > 0 && p.asks != SHA256.set() {
		return shown
	}
	for _, kind := range []Kind{DNS, URI, IP} {
		if names := Names(kind, leaf); len(names) > 0 {
			shown = append(shown, chain.List(names))
		}
	}
	return shown
}

// listed is how many rules are told of many.
const listed = 5

// allowed tells the first rules, and how many more there are.
func (p *Policy) allowed() string {
	var shown []string
	for _, r := range p.rules[:min(len(p.rules), listed)] {
		shown = append(shown, r.String())
	}
	if more := len(p.rules) - listed; more > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(shown, ", ")
}

// String tells the rule: the values of each kind, a few of them.
func (r *rule) String() string {
	values := make(map[Kind][]string)
	for _, k := range r.keys {
		values[k.kind] = append(values[k.kind], k.String())
	}
	var parts []string
	for _, kind := range Kinds() {
		if r.wants.has(kind) {
			parts = append(parts, kind.prefix()+chain.List(values[kind]))
		}
	}
	return strings.Join(parts, " with ")
}

// prefix stands before names that do not show by themselves of which kind they are.
func (k Kind) prefix() string {
	switch k {
	case CN:
		return "common name "
	case SHA256:
		return "SHA-256 "
	}
	return ""
}

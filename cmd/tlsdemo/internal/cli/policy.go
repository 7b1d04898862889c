package cli

import (
	"strings"

	"github.com/spf13/pflag"

	"tlsdemo/certs/policy"
)

// PolicyFlags say whom we accept besides what every peer has to prove. They are the same at
// both ends but for the word that their names begin with.
type PolicyFlags struct {
	word string // allow or expect
	rule policy.Rule
	file string
}

// kindUsages are what the flags say of themselves behind whom they accept.
var kindUsages = [...]string{
	policy.DNS:    "this DNS `NAME`; *.example.org stands for one label in front of it",
	policy.URI:    "this `URI`; /* at the end of a SPIFFE ID stands for all below it",
	policy.IP:     "this `IP` address, or one in a range such as 10.0.0.0/8",
	policy.CN:     "this common `NAME`",
	policy.SHA256: "this SHA-256 `FINGERPRINT`",
}

// Register adds the flags, such as --allow-dns for the word allow, for the certificates of
// whom, such as "clients".
func (f *PolicyFlags) Register(flags *pflag.FlagSet, word, whom string) {
	f.word, f.rule = word, make(policy.Rule)
	for _, kind := range policy.Kinds() {
		flags.Var(&patterns{kind: kind, rule: f.rule}, f.Flag(kind), "accept only "+whom+" whose certificate has "+kindUsages[kind]+" (repeatable)")
	}
}

// RegisterFile adds the flag for a file, whose rules count besides the flags.
func (f *PolicyFlags) RegisterFile(flags *pflag.FlagSet, name, usage string) {
	flags.StringVar(&f.file, name, "", usage)
}

// File returns the file that was given, or "".
func (f *PolicyFlags) File() string { return f.file }

// Flag returns what the flag for a kind is called.
func (f *PolicyFlags) Flag(kind policy.Kind) string { return f.word + "-" + kind.String() }

// Names returns what the flags for all kinds are called.
func (f *PolicyFlags) Names() []string {
	var names []string
	for _, kind := range policy.Kinds() {
		names = append(names, f.Flag(kind))
	}
	return names
}

// Load returns the policy that the flags and the file have together: it accepts whom any flag
// or any rule of the file accepts. It is nil if none of them was given. The error is one of
// the file.
func (f *PolicyFlags) Load() (*policy.Policy, error) {
	var typed, read *policy.Policy
	var err error
	if len(f.rule) > 0 {
		typed, err = policy.New(f.rule.Each()...)
	}
	if err == nil && f.file != "" {
		read, err = policy.Load(f.file)
	}
	if err != nil {
		return nil, err
	}
	return policy.Join(typed, read), nil
}

// patterns is a flag for the names of one kind, each of which is checked when it is set.
type patterns struct {
	kind policy.Kind
	rule policy.Rule
}

func (p *patterns) Set(s string) error {
	if err := policy.Validate(p.kind, s); err != nil {
		return err
	}
	p.rule[p.kind] = append(p.rule[p.kind], s)
	return nil
}

func (p *patterns) String() string { return strings.Join(p.rule[p.kind], " ") }
func (p *patterns) Type() string   { return p.kind.String() }

package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tlsdemo/certs"
	"tlsdemo/certs/policy"
	"tlsdemo/cmd/tlsdemo/internal/cli"
)

// tlsFlags say what may be negotiated, at either end.
type tlsFlags struct {
	minTLS, maxTLS cli.TLSVersion
	groups         groupList
	ciphers        cipherList
	alpn           []string
}

// register registers them for an end that offers these protocols.
func (f *tlsFlags) register(flags *pflag.FlagSet, protocols ...string) {
	f.minTLS, f.maxTLS = tls.VersionTLS12, tls.VersionTLS13
	flags.Var(&f.minTLS, "min-tls", "lowest TLS version to accept: 1.2 or 1.3")
	flags.Var(&f.maxTLS, "max-tls", "highest TLS version to accept: 1.2 or 1.3")
	flags.Var(&f.groups, "groups", "groups for the key exchange, separated by commas: "+strings.Join(groupNames(), ", ")+" (default: those of Go)")
	flags.Var(&f.ciphers, "ciphers", "TLS 1.2 cipher suites, separated by commas (default: those of Go)")
	flags.StringSliceVar(&f.alpn, "alpn", protocols, "application protocols (ALPN), separated by commas; empty for none")
}

// check finds what is wrong with the flags together.
func (f *tlsFlags) check() error {
	if f.minTLS > f.maxTLS {
		return errors.New("--min-tls must not be higher than --max-tls")
	}
	for _, protocol := range f.alpn {
		if len(protocol) == 0 || len(protocol) > 255 { // RFC 7301 section 3.1
			return fmt.Errorf("--alpn: %q is not a protocol name: a name has 1 to 255 bytes", protocol)
		}
	}
	return nil
}

func (f *tlsFlags) apply(config *tls.Config) {
	config.MinVersion, config.MaxVersion = uint16(f.minTLS), uint16(f.maxTLS)
	config.CurvePreferences, config.CipherSuites = f.groups, f.ciphers
	config.NextProtos = f.alpn
}

// authenticatedSuites are the cipher suites of TLS 1.2 that Go offers and that encrypt and
// authenticate in one step. A server has those by default: with CBC the two steps are apart, and
// whether they give anything away hangs on details (RFC 9325 section 4.2).
func authenticatedSuites() []uint16 {
	var ids []uint16
	for _, suite := range tls.CipherSuites() {
		if forTLS12(suite) && !strings.Contains(suite.Name, "_CBC_") {
			ids = append(ids, suite.ID)
		}
	}
	return ids
}

// client is what source presents, and believes, as a client of the server called name, who has to
// be as expected, unless that is nil.
func (f *tlsFlags) client(source *credentials, name string, expected *policy.Policy, now func() time.Time) *tls.Config {
	config := source.ClientConfig()
	f.apply(config)
	config.ServerName, config.Time = name, now
	if expected != nil {
		expected.HoldServer(config)
	}
	return config
}

// hold has config, that of a server, refuse every client that the policy does not accept.
// Without a policy, nil, it changes nothing.
func hold(config *tls.Config, to *policy.Policy) {
	if to != nil {
		config.VerifyConnection = certs.InTurn(config.VerifyConnection, to.VerifyConnection)
	}
}

// groupList is a flag for groups, by the names that crypto/tls gives them.
type groupList []tls.CurveID

var knownGroups = []tls.CurveID{
	tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024,
	tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521,
}

func groupNames() []string {
	names := make([]string, len(knownGroups))
	for i, id := range knownGroups {
		names[i] = id.String()
	}
	return names
}

func (g *groupList) Set(s string) error {
	*g = nil
	for name := range strings.SplitSeq(s, ",") {
		id, ok := groupByName(name)
		if !ok {
			return fmt.Errorf("unknown group %q: the groups are %s", name, strings.Join(groupNames(), ", "))
		}
		*g = append(*g, id)
	}
	return nil
}

func groupByName(name string) (tls.CurveID, bool) {
	for _, id := range knownGroups {
		if strings.EqualFold(id.String(), name) || strings.EqualFold(strings.TrimPrefix(id.String(), "Curve"), name) {
			return id, true
		}
	}
	return 0, false
}

func (g *groupList) String() string {
	var names []string
	for _, id := range *g {
		names = append(names, id.String())
	}
	return strings.Join(names, ",")
}

func (g *groupList) Type() string { return "groups" }

// cipherList is a flag for cipher suites of TLS 1.2, by their IANA names. Those of TLS
// 1.3 cannot be chosen in crypto/tls.
type cipherList []uint16

func (c *cipherList) Set(s string) error {
	*c = nil
	for name := range strings.SplitSeq(s, ",") {
		id, ok := cipherByName(name)
		if !ok {
			return fmt.Errorf("%q is unknown, insecure, or not a TLS 1.2 cipher suite", name)
		}
		*c = append(*c, id)
	}
	return nil
}

func cipherByName(name string) (uint16, bool) { return cipherIn(tls.CipherSuites(), name) }

func cipherIn(suites []*tls.CipherSuite, name string) (uint16, bool) {
	for _, suite := range suites {
		if suite.Name == name && forTLS12(suite) {
			return suite.ID, true
		}
	}
	return 0, false
}

func forTLS12(suite *tls.CipherSuite) bool { return suite.SupportedVersions[0] <= tls.VersionTLS12 }

func (c *cipherList) String() string {
	var names []string
	for _, id := range *c {
		names = append(names, tls.CipherSuiteName(id))
	}
	return strings.Join(names, ",")
}

func (c *cipherList) Type() string { return "suites" }

// anyCipherList is a cipherList for those who only look: it takes insecure suites, too.
type anyCipherList struct{ *cipherList }

func (c anyCipherList) Set(s string) error {
	*c.cipherList = nil
	for name := range strings.SplitSeq(s, ",") {
		id, ok := cipherIn(slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()), name)
		if !ok {
			return fmt.Errorf("%q is unknown, or not a TLS 1.2 cipher suite", name)
		}
		*c.cipherList = append(*c.cipherList, id)
	}
	return nil
}

// plainAlone keeps --plain from being given together with what only TLS has.
func plainAlone(cmd *cobra.Command, others ...string) {
	for _, other := range append(others, "dir", "cert", "crl", "min-tls", "max-tls", "groups", "ciphers", "alpn") {
		cmd.MarkFlagsMutuallyExclusive("plain", other)
	}
}

package explain_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"tlsdemo/certs/chain"
	"tlsdemo/tlsnet/explain"
)

// refuted are the explanations, of all that the tests of this package provoke, that say
// something against the facts which they were made from.
var refuted struct {
	sync.Mutex
	list []string
}

// TestMain holds every explanation that a test provokes against its own words.
func TestMain(m *testing.M) {
	status := m.Run()
	if len(refuted.list) > 0 && status == 0 {
		fmt.Fprintf(os.Stderr, "explanations that refute themselves:\n%s\n", strings.Join(refuted.list, "\n"))
		status = 1
	}
	os.Exit(status)
}

// hold notes an explanation that refutes itself.
func hold(err error) {
	e, ok := errors.AsType[*explain.Error](err)
	if !ok {
		return
	}
	if why := refutation(e); why != "" {
		refuted.Lock()
		defer refuted.Unlock()
		refuted.list = append(refuted.list, fmt.Sprintf("%s: %v (%s)", why, e, e.Basis))
	}
}

// missing are sentences that call something missing from a list which they print.
var missing = []*regexp.Regexp{
	regexp.MustCompile(`the client wanted (?:the IP address )?(\S+), and the certificate has (?:this address only [^;]*; its names are |only )\[(.*?)\]`),
	regexp.MustCompile(`was issued by ("[^"]*"), and we trust only (.*)$`),
	regexp.MustCompile(`was issued by ("[^"]*"), and the server accepts only (.*)$`),
	regexp.MustCompile(`it trusts only the CAs that it lists, (?P<list>.*), and our issuer (?P<item>"[^"]*") is not`),
}

// common are sentences that call two lists such as have nothing in common.
var common = regexp.MustCompile(`the client offers (?:the groups )?\[?(.*?)\]?, and we (?:have|allow) only \[?(.*?)\]?$`)

// refutation is what an explanation says against itself, or "".
func refutation(e *explain.Error) string {
	text := e.Text + "\n" + e.Basis
	for _, sentence := range missing {
		for line := range strings.SplitSeq(text, "\n") {
			found := sentence.FindStringSubmatch(line)
			if found == nil {
				continue
			}
			item, list := found[1], found[2]
			if i := sentence.SubexpIndex("item"); i > 0 {
				item, list = found[i], found[sentence.SubexpIndex("list")]
			}
			if slices.Contains(strings.Split(list, ", "), item) {
				return item + " is there"
			}
		}
	}
	// A protocol's name may have spaces, so that its words are not what is listed.
	if found := common.FindStringSubmatch(e.Text); found != nil && e.Code != explain.ALPNMismatch {
		for _, item := range strings.FieldsFunc(found[1], func(r rune) bool { return r == ',' || r == ' ' }) {
			if len(item) > 3 && slices.Contains(strings.FieldsFunc(found[2], func(r rune) bool { return r == ',' || r == ' ' }), item) {
				return item + " is common"
			}
		}
	}
	return ofCertificate(e)
}

// ofCertificate is refutation, of what is said of the certificate at fault.
func ofCertificate(e *explain.Error) string {
	switch {
	case strings.Contains(e.Text, "we see nothing wrong") && e.Certainty != explain.Unknown:
		return "nothing is wrong, and yet it is known what"
	case e.Cert == nil:
		return ""
	case strings.Contains(e.Text, ": it was issued by ") && !strings.Contains(e.Text, "it was issued by "+chain.Issuer(e.Cert)) && !strings.Contains(string(e.Code), "issuer-not-ca"):
		return "somebody else issued it: " + chain.Issuer(e.Cert)
	case strings.Contains(e.Text, ": it names ") && !strings.Contains(e.Text, "it names "+chain.Issuer(e.Cert)):
		return "it names somebody else: " + chain.Issuer(e.Cert)
	case strings.Contains(e.Text, ": it expired ") && !strings.Contains(e.Text, chain.Stamp(e.Cert.NotAfter)):
		return "another one ended"
	case strings.Contains(e.Text, ": the CA ") && strings.Contains(e.Text, " expired ") && !strings.Contains(e.Text, "the CA "+fmt.Sprintf("%q", e.Cert.Subject.String())) && len(e.Cert.Subject.String()) < chain.MaxName:
		return "another CA ended"
	}
	return ""
}

// What refutes itself is found out.
func TestRefutation(t *testing.T) {
	for text, want := range map[string]bool{
		`the client wanted 127.0.0.1, and the certificate has only [127.0.0.1]`:                                                                                    true,
		`the client wanted 127.0.0.1, and the certificate has only [localhost, ::1]`:                                                                               false,
		`the client wanted the IP address 127.0.0.1, and the certificate has this address only as a DNS name, which does not count; its names are [DNS:127.0.0.1]`: false,
		`it was issued by "CN=X", and we trust only "CN=Y", "CN=X"`:                                                                                                true,
		`it was issued by "CN=X", and the server accepts only "CN=Y"`:                                                                                              false,
		`perhaps it trusts only the CAs that it lists, "CN=a", "CN=b", and our issuer "CN=b" is not one of them`:                                                   true,
		`the client offers the groups [X25519 CurveP256], and we allow only [CurveP256]`:                                                                           true,
		`of the cipher suites of TLS 1.2, the client offers TLS_A, and we allow only TLS_B, TLS_A`:                                                                 true,
		`the client offers the groups [X25519], and we allow only [CurveP256]`:                                                                                     false,
	} {
		if got := refutation(&explain.Error{Text: text}); (got != "") != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}

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
	regexp.MustCompile(`wanted (?:the IP address )?(\S+), and it has (?:that only [^;]*; it has )?\[(.*?)\]`),
	regexp.MustCompile(`was issued by ("[^"]*"), and we trust (.*)$`),
	regexp.MustCompile(`was issued by ("[^"]*"), and the server accepts (.*)$`),
	regexp.MustCompile(`it trusts only the CAs that it names, (?P<list>.*): our issuer (?P<item>"[^"]*") is not`),
}

// common are sentences that call two lists such as have nothing in common.
var common = regexp.MustCompile(`the client (?:offers|offers the groups) \[?(.*?)\]?, we (?:have|speak) \[?(.*?)\]?$`)

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
	if found := common.FindStringSubmatch(e.Text); found != nil {
		for _, item := range strings.FieldsFunc(found[1], func(r rune) bool { return r == ',' || r == ' ' }) {
			if len(item) > 3 && slices.Contains(strings.FieldsFunc(found[2], func(r rune) bool { return r == ',' || r == ' ' }), item) && !strings.Contains(e.Text, "TLS 1.") {
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
	case strings.Contains(e.Text, ": it ended ") && !strings.Contains(e.Text, chain.Stamp(e.Cert.NotAfter)):
		return "another one ended"
	case strings.Contains(e.Text, ": the CA ") && strings.Contains(e.Text, " ended ") && !strings.Contains(e.Text, "the CA "+fmt.Sprintf("%q", e.Cert.Subject.String())) && len(e.Cert.Subject.String()) < chain.MaxName:
		return "another CA ended"
	}
	return ""
}

// What refutes itself is found out.
func TestRefutation(t *testing.T) {
	for text, want := range map[string]bool{
		`wanted 127.0.0.1, and it has [127.0.0.1]`:      true,
		`wanted 127.0.0.1, and it has [localhost, ::1]`: false,
		`wanted the IP address 127.0.0.1, and it has that only as a DNS name, which is not the same; it has [DNS:127.0.0.1]`: false,
		`it was issued by "CN=X", and we trust "CN=Y", "CN=X"`:                                                               true,
		`it was issued by "CN=X", and the server accepts "CN=Y"`:                                                             false,
		`perhaps it trusts only the CAs that it names, "CN=a", "CN=b": our issuer "CN=b" is not among them`:                  true,
		`the client offers the groups [X25519 CurveP256], we have [CurveP256]`:                                               true,
		`the client offers the groups [X25519], we have [CurveP256]`:                                                         false,
	} {
		if got := refutation(&explain.Error{Text: text}); (got != "") != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}

package policy_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tlsdemo/certs"
	"tlsdemo/certs/policy"
)

const (
	inTOML = `# who may come in
[[allow]]
dns = ["alice.localhost", "*.team.localhost"]

[[allow]]
uri = ["spiffe://example.org/db/*"]
cn  = ['db']
`
	inJSON = `{"allow": [
  {"dns": ["alice.localhost", "*.team.localhost"]},
  {"uri": ["spiffe://example.org/db/*"], "cn": ["db"]}
]}`
	inline = `allow = [{dns = ["alice.localhost", "*.team.localhost"]}, {uri = ["spiffe://example.org/db/*"], cn = ["db"]}]`
)

func TestParse(t *testing.T) {
	for _, text := range []string{inTOML, inJSON, inline, strings.ReplaceAll(inTOML, "\n", "\r\n"), "\n\t " + inJSON + "\n", inTOML + "# \ufffd\n"} {
		p, err := policy.Parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for name, want := range map[string]bool{
			"dns:alice.localhost": true, "dns:a.team.localhost": true, "dns:team.localhost": false,
			"uri:spiffe://example.org/db/a": false, "cn:db": false,
		} {
			if got := p.Check(shown(name)) == nil; got != want {
				t.Errorf("%s: %s is let in: %v", text, name, got)
			}
		}
		if p.Check(shown("uri:spiffe://example.org/db/a", "cn:db")) != nil {
			t.Errorf("%s: who has both is refused", text)
		}
	}
}

func TestParseErrors(t *testing.T) {
	const deep = 100_000
	for text, want := range map[string]string{
		"": "there is no rule, so nobody would be let in",
		"[[allow]]\ndns = [\"a\"]\ndns = [\"b\"]\n":                              "line 3: this is not valid TOML: Key 'allow.dns' has already been defined.",
		"[[allow]]\ndns = [\"a\"\n\n[[allow]]\n":                                 "line 4: this is not valid TOML: ",
		"[[allow]]\ndns = [\"a\"]\n[[deny]]\ndns = [\"b\"]\n":                    `line 3: unknown key "deny": a policy has only the list allow`,
		"[[allow]]\ndns = [\"a\"]\n[[allow]]\ncn = [\"b\"]\nmail = [\"b\"]\n":    "line 5: rule 2: mail: unknown key: a rule has dns, uri, ip, cn and sha256",
		"[[Allow]]\ndns = [\"a\"]\n":                                             `line 1: unknown key "Allow"`,
		"[[allow]]\nDNS = [\"a\"]\n":                                             "line 2: rule 1: DNS: unknown key",
		"[[allow]]\ndns = \"a\"\n":                                               `line 2: rule 1: dns: it has to be a list of texts: dns = ["..."]`,
		"[[allow]]\ndns = [\"a\"]\n[[allow]]\ndns = [\"a\", 1]\n":                "line 4: rule 2: dns: it has to be a list of texts",
		"[[allow]]\ndns = []\n":                                                  "line 2: rule 1: dns: the list is empty",
		"\n[[allow]]\n":                                                          "line 2: rule 1: it names nobody",
		"[allow]\ndns = [\"a\"]\n":                                               "allow has to be a list of rules",
		"allow = [\"a\"]\n":                                                      "allow has to be a list of rules",
		"[[allow]]\nip = [\"::1\"]\n[[allow]]\ndns = [\n \"a\",\n \"::1\",\n]\n": `line 6: rule 2: dns: "::1": it is an IP address, not a DNS name`,
		"[[allow]]\ncn = [\"a\\u0000\"]\n":                                       `line 2: rule 1: cn: "a\x00": a common name has only characters that can be printed`,
		"[[allow]]\ndns = [\"" + strings.Repeat("a", 5000) + "\"]":               "... (5000 bytes)",
		"\xff":                                   "line 1: it is not text in UTF-8",
		"Allow = []":                             `line 1: unknown key "Allow"`,
		"[[\"\\u0061llow\"]]\ndns = [\n\"a b\"]": `line 3: rule 1: dns: "a b"`,
		"{\"allow\": [\n{\"dns\": [\"a\"], \"cn\": [\"b c\"]},\n{\"dns\": [\"b c\"]}]}": `line 3: rule 2: dns: "b c"`,
		"{\"allow\": []\n]":                                                      "line 2: this is not valid JSON: invalid character ']'",
		"{\"allow\": [],\n":                                                      "line 1: this is not valid JSON: unexpected",
		"a = " + strings.Repeat("[", 64):                                         "line 1: this is not valid TOML",
		"[[allow]]\na" + strings.Repeat(".a", 256) + " = 1":                      "line 2: rule 1: a: unknown key",
		"[[allow]]\ncn = [\"\xff\"]\n":                                           "line 2: it is not text in UTF-8",
		strings.Repeat("a = [\n", 1) + strings.Repeat("[", deep):                 "line 2: more than 64 brackets in brackets",
		`{"allow": ` + strings.Repeat("[", deep):                                 "line 1: more than 64 brackets in brackets",
		"[[allow]]\na" + strings.Repeat(".a", deep) + " = 1":                     "line 2: more than 256 dots outside of quotation marks, and a policy needs none",
		"\n[a" + strings.Repeat(" . \"a\"", deep) + "]":                          "line 2: more than 256 dots",
		"a = {b" + strings.Repeat(".'a'", deep) + " = 1}":                        "line 1: more than 256 dots",
		"a = [\"\"\"\n\"\"\"\"\", {b" + strings.Repeat(".a", deep) + " = \"\"}]": "line 2: more than 256 dots",
		"a = '#'\nb = \"#'\\\"\"\nc" + strings.Repeat(".a", deep) + " = 1 # '\"": "line 3: more than 256 dots",
		"{\"allow\": [\n{\"dns\": [\"a\"],\n\"dns\": [\"b\"]}]}":                 `line 3: this is not valid JSON: the key "dns" occurs twice`,
		"{\"allow\": [],\n\"allow\": [{\"dns\": [\"a\"]}]}":                      `line 2: this is not valid JSON: the key "allow" occurs twice`,
		"{\"allow\": [{\"dns\": [\"a\"]}]}\n{}":                                  "line 2: this is not valid JSON: there is something behind it",
		"{\"allow\": [{\"dns\": [\"a\"]}\n":                                      "this is not valid JSON: unexpected",
		"{\"allow\": [\n{\"dns\": [\"a\"]},\n{\"dns\": [\"b c\"]}]}":             `line 3: rule 2: dns: "b c": it has to be a DNS name`,
		"{\"allow\": null}":                                                      "there is no rule",
		"{\"allow\": [null]}":                                                    "allow has to be a list of rules",
		"{\"allow\": [{\"dns\": null}]}":                                         "rule 1: dns: it has to be a list of texts",
		"{\"allow\": [{\n\"dns\": [{\"a\": 1}]}]}":                               "line 2: rule 1: dns: it has to be a list of texts",
		"[[allow]]\n\"dns\" = [\"a b\"]":                                         `line 2: rule 1: dns: "a b"`,
		"{\"allow\": [{\"dns\": [\"a\"]}, {\n\"\\u0064ns\": [\n\"b c\"]}]}":      `line 3: rule 2: dns: "b c"`,
	} {
		_, err := policy.Parse([]byte(text))
		if _, ok := errors.AsType[*policy.ParseError](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%.300s\nerror %v\nwant  %s", text, err, want)
		}
		if err != nil && len(err.Error()) > 1000 {
			t.Errorf("%.100s\nan error of %d bytes", text, len(err.Error()))
		}
	}
}

// What a text or a comment has is not counted.
func TestManyDotsAndBrackets(t *testing.T) {
	many := strings.Repeat(".[{'", 1000)
	for _, form := range []string{
		"# %s\n[[allow]] # %[1]s\ncn = [\"%[1]s\"]",
		"[[allow]]\ncn = [\"\"\"%s\\\"\"\"\", 'a']",
		"{\"allow\": [{\"cn\": [\"\\\"%s\"]}]}",
	} {
		text := fmt.Sprintf(form, many[:1000])
		if _, err := policy.Parse([]byte(text)); err != nil {
			t.Errorf("%.100s: %v", text, err)
		}
	}
}

// A line that is not known is not made up.
func TestNoLine(t *testing.T) {
	for _, key := range []string{strings.Repeat("k", 1000), `"\u006b"`} {
		_, err := policy.Parse([]byte("\n" + key + " = 1"))
		if wrong, ok := errors.AsType[*policy.ParseError](err); !ok || wrong.Line != 0 || !strings.HasPrefix(err.Error(), "unknown key") {
			t.Errorf("error %v", err)
		}
	}
}

// TestManyRules: brackets that are closed again are not in each other.
func TestManyRules(t *testing.T) {
	p, err := policy.Parse([]byte(strings.Repeat("[[allow]]\ndns = [\"a\"]\n", 1000)))
	if err != nil || p.Check(shown("dns:a")) != nil {
		t.Errorf("error %v", err)
	}
}

func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy")
	wantCode := func(want certs.Code) {
		t.Helper()
		finding, ok := errors.AsType[*certs.Finding](second(policy.Load(file)))
		if !ok || finding.Code != want || finding.File != file {
			t.Errorf("finding %+v, want %s", finding, want)
		}
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(certs.FileMissing)
	write("[[allow]]\n")
	wantCode(certs.PolicyUnparsable)
	_, err := policy.Load(file)
	if rule, ok := errors.AsType[*policy.RuleError](err); !ok || rule.Rule != 0 || !strings.Contains(err.Error(), "it names nobody") {
		t.Errorf("error %v", err)
	}
	largest := inTOML + strings.Repeat("#", 1<<20-len(inTOML))
	write(largest + "#")
	wantCode(certs.PolicyUnreadable)
	write(largest)
	if p, err := policy.Load(file); err != nil || p.Check(shown("dns:alice.localhost")) != nil {
		t.Errorf("error %v", err)
	}
	file = filepath.Dir(file)
	wantCode(certs.PolicyUnreadable)
}

func second(_ *policy.Policy, err error) error { return err }

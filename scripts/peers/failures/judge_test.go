package failures

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tlsdemo/certs/chain"
	"tlsdemo/tlsnet/explain"
)

// theCast is made once: it takes a while, and nobody changes it.
var theCast *cast

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tlsdemo-peers-")
	if err == nil {
		theCast, err = newCast(filepath.Join(dir, "cast"), time.Now())
	}
	if err != nil {
		panic(err)
	}
	status := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(status)
}

// bothWays are encounters of every situation, with our end on either side where it exists.
func bothWays() []*encounter {
	var all []*encounter
	for _, s := range situations() {
		for _, ours := range []explain.Side{explain.ClientSide, explain.ServerSide} {
			if s.exists(ours) {
				all = append(all, &encounter{situation: s, ours: ours})
			}
		}
	}
	return all
}

func (e *encounter) name() string { return e.situation.name + ", our end is the " + e.ours.String() }

// perfect is an account that is right in every respect.
func perfect(e *encounter, code explain.Code) account {
	x := e.exhibit(theCast)
	a := account{Code: code, Text: "something failed: "}
	if (x.shown != nil || x.unread) && !unknown(code) && !blameless(code) {
		places := x.atFault(code)
		a.AtFault, a.Text = places[len(places)-1], x.refusal()[0]
	}
	a.Text += strings.Join(x.facts(code), "; ")
	a.Certainty = certainty(a, x)
	if unknown(code) {
		a.Basis = "perhaps this, or that"
	}
	return a
}

// accounts are all that can be right or an honest hedge of an encounter.
func accounts(e *encounter) map[explain.Code]judgement {
	all := make(map[explain.Code]judgement)
	for _, code := range e.situation.hedges(e.ours) {
		all[code] = hedged
	}
	for _, code := range e.situation.right(e.ours) {
		if code != uncoded {
			all[code] = right
		}
	}
	return all
}

// An account that is right in every respect is judged so, and one that is wrong in any is
// wrong.
func TestEveryPartIsJudged(t *testing.T) {
	for _, e := range bothWays() {
		for code, want := range accounts(e) {
			sound := perfect(e, code)
			if got, why := e.judge(heard{account: sound}, theCast); got != want {
				t.Errorf("%s, %s: %d instead of %d: %s\n%+v", e.name(), code, got, want, why, sound)
			}
			for what, spoilt := range spoil(e, sound) {
				if got, why := e.judge(heard{account: spoilt}, theCast); got != wrong || why == "" {
					t.Errorf("%s, %s, %s: %d, %q\n%+v", e.name(), code, what, got, why, spoilt)
				}
			}
		}
	}
}

// spoil returns accounts that are wrong in one respect each.
func spoil(e *encounter, sound account) map[string]account {
	x := e.exhibit(theCast)
	all := make(map[string]account)
	with := func(what string, change func(*account)) {
		spoilt := sound
		change(&spoilt)
		all[what] = spoilt
	}
	for _, certainty := range []explain.Certainty{explain.Unknown, explain.Likely, explain.Certain} {
		if certainty.String() != sound.Certainty {
			with("it is called "+certainty.String(), func(a *account) { a.Certainty = certainty.String() })
		}
	}
	for _, fact := range x.facts(sound.Code) {
		with("without "+fact, func(a *account) { a.Text = strings.ReplaceAll(a.Text, fact, "") })
	}
	if sound.AtFault == "" {
		with("something is at fault", func(a *account) { a.AtFault = "the server's certificate" })
	} else {
		with("nothing is at fault", func(a *account) { a.AtFault = "" })
		with("another serial number", func(a *account) { a.AtFault = strings.Replace(a.AtFault, "(serial ", "(serial 0", 1) })
		with("another file", func(a *account) { a.AtFault = "x" + a.AtFault })
		with("another refused", func(a *account) { a.Text = strings.TrimPrefix(a.Text, x.refusal()[0]) })
	}
	if unknown(sound.Code) {
		with("without a basis", func(a *account) { a.Basis = "" })
	}
	with("an accusation", func(a *account) { a.Code = accusation(e) })
	return all
}

// accusation is a code that is no account of the encounter.
func accusation(e *encounter) explain.Code {
	i := slices.IndexFunc(explain.Codes(), func(code explain.Code) bool {
		_, ok := accounts(e)[code]
		return !ok
	})
	return explain.Codes()[i]
}

// What is judged without an account.
func TestJudgeWithoutAccount(t *testing.T) {
	client := situation{kind: clientCert, verifier: byServer, serve: codes(explain.ClientCertExpired), send: codes(explain.ClientCertExpired)}
	loose := client
	loose.unloadable = true
	soundly := situation{kind: control, accepted: true}
	silently := situation{kind: control, quiet: true}
	for _, c := range []struct {
		name string
		s    situation
		ours explain.Side
		h    heard
		want judgement
	}{
		{"the peer does not load it", loose, byClient, heard{absent: true}, untried},
		{"we do not load our own", client, byClient, heard{atStart: true}, right},
		{"we do not load what is sound", client, byServer, heard{atStart: true}, wrong},
		{"it has to be accepted", soundly, byClient, heard{accepted: true, account: account{Code: uncoded}}, right},
		{"it has to be accepted, and we complain", soundly, byServer, heard{accepted: true, account: account{Code: explain.PeerHungUp}}, wrong},
		{"it has to be accepted, and is not", soundly, byServer, heard{account: account{Code: explain.ClientCertExpired}}, wrong},
		{"the peer accepts it", client, byClient, heard{accepted: true}, tolerant},
		{"we accept it", client, byServer, heard{accepted: true}, wrong},
		{"nothing is said, rightly", silently, byServer, heard{}, right},
		{"nothing is said", client, byServer, heard{}, wrong},
		{"nothing is said, since it was not loaded", loose, byServer, heard{}, untried},
		{"our client has no code", client, byClient, heard{account: account{Code: uncoded}}, hedged},
		{"our server has no code", client, byServer, heard{account: account{Code: uncoded}}, wrong},
	} {
		e := &encounter{situation: c.s, ours: c.ours}
		if got, _ := e.judge(c.h, theCast); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// The right accounts of a situation are not hedges, and the verifier may not hedge.
func TestHedgesAreNotRight(t *testing.T) {
	for _, e := range bothWays() {
		if e.situation.verifier == e.ours && len(e.situation.hedges(e.ours)) > 0 {
			t.Errorf("%s: the verifier may hedge", e.name())
		}
		if e.situation.kind >= transport {
			continue
		}
		for _, code := range e.situation.right(e.ours) {
			if slices.Contains(e.situation.hedges(e.ours), code) && code != explain.NoSharedParameters {
				t.Errorf("%s: %s is right and a hedge", e.name(), code)
			}
		}
	}
}

// The certificates have the defects that the situations are named after, and no others. Those
// for one role only are in the order in which crypto/tls finds them.
func TestCast(t *testing.T) {
	for name, want := range map[string][]chain.Kind{
		"expired":       {chain.Expired},
		"early":         {chain.NotYetValid},
		"usage":         {chain.WrongUsage},
		"astray":        {chain.NameConstraint},
		"revoked":       nil, // by the list only
		"critical":      {chain.CriticalExtension},
		"weak":          {chain.WeakKey},
		"selfmade":      {chain.SelfSigned},
		"expired-usage": {chain.Expired, chain.WrongUsage},
		"astray-usage":  {chain.WrongUsage, chain.NameConstraint},
		"expired-other": {chain.Expired, chain.UnknownCA},
		"lapsed-usage":  {chain.Expired, chain.WrongUsage},
		"far":           {chain.UnknownCA},
		"orphan":        {chain.UnknownCA},
		"lapsed":        {chain.Expired},
		"rash":          {chain.NotYetValid},
		"not-ca":        {chain.NotCA},
		"no-sign":       {chain.NotCA},
		"ca-critical":   {chain.CriticalExtension},
		"ca-usage":      {chain.CAWrongUsage},
		"too-long":      {chain.PathTooLong},
		"near":          nil,
		"disorder":      nil,
		"deep":          nil,
		"cross":         nil,
		"stray":         nil,
		"rsa2048":       nil,
		"rsa4096":       nil,
		"p384":          nil,
		"p521":          nil,
		"ed25519":       nil,
	} {
		for role, usage := range map[string]chain.Usage{"client": chain.ClientAuth, "server": chain.ServerAuth} {
			if got := kindsOf(t, role+"-"+name, usage, ""); !slices.Equal(got, want) {
				t.Errorf("%s-%s: %v, want %v", role, name, got, want)
			}
		}
	}
	for name, want := range map[string][]chain.Kind{
		"server-elsewhere": {chain.NameMismatch}, "server-nameless": {chain.NoSAN}, "server-stray-elsewhere": {chain.NameMismatch},
		"server-expired-elsewhere": {chain.Expired, chain.NameMismatch}, "server-elsewhere-other": {chain.NameMismatch, chain.UnknownCA},
	} {
		if got := kindsOf(t, name, chain.ServerAuth, "localhost"); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"other-client-twin", "again-server-twin"} {
		role, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(name, "other-"), "again-"), "-")
		if got, want := theCast.certs[name].SerialNumber, theCast.certs[role+"-revoked"].SerialNumber; got.Cmp(want) != 0 {
			t.Errorf("%s has the serial number %v, want %v", name, got, want)
		}
	}
}

// kindsOf is what is wrong with what is sent.
func kindsOf(t *testing.T, name string, usage chain.Usage, host string) []chain.Kind {
	want := chain.Want{Now: theCast.Now, Usage: usage, Name: host, Roots: x509.NewCertPool()}
	want.Roots.AddCert(theCast.ca.Leaf())
	var kinds []chain.Kind
	for _, d := range chain.Check(sent(t, name), want) {
		kinds = append(kinds, d.Kind)
	}
	return kinds
}

// sent is the certificates of a file.
func sent(t *testing.T, name string) []*x509.Certificate {
	data, err := os.ReadFile(theCast.file(name + ".crt"))
	if err != nil {
		t.Fatal(err)
	}
	var list []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		list = append(list, cert)
	}
	return list
}

// A forgery that is said to send more than the leaf does, and no other.
func TestSends(t *testing.T) {
	for _, f := range forgeries {
		if f.raw != nil {
			continue // nothing that could be counted
		}
		for role := range roles {
			if got := len(sent(t, role+"-"+f.name)) > 1; got != f.sends {
				t.Errorf("%s-%s: sends more: %v, want %v", role, f.name, got, f.sends)
			}
		}
	}
}

// The certificate that Go does not read has the serial number that has to be told.
func TestUnread(t *testing.T) {
	data, err := os.ReadFile(theCast.file("client-negative.crt"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	if _, err := x509.ParseCertificate(block.Bytes); err == nil {
		t.Error("it is read")
	}
	if got := fmt.Sprintf("%x", chain.ReadOutline(block.Bytes).Serial); got != unreadSerial {
		t.Errorf("serial number %s, want %s", got, unreadSerial)
	}
}

// A hedge that has the true reason among those that it lists is right, and another is not.
func TestAmong(t *testing.T) {
	e := &encounter{ours: byClient, situation: situation{verifier: byServer, among: []string{"the list has ended"}}}
	for basis, want := range map[string]judgement{
		"perhaps the list has ended, or not": right, "perhaps it trusts another CA": hedged, "": wrong,
	} {
		a := perfect(e, explain.ClientCertRefused)
		a.Basis = basis
		if got, why := e.judge(heard{account: a}, theCast); got != want {
			t.Errorf("%q: %d, want %d: %s", basis, got, want, why)
		}
	}
}

// That nothing is wrong with our certificate is wrong where something is, whatever the peer
// has refused it for.
func TestFlawed(t *testing.T) {
	e := &encounter{ours: byServer, situation: situation{
		kind: serverCert, verifier: byClient, server: "server-expired-other", serve: codes(explain.ServerCertExpired),
	}}
	a := perfect(e, explain.ServerCertRefused)
	if got, why := e.judge(heard{account: a}, theCast); got != hedged {
		t.Errorf("%d, want %d: %s", got, hedged, why)
	}
	a.Text += "; we see nothing wrong with it"
	if got, _ := e.judge(heard{account: a}, theCast); got != wrong {
		t.Errorf("%d, want %d", got, wrong)
	}
}

// What our end has to warn of has to be there.
func TestWarns(t *testing.T) {
	e := &encounter{ours: byServer, situation: situation{kind: control, accepted: true, warns: "crl-expired"}}
	for said, want := range map[string]judgement{"warning: crl-expired: x": right, "": wrong} {
		if got, _ := e.judge(heard{accepted: true, ours: said, account: account{Code: uncoded}}, theCast); got != want {
			t.Errorf("%q: %d, want %d", said, got, want)
		}
	}
}

package failures

import (
	"crypto/x509"
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
	if x.shown != nil && !unknown(code) && !blameless(code) {
		a.AtFault, a.Text = x.atFault(), x.refusal()[0]
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

// The certificates have the defects that the situations are named after, and the twins have
// none.
func TestCast(t *testing.T) {
	for name, want := range map[string][]chain.Kind{
		"":          nil,
		"-expired":  {chain.Expired},
		"-early":    {chain.NotYetValid},
		"-usage":    {chain.WrongUsage},
		"-astray":   {chain.NameConstraint},
		"-revoked":  nil, // by the list only
		"-far":      {chain.UnknownCA},
		"-orphan":   {chain.UnknownCA},
		"-weak":     {chain.WeakKey},
		"-selfmade": {chain.SelfSigned},
	} {
		for role, usage := range map[string]chain.Usage{"client": chain.ClientAuth, "server": chain.ServerAuth} {
			if got := kindsOf(role+name, usage, ""); !slices.Equal(got, want) {
				t.Errorf("%s%s: %v, want %v", role, name, got, want)
			}
		}
	}
	for name, want := range map[string]chain.Kind{"server-elsewhere": chain.NameMismatch, "server-nameless": chain.NoSAN} {
		if got := kindsOf(name, chain.ServerAuth, "localhost"); !slices.Equal(got, []chain.Kind{want}) {
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

func kindsOf(name string, usage chain.Usage, host string) []chain.Kind {
	want := chain.Want{Now: theCast.Now, Usage: usage, Name: host, Roots: x509.NewCertPool()}
	want.Roots.AddCert(theCast.ca.Leaf())
	var kinds []chain.Kind
	for _, d := range chain.Check([]*x509.Certificate{theCast.certs[name]}, want) {
		kinds = append(kinds, d.Kind)
	}
	return kinds
}

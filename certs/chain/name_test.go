package chain_test

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"tlsdemo/certs/chain"
)

// parsed is a name as crypto/x509 parses it.
func parsed(name pkix.Name) pkix.Name {
	rdns := name.ToRDNSequence()
	var back pkix.Name
	back.FillFromRDNSequence(&rdns)
	return back
}

// units are n organizational units, and then a common name.
func units(n int) pkix.Name {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("unit %d", i))
	}
	return parsed(pkix.Name{OrganizationalUnit: list, CommonName: "x"})
}

func TestName(t *testing.T) {
	mail := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
	for _, name := range []pkix.Name{
		{},
		{CommonName: "not parsed", OrganizationalUnit: []string{"a", "b"}},
		parsed(pkix.Name{CommonName: ` #a,b+"c\<d>;é `, Organization: []string{"x", "y"}, Country: []string{"DE"}, SerialNumber: "5"}),
		parsed(pkix.Name{CommonName: "x", ExtraNames: []pkix.AttributeTypeAndValue{{Type: mail, Value: "a@localhost"}}}),
		parsed(pkix.Name{CommonName: strings.Repeat("x", 2000)}),
		units(60),
	} {
		if got, want := chain.Name(name), name.String(); got != want {
			t.Errorf("%q, and not %q", got, want)
		}
	}
	long, deep := strings.Repeat("x", 5000), make(asn1.ObjectIdentifier, 300)
	extra := func(id asn1.ObjectIdentifier, value any) pkix.Name {
		return parsed(pkix.Name{CommonName: long, ExtraNames: []pkix.AttributeTypeAndValue{{Type: id, Value: value}}})
	}
	for _, c := range []struct {
		name pkix.Name
		want string
	}{
		{units(5000), "CN=x,OU=unit 4999,OU=unit 4998,OU=unit 4997,OU=unit 4996,OU=unit 4995,OU=unit 4994,OU=unit 4993,OU=unit 4992,OU=unit 4991,OU=unit 4990,OU=unit 4989,OU=unit 4988 and 4988 more attributes"},
		{parsed(pkix.Name{CommonName: long}), "CN=" + long[:40] + "... (5000 bytes)"},
		{parsed(pkix.Name{Country: []string{long}, CommonName: strings.Repeat("é", 3000)}), "CN=" + strings.Repeat("é", 20) + "... (6000 bytes),C=" + long[:40] + "... (5000 bytes)"},
		{extra(mail, long), "1.2.840.113549.1.9.1=#1328" + strings.Repeat("78", 40) + "... (5000 bytes) and 1 more attribute"},
		{extra(mail, slices.Repeat([]byte{0}, 5000)), "1.2.840.113549.1.9.1=#0c28" + fmt.Sprintf("%x", "[0 0 0 0")},
		{extra(deep, "y"), "a name of 2 attributes"},
		{parsed(pkix.Name{CommonName: "x", ExtraNames: []pkix.AttributeTypeAndValue{{Type: deep, Value: long}, {Type: mail, Value: "y"}}}), "1.2.840.113549.1.9.1=#130179 and 2 more attributes"},
	} {
		got := chain.Name(c.name)
		if !strings.HasPrefix(got, c.want) || len(got) > chain.MaxName {
			t.Errorf("%d bytes: %q, and not %q", len(got), got, c.want)
		}
	}
}

// Joining the attributes one after the other would take 5,000 times the memory of the name.
func TestNameTakesLinearTime(t *testing.T) {
	name := units(5000)
	for what, text := range map[string]func() string{
		"Name":  func() string { return chain.Name(name) },
		"Names": func() string { return strings.Join(chain.Names([][]byte{derOf(t, name)}), "") },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := text()
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 20<<20 || len(got) > chain.MaxName {
			t.Errorf("%s: %d bytes of memory for a text of %d", what, used, len(got))
		}
	}
}

func derOf(t *testing.T, name pkix.Name) []byte {
	t.Helper()
	der, err := asn1.Marshal(name.ToRDNSequence())
	if err != nil {
		t.Fatal(err)
	}
	return der
}

package trace

import (
	"slices"
	"strings"
	"testing"

	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// A comparison that cannot fail says nothing.
func TestCompare(t *testing.T) {
	one := func() *account {
		a := new(account)
		a.sides[wire.Server] = facts{
			records: []string{"record of type 22, 90 bytes", "record of type 23, 100 bytes"},
			said:    []string{"message 2, 86 bytes", "  version 0303", "  extension 002b", "alert", "  level 02"},
			data:    []int{12, 30},
		}
		return a
	}
	if found := compare(one(), one()); len(found) > 0 {
		t.Errorf("%v", found)
	}
	for want, change := range map[string]func(*facts){
		"server's records after record of type 22, 90 bytes: ours \"record of type 23, 100 bytes\", tshark \"record of type 23, 101 bytes\"": func(f *facts) {
			f.records[1] = "record of type 23, 101 bytes"
		},
		"server's messages after message 2, 86 bytes: ours \"  extension 002b\", tshark \"  extension 002c\"": func(f *facts) { f.said[2] = "  extension 002c" },
		"server's messages after alert: ours \"  level 02\", tshark \"the end\"":                              func(f *facts) { f.said = f.said[:4] },
		"server's messages after the beginning: ours \"message 2, 86 bytes\", tshark \"message 1, 86 bytes\"": func(f *facts) { f.said[0] = "message 1, 86 bytes" },
		"server's plaintexts after 12: ours \"30\", tshark \"the end\"":                                       func(f *facts) { f.data = f.data[:1] },
	} {
		theirs := one()
		change(&theirs.sides[wire.Server])
		if found := compare(one(), theirs); len(found) != 1 || found[0].String() != want {
			t.Errorf("%v, want %s", found, want)
		}
	}
	if found := compare(one(), nil); len(found) == 0 {
		t.Error("nothing is as good as something")
	}
}

// What a scene is about has to have happened, and what tlsnet/wire finds wrong is told.
func TestJudge(t *testing.T) {
	hello := wire.Chunk{From: wire.Client, Data: []byte("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03")}
	r := recording{scene: scene{has: []string{"ClientHello", "KeyUpdate"}}, captures: []*trace.Capture{{Chunks: []wire.Chunk{hello}}}}
	if told := lacks(r); !slices.Equal(told, []string{"there is no KeyUpdate"}) {
		t.Errorf("%q", told)
	}
	faults := ownFaults(r.conversations()[0])
	if len(faults) != 1 || !strings.Contains(faults[0].String(), "cut short") {
		t.Errorf("%v", faults)
	}
}

// An allowance is for its scene and its difference only.
func TestAllow(t *testing.T) {
	d := difference{what: "client's messages after change cipher spec", ours: "the end", theirs: "message 20, 16 bytes"}
	if allow("TLS_ECDHE_ECDSA_WITH_AES_128_CCM", d) < 0 {
		t.Error("a suite that stays closed is not explained")
	}
	d.ours = "message 20, 17 bytes"
	if allow("TLS_ECDHE_ECDSA_WITH_AES_128_CCM", d) >= 0 || allow("Go to Go, 1.3", d) >= 0 {
		t.Error("everything is explained")
	}
}

// The scenes have names of their own, by which they can be chosen.
func TestScenes(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range scenes() {
		if s.name == "" || seen[s.name] {
			t.Errorf("%q is there twice", s.name)
		}
		seen[s.name] = true
	}
}

func TestReadFollows(t *testing.T) {
	accounts := map[uint16]*account{7: new(account), 8: new(account)}
	text := "Filter: tcp.stream eq 1\nNode 0: 127.0.0.2:443\nNode 1: 127.0.0.1:8\n\t0102\n030405\n====\n" +
		"Filter: tcp.stream eq 0\nNode 0: 127.0.0.1:7\nNode 1: 127.0.0.2:443\n06\n"
	readFollows([]byte(text), map[int]uint16{0: 7, 1: 8}, accounts)
	if a := accounts[8]; !slices.Equal(a.sides[wire.Client].data, []int{2}) || !slices.Equal(a.sides[wire.Server].data, []int{3}) {
		t.Errorf("%+v", a)
	}
	if a := accounts[7]; !slices.Equal(a.sides[wire.Client].data, []int{1}) {
		t.Errorf("%+v", a)
	}
}

package failures

import (
	"testing"

	"tlsdemo/tlsnet/explain"
)

func TestPrinted(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want account
	}{
		"nothing":     {"", account{Code: uncoded}},
		"an answer":   {"Received \"Hello world!\"\n", account{Code: uncoded}},
		"an error":    {"tlsdemo: read: connection reset\n", account{Code: uncoded}},
		"not a code":  {"tlsdemo: key-mismatch: x.key: no\nat fault: x\n", account{Code: uncoded}},
		"only a code": {"tlsdemo: peer-hung-up: it hung up\n", account{Code: explain.PeerHungUp, Text: "it hung up"}},
		"all, after a warning": {
			"tlsdemo: warning: cert-expired: it ended\r\ntlsdemo: client-cert-expired: the server refused it: it ended\n" +
				"at fault: x.crt (serial 01, issued by \"CN=x\")\nhint: ask\ncertainty: likely (the alert \"x (y)\"; so)\nat fault: another block\n",
			account{
				Code: explain.ClientCertExpired, Text: "the server refused it: it ended", AtFault: `x.crt (serial 01, issued by "CN=x")`,
				Hint: "ask", Certainty: "likely", Basis: `the alert "x (y)"; so`,
			},
		},
		"no basis": {"tlsdemo: peer-echoes: it echoes\ncertainty: certain\n", account{Code: explain.PeerEchoes, Text: "it echoes", Certainty: "certain"}},
	} {
		if got := printed(c.text); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestLogged(t *testing.T) {
	for name, c := range map[string]struct {
		log  string
		want account
	}{
		"nothing": {"", account{}},
		"nobody failed": {
			`{"msg":"listening","addr":"127.0.0.1:1"}` + "\nConnected by 127.0.0.1:2\n" + `{"msg":"connections failed","by_code":"x=1"}`, account{},
		},
		"the first that failed": {
			`{"msg":"listening"}` + "\n" +
				`{"remote_addr":"127.0.0.1:2","code":"peer-silent","text":"it is silent","certainty":"unknown","basis":"who knows","error":"timeout"}` + "\n" +
				`{"remote_addr":"127.0.0.1:3","code":"peer-hung-up","text":"another"}`,
			account{Code: explain.PeerSilent, Text: "it is silent", Certainty: "unknown", Basis: "who knows", Error: "timeout"},
		},
		"only an error":  {`{"remote_addr":"127.0.0.1:2","error":"no-answer: none came"}`, account{Code: explain.NoAnswer, Error: "no-answer: none came"}},
		"without a code": {`{"remote_addr":"127.0.0.1:2","error":"read: reset"}`, account{Code: uncoded, Error: "read: reset"}},
		"with everything": {
			`{"remote_addr":"[::1]:2","code":"client-cert-revoked","at_fault":"x","alert":"tls: revoked certificate"}`,
			account{Code: explain.ClientCertRevoked, AtFault: "x", Alert: "tls: revoked certificate"},
		},
	} {
		if got := logged(c.log); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

package interop

import (
	"strings"
	"testing"

	"tlsdemo/scripts/peers/workshop"
)

// What the two ends print, in short.
const (
	served       = "Connected by 127.0.0.1:5 (client.localhost)\nReceived data: \"Good morning!\"\n"
	servedCut    = "Connected by 127.0.0.1:5 (client.localhost)\nReceived data: \"Good morning!\" (read 13 bytes; ended: cut, so it may be incomplete)\n"
	weRefused    = "tlsdemo: 127.0.0.1:5: client-cert-untrusted: we refused\n"
	theyRefused  = "tlsdemo: 127.0.0.1:5: server-cert-refused: the client refused\n"
	closed       = "exchange  1 ms\nended         closed\n"
	wasCut       = "exchange  1 ms\nended         cut\n"
	sawClient    = "Client me\n"
	sawPage      = "Shown to DNS:client.localhost\n"
	brokenOff    = "Failed: SSL alert number 46\n"
	turnedAway   = "Failed: UNABLE_TO_VERIFY_LEAF_SIGNATURE\n"
	badAuthority = "net::ERR_CERT_AUTHORITY_INVALID\n"
)

func TestJudge(t *testing.T) {
	aClient := client{shows: []string{"trusted\n"}}
	twice := client{times: 2}
	rude, long := client{ended: "cut"}, client{message: `"Good`}
	blind := client{unloadable: "cannot load"}
	cut := server{answer: sentReply, ended: "cut"}
	aServer := server{answer: sentReply, saw: []string{sawClient}}
	noAlert := server{answer: sentReply, refusal: statusNoAnswer}
	chromium, firefox := browser{prints: true}, browser{}
	for what, test := range map[string]struct {
		judge   func(trial, outcome) error
		verdict verdict
		out     outcome
		want    string // of the error; if empty, there is none
	}{
		"client: accepted":             {aClient.judge, accepted, outcome{client: "trusted\n" + workshop.Reply, server: served}, ""},
		"client: trusts nobody":        {aClient.judge, accepted, outcome{client: workshop.Reply, server: served}, "did not say \"trusted"},
		"client: no answer":            {aClient.judge, accepted, outcome{client: "trusted\n", server: served}, "did not say \"Hello"},
		"client: failed":               {aClient.judge, accepted, outcome{client: "trusted\n" + workshop.Reply, server: served, clientStatus: 1}, "exited with 1 instead of 0"},
		"client: never came":           {aClient.judge, accepted, outcome{client: "trusted\n" + workshop.Reply}, "0 times of 1"},
		"client: once instead of 2":    {twice.judge, accepted, outcome{client: workshop.Reply, server: served}, "1 times of 2"},
		"client: twice":                {twice.judge, accepted, outcome{client: workshop.Reply, server: served + served}, ""},
		"client: cut":                  {rude.judge, accepted, outcome{client: workshop.Reply, server: servedCut}, ""},
		"client: cut, not said":        {rude.judge, accepted, outcome{client: workshop.Reply, server: served}, "0 times of 1"},
		"client: not cut, said":        {aClient.judge, accepted, outcome{client: "trusted\n" + workshop.Reply, server: servedCut}, "0 times of 1"},
		"client: other message":        {long.judge, accepted, outcome{client: workshop.Reply, server: served}, ""},
		"client: serve failed":         {aClient.judge, accepted, outcome{client: "trusted\n" + workshop.Reply, server: served, serverStatus: 1}, "serve exited with 1"},
		"client: refused":              {aClient.judge, clientRefused, outcome{server: weRefused}, ""},
		"client: refused, absent":      {aClient.judge, clientRefused, outcome{}, "did not say"},
		"client: refused, answered":    {aClient.judge, clientRefused, outcome{client: workshop.Reply, server: weRefused}, "must not"},
		"client: refused, served":      {aClient.judge, clientRefused, outcome{server: served + weRefused}, "must not"},
		"client: refused, by itself":   {aClient.judge, clientRefused, outcome{server: theyRefused}, "did not say \": client-cert-"},
		"client: refuses":              {aClient.judge, serverRefused, outcome{server: theyRefused}, ""},
		"client: refuses, is refused":  {aClient.judge, serverRefused, outcome{server: weRefused}, "must not"},
		"client: refuses, absent":      {aClient.judge, serverRefused, outcome{client: "cannot load"}, "did not say"},
		"client: refuses, cannot load": {blind.judge, serverRefused, outcome{client: "cannot load"}, ""},
		"client: cannot load, did":     {blind.judge, serverRefused, outcome{}, "did not say"},

		"server: accepted":            {aServer.judge, accepted, outcome{client: closed + sentReply, server: sawClient}, ""},
		"server: saw nobody":          {aServer.judge, accepted, outcome{client: closed + sentReply}, "did not say \"Client"},
		"server: answer cut":          {cut.judge, accepted, outcome{client: wasCut + sentReply, clientStatus: statusCut}, ""},
		"server: cut, status 0":       {cut.judge, accepted, outcome{client: wasCut + sentReply}, "exited with 0 instead of 4"},
		"server: cut, said closed":    {cut.judge, accepted, outcome{client: closed + sentReply, clientStatus: statusCut}, "did not say \"\\nended         cut"},
		"server: no answer":           {aServer.judge, accepted, outcome{server: sawClient}, "did not say \"Received"},
		"server: refuses":             {aServer.judge, clientRefused, outcome{clientStatus: statusRefused}, ""},
		"server: refuses, answers":    {aServer.judge, clientRefused, outcome{client: sentReply, clientStatus: statusRefused}, "must not"},
		"server: refuses, received":   {aServer.judge, clientRefused, outcome{server: workshop.GreetingLine, clientStatus: statusRefused}, "must not"},
		"server: refuses, not":        {aServer.judge, clientRefused, outcome{}, "exited with 0 instead of 6"},
		"server: refuses, no alert":   {noAlert.judge, clientRefused, outcome{clientStatus: statusNoAnswer}, ""},
		"server: refused":             {aServer.judge, serverRefused, outcome{clientStatus: statusRefusedServer}, ""},
		"server: refused, other code": {noAlert.judge, serverRefused, outcome{clientStatus: statusNoAnswer}, "exited with 4 instead of 5"},

		"browser: accepted":              {chromium.judge, accepted, outcome{client: workshop.Reply, server: sawPage}, ""},
		"browser: accepted, mute":        {firefox.judge, accepted, outcome{server: sawPage}, ""},
		"browser: page not shown":        {chromium.judge, accepted, outcome{server: sawPage}, "did not say \"Hello"},
		"browser: page not fetched":      {firefox.judge, accepted, outcome{}, "did not say \"Shown to"},
		"browser: crashed":               {chromium.judge, accepted, outcome{client: workshop.Reply, server: sawPage, clientStatus: 1}, "exited with 1"},
		"browser: was stopped":           {firefox.judge, accepted, outcome{server: sawPage, clientStatus: -1}, ""},
		"browser: refused":               {chromium.judge, clientRefused, outcome{server: turnedAway}, ""},
		"browser: refused, never came":   {chromium.judge, clientRefused, outcome{}, "did not say \"Failed"},
		"browser: refused, broke off":    {chromium.judge, clientRefused, outcome{server: brokenOff}, "must not"},
		"browser: refused, saw the page": {firefox.judge, clientRefused, outcome{server: turnedAway + sawPage}, "must not"},
		"browser: refuses":               {chromium.judge, serverRefused, outcome{client: badAuthority, server: brokenOff}, ""},
		"browser: refuses, mute":         {firefox.judge, serverRefused, outcome{server: brokenOff}, ""},
		"browser: refuses, is refused":   {firefox.judge, serverRefused, outcome{server: turnedAway}, "did not say \"SSL alert"},
		"browser: refuses, other error":  {chromium.judge, serverRefused, outcome{client: "net::ERR_EMPTY_RESPONSE", server: brokenOff}, "did not say \"net::ERR_CERT"},
	} {
		t.Run(what, func(t *testing.T) {
			err := test.judge(trial{verdict: test.verdict}, test.out)
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestBrowserWhy(t *testing.T) {
	out := outcome{client: "12:ERROR Page load failed: net::ERR_CERT_INVALID\n", server: "Listening\n" + brokenOff}
	for b, want := range map[*browser]string{{prints: true}: "net::ERR_CERT_INVALID", {}: "SSL alert number 46"} {
		if got := b.why(out); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

package failures

import (
	"slices"
	"testing"

	"tlsdemo/tlsnet/explain"
)

// unseen are the codes for which there is no cell, and why.
var unseen = map[explain.Code]string{
	explain.HelloTooLarge:        "no program drops a large ClientHello; what does is on the way",
	explain.ClosedAfterHandshake: "tlsdemo probe says it, which sends nothing: tlsdemo send calls the same no-answer",
	explain.HandshakeTooLarge:    "other programs send such a certificate, and do not get it from each other",
	explain.HostUnknown:          "it takes a question to a name server, which is on another machine",
	explain.HostUnreachable:      "there is a route to every address of this machine",
	explain.ConnectTimeout:       "nothing on this machine drops what is sent to it",
	explain.ServerStopped:        "it takes a signal to our server while a client is there",
	explain.MessageNotTaken:      "the message is one line, which fits in what a system keeps for whoever does not read",
	explain.MessageCut:           "it is a fault of our own protocol, which no other program speaks",
	explain.MessageTooLarge:      "it is a limit of our own protocol, which no other program speaks",
	explain.MessageMalformed:     "it is a fault of our own protocol, which no other program speaks",
	explain.MessageAborted:       "it is a word of our own protocol, which no other program speaks",
	explain.RequestRefused:       "it is a fault of a request, whatever the certificates",
	explain.RecordInvalid:        "what adds bytes to a connection is on the way, and no peer",
	explain.HandshakeFailed:      "it stands for what no program is known to do",
}

// Every code of the catalogue is right somewhere in the matrix, or an honest hedge, or there
// is a reason why not; and no reason outlives its truth.
func TestEveryCode(t *testing.T) {
	seen := make(map[explain.Code]string)
	for _, e := range append(encounters(byServer, foreignClients), encounters(byClient, foreignServers)...) {
		codes := slices.Concat(e.situation.right(e.ours), e.unsure(), []explain.Code{explain.Code(e.situation.cause), explain.Code(e.situation.warns)})
		if e.foreign.cuts {
			codes = append(codes, explain.AnswerCut)
		}
		for _, code := range codes {
			seen[code] = e.name()
		}
	}
	for _, code := range explain.Codes() {
		switch where, why := seen[code], unseen[code]; {
		case where == "" && why == "":
			t.Errorf("no cell for %s", code)
		case where != "" && why != "":
			t.Errorf("%s is seen in %q, and is said not to be: %s", code, where, why)
		}
	}
}

// unsure are the hedges by which a refusal is told whose reason nobody knows.
func (e *encounter) unsure() []explain.Code {
	return slices.DeleteFunc(e.situation.hedges(e.ours), func(code explain.Code) bool {
		return code != explain.ClientCertRefused && code != explain.ServerCertRefused && code != explain.RefusedInHTTP
	})
}

package failures

import (
	"fmt"
	"slices"
	"strings"

	"tlsdemo/tlsnet/explain"
)

// judgement of what our end said.
type judgement int

const (
	untried  judgement = iota // the two did not meet
	right                     // the catalogue's code for the situation, at our end
	hedged                    // our end cannot know, and said so
	tolerant                  // the peer accepted what we would refuse: nothing failed
	wrong                     // a false accusation, or none where there should be one
)

// judge says what our end's account of the encounter is worth, and if it is wrong, why.
// Nothing of what is printed may be wrong: the code, how certain it is said to be, the
// certificate at fault, or a fact in the text.
func (e *encounter) judge(h heard, c *cast) (judgement, string) {
	j := e.judgeCode(h)
	switch {
	case j == wrong:
		return wrong, "the code"
	case j == untried, j == tolerant, h.atStart, h.Code == quiet, h.Code == uncoded, h.Code == explain.AnswerCut:
		return j, ""
	}
	if why := contradiction(h.account, e.exhibit(c)); why != "" {
		return wrong, why
	}
	if j == hedged && e.lists(h.account) {
		return right, ""
	}
	return j, ""
}

// lists reports whether an honest hedge has the true reason among those that it names.
func (e *encounter) lists(a account) bool {
	return slices.ContainsFunc(e.situation.among, func(word string) bool { return strings.Contains(a.Basis, word) })
}

// judgeCode is judge, by the code alone.
func (e *encounter) judgeCode(h heard) judgement {
	s := e.situation
	switch {
	case h.absent:
		return untried
	case h.accepted && s.accepted && !strings.Contains(h.ours, s.warns):
		return wrong // what there is to warn of is not said
	case h.atStart:
		return when(s.ours(e.ours), right)
	case h.accepted && s.accepted:
		// Python's server ends without close_notify, and that is said.
		return when(h.Code == quiet || h.Code == uncoded || h.Code == explain.AnswerCut, right)
	case h.accepted:
		return when(s.verifier != e.ours && s.kind != transport && s.kind != control, tolerant)
	case slices.Contains(s.right(e.ours), h.Code):
		return right
	case e.ours == explain.ServerSide && h.Code == quiet:
		return e.judgeQuiet()
	case slices.Contains(s.hedges(e.ours), h.Code):
		return hedged
	}
	// A code that is not there accuses nobody; where the peer has to notice, that will do.
	return when(h.Code == uncoded && s.kind <= serverCert && s.verifier != e.ours, hedged)
}

func when(ok bool, j judgement) judgement {
	if ok {
		return j
	}
	return wrong
}

// judgeQuiet is a server that has nothing to say.
func (e *encounter) judgeQuiet() judgement {
	switch {
	case e.situation.quiet:
		return right
	case e.situation.unloadable:
		return untried
	}
	return wrong
}

// contradiction says what of an account, whose code is right, is not as the exhibit is.
func contradiction(a account, x exhibit) string {
	if want := certainty(a, x); a.Certainty != want {
		return fmt.Sprintf("the certainty: it has to be %q", want)
	}
	about := !unknown(a.Code) && !blameless(a.Code) && (x.shown != nil || x.unread)
	switch {
	case x.flawed && strings.Contains(a.Text, "we see nothing wrong with it"):
		return "that nothing is wrong to be seen"
	case !about && a.AtFault != "":
		return "something is at fault: nobody knows that"
	case about && !slices.Contains(x.atFault(a.Code), a.AtFault):
		return fmt.Sprintf("what is at fault: it has to be one of %q", x.atFault(a.Code))
	case about && !slices.ContainsFunc(x.refusal(), func(begin string) bool { return strings.HasPrefix(a.Text, begin) }):
		return fmt.Sprintf("who refused whom: it has to begin with one of %q", x.refusal())
	}
	if unknown(a.Code) && a.Basis == "" {
		return "the basis: it has to say what else may be the reason"
	}
	if word, ok := missing(a.Text+"\n"+a.Basis, x.facts(a.Code)); ok {
		return fmt.Sprintf("a fact: %q is missing", word)
	}
	return ""
}

// certainty is how certain an account has to be. What our end has seen itself is certain,
// and what an alert says in so many words; of a defect of our own it is likely that it is
// why the peer refused us, and the rest nobody knows.
func certainty(a account, x exhibit) string {
	switch {
	case unknown(a.Code):
		return explain.Unknown.String()
	case (x.shown != nil || x.unread) && x.by == x.ours, witnessed(a.Code), told(a):
		return explain.Certain.String()
	}
	return explain.Likely.String()
}

// told reports whether the peer gave an alert that leaves no doubt, or an answer in HTTP. A
// block that is printed has an alert in the basis only.
func told(a account) bool {
	if a.Code == explain.RefusedInHTTP || a.Code == explain.CertAskedLater {
		return strings.Contains(a.Text, "and then refused us in HTTP with the status ")
	}
	return slices.ContainsFunc([]string{"certificate required", "revoked certificate"}, func(alert string) bool {
		return a.Alert == "tls: "+alert || strings.Contains(a.Basis, fmt.Sprintf("alert %q", alert))
	})
}

// unknown reports whether a code is one of not knowing.
func unknown(code explain.Code) bool {
	switch code {
	case explain.ClientCertRefused, explain.ServerCertRefused, explain.PeerClosedBeforeHello, explain.PeerHungUp,
		explain.PeerSilent, explain.PeerStalled, explain.NoAnswer, explain.HandshakeFailed:
		return true
	}
	return false
}

// blameless reports whether a code is about a certificate that was not there.
func blameless(code explain.Code) bool { return code == explain.ClientCertMissing }

// witnessed reports whether a code is of something that our end has seen for itself.
func witnessed(code explain.Code) bool {
	switch code {
	case explain.TLSVersionMismatch, explain.NoSharedCipher, explain.NoSharedGroup, explain.ALPNMismatch,
		explain.ALPNNone, explain.NoSharedSignature, explain.TLSTooOld, explain.ServerNameUnknown, explain.ServerNameRequired,
		explain.PeerPlaintextHTTP, explain.PeerNotTLS, explain.PeerWantsStartTLS, explain.PeerProxyHeader, explain.PeerEchoes, explain.ConnectionRefused:
		return true
	}
	return false
}

package ladder

import (
	"crypto/tls"
	"fmt"
	"slices"

	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// Kind says in what way a conversation broke off.
type Kind int

// The kinds.
const (
	Whole      Kind = iota // it did not: it ended as it ought to
	Refused                // by an alert
	Foreign                // one of the two does not speak TLS
	Unknown                // what came then is encrypted and no key opens it, or was not recorded
	Left                   // a side ended the connection in the middle of the handshake
	Silent                 // a side sent nothing, or nothing more
	Unanswered             // the server ended the connection, or sent nothing, where an answer was due
	Cut                    // a side ended the connection and did not say that this was all
	Above                  // TLS is whole: what failed was said over it
)

// Ending is how a conversation ended.
type Ending struct {
	Kind Kind
	// By is the side that ended it, if it is known; of a silence, the one that was silent.
	By    wire.Side
	Known bool
	Text  string   // what happened, in a sentence, if it is broken
	Notes []string // what may have to do with it

	// Unshown says that the client showed no certificate, and was refused without an alert.
	Unshown bool

	message *wire.Message // with which it breaks off, or nil
}

// Broken reports whether the conversation did not end as it ought to.
func (e Ending) Broken() bool { return e.Kind != Whole }

// Alert is the name of the alert with which a side refused the other or gave up, or empty.
func (e Ending) Alert() string {
	if e.Kind != Refused || e.message == nil {
		return ""
	}
	return e.message.Name
}

// talkOf is what there is to know of a conversation to tell how it ended.
type talkOf struct {
	*wire.Conversation
	capture *trace.Capture
	fatal   *wire.Message    // the first alert that ends it
	closed  [2]*wire.Message // the close_notify of each side
	first   *wire.Message    // the first of them
	finish  [2]bool
	data    [2]bool
	spoke   [2]bool          // TLS
	notTLS  [2]*wire.Message // of a side that has not spoken TLS before
	lapse   *wire.Message    // the first that is not TLS of one that has
	echo    *wire.Message    // a ClientHello of the server, or nil
	sealed  *wire.Message    // the first that nobody can open
	nobody  bool             // the client, which was asked for a certificate, has shown none
	said    [2]bool          // anything
}

// endingOf tells how a conversation ended. It does so by what was sent alone: an alert is not
// required, since there are ends that refuse without one.
func endingOf(c *wire.Conversation, capture *trace.Capture) Ending {
	t := &talkOf{Conversation: c, capture: capture}
	before := prefaces(c)
	for i := range c.Messages {
		if m := &c.Messages[i]; !before[m] {
			t.note(m)
		}
		t.said[c.Messages[i].From] = true
	}
	e := t.ending()
	if e.Broken() && e.Kind != Unknown && t.nobody && t.fatal == nil && !succeeded(c) {
		e.Unshown = true
		e.Notes = append(e.Notes, "The server had asked for a certificate, and the client has shown none.")
	}
	if capture.Guessed {
		e.Notes = append(e.Notes, "Which of the two is the client was not recorded: the one with the higher port is taken for it.")
	}
	return e
}

// prefaces are the messages that came before TLS, in the words of another protocol: TLS follows
// from the same side, or from the other if that has such words, too. What a server says by itself
// to a client that begins with TLS is none.
func prefaces(c *wire.Conversation) map[*wire.Message]bool {
	var begin, foreign [2]int // of each side, in the messages: its TLS, and what is not TLS
	for side := range begin {
		from := wire.Side(side)
		begin[side] = slices.IndexFunc(c.Messages, func(m wire.Message) bool { return m.From == from && m.Content != wire.NotTLS })
		foreign[side] = slices.IndexFunc(c.Messages, func(m wire.Message) bool { return m.From == from && m.Content == wire.NotTLS })
	}
	before := make(map[*wire.Message]bool)
	for i := range c.Messages {
		m := &c.Messages[i]
		own, other := begin[m.From], begin[m.From.Other()]
		asked := foreign[m.From.Other()]
		invited := asked >= 0 && asked < other // the other side had words before its TLS
		early := m.From == wire.Server && other >= 0 && other < i && !invited
		if m.Content == wire.NotTLS && (i < own && !early || i < other && invited) {
			before[m] = true
		}
	}
	return before
}

func (t *talkOf) note(m *wire.Message) {
	t.spoke[m.From] = t.spoke[m.From] || m.Content != wire.NotTLS
	switch m.Content {
	case wire.Alert:
		switch {
		case m.Type == int(wire.AlertCloseNotify):
			t.closed[m.From] = m
			if t.first == nil {
				t.first = m
			}
		case t.fatal == nil && isFatal(m):
			t.fatal = m
		}
	case wire.ApplicationData:
		t.data[m.From] = true
	case wire.NotTLS:
		switch {
		case t.spoke[m.From] && t.lapse == nil:
			t.lapse = m
		case !t.spoke[m.From] && t.notTLS[m.From] == nil:
			t.notTLS[m.From] = m
		}
	case wire.Closed:
		if t.sealed == nil {
			t.sealed = m
		}
	case wire.Handshake:
		switch m.Type {
		case wire.ClientHello:
			if m.From == wire.Server && t.echo == nil {
				t.echo = m
			}
		case wire.Finished:
			t.finish[m.From] = true
		case wire.Certificate:
			t.nobody = t.nobody || m.From == wire.Client && isEmpty(m)
		}
	}
}

func (t *talkOf) ending() Ending {
	shaken := t.finish == [2]bool{true, true}
	switch {
	case t.echo != nil:
		return Foreign.by(wire.Server, t.echo, "the server sends back what it receives: it does not speak TLS.")
	case t.fatal != nil:
		return t.refused()
	case beginsLate(t.Conversation, t.capture):
		return Ending{Kind: Unknown, Text: "How it ended cannot be told: the recording begins in the middle of the connection."}
	case t.foreign():
		return t.noTLS()
	case isCut(t.Conversation, t.capture):
		return Ending{Kind: Unknown, Text: "How it ended cannot be told: the recording ends here, and does not have the rest."}
	case t.sealed != nil && !t.deserted(t.sealed):
		e := Unknown.by(t.sealed.From, nil, "")
		e.Text = "How it went on cannot be told: the rest is encrypted, and there is no key at hand that opens it."
		if guess := t.guessed(); guess != "" {
			e.Notes = append(e.Notes, guess)
		}
		return e
	case !shaken && t.lapse != nil:
		return Foreign.by(t.lapse.From, nil, "the %v went on without TLS.", t.lapse.From)
	case !shaken:
		return t.unfinished()
	case !t.data[wire.Server] && (t.data[wire.Client] || t.first != nil && t.first.From == wire.Server):
		return t.unanswered()
	}
	return t.cut()
}

// guessed is what the lengths of records say that nobody can open. In TLS 1.3 one with an alert has the two
// bytes of the alert, a byte of its type and the tag, and nothing else in a handshake is as short.
func (t *talkOf) guessed() string {
	const size = 2 + 1 + 16
	var said [2]bool // since the hellos
	refused := false
	for _, r := range t.Records {
		switch {
		case t.Version != tls.VersionTLS13 || r.Key != "":
			return ""
		case !r.Closed:
			continue
		case r.From == wire.Server && refused:
			return "" // it had more to say
		}
		switch short := r.Length == size; {
		case r.From == wire.Client && short && !said[wire.Client]:
			return fmt.Sprintf("The first record that the client has encrypted is as long as an alert (%d bytes): perhaps it refused the server.", size)
		case r.From == wire.Client && short && !refused:
			return "" // it was the first to part
		case r.From == wire.Server && short:
			refused = said[wire.Client]
		case r.From == wire.Server && said[wire.Client]:
			return ""
		}
		said[r.From] = true
	}
	if !refused {
		return ""
	}
	return fmt.Sprintf("All that the server sent after the client's part of the handshake is one record, as long as an alert (%d bytes): perhaps it refused the client.", size)
}

// deserted reports whether the other side had left when a message was sent, in the middle of the
// handshake. Browsers do so that have opened a connection to have one.
func (t *talkOf) deserted(m *wire.Message) bool {
	other := m.From.Other()
	ended := t.capture.Ended[other]
	return !t.finish[other] && ended.How != trace.Open && ended.At.Before(m.At)
}

// beginsLate reports whether the handshake was over when the recording began, or its first message.
func beginsLate(c *wire.Conversation, capture *trace.Capture) bool {
	return capture.Late && c.Message(wire.Client, wire.Handshake, wire.ClientHello) == nil
}

// isCut reports whether the recording does not have all that was said.
func isCut(c *wire.Conversation, capture *trace.Capture) bool {
	return capture.Left != [2]int64{} || c.Left != [2]int64{}
}

const brokeOff = "It broke off here: "

func (k Kind) by(by wire.Side, message *wire.Message, format string, args ...any) Ending {
	return Ending{Kind: k, By: by, Known: true, message: message, Text: brokeOff + fmt.Sprintf(format, args...)}
}

// refused is a conversation that an alert ended. A side that gives up because the other has cut the
// connection is not the one that broke off.
func (t *talkOf) refused() Ending {
	by, name := t.fatal.From, t.fatal.Name
	other := by.Other()
	verb := refusing(t.fatal)
	ended := t.capture.Ended[other]
	before := ended.How != trace.Open && ended.At.Before(t.fatal.At) && t.closed[other] == nil
	if before && verb == gaveUp {
		return Cut.by(other, t.fatal, "the %v %s without close_notify, and then the %v gave up with alert %s.", other, t.verb(other), by, name)
	}
	e := Refused.by(by, t.fatal, "the %v %s with alert %s.", by, verb, name)
	if t.saidMore() {
		e.Notes = append(e.Notes, fmt.Sprintf("What the %v said after its alert, in plaintext, are its own words: they may say why.", by))
	}
	if before {
		e.Notes = append(e.Notes, fmt.Sprintf("The %v had %s before, without close_notify.", other, t.verb(other)))
	}
	return e
}

// saidMore reports whether the side that ended the conversation with an alert said something after it
// that is not TLS. So do some servers of other protocols, such as vsftpd.
func (t *talkOf) saidMore() bool {
	after := false
	for i := range t.Messages {
		m := &t.Messages[i]
		if after && m.From == t.fatal.From && m.Content == wire.NotTLS {
			return true
		}
		after = after || m == t.fatal
	}
	return false
}

const gaveUp = "gave up"

// refusing is what a side does with an alert: some say that it does not want the other, the rest
// that it cannot go on.
func refusing(m *wire.Message) string {
	switch tls.AlertError(m.Type) {
	case wire.AlertHandshakeFailure, wire.AlertNoCertificate, wire.AlertBadCertificate, wire.AlertUnsupportedCertificate,
		wire.AlertCertificateRevoked, wire.AlertCertificateExpired, wire.AlertCertificateUnknown, wire.AlertUnknownCA,
		wire.AlertAccessDenied, wire.AlertProtocolVersion, wire.AlertInsufficientSecurity, wire.AlertNoRenegotiation,
		wire.AlertUnrecognizedName, wire.AlertCertificateRequired, wire.AlertNoApplicationProtocol:
		return "refused"
	}
	return gaveUp
}

// foreign reports whether one of the two does not speak TLS.
func (t *talkOf) foreign() bool {
	return t.notTLS != [2]*wire.Message{} && (t.finish == [2]bool{} || !t.finish[wire.Client] && t.spokeFirst())
}

// spokeFirst reports whether the server has said something that is not TLS, and then its hello.
func (t *talkOf) spokeFirst() bool {
	for i := range t.Messages {
		switch m := &t.Messages[i]; {
		case m == t.notTLS[wire.Server]:
			return t.Message(wire.Server, wire.Handshake, wire.ServerHello) != nil
		case m.From == wire.Server && m.Content == wire.Handshake:
			return false
		}
	}
	return false
}

func (t *talkOf) noTLS() Ending {
	first := t.notTLS[wire.Client]
	if first != nil && t.notTLS[wire.Server] != nil && len(t.Records) == 0 {
		return Ending{Kind: Foreign, Text: brokeOff + "neither of the two began TLS."}
	}
	if first == nil {
		first = t.notTLS[wire.Server]
	}
	e := Foreign.by(first.From, nil, "the %v does not speak TLS.", first.From)
	if first.From == wire.Server && t.spokeFirst() {
		e.Text = brokeOff + "the server said something that is not TLS to a client that had begun TLS."
	}
	return e
}

// unfinished is a handshake that nobody refused, and that did not end.
func (t *talkOf) unfinished() Ending {
	where := "in the middle of the handshake"
	if !t.said[wire.Client] || !t.said[wire.Server] {
		where = "before the handshake"
		if t.said[wire.Client] {
			where = "without an answer"
		}
	}
	if t.first != nil {
		return Left.by(t.first.From, t.first, "the %v ended the connection %s.", t.first.From, where)
	}
	if by, ok := t.hungUp(); ok && t.Unfinished[by] > 0 {
		where = "in the middle of a message"
	}
	silent := t.silent()
	by, ok := t.hungUp()
	switch {
	case ok && t.capture.Ended[by].How == trace.Reset:
		return Left.by(by, nil, "the %v %s %s.", by, t.verb(by), where)
	case !ok:
		return stopped(silent, "sent nothing"+t.further(silent))
	case t.midway(by.Other()): // whether it waited in vain, or had seen enough, cannot be told
		return Left.by(by, nil, "the %v %s in the middle of what the %v had to say.", by, t.verb(by), by.Other())
	case by != silent:
		return Silent.by(silent, nil, "the %v sent nothing%s, and the %v %s.", silent, t.further(silent), by, t.verb(by))
	}
	return Left.by(by, nil, "the %v %s %s.", by, t.verb(by), where)
}

// unanswered is a conversation in which the server did not answer the client's data.
func (t *talkOf) unanswered() Ending {
	ended := t.capture.Ended[wire.Server]
	if t.first != nil && t.first.From == wire.Client && (ended.How == trace.Open || t.first.At.Before(ended.At)) {
		return Unanswered.by(wire.Client, t.first, "the client ended the connection before there was an answer.")
	}
	m := t.closed[wire.Server]
	by, ok := t.hungUp()
	reset := ok && by == wire.Client && t.capture.Ended[by].How == trace.Reset
	switch {
	case reset && (m == nil || t.capture.Ended[by].At.Before(m.At)):
		return Unanswered.by(by, nil, "the client %s before there was an answer.", t.verb(by))
	case m != nil:
		return Unanswered.by(wire.Server, m, "the server ended the connection and answered nothing.")
	case ok && by == wire.Server:
		return Unanswered.by(by, nil, "the server %s and answered nothing.", t.verb(by))
	case ok:
		return Unanswered.by(wire.Server, nil, "the server answered nothing, and the client %s.", t.verb(by))
	}
	return stopped(wire.Server, "answered nothing")
}

// stopped is a conversation that was still going on when the recording ended.
func stopped(by wire.Side, what string) Ending {
	return Ending{Kind: Unknown, By: by, Known: true, Text: fmt.Sprintf("How it went on cannot be told: the recording ends here, while both sides are open. The %v has %s.", by, what)}
}

// cut is a conversation in which the side that ended it did not say that this was all, or one that
// ended well. Once the other side has said so, it need not; and many clients that have their answer
// never do.
func (t *talkOf) cut() Ending {
	by, ok := t.hungUp()
	other := t.closed[by.Other()]
	switch {
	case !ok, t.closed[by] != nil, other != nil && other.At.Before(t.capture.Ended[by].At):
		return Ending{}
	case t.Unfinished[by] > 0:
		return Cut.by(by, nil, "the %v %s in the middle of a record.", by, t.verb(by))
	}
	answer := answerOf(t.Conversation)
	reset := t.capture.Ended[by].How == trace.Reset
	switch {
	case speaksHTTP2(t.Conversation) && (by == wire.Server || reset):
		return Ending{Notes: []string{fmt.Sprintf("The %v %s and did not say that this was all (close_notify). HTTP/2 tells by itself where an answer ends, so perhaps nothing was lost: that is not looked at here. Many programs end so.", by, t.verb(by))}}
	case answer == complete && (by == wire.Server || reset):
		return Ending{Notes: []string{fmt.Sprintf("The %v %s and did not say that this was all (close_notify). Nothing was lost, as far as HTTP tells: the answer is complete. Many programs end so.", by, t.verb(by))}}
	case by == wire.Client && reset && answer == begun:
		return Cut.by(by, nil, "the client %s in the middle of the answer.", t.verb(by))
	case by == wire.Client && reset:
		return Ending{Notes: []string{"The client reset the connection: whether it had all that the server sent cannot be told."}}
	case by == wire.Client:
		return Ending{}
	}
	return Cut.by(by, nil, "the %v %s and did not say that this was all (close_notify).", by, t.verb(by))
}

// hungUp is the side that ended the connection below TLS, first if both did.
func (t *talkOf) hungUp() (by wire.Side, ok bool) {
	ended := t.capture.Ended
	client, server := ended[wire.Client], ended[wire.Server]
	switch {
	case client.How == trace.Open && server.How == trace.Open:
		return 0, false
	case client.How == trace.Open:
		return wire.Server, true
	case server.How == trace.Open, client.At.Before(server.At):
		return wire.Client, true
	}
	return wire.Server, true
}

// verb is what a side did that ended the connection.
func (t *talkOf) verb(by wire.Side) string {
	if t.capture.Ended[by].How == trace.Reset {
		return "reset the connection"
	}
	return "closed the connection"
}

// silent is the side whose turn it was.
func (t *talkOf) silent() wire.Side {
	n := len(t.Messages)
	if n == 0 {
		return wire.Client
	}
	last := t.Messages[n-1].From
	if t.midway(last) {
		return last
	}
	return last.Other()
}

// midway reports whether it was a side that spoke last, and more of that had to come.
func (t *talkOf) midway(side wire.Side) bool {
	for i := range slices.Backward(t.Messages) {
		m := &t.Messages[i]
		if m.Content == wire.ChangeCipherSpec {
			continue // it may come anywhere
		}
		return m.From == side && (t.Unfinished[side] > 0 || isFollowed(m))
	}
	return false
}

// isFollowed reports whether a side has more to say after a message of the handshake before it is the
// other's turn: RFC 8446 section 2, RFC 5246 section 7.3.
func isFollowed(m *wire.Message) bool {
	if m.Content != wire.Handshake {
		return false
	}
	switch m.Type {
	case wire.ServerHello:
		return m.Name != retryRequest
	case wire.EncryptedExtensions, wire.Certificate, wire.CompressedCertificate, wire.CertificateStatus,
		wire.ServerKeyExchange, wire.CertificateRequest, wire.CertificateVerify, wire.ClientKeyExchange, wire.EndOfEarlyData:
		return true
	}
	return false
}

func (t *talkOf) further(side wire.Side) string {
	if t.said[side] || t.Unfinished[side] > 0 {
		return " more"
	}
	return ""
}

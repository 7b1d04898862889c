// Package ladder tells what the two ends of a connection said to each other, for people: message by
// message, with what each says, why it exists, and where the connection broke off.
package ladder

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"slices"
	"time"

	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// Story is a conversation as it is told, whoever draws it.
type Story struct {
	// Title is what the conversation is called where there are several, or empty.
	Title          string
	Client, Server string // their addresses
	Began          time.Time
	TLS            string // the version and the cipher suite that they agreed on, or empty
	Acts           []Act
	Ending         Ending
	// Explained is what our end says of the failure, or nil. Draw leaves it out: on a terminal
	// it stands below the ladder.
	Explained *console.Explanation
}

// Act is a part of a conversation that serves one purpose.
type Act struct {
	Title string
	Steps []Step
}

// Step is one message, or what is left out.
type Step struct {
	Message *wire.Message // nil for what is left out
	From    wire.Side
	Name    string
	At      time.Duration // since the conversation began
	Size    int64         // in bytes
	// Encrypted says that only who has the keys could read it.
	Encrypted bool
	// Curtain, if it is not empty, says that from here on more is encrypted than before.
	Curtain string
	Why     string // what such a message is for; empty if that has been said
	Facts   []Fact
	Notes   []string // what else there is to know about this one
	Faults  []string // what is wrong with it
	Blamed  bool     // the explanation of the failure speaks of it
}

// Fact is something that a message says.
type Fact struct {
	Label, Value string
	Blamed       bool // this is what is at fault
}

// teller tells a story.
type teller struct {
	c      *wire.Conversation
	end    Ending
	blame  blamed
	story  *Story
	begin  time.Time
	before map[*wire.Message]bool // what came before TLS
	middle bool                   // the recording begins in the middle
	spoken map[string]bool        // what has been said of messages, which is said once for each side
	dark   bool                   // something was encrypted
	finish [2]bool                // which side has sent its Finished
	shown  [2]bool                // which side has shown a certificate
	broken bool                   // it has broken off
	parted bool                   // one of the two has said that it has no more to say
	late   bool                   // it has been said that what comes then was on its way
	again  bool                   // there is another handshake
	spoke  [2]bool                // which side has spoken TLS
	retry  bool                   // the server has asked for another ClientHello
	alpn   string                 // the protocol of the application, or empty
	out    bool                   // something was taken out of the handshake
	said   [2]*wire.Message       // the first data of each side, or nil
}

// Tell tells what was captured. blame is what the explanation of the failure speaks of; its zero
// value is that there is no explanation.
func Tell(capture *trace.Capture, blame Blame) *Story {
	return TellDecoded(capture.Conversation(), capture, blame)
}

// TellDecoded is Tell for who has decoded the capture: to decode takes most of the time. The story
// keeps nothing of the conversation but the messages that it has.
func TellDecoded(c *wire.Conversation, capture *trace.Capture, blame Blame) *Story {
	t := &teller{
		c: c, end: endingOf(c, capture), before: prefaces(c), middle: beginsLate(c, capture), spoken: make(map[string]bool),
		story: &Story{Client: capture.Client, Server: capture.Server},
	}
	if blame.Code != "" && !t.end.Broken() {
		t.end = Ending{Kind: Above, Text: "TLS itself did not break off: what failed was said over it."}
	}
	t.blame = blame.in(c, t.end)
	if len(c.Messages) > 0 {
		t.begin = c.Messages[0].At
		t.story.Began = t.begin
	}
	if c.Version != 0 {
		t.story.TLS = tls.VersionName(c.Version)
		if c.Suite != 0 {
			t.story.TLS += ", " + tls.CipherSuiteName(c.Suite)
		}
	}
	for i := range c.Messages {
		m := &c.Messages[i]
		if first := &t.said[m.From]; *first == nil && m.Content == wire.ApplicationData {
			*first = m
		}
	}
	for i := range c.Messages {
		t.tell(&c.Messages[i])
	}
	for side, left := range capture.Left {
		if left += c.Left[side]; left > 0 {
			t.leaveOut(fmt.Sprintf("and %s more of the %v that were not kept", bytesOf(left), wire.Side(side)))
		}
	}
	rest := "that did not go on"
	if t.middle || isCut(c, capture) {
		rest = "of which the recording does not have the rest"
	}
	for side, n := range c.Unfinished {
		if n > 0 {
			t.leaveOut(fmt.Sprintf("and %s more of the %v: the beginning of a message %s", bytesOf(int64(n)), wire.Side(side), rest))
		}
	}
	t.fold()
	t.story.Ending = t.end
	return t.story
}

// tell adds a message.
func (t *teller) tell(m *wire.Message) {
	step := Step{
		Message: m, From: m.From, Name: nameOf(m), At: m.At.Sub(t.begin), Size: m.Size,
		Encrypted: m.Key != "" || m.Content == wire.Closed, Blamed: t.blame.message == m,
	}
	if t.middle && m.Content == wire.NotTLS {
		step.Name = "part of a record"
	}
	t.turn(m)
	if step.Encrypted && !t.dark {
		t.dark = true
		step.Curtain = "from here on all but ChangeCipherSpec is encrypted"
		if t.c.Version != tls.VersionTLS13 {
			step.Curtain = "from here on what is sent is encrypted"
		}
	}
	if why := t.why(m); !t.spoken[why+m.From.String()] {
		t.spoken[why+m.From.String()] = true
		step.Why = why
	}
	step.Facts = t.facts(m)
	step.Notes, step.Faults = t.notes(m), faultsOf(m)
	last := &t.story.Acts[len(t.story.Acts)-1]
	last.Steps = append(last.Steps, step)
	t.note(m)
}

// nameOf is what a message is called here.
func nameOf(m *wire.Message) string {
	if m.Content == wire.Alert {
		return "Alert " + m.Name
	}
	return m.Name
}

// note notes what a message means for those that follow.
func (t *teller) note(m *wire.Message) {
	t.spoke[m.From] = t.spoke[m.From] || m.Content != wire.NotTLS
	if m.Content != wire.Handshake {
		return
	}
	t.out = t.out || m.TakenOut()
	switch m.Type {
	case wire.Finished:
		t.finish[m.From] = true
	case wire.Certificate, wire.CompressedCertificate:
		t.shown[m.From] = true
	case wire.ServerHello:
		t.retry = m.Name == retryRequest
	}
	if extensions := m.Find("extensions"); extensions != nil && m.From == wire.Server && m.Type != wire.CertificateRequest {
		t.alpn = cmp.Or(protocols(extensions), t.alpn)
	}
}

const retryRequest = "HelloRetryRequest"

// The titles of acts.
const (
	agree      = "They agree on keys"
	early      = "The client sends data before they have agreed"
	serverIs   = "The server shows who it is"
	clientIs   = "The client shows who it is"
	clientEnds = "The client finishes"
	resume     = "They resume an earlier session"
	shareKey   = "They use a key that both have from elsewhere"
	talk       = "They talk"
	askAgain   = "They begin another handshake"
	part       = "They part"
	breakOff   = "It breaks off"
	middle     = "The recording begins in the middle"
	noTLS      = "They do not speak TLS"
	afterTLS   = "They go on without TLS"
	askTLS     = "They ask to begin TLS"
	proxied    = "What stands between them has a word first"
)

// turn begins a new act, if the message does.
func (t *teller) turn(m *wire.Message) {
	acts := t.story.Acts
	title := t.act(m)
	if len(acts) == 0 && t.middle {
		title = middle
	} else if len(acts) == 0 {
		title = cmp.Or(title, agree)
	}
	if title != "" && (len(acts) == 0 || acts[len(acts)-1].Title != title) {
		t.story.Acts = append(acts, Act{Title: title})
	}
}

// act is the title of the act that a message belongs to, or nothing if that goes on.
func (t *teller) act(m *wire.Message) string {
	switch {
	case t.broken, t.middle:
		return ""
	case m == t.end.message:
		t.broken = true
		return breakOff
	}
	done := t.finish == [2]bool{true, true}
	switch m.Content {
	case wire.NotTLS:
		return t.foreignAct(m)
	case wire.Alert:
		if m.Type == int(wire.AlertCloseNotify) && done {
			t.parted = true
			if t.end.Kind == Cut && t.end.By != m.From {
				return breakOff // it is the answer to that
			}
			return part
		}
	case wire.ApplicationData, wire.Closed:
		switch {
		case t.parted:
			return ""
		case done || t.finish[m.From]:
			return talk
		case m.From == wire.Client && m.Content == wire.ApplicationData:
			return early
		}
	case wire.Handshake:
		return t.handshakeAct(m, done)
	}
	return ""
}

// foreignAct is the act of what is not TLS.
func (t *teller) foreignAct(m *wire.Message) string {
	switch p, _ := (wire.Seen{In: m.Raw}).ClientProtocol(); {
	case !t.before[m] && t.spoke[m.From]:
		return afterTLS
	case !t.before[m]:
		return noTLS
	case len(t.story.Acts) > 0:
		return ""
	case p.Kind == wire.ProxyHeader || p.Kind == wire.HTTP:
		return proxied
	}
	return askTLS
}

func (t *teller) handshakeAct(m *wire.Message, done bool) string {
	switch m.Type {
	case wire.HelloRequest:
		t.again = true
		return askAgain
	case wire.ClientHello, wire.ServerHello:
		if done || t.again {
			t.again = true
			return askAgain
		}
		return agree
	case wire.EncryptedExtensions:
		return t.serverAct()
	case wire.NewSessionTicket, wire.KeyUpdate:
		if done {
			return talk
		}
		if m.From == wire.Server && !t.shown[wire.Server] {
			return t.serverAct()
		}
		return ""
	case wire.EndOfEarlyData:
		return ""
	}
	switch {
	case done && m.Type == wire.CertificateRequest:
		t.finish[wire.Client], t.shown[wire.Client] = false, false
		return "The server asks for a certificate only now"
	case m.From == wire.Server && t.finish[wire.Client], t.again:
		return ""
	case m.From == wire.Server:
		return t.serverAct()
	case t.c.Resumed:
		return ""
	case m.Type == wire.Certificate || m.Type == wire.CompressedCertificate:
		return clientIs
	case !t.shown[wire.Client]:
		return clientEnds
	}
	return ""
}

// serverAct is the act of what the server says after its hello.
func (t *teller) serverAct() string {
	switch {
	case t.c.Resumed && hasOutsideKey(t.c):
		return shareKey
	case t.c.Resumed:
		return resume
	}
	return serverIs
}

// leaveOut adds a step that says what is left out.
func (t *teller) leaveOut(what string) {
	if len(t.story.Acts) == 0 {
		t.turn(&wire.Message{})
	}
	last := &t.story.Acts[len(t.story.Acts)-1]
	if last.Title == breakOff && len(t.story.Acts) > 1 {
		last = &t.story.Acts[len(t.story.Acts)-2] // it came before that
	}
	last.Steps = append(last.Steps, Step{Name: what})
}

// How many messages of an act are told, and how many acts: those at the beginning, and those at the
// end.
const (
	maxFirst, maxLast         = 24, 6
	maxFirstActs, maxLastActs = 16, 4
)

// fold leaves out the middle of acts that have very many messages, and of very many acts. What is to
// blame, and where it broke off, is told in any case.
func (t *teller) fold() {
	var told []Act
	var over tally
	for i, act := range t.story.Acts {
		if i >= maxFirstActs && i < len(t.story.Acts)-maxLastActs && !slices.ContainsFunc(act.Steps, t.matters) {
			over.add(act.Steps)
			continue
		}
		if len(told) > 0 {
			last := &told[len(told)-1]
			last.Steps = over.end(last.Steps)
		}
		act.Steps = t.folded(act.Steps)
		told = append(told, act)
	}
	t.story.Acts = told
}

// folded are the steps of an act without the middle.
func (t *teller) folded(steps []Step) (told []Step) {
	var over tally
	for i, step := range steps {
		if i >= maxFirst && i < len(steps)-maxLast && len(steps) > maxFirst+maxLast+1 && !t.matters(step) {
			over.add(steps[i : i+1])
			continue
		}
		told = append(over.end(told), t.kept(step))
	}
	return told
}

// matters reports whether a step is told in any case.
func (t *teller) matters(step Step) bool {
	return step.Blamed || step.Message != nil && step.Message == t.end.message
}

// kept is a step with a message of its own, so that not all of the conversation has to be kept.
func (t *teller) kept(step Step) Step {
	if step.Message == nil {
		return step
	}
	m := *step.Message
	if step.Message == t.end.message {
		t.end.message = &m
	}
	step.Message = &m
	return step
}

// tally counts messages that are left out.
type tally struct {
	messages int
	bytes    int64
}

func (l *tally) add(steps []Step) {
	l.messages += len(steps)
	for _, step := range steps {
		l.bytes += step.Size
	}
}

// end adds to steps what was left out after them, and begins again.
func (l *tally) end(steps []Step) []Step {
	if l.messages > 0 {
		steps = append(steps, Step{Name: fmt.Sprintf("and %s more, of %s", count(int64(l.messages), "message"), bytesOf(l.bytes))})
	}
	*l = tally{}
	return steps
}

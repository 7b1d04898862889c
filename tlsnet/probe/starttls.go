package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"tlsdemo/certs/chain"
	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/neterr"
	"tlsdemo/tlsnet/wire"
)

// startTLS is a protocol in which TLS begins after a command.
type startTLS struct {
	port string // on which it is usual
	ask  func(*dialogue) error
}

// startTLSes are the protocols by the names that openssl s_client -starttls has for them.
var startTLSes = map[string]startTLS{
	"smtp":     {"25", (*dialogue).smtp},         // RFC 3207
	"imap":     {"143", (*dialogue).imap},        // RFC 9051 section 6.2.1
	"pop3":     {"110", (*dialogue).pop3},        // RFC 2595 section 4
	"ftp":      {"21", (*dialogue).ftp},          // RFC 4217 section 4
	"ldap":     {"389", (*dialogue).ldap},        // RFC 4511 section 4.14
	"xmpp":     {"5222", (*dialogue).xmpp},       // RFC 6120 section 5
	"postgres": {"5432", (*dialogue).postgresql}, // PostgreSQL's manual, section 55.2.10
	"mysql":    {"3306", (*dialogue).mysql},      // MySQL's manual, Protocol::SSLRequest
}

// StartTLSNames returns the names of the protocols in which a [Probe] can begin TLS after a
// command.
func StartTLSNames() []string { return slices.Sorted(maps.Keys(startTLSes)) }

// StartTLSPort returns the usual port of such a protocol.
func StartTLSPort(name string) string { return startTLSes[name].port }

// StartTLSOn returns which such protocol is usual on a port, or "".
func StartTLSOn(port string) string {
	if port == "587" { // submission, RFC 6409
		return "smtp"
	}
	for name, protocol := range startTLSes {
		if protocol.port == port {
			return name
		}
	}
	return ""
}

// before is what comes before TLS with a server of that name, or nil if nothing does.
func (p *Probe) before(name string) func(context.Context, net.Conn) error {
	protocol, ok := startTLSes[p.StartTLS]
	if !ok {
		return nil
	}
	return func(ctx context.Context, conn net.Conn) error {
		patience := greetingWait(ctx)
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		stop := interruptWhenDone(ctx, conn)
		defer stop()
		d := &dialogue{conn: conn, name: name}
		d.silence = time.AfterFunc(patience, func() { cancel(&silentError{after: patience}) })
		defer d.silence.Stop()
		if err := protocol.ask(d); err != nil {
			return d.explain(p.StartTLS, neterr.Because(ctx, err))
		}
		return nil
	}
}

// greetingWait is how long the first byte of a server may take before TLS. Some servers of
// SMTP greet only after 6 seconds, to see who does not wait. What is left of the time is for
// seeing whether TLS begins at once.
func greetingWait(ctx context.Context) time.Duration {
	const longest = 30 * time.Second
	deadline, ok := ctx.Deadline()
	if !ok {
		return longest
	}
	return min(longest, time.Until(deadline)*3/4)
}

// dialogue is what is said before TLS.
type dialogue struct {
	conn    net.Conn
	name    string      // the server's
	seen    wire.Seen   // of what the server said
	silence *time.Timer // that ends it where the server says nothing, or nil
}

// refusedError is a server that does not begin TLS, in its own words, or in ours where what it
// did is not to be repeated.
type refusedError struct{ says, did string }

func (r *refusedError) Error() string {
	if r.did != "" {
		return r.did
	}
	return fmt.Sprintf("it says %q", r.says)
}

// notServedError is a server of XMPP that does not serve the domain which it was asked for: RFC
// 6120 section 4.9.3.6.
type notServedError struct{ domain string }

func (n *notServedError) Error() string { return "it does not serve " + n.domain }

// explain says why TLS did not begin.
func (d *dialogue) explain(name string, err error) error {
	e := &explain.Error{Side: explain.ClientSide, Err: err}
	spoken, known := d.seen.ServerProtocol()
	_, refused := errors.AsType[*refusedError](err)
	unserved, notServed := errors.AsType[*notServedError](err)
	switch {
	case d.seen.Alert():
		return d.alerted(name, err)
	case notServed:
		e.Code, e.Certainty, e.Wanted = explain.ServerNameUnknown, explain.Certain, unserved.domain
		e.Text = fmt.Sprintf("the server speaks XMPP, and does not serve the domain %s", chain.Quote(unserved.domain))
	case refused && known && spoken.StartTLS != "" && !spoken.MayBe(name):
		e.Code, e.Certainty, e.StartTLS = explain.PeerWantsStartTLS, explain.Certain, spoken.StartTLS
		e.Text = fmt.Sprintf("the server speaks %s, not %s", spoken.Name, name)
	case refused && known && spoken.Kind == wire.HTTP:
		e.Code, e.Certainty = explain.PeerPlaintextHTTP, explain.Certain
		e.Text = fmt.Sprintf("the server answers the commands of %s in HTTP: %v", name, err)
	case refused:
		e.Code, e.Certainty = explain.PeerNotTLS, explain.Certain
		e.Text = fmt.Sprintf("the server does not begin TLS when we ask for it with the commands of %s: %v", name, err)
		if name == "smtp" && spoken.MayBe("ftp") {
			e.Text += "; perhaps it speaks FTP (--starttls=ftp)"
		}
	case neterr.BrokenOff(err):
		e.Code = explain.PeerClosedBeforeHello
		e.Text = fmt.Sprintf("the server closed the connection when we asked for TLS with the commands of %s", name)
	case len(d.seen.In) > 0:
		e.Code, e.Basis = explain.PeerStalled, "perhaps it is slow, or speaks another protocol"
		e.Text = fmt.Sprintf("the server did not complete its answer when we asked for TLS with the commands of %s: %v; it began with %q", name, err, d.seen.In[:min(len(d.seen.In), 40)])
	default:
		e.Code, e.Basis = explain.PeerSilent, "perhaps it speaks another protocol; or TLS begins at once on this port, without --starttls"
		e.Text = fmt.Sprintf("the server did not answer when we asked for TLS with the commands of %s: %v", name, err)
	}
	return e
}

// alerted is a server that answers in TLS what is not: TLS begins at once there.
func (d *dialogue) alerted(name string, err error) *explain.Error {
	const record = 7 // bytes: header, level, alert
	what := "an alert"
	if len(d.seen.In) < record {
		wait(context.Background(), d.conn, moreWait)
		_, _ = d.read(record - len(d.seen.In))
	}
	if len(d.seen.In) >= record {
		what = fmt.Sprintf("the alert %q", strings.TrimPrefix(tls.AlertError(d.seen.In[record-1]).Error(), "tls: "))
	}
	return &explain.Error{
		Code: explain.HandshakeFailed, Side: explain.ClientSide, Certainty: explain.Certain, Err: err,
		Text:  fmt.Sprintf("the server speaks TLS, and not %s before it: it answered with %s of TLS; TLS begins at once on this port, without --starttls", name, what),
		Basis: "only a server of TLS sends such an alert",
	}
}

// moreWait is how long the rest of what has begun may take where it only makes a text better.
const moreWait = 200 * time.Millisecond

// refuse is a server that does not answer as the protocol has it: what is there of its answer
// is in the error, as far as there is no more than a line.
func (d *dialogue) refuse() error {
	const line = 80
	wait(context.Background(), d.conn, moreWait)
	if !d.seen.Alert() {
		_, _ = d.read(max(0, line-len(d.seen.In)))
	}
	return &refusedError{says: string(d.seen.FirstLine())}
}

// maxSaid is how much a server may say before TLS, in bytes.
const maxSaid = 64 << 10

// read reads n bytes, and no more: what follows may be TLS.
func (d *dialogue) read(n int) ([]byte, error) {
	if d.seen.Received+int64(n) > maxSaid {
		return nil, &refusedError{did: "it says more than 64 KiB"}
	}
	data := make([]byte, n)
	got, err := io.ReadFull(heard{d}, data)
	d.seen.Received += int64(got)
	d.seen.In = append(d.seen.In, data[:min(got, max(0, 512-len(d.seen.In)))]...)
	return data[:got], err
}

// heard is the connection of a dialogue: once something comes, the server is not silent.
type heard struct{ *dialogue }

func (h heard) Read(p []byte) (int, error) {
	n, err := h.conn.Read(p)
	if n > 0 && h.silence != nil {
		h.silence.Stop()
	}
	return n, err
}

// until reads up to and including one of the words.
func (d *dialogue) until(words ...string) (string, error) {
	var said []byte
	for {
		b, err := d.read(1)
		if err != nil {
			return string(said), err
		}
		if d.seen.Alert() { // of which no line comes to an end
			return string(said), d.refuse()
		}
		said = append(said, b...)
		for _, word := range words {
			if bytes.HasSuffix(said, []byte(word)) {
				return string(said), nil
			}
		}
	}
}

func (d *dialogue) say(text string) error {
	_, err := io.WriteString(d.conn, text)
	return err
}

// expect reads lines until one is the last of a reply, and wants that to begin with a word.
// It returns all lines.
func (d *dialogue) expect(word string, last func(line string) bool) (string, error) {
	var all strings.Builder
	for {
		line, err := d.until("\n")
		if err != nil {
			return all.String(), err
		}
		all.WriteString(line)
		switch {
		case !last(line):
		case strings.HasPrefix(line, word):
			return all.String(), nil
		default:
			return all.String(), &refusedError{says: strings.TrimRight(line, "\r\n")}
		}
	}
}

// reply reads a reply of SMTP or FTP, and wants it to have a code. A hyphen after the code of
// the first line says that more lines follow: RFC 959 section 4.2.
func (d *dialogue) reply(code string) (string, error) {
	first := ""
	return d.expect(code, func(line string) bool {
		if first == "" {
			first = line
		}
		return len(first) < 4 || first[3] != '-' || strings.HasPrefix(line, first[:3]+" ")
	})
}

func anyLine(string) bool { return true }

const ehlo = "EHLO client.localhost\r\n"

func (d *dialogue) smtp() error {
	if _, err := d.reply("220"); err != nil {
		return err
	}
	if err := d.say(ehlo); err != nil {
		return err
	}
	extensions, err := d.reply("250")
	if err != nil {
		return err
	}
	if !strings.Contains(strings.ToUpper(extensions), "STARTTLS") {
		return &refusedError{did: "STARTTLS is not among its extensions"}
	}
	if err := d.say("STARTTLS\r\n"); err != nil {
		return err
	}
	_, err = d.reply("220")
	return err
}

func (d *dialogue) imap() error {
	if _, err := d.expect("* OK", anyLine); err != nil {
		return err
	}
	if err := d.say("a1 STARTTLS\r\n"); err != nil {
		return err
	}
	_, err := d.expect("a1 OK", func(line string) bool { return !strings.HasPrefix(line, "* ") })
	return err
}

func (d *dialogue) pop3() error {
	if _, err := d.expect("+OK", anyLine); err != nil {
		return err
	}
	if err := d.say("STLS\r\n"); err != nil {
		return err
	}
	_, err := d.expect("+OK", anyLine)
	return err
}

func (d *dialogue) ftp() error {
	if _, err := d.reply("220"); err != nil {
		return err
	}
	if err := d.say("AUTH TLS\r\n"); err != nil {
		return err
	}
	_, err := d.reply("234")
	return err
}

// startTLSRequest is the extended request 1.3.6.1.4.1.1466.20037, of the message 1.
const startTLSRequest = "0\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"

func (d *dialogue) ldap() error {
	if err := d.say(startTLSRequest); err != nil {
		return err
	}
	header, err := d.read(2)
	if err != nil {
		return err
	}
	if header[0] != '0' {
		return d.refuse()
	}
	length := int(header[1])
	if length >= 0x80 {
		long, err := d.read(length & 0x7f)
		if err != nil || len(long) > 3 {
			return errors.Join(err, &refusedError{did: "what it says is not LDAP"})
		}
		length = 0
		for _, b := range long {
			length = length<<8 | int(b)
		}
	}
	body, err := d.read(length)
	if err != nil {
		return err
	}
	// The result's code is an enumeration, and 0 is success: section 4.1.9.
	if !bytes.Contains(body[:min(len(body), 16)], []byte("\x0a\x01\x00")) {
		return &refusedError{says: string(body[:min(len(body), 80)])}
	}
	return nil
}

func (d *dialogue) xmpp() error {
	err := d.say("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='" + d.name + "' version='1.0'>")
	if err != nil {
		return err
	}
	features, err := d.until("</stream:features>", "</stream:stream>", "\n\n")
	if err != nil {
		return err
	}
	if strings.Contains(features, "<host-unknown") {
		return &notServedError{d.name}
	}
	if !strings.Contains(features, "urn:ietf:params:xml:ns:xmpp-tls") {
		return &refusedError{did: "starttls is not among its features"}
	}
	if err := d.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"); err != nil {
		return err
	}
	answer, err := d.until(">")
	if err == nil && !strings.Contains(answer, "<proceed") {
		return &refusedError{says: answer}
	}
	return err
}

func (d *dialogue) postgresql() error {
	if err := d.say(sslRequest); err != nil {
		return err
	}
	answer, err := d.read(1)
	switch {
	case err != nil, string(answer) == "S":
		return err
	case string(answer) == "N":
		return &refusedError{says: "N"}
	}
	return d.refuse()
}

// The capabilities of MySQL that matter: the packets of version 4.1, TLS, and passwords as
// version 4.1 has them.
const (
	mysqlProtocol41 = 1 << 9
	mysqlSSL        = 1 << 11
	mysqlSecure     = 1 << 15
)

func (d *dialogue) mysql() error {
	header, err := d.read(4)
	if err != nil {
		return err
	}
	if header[2] != 0 { // a greeting is short: another protocol
		return d.refuse()
	}
	packet, err := d.read(int(header[0]) | int(header[1])<<8 | int(header[2])<<16)
	if err != nil {
		return err
	}
	_, rest, ok := bytes.Cut(packet, []byte{0}) // the protocol's version, and the server's
	const before = 4 + 8 + 1                    // the thread, a part of the challenge, a zero
	if len(packet) == 0 || packet[0] != 10 || !ok || len(rest) < before+2 {
		return &refusedError{says: string(packet[:min(len(packet), 80)])}
	}
	if binary.LittleEndian.Uint16(rest[before:])&mysqlSSL == 0 {
		return &refusedError{did: "TLS is not among its capabilities"}
	}
	request := make([]byte, 4+32)
	request[0], request[3] = 32, 1 // the length, and the number in sequence
	binary.LittleEndian.PutUint32(request[4:], mysqlProtocol41|mysqlSSL|mysqlSecure)
	binary.LittleEndian.PutUint32(request[8:], 1<<24) // the longest packet
	request[12] = 45                                  // utf8mb4
	_, err = d.conn.Write(request)
	return err
}

// greetWait is how long a server of SMTP may take to answer our greeting.
const greetWait = 2 * time.Second

// greet waits as [Probe.await] does, and then says EHLO again, as RFC 3207 section 4.2 wants it
// after TLS has begun. Postfix finishes the handshake with everybody, and refuses
// (smtpd_tls_req_ccert) only in its answer to this.
func (p *Probe) greet(ctx context.Context, conn *tls.Conn, report *Report) error {
	if err := p.await(ctx, conn, report); err != nil || !report.unrefused {
		return err
	}
	stop := interruptWhenDone(ctx, conn)
	defer stop()
	wait(ctx, conn, greetWait)
	d := &dialogue{conn: conn}
	err := d.say(ehlo)
	if err == nil {
		_, err = d.reply("250")
	}
	// What does not speak of a certificate may be about anything.
	if r, ok := errors.AsType[*refusedError](err); ok && strings.Contains(strings.ToLower(r.says), "certificate") {
		report.refuse(r)
	}
	return nil
}

// refuse notes that a server has refused us in its own protocol, and in words.
func (r *Report) refuse(err *refusedError) {
	e := &explain.Error{
		Side: explain.ClientSide, Code: explain.ClientCertRefused, Ours: true, Cert: r.Ours, Certainty: explain.Certain, Err: err,
		Text:  fmt.Sprintf("the server completed the handshake, and then refused our certificate in its own protocol: %v", err),
		Basis: "the answer itself says this; the server's log has the defect that it found",
	}
	if r.Ours == nil {
		e.Code = explain.ClientCertMissing
		e.Text = fmt.Sprintf("the server completed the handshake, and then refused us without a certificate in its own protocol: %v", err)
	}
	r.Refused, r.unrefused, r.Accepted = true, false, explain.Unknown
	r.refusal = "in its own protocol: " + err.Error()
	r.Faults = slices.Insert(r.Faults, 0, e)
}

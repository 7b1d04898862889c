package wire

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Protocol is one that is not TLS, known by the first bytes that an end of it sends.
type Protocol struct {
	Name string // such as SMTP
	Kind Kind
	// TLS says in words how this protocol is had over TLS: the command, setting or scheme
	// that whoever runs one of the ends will know. It depends on which end spoke, and
	// is empty for HTTP, of which everybody knows.
	TLS string
	// StartTLS is what openssl s_client -starttls calls the protocol, or empty.
	StartTLS string

	other  string // the same of another protocol that begins so too, or empty
	speaks func(first []byte) bool
}

// Kind says how a protocol stands to TLS.
type Kind int

// The kinds of protocol.
const (
	Plain       Kind = iota // what was said is all without TLS
	HTTP                    // that, and HTTP
	BeforeTLS               // TLS begins only after a command of the protocol
	ProxyHeader             // a load balancer's, in front of what the client says
	Perhaps                 // others begin so too: only that it is not TLS is known
)

// MayBe reports whether the protocol can be the one that openssl s_client -starttls calls so.
func (p Protocol) MayBe(startTLS string) bool {
	return startTLS != "" && (p.StartTLS == startTLS || p.other == startTLS)
}

// ServerProtocol returns the protocol that what was received is the beginning of, if a
// server sent it.
func (s Seen) ServerProtocol() (Protocol, bool) { return s.find(serverProtocols) }

// ClientProtocol returns the protocol that what was received is the beginning of, if a
// client sent it.
func (s Seen) ClientProtocol() (Protocol, bool) { return s.find(clientProtocols) }

// find passes over the beginning of TLS, whatever else that may be.
func (s Seen) find(table []Protocol) (Protocol, bool) {
	if !s.NotTLS() {
		return Protocol{}, false
	}
	for _, p := range table {
		if p.speaks(s.In) {
			return p, true
		}
	}
	return Protocol{}, false
}

// How TLS is had, where more than one row says it.
const (
	afterSTARTTLS = "TLS begins only after the command STARTTLS, or on a port of its own"
	afterRequest  = "TLS begins only after an SSLRequest, which PostgreSQL's own clients send first (sslmode=require); from version 17 on it can also begin at once (sslnegotiation=direct)"
	tlsPort       = "TLS has to be turned on in the server's configuration, most often on a separate port"
	beginWithTLS  = "the client has to begin with TLS"
)

// serverProtocols are known by what a server says first, or answers to a ClientHello. The
// first that fits counts.
var serverProtocols = []Protocol{
	{Name: "SMTP", Kind: BeforeTLS, StartTLS: "smtp", TLS: afterSTARTTLS + ", most often 465 (smtps://)", speaks: either(greets("220", "SMTP"), greets("421", "SMTP"), begins("421 4.", "421-4."), replies("554"))},
	{Name: "FTP", Kind: BeforeTLS, StartTLS: "ftp", TLS: "TLS begins only after the command AUTH TLS, or on port 990 (ftps://)", speaks: either(greets("220", "FTP"), greets("421", "FTP"), greets("220", "FILEZILLA"), begins("500 OOPS: vsftpd"))},
	{Name: "SMTP or FTP", Kind: BeforeTLS, StartTLS: "smtp", other: "ftp", TLS: "TLS begins only after the command STARTTLS (SMTP) or AUTH TLS (FTP), or on a port of its own", speaks: either(replies("220"), replies("421"))},
	{Name: "IMAP", Kind: BeforeTLS, StartTLS: "imap", TLS: afterSTARTTLS + ", most often 993 (imaps://)", speaks: begins("* OK ", "* PREAUTH ", "* BYE ")},
	{Name: "POP3", Kind: BeforeTLS, StartTLS: "pop3", TLS: "TLS begins only after the command STLS, or on a port of its own, most often 995 (pop3s://)", speaks: begins("+OK ", "+OK\r\n", "-ERR [")},
	{Name: "XMPP", Kind: BeforeTLS, StartTLS: "xmpp", TLS: "TLS begins only after <starttls/>", speaks: xmpp},
	{Name: "LDAP", Kind: BeforeTLS, StartTLS: "ldap", TLS: "TLS begins only after the extended request StartTLS, or on port 636 (ldaps://)", speaks: ldap(0x78)},
	{Name: "MySQL", Kind: BeforeTLS, StartTLS: "mysql", TLS: "the server speaks first, and TLS begins only after an SSLRequest, which MySQL's and MariaDB's own clients send (ssl-mode, --ssl)", speaks: mysqlGreeting},
	{Name: "PostgreSQL", Kind: BeforeTLS, StartTLS: "postgres", TLS: afterRequest, speaks: postgresError},
	{Name: "NNTP", Kind: BeforeTLS, TLS: afterSTARTTLS + ", most often 563 (nntps://)", speaks: nntp},
	{Name: "ManageSieve", Kind: BeforeTLS, TLS: "TLS begins only after the command STARTTLS", speaks: begins("\"IMPLEMENTATION\" ")},
	{Name: "IRC", Kind: BeforeTLS, TLS: afterSTARTTLS + ", most often 6697 (ircs://)", speaks: irc},
	{Name: "NATS", Kind: BeforeTLS, TLS: "TLS begins only after the server's INFO; with handshake_first in the server's configuration it begins at once", speaks: begins("INFO {")},
	{Name: "SSH", TLS: "SSH has its own encryption and does not use TLS", speaks: begins("SSH-")},
	{Name: "VNC", TLS: "most VNC servers have no TLS; those that have begin it after the version (VeNCrypt)", speaks: begins("RFB 00")},
	{Name: "rsync", TLS: "rsync has no TLS of its own: rsync-ssl reaches a proxy in front of it", speaks: begins("@RSYNCD: ")},
	{Name: "Redis", TLS: tlsPort + " (tls-port, rediss://)", speaks: either(begins("-DENIED ", "-NOAUTH ", "+PONG\r\n"), redisError)},
	{Name: "POP3 or Redis", Kind: Perhaps, other: "pop3", TLS: "a POP3 server greets so if it does not accept the connection, and in POP3 TLS begins only after the command STLS, or on port 995 (pop3s://); in Redis " + tlsPort + " (tls-port, rediss://)", speaks: begins("-ERR")},
	{Name: "memcached", TLS: tlsPort + " (memcached -Z)", speaks: begins("CLIENT_ERROR ", "SERVER_ERROR ")},
	{Name: "memcached", Kind: Perhaps, TLS: "in memcached " + tlsPort + " (memcached -Z)", speaks: is("ERROR\r\n")},
	{Name: "MQTT", TLS: tlsPort + " (8883, mqtts://)", speaks: mqttConnack},
	{Name: "AMQP", TLS: tlsPort + " (5671, amqps://)", speaks: begins("AMQP")},
	{Name: "SIP", TLS: tlsPort + " (5061, sips:)", speaks: begins("SIP/2.0 ")},
	{Name: "RTSP", TLS: tlsPort + " (322, rtsps://)", speaks: begins("RTSP/")},
	{Name: "HTTP/2", Kind: HTTP, speaks: settings},
	{Name: "HTTP", Kind: HTTP, speaks: isHTTP},
}

// clientProtocols are known by what a client says first.
var clientProtocols = []Protocol{
	{Name: "PROXY version 1", Kind: ProxyHeader, TLS: expectsHeader, speaks: begins("PROXY TCP4 ", "PROXY TCP6 ", "PROXY UNKNOWN")},
	{Name: "PROXY version 2", Kind: ProxyHeader, TLS: expectsHeader, speaks: begins("\r\n\r\n\x00\r\nQUIT\n")},
	{Name: "PostgreSQL", Kind: BeforeTLS, StartTLS: "postgres", TLS: "it asks for TLS with an SSLRequest and waits for an answer; from version 17 on, with sslnegotiation=direct, it begins with TLS at once", speaks: postgresRequest(80877103)},
	{Name: "PostgreSQL", Kind: BeforeTLS, TLS: "it asks for encryption with GSSAPI first: set gssencmode=disable and sslnegotiation=direct", speaks: postgresRequest(80877104)},
	{Name: "PostgreSQL", TLS: "it does not ask for TLS: set sslmode=require and sslnegotiation=direct", speaks: postgresStart},
	{Name: "LDAP", Kind: BeforeTLS, StartTLS: "ldap", TLS: "it asks for TLS with the extended request StartTLS; ldaps:// begins with TLS", speaks: ldap(0x77)},
	{Name: "LDAP", TLS: beginWithTLS + ": ldaps://, not ldap://", speaks: ldap(0x60, 0x63)},
	{Name: "XMPP", Kind: BeforeTLS, StartTLS: "xmpp", TLS: "it waits until the server offers <starttls/>; clients that begin with TLS use direct TLS (XEP-0368)", speaks: xmpp},
	{Name: "NATS", TLS: "it has to begin with TLS: use tls:// with handshake_first (tls_first)", speaks: begins("CONNECT {")},
	{Name: "SMTP", TLS: "perhaps it wants to begin TLS later with STARTTLS; smtps:// begins with TLS", speaks: begins("EHLO ", "HELO ", "LHLO ")},
	{Name: "IRC", TLS: beginWithTLS + " (6697, ircs://)", speaks: ircClient},
	{Name: "FTP", TLS: "perhaps it wants to begin TLS later with AUTH TLS; implicit TLS (ftps://) begins with TLS", speaks: begins("AUTH TLS\r\n", "AUTH SSL\r\n")},
	{Name: "FTP or POP3", Kind: Perhaps, TLS: "perhaps it wants to begin TLS later; ftps:// and pop3s:// begin with TLS", speaks: begins("USER ")},
	{Name: "IMAP", TLS: "perhaps it wants to begin TLS later with STARTTLS; imaps:// begins with TLS", speaks: imapCommand},
	{Name: "POP3", TLS: "perhaps it wants to begin TLS later with STLS; pop3s:// begins with TLS", speaks: begins("CAPA\r\n", "STLS\r\n")},
	{Name: "Redis", TLS: beginWithTLS + ": rediss://, or redis-cli --tls", speaks: redisCommand},
	{Name: "Redis or NATS", Kind: Perhaps, TLS: beginWithTLS + ": rediss://, redis-cli --tls or tls://", speaks: begins("PING\r\n")},
	{Name: "Redis", Kind: Perhaps, TLS: beginWithTLS + ": rediss://, or redis-cli --tls", speaks: begins("INFO\r\n")},
	{Name: "memcached", TLS: beginWithTLS, speaks: begins("\x80\x00\x00")},
	{Name: "memcached or Redis", Kind: Perhaps, TLS: beginWithTLS, speaks: begins("get ", "set ")},
	{Name: "memcached", Kind: Perhaps, TLS: beginWithTLS, speaks: begins("version\r\n", "stats\r\n")},
	{Name: "MQTT", TLS: beginWithTLS + ": mqtts://, or mosquitto_pub --cafile", speaks: mqttConnect},
	{Name: "AMQP", TLS: beginWithTLS + ": amqps://", speaks: begins("AMQP")},
	{Name: "OpenVPN", TLS: "OpenVPN puts TLS into packets of its own, which only an OpenVPN server understands", speaks: openVPN},
	{Name: "SSH", TLS: "SSH has its own encryption and does not use TLS", speaks: begins("SSH-")},
	{Name: "SIP", TLS: beginWithTLS + " (5061, sips:)", speaks: firstLineEnds(sip)},
	{Name: "RTSP", TLS: beginWithTLS + " (322, rtsps://)", speaks: firstLineEnds(rtsp, rtsp2)},
	{Name: "HTTP/2", Kind: HTTP, speaks: begins("PRI * HTTP/2")},
	{Name: "HTTP", Kind: HTTP, speaks: isHTTP},
}

const expectsHeader = "a load balancer in front of us sends it (send-proxy, proxy_protocol); only a server that is set up for it can read it (accept-proxy)"

// begins is for what can be known by how it begins.
func begins(words ...string) func([]byte) bool {
	return func(first []byte) bool {
		for _, word := range words {
			if bytes.HasPrefix(first, []byte(word)) {
				return true
			}
		}
		return false
	}
}

func is(all string) func([]byte) bool {
	return func(first []byte) bool { return string(first) == all }
}

func either(any ...func([]byte) bool) func([]byte) bool {
	return func(first []byte) bool {
		for _, speaks := range any {
			if speaks(first) {
				return true
			}
		}
		return false
	}
}

// replies is for the reply of SMTP and FTP: a code, and a space, or a hyphen where another
// line follows. RFC 5321 section 4.2.
func replies(code string) func([]byte) bool { return begins(code+" ", code+"-") }

// greets is for such a reply that has a word in it.
func greets(code, word string) func([]byte) bool {
	reply := replies(code)
	return func(first []byte) bool { return reply(first) && bytes.Contains(bytes.ToUpper(first), []byte(word)) }
}

func isHTTP(first []byte) bool { return Seen{In: first}.HTTP() }

// settings is the frame with which a server of HTTP/2 begins: its type is 4, and it is of
// stream 0. RFC 9113 section 4.1.
func settings(first []byte) bool {
	return len(first) >= 9 && first[0] == 0 && first[3] == 4 && first[4]&^1 == 0 && string(first[5:9]) == "\x00\x00\x00\x00" &&
		(int(first[1])<<8|int(first[2]))%6 == 0
}

// xmpp is the opening of a stream: RFC 6120 section 4.2.
func xmpp(first []byte) bool {
	return begins("<stream:", "<?xml")(first) && bytes.Contains(first, []byte("jabber:")) || begins("<stream:stream")(first)
}

// ldap is a message of LDAP, RFC 4511 section 4.1.1, whose operation has one of the tags: a
// sequence, in which an integer stands before the operation.
func ldap(tags ...byte) func([]byte) bool {
	return func(first []byte) bool {
		rest, ok := element(first, 0x30)
		if !ok {
			return false
		}
		id, ok := element(rest, 0x02)
		if !ok || len(rest) < 2 || len(id) < int(rest[1]) || rest[1] > 4 {
			return false
		}
		after := id[rest[1]:]
		return len(after) > 0 && bytes.IndexByte(tags, after[0]) >= 0
	}
}

// element is what follows the tag and the length of an element of BER. What is there of it
// need not be all.
func element(data []byte, tag byte) ([]byte, bool) {
	if len(data) < 2 || data[0] != tag {
		return nil, false
	}
	length := 0
	if data[1] >= 0x80 {
		length = int(data[1] & 0x7f)
	}
	if length > 4 || len(data) < 2+length {
		return nil, false
	}
	return data[2+length:], true
}

// nntp is a greeting, RFC 3977 section 5.1, that has a word of news in it.
func nntp(first []byte) bool {
	for _, word := range []string{"NNTP", "NNRP", "NEWS", "POSTING"} {
		if greets("200", word)(first) || greets("201", word)(first) {
			return true
		}
	}
	return false
}

// irc is a message from a server, before anybody has said anything: RFC 2812 section 2.3.
func irc(first []byte) bool {
	return begins(":")(first) && bytes.Contains(first, []byte(" NOTICE ")) || begins("NOTICE AUTH ", "NOTICE * ", "ERROR :")(first)
}

// ircClient is how a client of IRC registers, RFC 2812 section 3.1, or asks for what the server
// can do first. USER is a command of FTP and POP3 as well, in which no colon follows.
func ircClient(first []byte) bool {
	user := begins("USER ")(first) && bytes.Contains(first, []byte(" :"))
	return begins("NICK ", "CAP LS")(first) || user
}

// How the first line of a request ends that has the words of HTTP, and is of another protocol.
const sip, rtsp, rtsp2 = " SIP/2.0", " RTSP/1.0", " RTSP/2.0"

func likeHTTP(first []byte) bool { return firstLineEnds(sip, rtsp, rtsp2)(first) }

// firstLineEnds is for a request, whose first line has the protocol's name at its end.
func firstLineEnds(names ...string) func([]byte) bool {
	return func(first []byte) bool {
		line, _, ended := bytes.Cut(first, []byte("\r\n"))
		return ended && slices.ContainsFunc(names, func(name string) bool { return bytes.HasSuffix(line, []byte(name)) })
	}
}

// mysqlGreeting is the first packet of a server: its length in three bytes, the sequence
// number 0, and the protocol's version 10, after which comes the server's own version, or 255
// for an error, of which the numbers begin at 1000.
func mysqlGreeting(first []byte) bool {
	if len(first) < 7 || first[2] != 0 || first[3] != 0 || first[0] == 0 && first[1] == 0 {
		return false
	}
	number := binary.LittleEndian.Uint16(first[5:])
	version := first[4] == 10 && first[5] >= '0' && first[5] <= '9'
	return version || first[4] == 255 && number >= 1000 && number < 5000
}

// redisError is an error in the words of Redis, as it writes them: it quotes the command that it does
// not know. POP3 servers have similar words, as "-ERR Unknown command." (Dovecot) and "-ERR Protocol
// error. 14" (Exchange), and a bracket for the codes of RFC 2449 section 8.
func redisError(first []byte) bool {
	return begins("-ERR unknown command '", "-ERR unknown command `", "-ERR Protocol error: ", "-ERR max number of clients reached", "-ERR wrong number of arguments for '")(first)
}

// mqttConnack is the answer to a CONNECT, whose second flag is a code up to 5: section 3.2 of
// MQTT 3.1.1.
func mqttConnack(first []byte) bool {
	return begins("\x20\x02\x00", "\x20\x02\x01")(first) && len(first) == 4 && first[3] <= 5
}

// postgresError is an ErrorResponse, of which the first field is the severity.
func postgresError(first []byte) bool {
	return len(first) > 6 && first[0] == 'E' && first[1] == 0 && first[2] == 0 && first[5] == 'S'
}

// postgresRequest is a message of eight bytes that has no type, but a number.
func postgresRequest(number uint32) func([]byte) bool {
	return func(first []byte) bool {
		return len(first) >= 8 && binary.BigEndian.Uint32(first) == 8 && binary.BigEndian.Uint32(first[4:]) == number
	}
}

// postgresStart is a StartupMessage of version 3.
func postgresStart(first []byte) bool {
	return len(first) > 8 && first[0] == 0 && first[1] == 0 && binary.BigEndian.Uint32(first[4:])>>16 == 3 && bytes.Contains(first, []byte("user\x00"))
}

// imapCommand is a tag and a command that comes before any other. A line of text can have a
// second word that looks like one of those with arguments: there the tag has to have a digit.
func imapCommand(first []byte) bool {
	tag, command, ok := bytes.Cut(first, []byte(" "))
	if !ok || len(tag) == 0 || len(tag) > 12 {
		return false
	}
	command = bytes.ToUpper(command)
	numbered := bytes.ContainsAny(tag, "0123456789")
	return begins("CAPABILITY\r\n", "STARTTLS\r\n", "ID (", "ID NIL\r\n")(command) || numbered && begins("LOGIN ")(command)
}

// redisCommand is an array of bulk strings.
func redisCommand(first []byte) bool {
	line, rest, ok := bytes.Cut(first, []byte("\r\n"))
	return ok && len(line) > 1 && len(line) < 8 && line[0] == '*' && len(rest) > 0 && rest[0] == '$'
}

// mqttConnect is a CONNECT packet: a length of up to four bytes, and the protocol's name.
func mqttConnect(first []byte) bool {
	if len(first) < 2 || first[0] != 0x10 {
		return false
	}
	rest := first[1:]
	for len(rest) > 1 && rest[0] >= 0x80 {
		rest = rest[1:]
	}
	return begins("\x00\x04MQTT", "\x00\x06MQIsdp")(rest[1:])
}

// openVPN is the packet with which a client of OpenVPN begins over TCP: its length in two
// bytes, and the operation 7 or 10 (P_CONTROL_HARD_RESET_CLIENT, versions 2 and 3) above
// the number 0 of the key. The client then waits for an answer, so that this is all.
func openVPN(first []byte) bool {
	const shortest = 14 // without tls-auth and tls-crypt
	return len(first) >= 2+shortest && int(binary.BigEndian.Uint16(first)) == len(first)-2 && (first[2] == 7<<3 || first[2] == 10<<3)
}

package wire

import (
	"strings"
	"testing"
)

// What real servers and clients say first: the texts are theirs.
func TestProtocol(t *testing.T) {
	for _, test := range []struct{ server, client, want string }{
		{server: "220 mail.example.org ESMTP Postfix (Debian/GNU)\r\n", want: "SMTP"},
		{server: "220-mx.example.org ESMTP Exim 4.96\r\n", want: "SMTP"},
		{server: "554 5.7.1 No service\r\n", want: "SMTP"},
		{server: "220 (vsFTPd 3.0.3)\r\n", want: "FTP"},
		{server: "220 ProFTPD Server (Debian) [::ffff:127.0.0.1]\r\n", want: "FTP"},
		{server: "* OK [CAPABILITY IMAP4rev1 STARTTLS] Dovecot ready.\r\n", want: "IMAP"},
		{server: "+OK Dovecot (Debian) ready.\r\n", want: "POP3"},
		{server: "0\x24\x02\x01\x00\x78\x1f\x0a\x01\x02", want: "LDAP"},
		{server: "<?xml version='1.0'?><stream:stream xmlns='jabber:client'", want: "XMPP"},
		{server: "J\x00\x00\x00\x0a8.0.36\x00\x08\x00", want: "MySQL"},
		{server: "Y\x00\x00\x00\x0a5.5.5-10.11.6-MariaDB-0+deb12u1\x00", want: "MySQL"},
		{server: "E\x00\x00\x00\x8eSFATAL\x00VFATAL\x00C0A000\x00", want: "PostgreSQL"},
		{server: "-ERR unknown command 'GET'\r\n", want: "Redis"},
		{server: "-ERR unknown command `\x16\x03\x01`, with args beginning with: \r\n", want: "Redis"},
		{server: "-ERR wrong number of arguments for 'get' command\r\n", want: "Redis"},
		{server: "-DENIED Redis is running in protected mode", want: "Redis"},
		{server: "ERROR\r\n", want: "memcached"},
		{server: "SSH-2.0-OpenSSH_9.2p1\r\n", want: "SSH"},
		{server: "\x20\x02\x00\x00", want: "MQTT"},
		{server: "AMQP\x00\x00\x09\x01", want: "AMQP"},
		{server: "INFO {\"server_id\":\"N\"}\r\n", want: "NATS"},
		{server: "HTTP/1.1 400 Bad Request\r\n", want: "HTTP"},
		{server: "<html>\r\n<head><title>400", want: "HTTP"},
		{server: "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00", want: "HTTP/2"},
		{server: "\x00\x00\x00\x04\x01\x00\x00\x00\x00", want: "HTTP/2"},
		{server: "200 news.example.org InterNetNews NNRP server INN 2.7.1 ready (posting ok)\r\n", want: "NNTP"},
		{server: "\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"\r\n", want: "ManageSieve"},
		{server: ":irc.example.org NOTICE * :*** Looking up your hostname...\r\n", want: "IRC"},
		{server: "RFB 003.008\n", want: "VNC"},
		{server: "@RSYNCD: 31.0\n", want: "rsync"},
		{server: "who are you?\r\n"},
		{server: "200 OK\r\n"},
		{server: "2200 bottles"},
		{server: "220 mail.example.org ready\r\n", want: "SMTP or FTP"},
		{server: "220-Welcome\r\n", want: "SMTP or FTP"},
		{server: "220-FileZilla Server 1.8.0\r\n", want: "FTP"},
		{server: "421 Too many connections\r\n", want: "SMTP or FTP"},
		{server: "421 4.7.0 Try again later\r\n", want: "SMTP"},
		{server: "-ERR [SYS/TEMP] too many connections\r\n", want: "POP3"},
		{server: "-ERR unknown command\r\n", want: "POP3 or Redis"},
		{server: "-ERR Unknown command.\r\n", want: "POP3 or Redis"},
		{server: "-ERR Protocol error. 14\r\n", want: "POP3 or Redis"},
		{server: "-ERR Max number of clients exceeded\r\n", want: "POP3 or Redis"},
		{server: "-ERR\r\n", want: "POP3 or Redis"},
		{server: "-ERR max number of clients reached\r\n", want: "Redis"},
		{server: "-ERR Protocol error: unbalanced quotes in request\r\n", want: "Redis"},
		{server: "+OKAY"},
		{server: "* OKAY"},
		{server: "SIP/2.0 400 Bad Request\r\n", want: "SIP"},
		{server: "RTSP/1.0 400 Bad Request\r\n", want: "RTSP"},
		{server: "ERROR :Closing Link: (Ping timeout)\r\n", want: "IRC"},
		{server: "j\x00\x00\x00\xffj\x04Host '10.0.0.9' is not allowed", want: "MySQL"},
		{server: "\x0c\x00\x00\x00\x0a\x0ahello world"}, // a length and a message of protobuf
		{server: "\x20\x02\x00\x41\x42"},
		{server: ""},

		{client: "PROXY TCP4 10.0.0.1 10.0.0.2 50000 443\r\n\x16\x03\x01", want: "PROXY version 1"},
		{client: "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c", want: "PROXY version 2"},
		{client: "\x00\x00\x00\x08\x04\xd2\x16\x2f", want: "PostgreSQL"},
		{client: "\x00\x00\x00\x08\x04\xd2\x16\x30", want: "PostgreSQL"},
		{client: "\x00\x00\x00\x21\x00\x03\x00\x00user\x00joe\x00", want: "PostgreSQL"},
		{client: "0\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037", want: "LDAP"},
		{client: "0\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00", want: "LDAP"},
		{client: "0\x84\x00\x00\x00\x10\x02\x01\x01\x60", want: "LDAP"},
		{client: "<stream:stream to='example.org'", want: "XMPP"},
		{client: "EHLO client.example.org\r\n", want: "SMTP"},
		{client: "AUTH TLS\r\n", want: "FTP"},
		{client: "a001 STARTTLS\r\n", want: "IMAP"},
		{client: "*1\r\n$4\r\nPING\r\n", want: "Redis"},
		{client: "version\r\n", want: "memcached"},
		{client: "\x10\x10\x00\x04MQTT\x04\x02", want: "MQTT"},
		{client: "\x10\x80\x01\x00\x04MQTT\x04\x02", want: "MQTT"},
		{client: "AMQP\x00\x00\x09\x01", want: "AMQP"},
		{client: "SSH-2.0-OpenSSH_9.2\r\n", want: "SSH"},
		{client: "\x00\x0e8TJ6\xca*qLm\x00\x00\x00\x00\x00", want: "OpenVPN"},
		{client: "\x00\x0e8TJ6\xca*qLm\x00\x00\x00\x00"},
		{client: "CONNECT {\"verbose\":false}\r\n", want: "NATS"},
		{client: "CONNECT example.org:443 HTTP/1.1\r\n", want: "HTTP"},
		{client: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", want: "HTTP/2"},
		{client: "GET / HTTP/1.1\r\n", want: "HTTP"},
		{client: "Hello world!"},
		{client: "OPTIONS sip:a@example.org SIP/2.0\r\n", want: "SIP"},
		{client: "OPTIONS rtsp://example.org/a RTSP/1.0\r\n", want: "RTSP"},
		{client: "NICK joe\r\n", want: "IRC"},
		{client: "USER joe 0 * :Joe\r\n", want: "IRC"},
		{client: "USER joe\r\n", want: "FTP or POP3"},
		{client: "get a\r\n", want: "memcached or Redis"},
		{client: "PING\r\n", want: "Redis or NATS"},
		{client: "my id is 5"},
		{client: "please login here"},
		{client: "a2 LOGIN joe secret\r\n", want: "IMAP"},
		{client: "0\x00"},
	} {
		got, ok := Seen{In: []byte(test.server)}.ServerProtocol()
		if test.client != "" {
			got, ok = Seen{In: []byte(test.client)}.ClientProtocol()
		}
		if got.Name != test.want || ok != (test.want != "") {
			t.Errorf("%q%q is %q, want %q", test.server, test.client, got.Name, test.want)
		}
	}
}

// What has the words of HTTP and is of another protocol gets no answer of HTTP.
func TestLikeHTTP(t *testing.T) {
	for first, want := range map[string]bool{
		"OPTIONS sip:a@example.org SIP/2.0\r\n": false, "OPTIONS rtsp://example.org RTSP/1.0\r\n": false,
		"OPTIONS * HTTP/1.1\r\n": true, "GET /\r\n": true,
	} {
		if got := (Seen{In: []byte(first)}).HTTP(); got != want {
			t.Errorf("%q: %v", first, got)
		}
	}
}

// A ClientHello in the format of SSL 2.0 is told from other bytes that begin like it.
func TestSSL2Hello(t *testing.T) {
	for first, want := range map[string]uint16{
		"\x80\x2e\x01\x03\x01\x00": 0x0301, "\x80\x2e\x01\x00\x02": 2,
		"\x80\x00\x00\x03\x01": 0, "\x80\x2e\x01": 0, "\x16\x03\x01\x00\x01": 0, "\x80\x2e\x01\x07\x01": 0,
	} {
		if got, ok := (Seen{In: []byte(first)}).SSL2Hello(); got != want || ok != (want != 0) {
			t.Errorf("%q: %#x, %v", first, got, ok)
		}
	}
}

// Whatever is known can be said, and has the word for it.
func TestProtocolsHaveWords(t *testing.T) {
	for _, table := range [][]Protocol{serverProtocols, clientProtocols} {
		for _, p := range table {
			if p.Name == "" || (p.TLS == "") != (p.Kind == HTTP) || strings.HasSuffix(p.TLS, ".") {
				t.Errorf("%q: %q", p.Name, p.TLS)
			}
			if p.StartTLS != "" && p.Kind != BeforeTLS {
				t.Errorf("%s begins TLS after a command, and is not of that kind", p.Name)
			}
		}
	}
}

// Nothing that a stranger sends makes the table fail, and the beginning of TLS is never
// taken for something else.
func FuzzProtocol(f *testing.F) {
	f.Add([]byte{0x30, 0x84, 0xff})
	f.Add([]byte{0x10, 0x80, 0x80, 0x80})
	f.Add([]byte("\x00\x00\x00\x08\x04\xd2\x16\x2f"))
	f.Add([]byte{22, 3, 1, 0, 10, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		s := Seen{In: data}
		for _, find := range []func() (Protocol, bool){s.ServerProtocol, s.ClientProtocol} {
			if p, ok := find(); ok && !s.NotTLS() {
				t.Errorf("%x is taken for %s, and may be TLS", data, p.Name)
			}
		}
	})
}

package interop

import "tlsdemo/scripts/peers/workshop"

// servers are all that tlsdemo send talks to. Each demands a certificate. gnutls-serv
// and selfserv cannot be told to listen on loopback only.
var servers = []server{
	{
		Peer: workshop.Peer{
			Name:  "openssl s_server, TLS 1.2",
			Needs: []string{"openssl"},
			Args:  "openssl s_server -accept {addr} -tls1_2 " + opensslServer,
		},
		ready:  "ACCEPT\n",
		answer: `Received "omedslt morf olleH\n"`,
		saw:    []string{"Protocol version: TLSv1.2\n", "Verification: OK\n", "Peer certificate: CN = client\n"},
		ended:  "silence",
	},
	{
		Peer: workshop.Peer{
			Name:  "openssl s_server, TLS 1.3",
			Needs: []string{"openssl"},
			Args:  "openssl s_server -accept {addr} -tls1_3 " + opensslServer,
		},
		ready:  "ACCEPT\n",
		answer: `Received "omedslt morf olleH\n"`,
		saw:    []string{"Protocol version: TLSv1.3\n", "Verification: OK\n", "Peer certificate: CN = client\n"},
		ended:  "silence",
	},
	{
		Peer: workshop.Peer{
			Name:  "gnutls-serv",
			Needs: []string{"gnutls-serv"},
			Args:  "gnutls-serv --echo --port={port} --x509certfile={cert} --x509keyfile={key} --x509cafile={ca} --require-client-cert --verify-client-cert",
		},
		ready:  "...done\n",
		answer: `Received "Hello from tlsdemo\n"`,
		saw:    []string{"Subject: CN=client\n"},
		ended:  "silence", // it goes on echoing
	},
	{
		Peer: workshop.Peer{
			Name:  "NSS selfserv",
			Needs: []string{"selfserv", "certutil", "pk12util", "openssl"},
			// Two times -r: a certificate is asked for, and required.
			Args: "selfserv -v -p {port} -d sql:{nss} -n {nickname} -r -r -V tls1.2:tls1.3",
		},
		ready:   "About to call accept",
		send:    "--raw",
		message: "GET / HTTP/1.0\r\n\r\n", // all that it answers
		answer:  "HTTP/1.0 200 OK\r\n",
		saw:     []string{"subject DN: CN=client\n"},
	},
	{
		Peer: workshop.Peer{
			Name:  "socat",
			Needs: []string{"socat"},
			Args:  "socat -d -d -d OPENSSL-LISTEN:{port},bind=127.0.0.1,cert={cert},key={key},cafile={ca},verify=1 EXEC:cat",
		},
		ready:  "listening on",
		answer: `Received "Hello from tlsdemo\n"`,
		saw:    []string{"peer certificate is trusted\n", "SSL peer cert subject:"},
		ended:  "silence",
	},
	{
		Peer: workshop.Peer{
			Name:  "Python ssl",
			Needs: []string{"python3"},
			Args:  "python3 -Bu {programs}/wrap.py server {port} {ca} {tutorial}/server.py {cert} {key}",
		},
		ready:  "wrap: listening\n",
		answer: sentReply,
		saw:    []string{"('DNS', 'client.localhost')"},
		ended:  "cut",
	},
	{
		Peer:   java(" server {port} {ca} {p12} {password}"),
		ready:  "Listening\n",
		answer: sentReply,
		saw:    []string{"Client CN=client\n"},
	},
	javaScript("Node tls", "node"),
	javaScript("Deno node:tls (rustls)", deno),
	javaScript("Bun node:tls (BoringSSL)", "bun"),
	{
		Peer:   erlang(" server {port} {ca} {cert} {key}"),
		ready:  "Listening\n",
		answer: sentReply,
		saw:    []string{"Client client\n"},
	},
	{
		Peer:   script("Ruby openssl", "ruby {programs}/exchange.rb server {port} {ca} {cert} {key}"),
		ready:  "Listening\n",
		answer: sentReply,
		saw:    []string{"Client /CN=client\n"},
	},
	{
		Peer:   wolfSSL(" server {port} {ca} {cert} {key}"),
		level:  none,
		ready:  "Listening\n",
		answer: sentReply,
		saw:    []string{"Client client\n"},
	},
	{
		Peer:   mbedTLS(" server {port} {ca} {cert} {key}"),
		level:  none,
		ready:  "Listening\n",
		answer: sentReply,
		saw:    []string{"Client CN=client\n"},
	},
}

// javaScript is our server in JavaScript, with what runs it.
func javaScript(name, run string) server {
	return server{
		Peer:   script(name, run+" {programs}/server.mjs {port} {ca} {cert} {key}"),
		ready:  "Listening\n",
		answer: sentReply,
		saw:    []string{"Client DNS:client.localhost"},
		// It hangs up without an alert.
		refusal: statusNoAnswer,
	}
}

const (
	// -rev answers each line with its reverse.
	opensslServer = "-rev -cert {cert} -key {key} -CAfile {ca} -Verify 2 -verify_return_error"

	// sentReply is what tlsdemo send prints of what tlsdemo serve would have answered.
	sentReply = `Received "` + workshop.Reply + `"`
)

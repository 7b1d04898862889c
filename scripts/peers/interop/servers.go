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
	nodeHTTP("Node https", "1.1"),
	nodeHTTP("Node http2", "2.0"),
	{
		Peer:   script("Python http.server", "python3 -Bu {programs}/https.py {port} {ca} {cert} {key}"),
		ready:  "Listening\n",
		send:   "--http", // it does not know ALPN, and says nothing before the end of a line
		answer: `Received HTTP/1.0 200 OK: "Hello world!"`,
		saw:    []string{"('DNS', 'client.localhost')", "POST: b'Hello from tlsdemo"},
	},
	{
		Peer:   nginx,
		ready:  "event method",
		answer: `Received HTTP/2.0 200 OK: "Hello world!"`,
		saw:    []string{"Client CN=client: POST / HTTP/2.0\n"},
	},
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

// nginx answers in HTTP, and says so only there if it does not accept the client's certificate.
var nginx = workshop.Peer{Name: "nginx", Needs: []string{"nginx"}, Args: "nginx -p {scratch} -e stderr -c {conf}", Conf: `
daemon off;
master_process off;
pid "{scratch}/pid";
error_log stderr notice;
events { worker_connections 64; }
http {
	log_format who "Client $ssl_client_s_dn: $request";
	access_log /dev/stderr who;
	client_body_temp_path "{scratch}";
	proxy_temp_path "{scratch}";
	fastcgi_temp_path "{scratch}";
	uwsgi_temp_path "{scratch}";
	scgi_temp_path "{scratch}";
	server {
		listen {addr} ssl http2;
		ssl_certificate "{cert}";
		ssl_certificate_key "{key}";
		ssl_client_certificate "{ca}";
		ssl_verify_client on;
		location / { return 200 "Hello world!"; }
	}
}
`}

// nodeHTTP is Node's server of a version of HTTP.
func nodeHTTP(name, version string) server {
	return server{
		Peer:    script(name, "node {programs}/https.mjs {port} {ca} {cert} {key} "+version),
		ready:   "Listening\n",
		answer:  "Received HTTP/" + version + ` 200 OK: "Hello world!"`,
		saw:     []string{"Client DNS:client.localhost", "POST HTTP/" + version + ": Hello from tlsdemo"},
		refusal: statusNoAnswer, // it hangs up without an alert
	}
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

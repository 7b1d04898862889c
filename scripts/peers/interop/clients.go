package interop

import "tlsdemo/scripts/peers/workshop"

// clients are all that talk to tlsdemo serve. They verify the server's name, each in
// its way, and connect by IPv4, as the server listens there only.
var clients = []client{
	{
		Peer: workshop.Peer{
			Name: "tlsdemo send",
			Args: "{tlsdemo} send --addr={addr} --cert={cert} --key={key} --ca={ca} {message}",
		},
		stack:    "Go",
		answered: `Received "Hello world!"`,
	},
	{
		Peer: workshop.Peer{
			Name:  "openssl s_client, TLS 1.2",
			Needs: []string{"openssl"},
			Args:  "openssl s_client -connect {addr} -tls1_2 {identity} " + opensslClient,
		},
		identity: "-cert {cert} -key {key}",
		shows:    []string{"Protocol version: TLSv1.2\n", "Verification: OK\n", "Verified peername: localhost\n"},
	},
	{
		Peer: workshop.Peer{
			Name:  "openssl s_client, TLS 1.3",
			Needs: []string{"openssl"},
			Args:  "openssl s_client -connect {addr} -tls1_3 {identity} " + opensslClient,
		},
		identity: "-cert {cert} -key {key}",
		stack:    "OpenSSL",
		shows:    []string{"Protocol version: TLSv1.3\n", "Verification: OK\n", "Verified peername: localhost\n"},
	},
	{
		Peer: workshop.Peer{
			Name:  "gnutls-cli",
			Needs: []string{"gnutls-cli"},
			Args:  "gnutls-cli --port={port} {identity} --x509cafile={ca} --verify-hostname=localhost 127.0.0.1",
		},
		identity: "--x509certfile={cert} --x509keyfile={key}",
		stack:    "GnuTLS",
		// Were its standard input to end before, it might say close_notify.
		answered: "- Peer has closed the GnuTLS connection",
		shows:    []string{"Status: The certificate is trusted.", workshop.Reply},
		ended:    "cut",
	},
	{
		Peer: workshop.Peer{
			Name:  "NSS tstclnt",
			Needs: []string{"tstclnt", "certutil", "pk12util", "openssl"},
			// When its standard input is a pipe that ends, it spins and does not end.
			Args: "tstclnt -4 -h localhost -p {port} -d sql:{nss} {identity} -A {file}",
		},
		identity: "-n {nickname}",
		stack:    "NSS",
	},
	{
		Peer: workshop.Peer{
			Name:  "socat",
			Needs: []string{"socat"},
			Args:  "socat - OPENSSL:localhost:{port},pf=ip4,cafile={ca},verify=1{identity}",
		},
		identity: ",cert={cert},key={key}",
	},
	{
		Peer: workshop.Peer{
			Name:  "ncat --ssl",
			Needs: []string{"ncat"},
			Args:  "ncat -4 --ssl {identity} --ssl-verify --ssl-trustfile={ca} localhost {port}",
		},
		identity: "--ssl-cert={cert} --ssl-key={key}",
		ended:    "cut",
	},
	{
		Peer: workshop.Peer{
			Name:  "curl",
			Needs: []string{"curl"},
			// Without a configuration file or a proxy of whoever runs this.
			Args: "curl --disable --noproxy * --ipv4 --silent --show-error {identity} --cacert {ca} https://localhost:{port}/",
		},
		identity: "--cert {cert} --key {key}",
		answered: mutualTLS,
		request:  "GET /",
	},
	webClient(workshop.Peer{
		Name:  "Python urllib",
		Needs: []string{"python3"},
		Args:  "python3 -B {programs}/web.py urllib {port} {ca} {identity}",
	}),
	webClient(workshop.Peer{
		Name:  "Python requests",
		Needs: []string{"/usr/lib/python3/dist-packages/requests"},
		Args:  "/usr/bin/python3 -B {programs}/web.py requests {port} {ca} {identity}",
	}),
	webClient(workshop.Peer{
		Name:  "Python httpx",
		Needs: []string{"/usr/lib/python3/dist-packages/httpx"},
		Args:  "/usr/bin/python3 -B {programs}/web.py httpx {port} {ca} {identity}",
	}),
	{
		Peer: workshop.Peer{
			Name:  "gRPC health check",
			Needs: []string{"/usr/lib/python3/dist-packages/grpc"},
			Args:  "/usr/bin/python3 -B {programs}/web.py grpc {port} {ca} {identity}",
		},
		identity: certAndKey,
		answered: "UNIMPLEMENTED: mutual TLS works, and you are client.localhost",
		request:  "POST /grpc.health.v1.Health/Check",
	},
	webClient(script("Node https", "node {programs}/web.mjs https {port} {ca} {identity}")),
	webClient(workshop.Peer{
		Name:  "Node fetch",
		Needs: []string{"node", "$NODE_PATH/undici/package.json"},
		Args:  "node {programs}/web.mjs fetch {port} {ca} {identity}",
	}),
	javaHTTP(),
	{
		Peer: workshop.Peer{
			Name:  "Python ssl",
			Needs: []string{"python3"},
			Args:  "python3 -Bu {programs}/wrap.py client {port} {ca} {tutorial}/client.py {identity}",
		},
		identity: certAndKey,
		stack:    "Python",
		answered: "Received b'Hello world!'\n",
		message:  `"Hello world!"`,
		ended:    "cut",
	},
	{
		Peer: workshop.Peer{
			Name:  "Python ssl, 256 KiB, 20 times",
			Needs: []string{"python3"},
			Args:  "python3 -Bu {programs}/bulk.py {port} {ca} {cert} {key}",
		},
		answered: "20 of 20 answered\n",
		message:  `"xxx`,
		times:    20,
		ended:    "cut",
	},
	{
		Peer:     java(" client {port} {ca} {message} {identity}"),
		identity: "{p12} {password}",
		stack:    "Java",
		answered: receivedReply,
	},
	{
		Peer:     script("Node tls", "node {programs}/client.mjs {port} {ca} {message} {identity}"),
		identity: certAndKey,
		stack:    "Node",
		answered: receivedReply,
	},
	{
		Peer:     script("Deno node:tls (rustls)", deno+" {programs}/client.mjs {port} {ca} {message} {identity}"),
		identity: certAndKey,
		stack:    "Deno",
		answered: receivedReply,
	},
	{
		Peer:     script("Bun node:tls (BoringSSL)", "bun {programs}/client.mjs {port} {ca} {message} {identity}"),
		identity: certAndKey,
		stack:    "Bun",
		answered: receivedReply,
	},
	{
		Peer:     erlang(" client {port} {ca} {message} {identity}"),
		identity: certAndKey,
		stack:    "Erlang",
		ended:    "cut", // to a close_notify it has no answer
		answered: receivedReply,
	},
	{
		Peer:     script("Ruby openssl", "ruby {programs}/exchange.rb client {port} {ca} {message} {identity}"),
		identity: certAndKey,
		stack:    "Ruby",
		answered: receivedReply,
	},
	{
		Peer:     wolfSSL(" client {port} {ca} {message} {identity}"),
		identity: certAndKey,
		stack:    "wolfSSL",
		level:    none,
		answered: receivedReply,
	},
	{
		Peer:       mbedTLS(" client {port} {ca} {message} {identity}"),
		identity:   certAndKey,
		stack:      "mbedTLS",
		level:      none,
		answered:   receivedReply,
		unloadable: "load the CA: X509 - The extension tag or value is invalid",
	},
}

const (
	opensslClient = "-CAfile {ca} -verify_return_error -verify_hostname localhost -servername localhost -brief"

	// certAndKey is the identity of our own programs, and receivedReply their answer.
	certAndKey    = "{cert} {key}"
	receivedReply = "Received " + workshop.Reply + "\n"
)

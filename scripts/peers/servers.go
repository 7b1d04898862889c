package main

// servers are all that tlsdemo send talks to. Each demands a certificate. gnutls-serv
// and selfserv cannot be told to listen on loopback only.
var servers = []server{
	{
		peer: peer{
			name:  "openssl s_server, TLS 1.2",
			needs: []string{"openssl"},
			args:  "openssl s_server -accept {addr} -tls1_2 " + opensslServer,
		},
		ready:  "ACCEPT\n",
		answer: `Received "omedslt morf olleH\n"`,
		saw:    []string{"Protocol version: TLSv1.2\n", "Verification: OK\n", "Peer certificate: CN = client\n"},
		ended:  "silence",
	},
	{
		peer: peer{
			name:  "openssl s_server, TLS 1.3",
			needs: []string{"openssl"},
			args:  "openssl s_server -accept {addr} -tls1_3 " + opensslServer,
		},
		ready:  "ACCEPT\n",
		answer: `Received "omedslt morf olleH\n"`,
		saw:    []string{"Protocol version: TLSv1.3\n", "Verification: OK\n", "Peer certificate: CN = client\n"},
		ended:  "silence",
	},
	{
		peer: peer{
			name:  "gnutls-serv",
			needs: []string{"gnutls-serv"},
			args:  "gnutls-serv --echo --port={port} --x509certfile={cert} --x509keyfile={key} --x509cafile={ca} --require-client-cert --verify-client-cert",
		},
		ready:  "...done\n",
		answer: `Received "Hello from tlsdemo\n"`,
		saw:    []string{"Subject: CN=client\n"},
		ended:  "silence", // it goes on echoing
	},
	{
		peer: peer{
			name:  "NSS selfserv",
			needs: []string{"selfserv", "certutil", "pk12util", "openssl"},
			// Two times -r: a certificate is asked for, and required.
			args: "selfserv -v -p {port} -d {nss} -n {nickname} -r -r -V tls1.2:tls1.3",
		},
		ready:   "About to call accept",
		send:    "--raw",
		message: "GET / HTTP/1.0\r\n\r\n", // all that it answers
		answer:  "HTTP/1.0 200 OK\r\n",
		saw:     []string{"subject DN: CN=client\n"},
	},
	{
		peer: peer{
			name:  "socat",
			needs: []string{"socat"},
			args:  "socat -d -d -d OPENSSL-LISTEN:{port},bind=127.0.0.1,cert={cert},key={key},cafile={ca},verify=1 EXEC:cat",
		},
		ready:  "listening on",
		answer: `Received "Hello from tlsdemo\n"`,
		saw:    []string{"peer certificate is trusted\n", "SSL peer cert subject:"},
		ended:  "silence",
	},
	{
		peer: peer{
			name:  "Python ssl",
			needs: []string{"python3"},
			args:  "python3 -Bu {peers}/wrap.py server {port} {cert} {key} {ca} {tutorial}/server.py",
		},
		ready:  "wrap: listening\n",
		answer: `Received "Hello world!"`,
		saw:    []string{"('DNS', 'client.localhost')"},
		ended:  "cut",
	},
	{
		peer: peer{
			name:  "Node tls",
			needs: []string{"node"},
			args:  "node {peers}/server.mjs {port} {cert} {key} {ca}",
		},
		ready:  "Listening\n",
		answer: `Received "Hello world!"`,
		saw:    []string{"Client DNS:client.localhost"},
		// It hangs up without an alert.
		refusal: statusNoAnswer,
	},
	{
		peer: peer{
			name:  "Java JSSE",
			needs: []string{"java", "javac", "openssl"},
			args:  "java " + quickJVM + " {peers}/Jsse.java server {port} {p12} {password} {ca}",
		},
		ready:  "Listening\n",
		answer: `Received "Hello world!"`,
		saw:    []string{"Client CN=client\n"},
	},
}

// -rev answers each line with its reverse.
const opensslServer = "-rev -cert {cert} -key {key} -CAfile {ca} -Verify 2 -verify_return_error"

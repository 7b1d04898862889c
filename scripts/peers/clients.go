package main

// clients are all that talk to tlsdemo serve. They verify the server's name, each in
// its way, and connect by IPv4, as the server listens there only.
var clients = []client{
	{
		peer: peer{
			name: "tlsdemo send",
			args: "{tlsdemo} send --addr={addr} --cert={cert} --key={key} --ca={ca} {message}",
		},
		answered: `Received "Hello world!"`,
	},
	{
		peer: peer{
			name:  "openssl s_client, TLS 1.2",
			needs: []string{"openssl"},
			args:  "openssl s_client -connect {addr} -tls1_2 " + opensslClient,
		},
		shows: []string{"Protocol version: TLSv1.2\n", "Verification: OK\n", "Verified peername: localhost\n"},
	},
	{
		peer: peer{
			name:  "openssl s_client, TLS 1.3",
			needs: []string{"openssl"},
			args:  "openssl s_client -connect {addr} -tls1_3 " + opensslClient,
		},
		shows: []string{"Protocol version: TLSv1.3\n", "Verification: OK\n", "Verified peername: localhost\n"},
	},
	{
		peer: peer{
			name:  "gnutls-cli",
			needs: []string{"gnutls-cli"},
			args:  "gnutls-cli --port={port} --x509certfile={cert} --x509keyfile={key} --x509cafile={ca} --verify-hostname=localhost 127.0.0.1",
		},
		shows: []string{"Status: The certificate is trusted."},
		ended: "cut",
	},
	{
		peer: peer{
			name:  "NSS tstclnt",
			needs: []string{"tstclnt", "certutil", "pk12util", "openssl"},
			// When its standard input is a pipe that ends, it spins and does not end.
			args: "tstclnt -4 -h localhost -p {port} -d {nss} -n {nickname} -A {file}",
		},
	},
	{
		peer: peer{
			name:  "socat",
			needs: []string{"socat"},
			args:  "socat - OPENSSL:localhost:{port},pf=ip4,cert={cert},key={key},cafile={ca},verify=1",
		},
	},
	{
		peer: peer{
			name:  "ncat --ssl",
			needs: []string{"ncat"},
			args:  "ncat -4 --ssl --ssl-cert={cert} --ssl-key={key} --ssl-verify --ssl-trustfile={ca} localhost {port}",
		},
		ended: "cut",
	},
	{
		peer: peer{
			name:  "curl",
			needs: []string{"curl"},
			// Without a configuration file or a proxy of whoever runs this.
			args: "curl --disable --noproxy * --ipv4 --silent --show-error --no-alpn --http0.9 --cert {cert} --key {key} --cacert {ca} https://localhost:{port}/",
		},
		message: `"GET / HTTP/1.1\r\nHost: localhost:`,
	},
	{
		peer: peer{
			name:  "Python ssl",
			needs: []string{"python3"},
			args:  "python3 -Bu {peers}/wrap.py client {port} {cert} {key} {ca} {tutorial}/client.py",
		},
		answered: "Received b'Hello world!'\n",
		message:  `"Hello world!"`,
		ended:    "cut",
	},
	{
		peer: peer{
			name:  "Python ssl, 256 KiB, 20 times",
			needs: []string{"python3"},
			args:  "python3 -Bu {peers}/bulk.py {port} {cert} {key} {ca}",
		},
		answered: "20 of 20 answered\n",
		message:  `"xxx`,
		times:    20,
		ended:    "cut",
	},
	{
		peer: peer{
			name:  "Node tls",
			needs: []string{"node"},
			args:  "node {peers}/client.mjs {port} {cert} {key} {ca} {message}",
		},
		answered: "Received Hello world!\n",
	},
	{
		peer: peer{
			name:  "Java JSSE",
			needs: []string{"java", "javac", "openssl"},
			args:  "java " + quickJVM + " {peers}/Jsse.java client {port} {p12} {password} {ca} {message}",
		},
		answered: "Received Hello world!\n",
	},
}

const (
	opensslClient = "-cert {cert} -key {key} -CAfile {ca} -verify_return_error -verify_hostname localhost -servername localhost -brief"

	// quickJVM makes a Java that is to live for a second start faster.
	quickJVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"
)

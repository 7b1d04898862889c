package trace

import "tlsdemo/scripts/peers/workshop"

// end is a program that is one end of a connection. {version} in its arguments is what makes it
// speak one version only, and {keylog} is where it writes its secrets, if it can.
type end struct {
	workshop.Peer
	v12, v13 string
	ready    string // what a server prints when it listens; empty if it is asked by connecting
	say      string // what a client is told to send
}

// request is what clients say that do not know any HTTP by themselves. Every server answers it.
const request = "GET / HTTP/1.0\r\n\r\n"

// ours stands for crypto/tls in this process, at either end.
var ours = end{Peer: workshop.Peer{Name: "Go"}}

const quickJava = "java " + workshop.QuickJVM + " -cp {program} "

const (
	buildJava  = "javac -d {program} {programs}/Jsse.java"
	openssl12  = "-tls1_2"
	openssl13  = "-tls1_3"
	gnutls12   = "--priority=NORMAL:-VERS-ALL:+VERS-TLS1.2"
	gnutls13   = "--priority=NORMAL:-VERS-ALL:+VERS-TLS1.3"
	node12     = "--tls-max-v1.2"
	node13     = "--tls-min-v1.3"
	opensslEnd = "-CAfile {ca} -cert {cert} -key {key} -keylogfile {keylog} {version}"
	gnutlsEnd  = "--x509cafile={ca} --x509certfile={cert} --x509keyfile={key} {version}"
)

var (
	opensslServer = end{
		Peer: workshop.Peer{Name: "OpenSSL", Needs: []string{"openssl"}, Args: "openssl s_server -accept {addr} -www -Verify 2 -verify_return_error " + opensslEnd},
		v12:  openssl12, v13: openssl13, ready: "ACCEPT\n",
	}
	opensslClient = end{
		Peer: workshop.Peer{Name: "OpenSSL", Needs: []string{"openssl"}, Args: "openssl s_client -connect {addr} -servername localhost -verify_hostname localhost -verify_return_error -ign_eof " + opensslEnd},
		v12:  openssl12, v13: openssl13, say: request,
	}
	gnutlsServer = end{
		Peer: workshop.Peer{Name: "GnuTLS", Needs: []string{"gnutls-serv"}, Args: "env SSLKEYLOGFILE={keylog} gnutls-serv --port={port} --require-client-cert --verify-client-cert " + gnutlsEnd},
		v12:  gnutls12, v13: gnutls13, ready: "...done\n",
	}
	gnutlsClient = end{
		Peer: workshop.Peer{Name: "GnuTLS", Needs: []string{"gnutls-cli"}, Args: "env SSLKEYLOGFILE={keylog} gnutls-cli --port={port} --verify-hostname=localhost 127.0.0.1 " + gnutlsEnd},
		v12:  gnutls12, v13: gnutls13, say: request,
	}
	curl = end{
		Peer: workshop.Peer{Name: "curl", Needs: []string{"curl"}, Args: "env SSLKEYLOGFILE={keylog} curl --disable --noproxy * --ipv4 --silent --show-error --http1.1 --max-time 20 --cert {cert} --key {key} --cacert {ca} {version} https://localhost:{port}/"},
		v12:  "--tls-max 1.2", v13: "--tlsv1.3",
	}
	pythonServer = end{
		Peer: workshop.Peer{Name: "Python", Needs: []string{"python3"}, Args: "python3 -Bu {programs}/trace.py server {port} {ca} {cert} {key} {keylog} {version}"},
		v12:  "TLSv1_2", v13: "TLSv1_3", ready: "Listening\n",
	}
	pythonClient = end{
		Peer: workshop.Peer{Name: "Python", Needs: []string{"python3"}, Args: "python3 -Bu {programs}/trace.py client {port} {ca} {cert} {key} {keylog} {version}"},
		v12:  "TLSv1_2", v13: "TLSv1_3",
	}
	nodeServer = end{
		Peer: workshop.Peer{Name: "Node", Needs: []string{"node"}, Args: "node --tls-keylog={keylog} {version} {programs}/server.mjs {port} {ca} {cert} {key}"},
		v12:  node12, v13: node13, ready: "Listening\n",
	}
	nodeClient = end{
		Peer: workshop.Peer{Name: "Node", Needs: []string{"node"}, Args: "node --tls-keylog={keylog} {version} {programs}/client.mjs {port} {ca} {message} {cert} {key}"},
		v12:  node12, v13: node13,
	}
	// Java and nginx write no key log.
	javaServer = end{
		Peer: workshop.Peer{Name: "Java", Needs: []string{"java", "javac"}, Build: buildJava, Args: quickJava + "{version} Jsse server {port} {ca} {p12} {password}"},
		v12:  "-Djdk.tls.server.protocols=TLSv1.2", v13: "-Djdk.tls.server.protocols=TLSv1.3", ready: "Listening\n",
	}
	javaClient = end{
		Peer: workshop.Peer{Name: "Java", Needs: []string{"java", "javac"}, Build: buildJava, Args: quickJava + "{version} Jsse client {port} {ca} {message} {p12} {password}"},
		v12:  "-Djdk.tls.client.protocols=TLSv1.2", v13: "-Djdk.tls.client.protocols=TLSv1.3",
	}
	nginx = end{
		Peer: workshop.Peer{Name: "nginx", Needs: []string{"nginx"}, Args: "nginx -p {scratch} -e stderr -c {conf}", Conf: nginxConf},
		v12:  "TLSv1.2", v13: "TLSv1.3", ready: "event method",
	}
)

// others are clients of further implementations, in whatever version they prefer. Only crypto/tls
// writes a key log with them.
var others = []end{
	{Peer: workshop.Peer{Name: "BoringSSL (Bun)", Needs: []string{"bun"}, Args: "bun {programs}/client.mjs {port} {ca} {message} {cert} {key}"}},
	{Peer: workshop.Peer{Name: "rustls (Deno)", Needs: []string{"deno"}, Args: "env DENO_NO_UPDATE_CHECK=1 DENO_DIR={scratch} deno run --no-remote --no-npm --no-config --allow-net=127.0.0.1 --allow-read {programs}/client.mjs {port} {ca} {message} {cert} {key}"}},
	{Peer: workshop.Peer{Name: "NSS", Needs: []string{"tstclnt", "certutil", "pk12util", "openssl"}, Args: "tstclnt -4 -h localhost -p {port} -d sql:{nss} -n {nickname} -A {file}"}},
	{Peer: workshop.Peer{Name: "wolfSSL", Needs: []string{"gcc", "/usr/include/wolfssl/ssl.h"}, Build: "gcc -o {program} {programs}/wolfssl.c -lwolfssl", Args: "{program} client {port} {ca} {message} {cert} {key}"}},
	{Peer: workshop.Peer{Name: "mbedTLS", Needs: []string{"gcc", "/usr/include/mbedtls/ssl.h"}, Build: "gcc -o {program} {programs}/mbedtls.c -lmbedtls -lmbedx509 -lmbedcrypto", Args: "{program} client {port} {ca} {message} {cert} {key}"}},
	{Peer: workshop.Peer{Name: "Erlang", Needs: []string{"escript", "/usr/lib/erlang/lib/ssl-*"}, Args: "escript {programs}/exchange.escript client {port} {ca} {message} {cert} {key}"}},
}

// chromium presents no certificate unless it is asked to by a policy, which takes a right to write
// into /etc.
var chromium = end{Peer: workshop.Peer{
	Name:  "Chromium",
	Needs: []string{"chromium", "certutil", "pk12util", "openssl"},
	Args: "env HOME={home} SSLKEYLOGFILE={keylog} chromium --user-data-dir={home}/data --headless=new --no-sandbox --disable-gpu" +
		" --disable-quic --disable-dev-shm-usage --no-first-run --no-default-browser-check --disable-background-networking" +
		" --disable-component-update --disable-sync --disable-extensions --no-proxy-server" +
		" --host-resolver-rules={quiet} --dump-dom https://localhost:{port}/",
	Words: []string{"{quiet}", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"},
}}

const nginxConf = `
daemon off;
master_process off;
pid "{scratch}/pid";
error_log stderr notice;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path "{scratch}";
	proxy_temp_path "{scratch}";
	fastcgi_temp_path "{scratch}";
	uwsgi_temp_path "{scratch}";
	scgi_temp_path "{scratch}";
	server {
		listen {addr} ssl;
		ssl_protocols {version};
		ssl_certificate "{cert}";
		ssl_certificate_key "{key}";
		ssl_client_certificate "{ca}";
		ssl_verify_client on;
		location / { return 200 "Hello world!"; }
	}
}
`

var (
	servers = []end{ours, opensslServer, gnutlsServer, nginx, nodeServer, pythonServer, javaServer}
	clients = []end{ours, opensslClient, gnutlsClient, curl, nodeClient, pythonClient, javaClient}
)

// with returns the end with more arguments.
func (e end) with(args string) end {
	e.Args += " " + args
	return e
}

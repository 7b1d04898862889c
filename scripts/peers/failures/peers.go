package failures

import "tlsdemo/scripts/peers/workshop"

// What is said to several of them. A fragment begins with a space unless it continues a
// word.
var (
	opensslBoth = map[string]string{
		"group":      " -groups P-521",
		"alpn":       " -alpn other/1",
		"crl":        " -crl_check -CRL {crl}",
		"crls":       " -crl_check_all -CRL {crl}",
		"signatures": " -sigalgs RSA-PSS+SHA256",
	}
	openssl12 = with(opensslBoth, map[string]string{"tls1.2": "", "suite": " -cipher ECDHE-ECDSA-AES128-GCM-SHA256", "old": " -cipher AES128-GCM-SHA256"})
	openssl13 = with(opensslBoth, map[string]string{"tls1.3": ""})

	gnutlsBoth = map[string]string{
		"group":      ":-GROUP-ALL:+GROUP-SECP521R1",
		"alpn":       " --alpn=other/1",
		"crl":        " --x509crlfile={crl}",
		"signatures": ":-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256",
	}
	gnutls12 = with(gnutlsBoth, map[string]string{"tls1.2": "", "suite": ":-CIPHER-ALL:+AES-128-GCM", "old": ":-KX-ALL:+RSA"})
	gnutls13 = with(gnutlsBoth, map[string]string{"tls1.3": ""})

	// scripted are our own programs in Python and JavaScript.
	scripted = map[string]string{
		"tls1.2": " tls=1.2",
		"tls1.3": " tls=1.3",
		"suite":  " ciphers=ECDHE-ECDSA-AES128-GCM-SHA256",
		"old":    " tls=1.2 ciphers=AES128-GCM-SHA256",
		"alpn":   " alpn=other/1",
		"crl":    " crl={crl}",
		"mute":   " conduct=mute",
	}
	// Python does not ask for certificates that it does not verify.
	node    = with(scripted, map[string]string{"group": " group=P-521", "signatures": " signatures=RSA-PSS+SHA256"})
	nodeLax = map[string]string{"lax": "lax=yes"}
	node12  = without(with(node, map[string]string{"tls1.2": ""}), "tls1.3")

	// Java's revocation checking cannot be told of one list by a program as small as ours.
	java = map[string]string{
		"tls1.2": " tls=1.2", "tls1.3": " tls=1.3", "suite": " ciphers=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
		"group": " group=secp521r1", "alpn": " alpn=other/1", "mute": " conduct=mute", "signatures": " signatures=rsa_pss_rsae_sha256",
	}

	ending        = map[string]string{"no-cert": "", "leave": "", "mute": ""}
	opensslEnding = with(ending, map[string]string{"depth": " -verify_depth 1"})

	opensslServes = map[string]string{
		"allow": " -verify_hostname nobody.localhost", "list-other": " -CAfile {other} -verifyCAfile {ca}",
		"depth": " -verify_depth 1", "one-name": " -servername db.localhost -servername_fatal -cert2 {cert} -key2 {key}",
	}
	lax = map[string]string{"lax": ""}
)

// foreignClients are all that talk to tlsdemo serve. They verify its name.
var foreignClients = []foreign{
	{
		Peer:     workshop.Peer{Name: "openssl 1.2", Needs: []string{"openssl"}, Args: sClient + "1_2"},
		identity: "-cert {cert} -key {key}", chain: " -cert_chain {chain}", options: with(openssl12, opensslEnding),
		demand: strictOpenssl, demands: map[string]string{"lax": "", "no-sni": noSNIOpenssl},
	},
	{
		Peer:     workshop.Peer{Name: "openssl 1.3", Needs: []string{"openssl"}, Args: sClient + "1_3"},
		identity: "-cert {cert} -key {key}", chain: " -cert_chain {chain}", options: with(openssl13, opensslEnding),
		demand: strictOpenssl, demands: map[string]string{"lax": "", "no-sni": noSNIOpenssl},
	},
	{
		Peer:     workshop.Peer{Name: "gnutls 1.2", Needs: []string{"gnutls-cli"}, Args: gnutlsCli + "1.2{options}"},
		identity: "--x509certfile={cert} --x509keyfile={key}", options: with(gnutls12, ending),
		demand: "--verify-hostname=localhost", demands: map[string]string{"lax": "--insecure", "no-sni": noSNIGnutls},
	},
	{
		Peer:     workshop.Peer{Name: "gnutls 1.3", Needs: []string{"gnutls-cli"}, Args: gnutlsCli + "1.3{options}"},
		identity: "--x509certfile={cert} --x509keyfile={key}", options: with(gnutls13, ending),
		demand: "--verify-hostname=localhost", demands: map[string]string{"lax": "--insecure", "no-sni": noSNIGnutls},
	},
	{
		Peer:     workshop.Peer{Name: "Python", Needs: []string{"python3"}, Args: "python3 -Bu {programs}/failures.py client {port} {ca} {identity}{options}"},
		identity: "cert={cert} key={key}",
		options:  with(scripted, map[string]string{"group": " group=secp521r1", "no-cert": "", "leave": " conduct=leave"}),
	},
	{
		Peer:     workshop.Peer{Name: "Node 1.2", Needs: []string{"node"}, Args: "node {programs}/failures.mjs client {port} {ca} tls=1.2 {identity} {demand}{options}"},
		identity: "cert={cert} key={key}",
		demands:  nodeLax,
		options:  with(node12, map[string]string{"no-cert": "", "leave": " conduct=leave"}),
	},
	{
		Peer:     workshop.Peer{Name: "Node", Needs: []string{"node"}, Args: "node {programs}/failures.mjs client {port} {ca} {identity} {demand}{options}"},
		identity: "cert={cert} key={key}",
		demands:  nodeLax,
		options:  with(node, map[string]string{"no-cert": "", "leave": " conduct=leave"}),
	},
	{
		Peer: workshop.Peer{
			Name: "Java", Needs: []string{"java", "javac"}, Build: buildJava,
			Args: runJava + " client {port} {ca} {identity}{options}",
		},
		identity: "cert={cert} key={key}", orderly: true, slow: true,
		options: with(java, map[string]string{"no-cert": "", "leave": " conduct=leave"}),
	},
	{
		// Without a configuration file or a proxy of whoever runs this.
		Peer: workshop.Peer{
			Name: "curl", Needs: []string{"curl"},
			Args: curl + " --no-alpn --cacert {ca} {identity}{options} https://localhost:{port}/",
		},
		identity: "--cert {cert} --key {key}",
		options: map[string]string{
			"tls1.2": " --tlsv1.2 --tls-max 1.2", "tls1.3": " --tlsv1.3",
			"suite": " --tls-max 1.2 --ciphers ECDHE-ECDSA-AES128-GCM-SHA256", "old": " --tls-max 1.2 --ciphers AES128-GCM-SHA256",
			"group": " --curves P-521", "crl": " --crlfile {crl}", "no-cert": "",
		},
		instead: map[string]string{
			"http": curl + " http://localhost:{port}/",
		},
	},
	{
		// Without an address to accept at, its one client is its standard input.
		Peer: workshop.Peer{Name: "stunnel", Needs: []string{"stunnel"}, Args: "stunnel {conf}", Conf: stunnelLog + `
client = yes
connect = {addr}
sni = localhost
CAfile = {ca}
{demand}{identity}{options}
`},
		identity: "cert = {cert}\nkey = {key}\n", options: with(stunnelOptions, ending),
		demand: "verifyChain = yes\ncheckHost = localhost\n", demands: lax,
	},
	{Peer: workshop.Peer{Name: "socket"}, raw: true},
}

// foreignServers are all that tlsdemo send talks to. Each demands a certificate.
// gnutls-serv cannot be told to listen on loopback only.
var foreignServers = []foreign{
	{
		Peer:     workshop.Peer{Name: "openssl 1.2", Needs: []string{"openssl"}, Args: sServer + "1_2 -rev"},
		identity: "-cert {cert} -key {key}", chain: " -cert_chain {chain}", ready: "ACCEPT\n", options: with(openssl12, opensslServes),
		demand: "-Verify 2 -verify_return_error", demands: map[string]string{"lax": "-Verify 2"},
		instead: map[string]string{"mute": sServer + "1_2"},
	},
	{
		Peer:     workshop.Peer{Name: "openssl 1.3", Needs: []string{"openssl"}, Args: sServer + "1_3 -rev"},
		identity: "-cert {cert} -key {key}", chain: " -cert_chain {chain}", ready: "ACCEPT\n", options: with(openssl13, opensslServes),
		demand: "-Verify 2 -verify_return_error", demands: map[string]string{"lax": "-Verify 2"},
		instead: map[string]string{"mute": sServer + "1_3"},
	},
	{
		Peer:     workshop.Peer{Name: "gnutls 1.2", Needs: []string{"gnutls-serv"}, Args: gnutlsServ + "1.2{options} --echo"},
		identity: "--x509certfile={cert} --x509keyfile={key}", ready: "...done\n", options: gnutls12,
		demand: "--verify-client-cert", demands: lax,
		instead: map[string]string{"mute": gnutlsServ + "1.2"},
	},
	{
		Peer:     workshop.Peer{Name: "gnutls 1.3", Needs: []string{"gnutls-serv"}, Args: gnutlsServ + "1.3{options} --echo"},
		identity: "--x509certfile={cert} --x509keyfile={key}", ready: "...done\n", options: gnutls13,
		demand: "--verify-client-cert", demands: lax,
		instead: map[string]string{"mute": gnutlsServ + "1.3"},
	},
	{
		Peer:     workshop.Peer{Name: "Python", Needs: []string{"python3"}, Args: "python3 -Bu {programs}/failures.py server {port} {ca} {identity}{options}"},
		identity: "cert={cert} key={key}", ready: "Listening\n", cuts: true,
		options: with(scripted, map[string]string{"group": " group=secp521r1", "mum": " conduct=mum"}),
		instead: map[string]string{"http": "python3 -Bu -m http.server --bind 127.0.0.1 --directory {dir} {port}"},
	},
	{
		Peer:     workshop.Peer{Name: "Node 1.2", Needs: []string{"node"}, Args: "node {programs}/failures.mjs server {port} {ca} tls=1.2 {identity} {demand}{options}"},
		identity: "cert={cert} key={key}", ready: "Listening\n",
		demands: nodeLax, options: with(node12, map[string]string{"mum": " conduct=mum"}),
	},
	{
		Peer:     workshop.Peer{Name: "Node", Needs: []string{"node"}, Args: "node {programs}/failures.mjs server {port} {ca} {identity} {demand}{options}"},
		identity: "cert={cert} key={key}", ready: "Listening\n",
		demands: nodeLax, options: with(node, map[string]string{"mum": " conduct=mum", "http": " conduct=http"}),
	},
	{
		Peer: workshop.Peer{
			Name: "Java", Needs: []string{"java", "javac"}, Build: buildJava,
			Args: runJava + " server {port} {ca} {identity}{options}",
		},
		identity: "cert={cert} key={key}", orderly: true, slow: true, ready: "Listening\n",
		options: with(without(java, "signatures"), map[string]string{"mum": " conduct=mum"}),
	},
	nginx("nginx 1.2", "TLSv1.2", map[string]string{"tls1.2": "", "suite": "ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;\n", "old": "ssl_ciphers AES128-GCM-SHA256;\n"}),
	nginxHTTP,
	nginx("nginx 1.3", "TLSv1.3", map[string]string{"tls1.3": ""}),
	apache("Apache 1.2", "TLSv1.2", map[string]string{"tls1.2": "", "suite": "SSLCipherSuite ECDHE-ECDSA-AES128-GCM-SHA256\n"}),
	apache("Apache 1.3", "TLSv1.3", map[string]string{"tls1.3": ""}),
	{
		Peer: workshop.Peer{Name: "stunnel", Needs: []string{"stunnel"}, Args: "stunnel {conf}", Conf: stunnelLog + `
[tls]
accept = {addr}
connect = {upstream}
requireCert = yes
CAfile = {ca}
{demand}{identity}{options}
`},
		identity: "cert = {cert}\nkey = {key}\n", ready: " bound to ",
		demand: "verifyChain = yes\n", demands: lax,
		options: with(stunnelOptions, map[string]string{
			"down": "", "mum": "", "mute": "", "allow": "checkHost = nobody.localhost\n",
		}),
	},
	{
		Peer: workshop.Peer{Name: "HAProxy", Needs: []string{"haproxy"}, Args: "haproxy -W -f {conf}", Conf: `
global
	ssl-load-extra-del-ext
	log stdout format raw local0
defaults
	mode tcp
	log global
	option tcplog
	timeout connect 5s
	timeout client 1m
	timeout server 1m
listen tls
	bind {addr} ssl crt {cert} ca-file {demand}{options}
	server up {upstream}
`},
		ready: "Loading success", demand: "{ca} verify required",
		demands: map[string]string{
			"lax": "{ca} crt-ignore-err all ca-ignore-err all verify required", "list-other": "{other} ca-verify-file {ca} verify required",
		},
		options: map[string]string{
			"tls1.2": " ssl-max-ver TLSv1.2", "tls1.3": " ssl-min-ver TLSv1.3",
			"suite": " ssl-max-ver TLSv1.2 ciphers ECDHE-ECDSA-AES128-GCM-SHA256", "old": " ssl-max-ver TLSv1.2 ciphers AES128-GCM-SHA256",
			"one-name": " strict-sni",
			"group":    " curves P-521", "alpn": " alpn other/1", "crl": " crl-file {crl}", "crls": " crl-file {crl}",
			"down": "", "mum": "", "mute": "",
		},
	},
	{
		Peer: workshop.Peer{Name: "mosquitto", Needs: []string{"mosquitto"}, Args: "mosquitto -v -c {conf}", Conf: `
listener {port} 127.0.0.1
user root
log_dest stderr
persistence false
allow_anonymous true
certfile {cert}
keyfile {key}
cafile {ca}
require_certificate true
{options}
`},
		ready: " running\n", deaf: true,
		options: map[string]string{
			"tls1.2": "tls_version tlsv1.2\n", "tls1.3": "tls_version tlsv1.3\n",
			"suite": "tls_version tlsv1.2\nciphers ECDHE-ECDSA-AES128-GCM-SHA256\n",
			"crl":   "crlfile {crl}\n", "mum": "",
		},
	},
	{Peer: workshop.Peer{Name: "socket"}, raw: true},
}

const (
	// They end in the version.
	sClient    = "openssl s_client -connect {addr} -CAfile {ca} -brief {demand} {identity}{options} -tls"
	sServer    = "openssl s_server -accept {addr} -CAfile {ca} {demand} {identity}{options} -tls"
	gnutlsCli  = "gnutls-cli 127.0.0.1 --port={port} --x509cafile={ca} {demand} {identity} --priority=NORMAL:-VERS-ALL:+VERS-TLS"
	gnutlsServ = "gnutls-serv --port={port} --x509cafile={ca} --require-client-cert {demand} {identity} --priority=NORMAL:-VERS-ALL:+VERS-TLS"

	strictOpenssl = "-verify_return_error -verify_hostname localhost -servername localhost"
	noSNIOpenssl  = "-verify_return_error -verify_hostname elsewhere.localhost -noservername"
	noSNIGnutls   = "--verify-hostname=elsewhere.localhost --disable-sni"

	buildJava = "javac -d {program} {programs}/Failures.java"
	runJava   = "java " + workshop.QuickJVM + " -cp {program} Failures"

	curl = "curl --disable --noproxy * --ipv4 --silent --show-error --http0.9"

	stunnelLog = "foreground = yes\npid =\nsyslog = no\ndebug = debug\n"
)

var stunnelOptions = map[string]string{
	"tls1.2": "sslVersion = TLSv1.2\n", "tls1.3": "sslVersion = TLSv1.3\n",
	"suite": "sslVersion = TLSv1.2\nciphers = ECDHE-ECDSA-AES128-GCM-SHA256\n",
	"group": "curves = P-521\n", "crl": "CRLfile = {crl}\n", "crls": "CRLfile = {crl}\n",
	"signatures": "config = SignatureAlgorithms:RSA-PSS+SHA256\n",
}

package failures

import "tlsdemo/scripts/peers/workshop"

// nginx terminates TLS before a backend that knows nothing of it.
func nginx(name, version string, options map[string]string) foreign {
	return foreign{
		Peer: workshop.Peer{Name: name, Needs: []string{"nginx"}, Args: "nginx -p {dir} -e stderr -c {conf}", Conf: `
load_module "{stream}";
daemon off;
master_process off;
pid "{dir}/pid";
error_log stderr notice;
events { worker_connections 64; }
stream {
	server {
		listen {addr} ssl;
		ssl_protocols ` + version + `;
		{demand}
		{identity}
		{options}
		proxy_pass {upstream};
	}
}
`},
		identity: "ssl_certificate \"{cert}\";\nssl_certificate_key \"{key}\";\n",
		demand:   "ssl_client_certificate \"{ca}\";\nssl_verify_client on;\n",
		demands: map[string]string{
			"lax":        "ssl_client_certificate \"{ca}\";\nssl_verify_client optional_no_ca;\n",
			"list-other": "ssl_trusted_certificate \"{ca}\";\nssl_client_certificate \"{other}\";\nssl_verify_client on;\n",
		},
		ready: "event method", shallow: true, // it listens by then
		options: with(options, map[string]string{
			"group": "ssl_ecdh_curve P-521;\n", "alpn": "ssl_alpn other/1;\n", "crl": "ssl_crl \"{crl}\";\n", "crls": "ssl_crl \"{crl}\";\n",
			"depth": "ssl_verify_depth 1;\n", "signatures": "ssl_conf_command SignatureAlgorithms RSA-PSS+SHA256;\n",
			"down": "", "mum": "", "mute": "",
		}),
	}
}

// nginxHTTP completes every handshake, and refuses certificates in its answer to the first
// request.
var nginxHTTP = foreign{
	Peer: workshop.Peer{Name: "nginx HTTP", Needs: []string{"nginx"}, Args: "nginx -p {dir} -e stderr -c {conf}", Conf: `
daemon off;
master_process off;
pid "{dir}/pid";
error_log stderr notice;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path "{dir}";
	proxy_temp_path "{dir}";
	fastcgi_temp_path "{dir}";
	uwsgi_temp_path "{dir}";
	scgi_temp_path "{dir}";
	server {
		listen {addr} ssl;
		{demand}
		{identity}
		{options}
		location / { return 200 "OK\n"; }
	}
}
`},
	identity: "ssl_certificate \"{cert}\";\nssl_certificate_key \"{key}\";\n",
	demand:   "ssl_client_certificate \"{ca}\";\nssl_verify_client on;\n",
	ready:    "event method", web: true, shallow: true,
	options: map[string]string{
		"tls1.2": "ssl_protocols TLSv1.2;\n", "tls1.3": "ssl_protocols TLSv1.3;\n",
		"crl": "ssl_crl \"{crl}\";\n", "depth": "ssl_verify_depth 1;\n", "group": "ssl_ecdh_curve P-521;\n",
	},
}

// apache is a server of HTTP. What is said of the whole server it asks for in the
// handshake, and what of one location only, once it has seen a request for that. In one
// process, without a service or files of the system's.
func apache(name, version string, options map[string]string) foreign {
	const modules = "/usr/lib/apache2/modules/mod_"
	return foreign{
		Peer: workshop.Peer{
			Name: name, Needs: []string{"apache2", modules + "ssl.so"}, Args: "apache2 -X -f {conf} -E /dev/stderr",
			Conf: `
ServerRoot "{dir}"
DefaultRuntimeDir "{dir}"
PidFile "{dir}/pid"
LoadModule mpm_event_module ` + modules + `mpm_event.so
LoadModule authz_core_module ` + modules + `authz_core.so
LoadModule status_module ` + modules + `status.so
LoadModule ssl_module ` + modules + `ssl.so
ErrorLog /dev/stderr
LogLevel notice ssl:info mpm_event:debug
ServerName localhost
Listen {addr}
SSLEngine on
SSLProtocol ` + version + `
SSLSessionCache none
SSLCACertificateFile "{ca}"
SSLVerifyDepth 5
{identity}
{demand}
{options}
<Location "/">
	SetHandler server-status
</Location>
`,
		},
		identity: "SSLCertificateFile \"{cert}\"\nSSLCertificateKeyFile \"{key}\"\n",
		demand:   "SSLVerifyClient require\n",
		demands: map[string]string{
			"list-other": "SSLVerifyClient require\nSSLCADNRequestFile \"{other}\"\n",
			"later":      "<Location \"/\">\n\tSSLVerifyClient require\n</Location>\n",
		},
		ready: "start_threads", // it listens by then
		web:   true,
		options: with(options, map[string]string{
			"group": "SSLOpenSSLConfCmd Curves P-521\n", "alpn-own": "",
			"crl": "SSLCARevocationFile \"{crl}\"\nSSLCARevocationCheck leaf\n", "crls": "SSLCARevocationFile \"{crl}\"\nSSLCARevocationCheck chain\n",
			"depth": "SSLVerifyDepth 1\n", "signatures": "SSLOpenSSLConfCmd SignatureAlgorithms RSA-PSS+SHA256\n",
		}),
	}
}

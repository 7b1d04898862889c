package convert

import (
	"crypto/x509"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/template"

	"tlsdemo/certs"
	"tlsdemo/certs/chain"
)

// Setting is what to give to a program so that it uses a certificate.
type Setting struct {
	Program string // such as "curl", or "Python, requests"
	Text    string // to paste: a command, or lines of a program or of its configuration
}

// Settings returns the settings of the programs that we know for the leaf called name, whose
// files are given: as a client, a server, or both, as its role is.
func Settings(name string, files certs.Files, leaf *x509.Certificate) []Setting {
	var list []Setting
	data := struct{ Name, Cert, Key, CA string }{name, files.Cert, files.Key, files.CA}
	for _, of := range []struct {
		usage    certs.Usage
		settings []setting
	}{{certs.ClientAuth, clientSettings}, {certs.ServerAuth, serverSettings}} {
		if !chain.HasUsage(leaf, of.usage) {
			continue
		}
		for _, s := range of.settings {
			list = append(list, Setting{fill(s.program, data), fill(s.text, data)})
		}
	}
	return list
}

// fill fills a template of this file, which cannot fail: a test fills each. It parses them only
// then, since every start of the program would pay for it.
func fill(text string, data any) string {
	var filled strings.Builder
	t := template.Must(template.New("").Funcs(quoting).Parse(text))
	if err := t.Execute(&filled, data); err != nil {
		panic(err)
	}
	return filled.String()
}

// PrintSettings prints settings, each under the name of its program.
func PrintSettings(w io.Writer, list []Setting) error {
	for i, s := range list {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if _, err := fmt.Fprintf(w, "# %s\n%s", s.Program, s.Text); err != nil {
			return err
		}
	}
	return nil
}

// setting is a Setting, in templates.
type setting struct{ program, text string }

func of(program, text string) setting {
	return setting{program, strings.TrimPrefix(text, "\n")}
}

// quoting is how the programs have a file name quoted, which on some systems has a space in it.
var quoting = template.FuncMap{
	"sh":  shellWord,
	"go":  strconv.Quote, // Python, JavaScript and YAML quote alike
	"web": webWord,
	"sql": sqlValue,
	"pg":  connectionValue,
}

// webWord quotes a file name for nginx and HAProxy, if it has to be.
func webWord(s string) string {
	if unquoted(s) {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(s) + `"`
}

// sqlValue quotes a file name for postgresql.conf.
func sqlValue(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// connectionValue quotes a file name for a connection string of libpq, if it has to be.
func connectionValue(s string) string {
	if unquoted(s) {
		return s
	}
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

// unquoted reports whether a file name means itself everywhere.
func unquoted(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%") == ""
}

// shellWord quotes a file name for a POSIX shell, if it has to be.
func shellWord(s string) string {
	if unquoted(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// clientSettings connect to localhost:8443, a server of the same CA.
var clientSettings = []setting{
	of("curl", `
curl --cert {{sh .Cert}} --key {{sh .Key}} --cacert {{sh .CA}} https://localhost:8443/
`),
	of("openssl", `
openssl s_client -connect localhost:8443 -cert {{sh .Cert}} -key {{sh .Key}} -CAfile {{sh .CA}} -verify_return_error
`),
	of("Go", `
cert, err := tls.LoadX509KeyPair({{go .Cert}}, {{go .Key}})
if err != nil {
	log.Fatal(err)
}
pem, err := os.ReadFile({{go .CA}})
if err != nil {
	log.Fatal(err)
}
roots := x509.NewCertPool()
roots.AppendCertsFromPEM(pem)
client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
	Certificates: []tls.Certificate{cert},
	RootCAs:      roots,
}}}
`),
	of("Python, ssl", `
import ssl
context = ssl.create_default_context(cafile={{go .CA}})
context.load_cert_chain({{go .Cert}}, {{go .Key}})
`),
	of("Python, requests", `
import requests
response = requests.get("https://localhost:8443/", cert=({{go .Cert}}, {{go .Key}}), verify={{go .CA}})
`),
	of("Python, httpx", `
import httpx, ssl
context = ssl.create_default_context(cafile={{go .CA}})
context.load_cert_chain({{go .Cert}}, {{go .Key}})
response = httpx.get("https://localhost:8443/", verify=context)
`),
	of("Node", `
const fs = require("fs"), https = require("https");
const agent = new https.Agent({
  cert: fs.readFileSync({{go .Cert}}),
  key: fs.readFileSync({{go .Key}}),
  ca: fs.readFileSync({{go .CA}}),
});
`),
	of("Java (first: tlsdemo certs export {{.Name}} --format=p12, and ca --format=jks-truststore)", `
java -Djavax.net.ssl.keyStore={{.Name}}.p12 -Djavax.net.ssl.keyStorePassword="$TLSDEMO_PASSWORD" -Djavax.net.ssl.trustStore=truststore.p12 -Djavax.net.ssl.trustStorePassword="$TLSDEMO_PASSWORD"
`),
	of("gRPC, in Python", `
import grpc
read = lambda name: open(name, "rb").read()
credentials = grpc.ssl_channel_credentials(read({{go .CA}}), read({{go .Key}}), read({{go .Cert}}))
channel = grpc.secure_channel("localhost:8443", credentials)
`),
	of("PostgreSQL, psql", `
psql {{printf "host=localhost sslmode=verify-full sslcert=%s sslkey=%s sslrootcert=%s user=%s dbname=postgres" (pg .Cert) (pg .Key) (pg .CA) (pg .Name) | sh}}
`),
	of("mosquitto", `
mosquitto_pub -h localhost -p 8883 --cert {{sh .Cert}} --key {{sh .Key}} --cafile {{sh .CA}} -t test -m hello
`),
	of("Docker", `
docker --tlsverify --tlscert={{sh .Cert}} --tlskey={{sh .Key}} --tlscacert={{sh .CA}} -H=tcp://localhost:2376 version
`),
}

// serverSettings demand a client certificate of the same CA.
var serverSettings = []setting{
	of("openssl", `
openssl s_server -accept localhost:8443 -www -cert {{sh .Cert}} -key {{sh .Key}} -CAfile {{sh .CA}} -Verify 1 -verify_return_error
`),
	of("Go", `
cert, err := tls.LoadX509KeyPair({{go .Cert}}, {{go .Key}})
if err != nil {
	log.Fatal(err)
}
pem, err := os.ReadFile({{go .CA}})
if err != nil {
	log.Fatal(err)
}
clients := x509.NewCertPool()
clients.AppendCertsFromPEM(pem)
server := &http.Server{Addr: "localhost:8443", TLSConfig: &tls.Config{
	Certificates: []tls.Certificate{cert},
	ClientAuth:   tls.RequireAndVerifyClientCert,
	ClientCAs:    clients,
}}
`),
	of("Python, ssl", `
import ssl
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile={{go .CA}})
context.load_cert_chain({{go .Cert}}, {{go .Key}})
context.verify_mode = ssl.CERT_REQUIRED
`),
	of("Node", `
const fs = require("fs"), https = require("https");
const options = {
  cert: fs.readFileSync({{go .Cert}}),
  key: fs.readFileSync({{go .Key}}),
  ca: fs.readFileSync({{go .CA}}),
  requestCert: true,
  rejectUnauthorized: true,
};
`),
	of("nginx", `
listen 127.0.0.1:8443 ssl;
ssl_certificate {{web .Cert}};
ssl_certificate_key {{web .Key}};
ssl_client_certificate {{web .CA}};
ssl_verify_client on;
`),
	of("HAProxy (first: tlsdemo certs export {{.Name}} --format=pem-bundle)", `
bind 127.0.0.1:8443 ssl crt {{.Name}}.pem ca-file {{web .CA}} verify required
`),
	of("Envoy", `
transport_socket:
  name: envoy.transport_sockets.tls
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
    require_client_certificate: true
    common_tls_context:
      tls_certificates:
      - certificate_chain: { filename: {{go .Cert}} }
        private_key: { filename: {{go .Key}} }
      validation_context:
        trusted_ca: { filename: {{go .CA}} }
`),
	of("PostgreSQL, postgresql.conf (and in pg_hba.conf: hostssl all all samehost cert)", `
ssl = on
ssl_cert_file = {{sql .Cert}}
ssl_key_file = {{sql .Key}}
ssl_ca_file = {{sql .CA}}
`),
	of("mosquitto", `
listener 8883 127.0.0.1
certfile {{.Cert}}
keyfile {{.Key}}
cafile {{.CA}}
require_certificate true
`),
	of("Docker, the daemon", `
dockerd --tlsverify --tlscert={{sh .Cert}} --tlskey={{sh .Key}} --tlscacert={{sh .CA}} -H=tcp://localhost:2376
`),
}

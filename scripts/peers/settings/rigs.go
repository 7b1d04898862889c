package settings

// Where the servers of the settings listen.
const (
	https    = "localhost:8443"
	postgres = "localhost:5432"
	mqtt     = "127.0.0.1:8883"
	docker   = "localhost:2376"
)

// untried are the settings that nothing here can run, and why.
var untried = map[string]string{
	"Envoy":              "neither Debian nor npm has it",
	"Docker, the daemon": "it needs the control groups of a whole machine",
}

// seen is what tlsdemo probe has to find at a server that speaks HTTP.
var seen = []string{"--http"}

// rigs are how what is printed is run.
var rigs = []rig{
	{of: client, program: "curl", needs: []string{"curl"}, want: "Secure Renegotiation", script: `{text}`},
	{of: client, program: "openssl", needs: []string{"openssl"}, want: "HTTP/1.0 200", script: `
{ printf 'GET / HTTP/1.0\r\n\r\n'; sleep 1; } | {text}
`},
	{of: client, program: "Go", needs: []string{"go"}, want: "200 ok", script: `
cat >main.go <<'END'
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
{text}
	response, err := client.Get("https://localhost:8443/")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Status)
}
END
go run main.go
`},
	{of: client, program: "Python, ssl", needs: []string{"python3"}, want: "status 200", script: python + `
import urllib.request
print("status", urllib.request.urlopen("https://localhost:8443/", context=context).status)
END
`},
	{of: client, program: "Python, requests", needs: []string{"/usr/lib/python3/dist-packages/requests"}, want: "status 200", script: python + `
print("status", response.status_code)
END
`},
	{of: client, program: "Python, httpx", needs: []string{"/usr/lib/python3/dist-packages/httpx"}, want: "status 200", script: python + `
print("status", response.status_code)
END
`},
	{of: client, program: "Node", needs: []string{"node"}, want: "status 200", script: `
cat >client.js <<'END'
{text}
https.get("https://localhost:8443/", { agent }, (response) => {
  console.log("status", response.statusCode);
  process.exit();
});
END
node client.js
`},
	{of: client, program: "Java", needs: []string{"java"}, at: "Node", want: "status 200", script: `
cat >Get.java <<'END'
import java.net.URI;
import java.net.http.*;

class Get {
    public static void main(String[] args) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create("https://localhost:8443/")).version(HttpClient.Version.HTTP_1_1).build();
        System.out.println("status " + HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.discarding()).statusCode());
    }
}
END
export TLSDEMO_PASSWORD=secret
{tlsdemo} certs export client --format=p12 --dir="{set}"
{tlsdemo} certs export ca --format=jks-truststore --dir="{set}"
{text} Get.java
`},
	{of: client, program: "gRPC, in Python", needs: []string{"/usr/lib/python3/dist-packages/grpc"}, at: "gRPC", want: "ready", script: python + `
grpc.channel_ready_future(channel).result(timeout=20)
print("ready")
END
`},
	{of: client, program: "PostgreSQL, psql", needs: []string{"psql"}, at: "PostgreSQL, postgresql.conf", want: "client is the user", script: `
psql() { command psql -Atc "select current_user || ' is the user'" "$@"; }
{text}
`},
	{of: client, program: "mosquitto", needs: []string{"mosquitto_pub"}, at: "mosquitto", want: "Client (null) sending PUBLISH", script: `
mosquitto_pub() { command mosquitto_pub -d "$@"; }
{text}
`},
	{of: client, program: "Docker", needs: []string{"docker"}, at: "Docker's API", want: "26.1.5", script: `{text}`},

	{of: server, program: "openssl", needs: []string{"openssl"}, addr: https, probe: seen, script: `exec {text}`},
	{of: server, program: "Go", needs: []string{"go"}, addr: https, probe: seen, script: `
cat >main.go <<'END'
package main

import (
	"crypto/tls"
	"crypto/x509"
	"log"
	"net/http"
	"os"
)

func main() {
{text}
	log.Fatal(server.ListenAndServeTLS("", ""))
}
END
go build -o server main.go
exec ./server
`},
	{of: server, program: "Python, ssl", needs: []string{"python3"}, addr: https, probe: seen, script: `
cat >server.py <<'END'
{text}
import http.server
httpd = http.server.HTTPServer(("localhost", 8443), http.server.SimpleHTTPRequestHandler)
httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
httpd.serve_forever()
END
exec python3 server.py
`},
	{of: server, program: "Node", needs: []string{"node"}, addr: https, probe: seen, script: `
cat >server.js <<'END'
{text}
https.createServer(options, (request, response) => response.end("Hello world!")).listen(8443, "localhost");
END
exec node server.js
`},
	{of: server, program: "nginx", needs: []string{"nginx"}, addr: https, probe: seen, script: `
cat >nginx.conf <<'END'
daemon off;
pid nginx.pid;
error_log stderr;
events {}
http {
access_log off;
server {
{text}
}
}
END
exec nginx -e stderr -p . -c nginx.conf
`},
	{of: server, program: "HAProxy", needs: []string{"haproxy"}, addr: https, probe: seen, script: `
{tlsdemo} certs export server --format=pem-bundle --dir="{set}"
cat >haproxy.cfg <<'END'
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend https
    {text}
    http-request return status 200
END
exec haproxy -db -f haproxy.cfg
`},
	{of: server, program: "PostgreSQL, postgresql.conf", needs: []string{"/usr/lib/postgresql/*/bin/postgres", "setpriv"}, addr: postgres, script: `
cat >settings <<'END'
{text}
END
exec sh {programs}/postgresql_settings.sh settings "{set}"
`},
	{of: server, program: "mosquitto", needs: []string{"mosquitto"}, addr: mqtt, probe: []string{"--timeout=10s"}, script: `
cat >mosquitto.conf <<'END'
{text}
allow_anonymous true
user root
END
exec mosquitto -c mosquitto.conf
`},
}

// stands are servers for clients of which nothing is printed for the other end.
var stands = []rig{
	{of: server, program: "gRPC", needs: []string{"/usr/lib/python3/dist-packages/grpc"}, addr: https, script: `
cat >server.py <<'END'
import concurrent.futures, grpc
read = lambda name: open("{set}/" + name, "rb").read()
server = grpc.server(concurrent.futures.ThreadPoolExecutor())
server.add_secure_port("localhost:8443", grpc.ssl_server_credentials([(read("server.key"), read("server.crt"))], read("ca.crt"), True))
server.start()
server.wait_for_termination()
END
exec /usr/bin/python3 server.py
`},
	{of: server, program: "Docker's API", needs: []string{"python3"}, addr: docker, script: `
exec /usr/bin/python3 {programs}/docker.py "{set}"
`},
}

// python begins a program of Python's: Debian's, which has the modules.
const python = `
/usr/bin/python3 - <<'END'
{text}
`

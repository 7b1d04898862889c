"""As much of the API of Docker's daemon as docker version asks for, for who presents a
certificate of the CA in a set: docker.py SET."""

import http.server
import json
import ssl
import sys

VERSION = "26.1.5"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.answer(b"OK")

    def do_GET(self):
        body = {"Version": VERSION, "ApiVersion": "1.41", "MinAPIVersion": "1.12", "Os": "linux", "Arch": "amd64"}
        self.answer(b"OK" if self.path.endswith("_ping") else json.dumps(body).encode())

    def answer(self, body):
        self.send_response(200)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


directory = sys.argv[1]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=f"{directory}/ca.crt")
context.load_cert_chain(f"{directory}/server.crt", f"{directory}/server.key")
context.verify_mode = ssl.CERT_REQUIRED
server = http.server.ThreadingHTTPServer(("localhost", 2376), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()

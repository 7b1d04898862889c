"""Answer every POST with Hello world!, over mutual TLS, as Python's own server does: without ALPN.

python3 https.py PORT CA CERT KEY
"""

import http.server
import ssl
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    """Says who the client is, and answers."""

    def do_POST(self):
        body = b"".join(self.chunks())
        print("Client", self.connection.getpeercert()["subjectAltName"], flush=True)
        print("POST:", body, flush=True)
        self.send_response(200)
        self.send_header("Content-Length", "12")
        self.end_headers()
        self.wfile.write(b"Hello world!")

    def chunks(self):
        """The body of a request without a length: RFC 9112 section 7.1."""
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()


port, ca, cert, key = sys.argv[1:]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
context.verify_mode = ssl.CERT_REQUIRED
context.load_cert_chain(cert, key)
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print("Listening", flush=True)
server.serve_forever()

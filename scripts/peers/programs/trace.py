"""Either end of an exchange over mutual TLS, that writes a key log. In one version, if there is one.

trace.py client|server PORT CA CERT KEY KEYLOG [TLSv1_2|TLSv1_3]
"""

import socket
import ssl
import sys

import mutual

role, port, ca, cert, key, key_log, *versions = sys.argv[1:]
context = mutual.context(role == "server", ca, cert, key)
context.keylog_filename = key_log
for version in versions:
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]


def serve():
    with socket.create_server(("127.0.0.1", int(port))) as listener:
        print("Listening", flush=True)
        while True:
            conn, _ = listener.accept()
            try:
                with context.wrap_socket(conn, server_side=True) as client:
                    print("Received", client.recv(1024))
                    client.sendall(b"Hello world!")
                    client.unwrap()
            except OSError as error:
                print(error)


def send():
    conn = socket.create_connection(("127.0.0.1", int(port)))
    with context.wrap_socket(conn, server_hostname="localhost") as server:
        server.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while answer := server.recv(1024):
            print("Received", answer)


send() if role == "client" else serve()

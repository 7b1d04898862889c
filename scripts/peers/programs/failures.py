"""Either end of the exchange over mutual TLS, on purpose not always as it should be.

failures.py client|server PORT CA [cert=FILE key=FILE] [NAME=VALUE]...

tls=1.2|1.3, ciphers=LIST, group=NAME, alpn=NAME, crl=FILE, and
conduct=mute (says nothing), mum (closes at once) or leave (the same, as a client).
"""

import socket
import ssl
import sys

role, port, ca = sys.argv[1:4]
options = dict(word.split("=", 1) for word in sys.argv[4:])
conduct = options.get("conduct")
server = role == "server"
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def make_context():
    purpose = ssl.Purpose.CLIENT_AUTH if server else ssl.Purpose.SERVER_AUTH
    made = ssl.create_default_context(purpose, cafile=ca)
    made.verify_mode = ssl.CERT_REQUIRED  # for a server that is not the default
    if "cert" in options:
        made.load_cert_chain(options["cert"], options["key"])
    if "tls" in options:
        made.minimum_version = made.maximum_version = VERSIONS[options["tls"]]
    if "ciphers" in options:
        made.set_ciphers(options["ciphers"])
    if "group" in options:
        made.set_ecdh_curve(options["group"])
    if "alpn" in options:
        made.set_alpn_protocols([options["alpn"]])
    if "crl" in options:
        made.load_verify_locations(options["crl"])
        made.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return made


def answer(conn):
    if conduct == "mum":
        conn.unwrap()
        return
    while message := conn.recv(1024):
        print("Received", message)
        if conduct != "mute":
            conn.sendall(b"Hello world!")
            return


def serve(context):
    listener = socket.create_server(("127.0.0.1", int(port)))
    print("Listening", flush=True)
    while True:
        plain, _ = listener.accept()
        try:
            with context.wrap_socket(plain, server_side=True) as conn:
                answer(conn)
        except OSError as err:  # ssl.SSLError is one
            print(err, flush=True)


def send(context):
    plain = socket.create_connection(("127.0.0.1", int(port)))
    with context.wrap_socket(plain, server_hostname="localhost") as conn:
        if conduct == "leave":
            conn.unwrap()
            return
        if conduct != "mute":
            conn.sendall(b"Good morning!")
        print("Received", conn.recv(1024))


(serve if server else send)(make_context())

"""Run a program for plain TCP over mutual TLS, and on another port, without changing it.

wrap.py client|server PORT CA PROGRAM [CERT KEY]
"""

import runpy
import socket
import ssl
import sys
import types

import mutual

role, port, ca, program, *identity = sys.argv[1:]
server = role == "server"
context = mutual.context(server, ca, *identity)


class Wrapped(ssl.SSLSocket):
    """A socket that speaks TLS with whatever it is connected to, on our port."""

    def connect(self, address):
        super().connect((address[0], int(port)))

    def bind(self, address):
        super().bind((address[0], int(port)))

    def listen(self, *backlog):
        super().listen(*backlog)
        print("wrap: listening", file=sys.stderr, flush=True)

    def accept(self):
        conn, address = super().accept()
        print("wrap: client", conn.getpeercert()["subjectAltName"], file=sys.stderr, flush=True)
        return conn, address


context.sslsocket_class = Wrapped


def wrapped(*args, **kwargs):
    name = None if server else "localhost"
    return context.wrap_socket(socket.socket(*args, **kwargs), server_side=server, server_hostname=name)


# The program alone is to see this module: ssl itself needs sockets that are bare.
disguise = types.ModuleType("socket")
disguise.__dict__.update(vars(socket), socket=wrapped)
sys.modules["socket"] = disguise
runpy.run_path(program, run_name="__main__")

"""Send 256 KiB in one go and read the answer, 20 times: bulk.py PORT CA CERT KEY

It stops at the first time that has no whole answer.
"""

import socket
import sys

import mutual

TIMES = 20
port, ca, cert, key = sys.argv[1:]
context = mutual.context(False, ca, cert, key)


def exchange():
    plain = socket.create_connection(("127.0.0.1", int(port)))
    with context.wrap_socket(plain, server_hostname="localhost") as conn:
        conn.sendall(b"x" * (256 << 10))
        answer = b""
        while piece := conn.recv(1024):
            answer += piece
        return answer


for n in range(TIMES):
    answer = exchange()
    if answer != b"Hello world!":
        sys.exit(f"{n} of {TIMES} answered, then {answer!r}")
print(f"{TIMES} of {TIMES} answered")

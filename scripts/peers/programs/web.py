"""Ask for / over HTTP, or a health check over gRPC, and print the answer.

web.py urllib|requests|httpx|grpc PORT CA [CERT KEY]
"""

import sys

library, port, ca, *identity = sys.argv[1:]
url = f"https://localhost:{port}/"


def with_urllib():
    import ssl
    import urllib.request

    context = ssl.create_default_context(cafile=ca)
    if identity:
        context.load_cert_chain(*identity)
    with urllib.request.urlopen(url, context=context) as answer:
        return answer.read().decode()


def with_requests():
    import requests

    return requests.get(url, verify=ca, cert=tuple(identity) or None).text


def with_httpx():
    import httpx

    return httpx.get(url, verify=ca, cert=tuple(identity) or None).text


def with_grpc():
    import grpc

    def read(path):
        with open(path, "rb") as file:
            return file.read()

    cert, key = map(read, identity) if identity else (None, None)
    channel = grpc.secure_channel(f"localhost:{port}", grpc.ssl_channel_credentials(read(ca), key, cert))
    try:
        return channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=10)
    except grpc.RpcError as error:
        return f"{error.code().name}: {error.details()}"


print({"urllib": with_urllib, "requests": with_requests, "httpx": with_httpx, "grpc": with_grpc}[library]())

"""The two ends' TLS settings, in Python: each demands the other's certificate."""

import ssl


def context(server, ca, *identity):
    purpose = ssl.Purpose.CLIENT_AUTH if server else ssl.Purpose.SERVER_AUTH
    made = ssl.create_default_context(purpose, cafile=ca)
    if identity:
        made.load_cert_chain(*identity)
    made.verify_mode = ssl.CERT_REQUIRED  # for a server that is not the default
    return made

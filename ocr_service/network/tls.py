"""TLS as PS3.15 B asks for it: version 1.2 or newer, and both sides show a certificate.

Knows certificates; must not know what is said over them.
"""

from __future__ import annotations

import ssl

from ocr_service.config import ServerTLS
from ocr_service.errors import ConfigError


def server_context(tls: ServerTLS) -> ssl.SSLContext:
    """Ours, for callers: each must show a certificate of `client_ca`. ConfigError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(tls.certificate, tls.key, password=no_password)
        context.load_verify_locations(tls.client_ca)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise ConfigError(
            f"receiver.tls: certificate, key or client_ca cannot be used ({why}); "
            "all are PEM files, the key goes with the certificate and is not encrypted"
        ) from error
    return context


def no_password() -> str:
    """Else OpenSSL asks for one at the terminal, and the service would wait there for ever."""
    raise ValueError("the key is encrypted")

"""TLS as PS3.15 B asks for it: version 1.2 or newer, and both sides show a certificate where they are told to.

Knows certificates; must not know what is said over them. Nobody else makes an `ssl.SSLContext`.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from ocr_service.config import ClientTLS, ServerTLS
from ocr_service.errors import ConfigError


def server_context(tls: ServerTLS) -> ssl.SSLContext:
    """Ours, for callers: each must show a certificate of `client_ca`. ConfigError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        return _filled(context, tls.client_ca, tls.certificate, tls.key)
    except ValueError as error:
        raise ConfigError(
            f"receiver.tls: certificate, key or client_ca cannot be used ({error}); "
            "all are PEM files, the key goes with the certificate and is not encrypted"
        ) from error


def client_context(tls: ClientTLS) -> ssl.SSLContext:
    """For a peer that we call: it shows a certificate of `ca` for its host's name, we show ours where we have one.

    `check_name = false` leaves out the name and nothing else. ConfigError, which does not know the peer.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = tls.check_name
    try:
        return _filled(context, tls.ca, tls.certificate, tls.key)
    except ValueError as error:
        raise ConfigError(f"ca, certificate or key cannot be used ({error})") from error


def _filled(context: ssl.SSLContext, authority: Path, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """What holds on either side. ValueError, which says why a file cannot be used and names none.

    With every Python the same, though from 3.13 on `ssl.create_default_context` is strict and takes partial chains.
    Not strict: the form that RFC 5280 wants (an Authority Key Identifier, a keyUsage) is what authorities of hospitals
    and devices often lack. It adds nothing to signature, dates, name and CA flag, which are checked always; with it, a
    newer Python would part us from peers that nobody changed. A partial chain is taken, for the authority that is
    configured is the one that is trusted, be it a root or one that a root has signed.
    """
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(authority)
        if certificate is not None:
            context.load_cert_chain(certificate, key, _no_password)
    except OSError as error:  # ssl.SSLError is one
        raise ValueError(error.strerror or type(error).__name__) from error
    return context


def _no_password() -> str:
    """Else OpenSSL asks for one at the terminal, and the service would wait there for ever."""
    raise ValueError("the key is encrypted")

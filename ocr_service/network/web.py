"""HTTP to a DICOMweb service: its token, TLS by our own context, and an end to the whole exchange.

`requests` bounds connecting and each read; a server that sends a byte every few seconds would be read for ever.
Knows sessions and connections; must not know what is asked.
"""

from __future__ import annotations

import socket
from contextlib import AbstractContextManager
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from ocr_service.config import Destination
from ocr_service.network.cutting import Cutter, cut_off
from ocr_service.network.tls import client_context


class WebSession(requests.Session):
    """A session of one connection. longest: seconds for a whole exchange, its connection included."""

    def __init__(self, destination: Destination) -> None:
        super().__init__()
        secure = (destination.url or "").startswith("https://")
        self._adapter = _Adapter(destination if secure else None)
        self.longest = 2 * (destination.timeout.total_seconds() or 1.0)
        for scheme in ("http://", "https://"):
            self.mount(scheme, self._adapter)

    def bounded(self) -> AbstractContextManager[Cutter]:
        """For one request and its answer: the connection is cut after `longest`, whatever still trickles."""
        return cut_off(lambda: self._adapter.socket, self.longest)


def session_for(destination: Destination) -> WebSession:
    """A session with the destination's token and TLS files. ConfigError.

    The environment's proxies and .netrc are not asked: what the service does is in its configuration. No redirection
    is followed: a POST would become a GET, whose 200 says nothing of the object.
    """
    session = WebSession(destination)
    session.trust_env = False
    session.max_redirects = 0
    session.headers["Accept"] = "application/dicom+json"
    if destination.token is not None:
        session.headers["Authorization"] = f"Bearer {destination.token.get_secret_value()}"
    if destination.tls is not None:
        session.verify = str(destination.tls.ca)  # else requests adds the public authorities to those of the context
    return session


class _Adapter(HTTPAdapter):
    """Remembers the socket of its connection; HTTPS by our own context where the destination has one."""

    def __init__(self, destination: Destination | None) -> None:
        self.socket: socket.socket | None = None
        self._told: dict[str, Any] = {}
        if destination is not None and destination.tls is not None:
            self._told["ssl_context"] = client_context(destination.tls)
            if not destination.tls.check_name:
                self._told["assert_hostname"] = False  # urllib3 asks for it where the context does not
        super().__init__()

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **kwargs, **self._told)
        self.poolmanager.pool_classes_by_scheme = self._pools()

    def _pools(self) -> dict[str, type]:
        """urllib3's own, whose connections tell their socket: nothing else does that lasts until an answer's end."""
        adapter = self

        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                adapter.socket = self.sock

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                adapter.socket = self.sock

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        return {"http": PlainPool, "https": SecurePool}

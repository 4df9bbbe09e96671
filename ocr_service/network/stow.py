"""STOW-RS (PS3.18 10.5): an object to a DICOMweb service by `dicomweb-client`, its answer read here.

Knows HTTP statuses and the Store Instances Response; must not know what an object states.

The answer is read from the response itself: the client keeps nothing of a failed one, and drops a body whose media
type has a parameter. An answer counts as success only where it is one of STOW-RS: a proxy or a page for signing in
answers 200 too.
"""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import ParseError

import requests
from dicomweb_client.web import DICOMwebClient
from pydicom.dataset import Dataset
from urllib3.exceptions import NewConnectionError

from ocr_service.config import Destination
from ocr_service.errors import ConfigError
from ocr_service.network.encoded import decoded
from ocr_service.network.sent import Accepted, Refused, Sent, Unavailable, Warned, judged
from ocr_service.network.web import WebSession, session_for

_JSON = ("application/dicom+json", "application/json")
_XML = ("application/dicom+xml", "application/xml", "text/xml")
# HTTP statuses under 500 after which the same object may be taken: not found (a wrong url, or a service that is not
# up behind its proxy) tells as little of the object as an unknown AE title does.
_PASSING = frozenset({404, 408, 425, 429})
# 5xx that stay as they are: not implemented, HTTP version not supported.
_LASTING = frozenset({501, 505})
# What is raised over an answer that has come: over its status, or what the client makes of its body.
_READ_BELOW = (requests.HTTPError, requests.exceptions.InvalidJSONError)


class StowLane:
    """STOW-RS over a connection that is kept open (see `Lane`, `web.session_for`)."""

    def __init__(self, destination: Destination) -> None:
        self._name = f"{destination.name} at {destination.url}"
        self._seconds = destination.timeout.total_seconds() or 1.0
        self._destination = destination
        self._session: WebSession | None = None
        self._client: DICOMwebClient | None = None
        self._url = (destination.url or "").rstrip("/")
        self._answer: requests.Response | None = None

    def send(self, encoded: bytes) -> Sent:
        """See `Lane`. 401 and 403 are refusals: a wrong token that is shown again and again locks an account."""
        ds = decoded(encoded)
        try:
            client, session = self._stow()
        except ConfigError as error:
            return Unavailable(f"{self._name}: tls: {error}")
        with session.bounded() as cutter:
            told = self._stored(client, ds)
        if cutter.done:  # what came until then may look like a whole answer
            return Unavailable(f"{self._name} gave no whole answer within {session.longest:g} s", begun=True)
        return told

    def _stored(self, client: DICOMwebClient, ds: Dataset) -> Sent:
        self._answer, parsed = None, None
        try:
            parsed = client.store_instances([ds])
        except requests.RequestException as error:
            if self._answer is None or not isinstance(error, _READ_BELOW):
                return self._unanswered(error)
        except (
            AttributeError,
            KeyError,
            TypeError,
            ParseError,
            ValueError,
        ):  # what the client makes of the body; it is read below
            if self._answer is None:
                raise
        assert self._answer is not None
        return _judged(self._answer, parsed, str(ds.SOPInstanceUID), self._name)

    def close(self) -> None:
        """See `Lane`."""
        if self._session is not None:
            self._session.close()

    def _stow(self) -> tuple[DICOMwebClient, WebSession]:
        if self._client is None or self._session is None:
            self._session = session_for(self._destination)
            self._client = DICOMwebClient(
                self._url, self._session, timeout=self._seconds, callback=self._remember, chunk_size=2**30
            )
            self._client.set_http_retry_params(retry=False)  # the durable caller tries again
        return self._client, self._session

    def _remember(self, response: requests.Response, *_: Any, **__: Any) -> requests.Response:
        self._answer = response
        return response

    def _unanswered(self, error: requests.RequestException) -> Sent:
        """No answer, or one that leads elsewhere. The order matters: a class stands before those it is one of."""
        if isinstance(error, requests.TooManyRedirects):
            return Unavailable(f"{self._name} points to another address: have `url` name that one")
        if isinstance(error, requests.exceptions.SSLError):
            return Unavailable(f"{self._name} cannot be reached: TLS failed, or its certificate is not accepted")
        if isinstance(error, requests.Timeout):
            return Unavailable(f"{self._name} gave no answer within {self._seconds:g} s", not _never_reached(error))
        told = f"{self._name} cannot be reached, or broke the connection off"
        return Unavailable(told, begun=not _never_reached(error))


def _never_reached(error: requests.RequestException) -> bool:
    """Was there no connection over which anything could have been sent?"""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)


def _judged(answer: requests.Response, parsed: Dataset | None, instance: str, peer: str) -> Sent:
    """The HTTP status, and what the body says of our object (PS3.18 10.5.3). parsed: the client's view of it."""
    code = answer.status_code
    store = _response_module(answer, parsed)
    told = _of_object(store, instance, peer)
    if code in (200, 202):
        return told or _unnamed(answer, store, peer)
    if code == 409 and isinstance(told, Refused | Unavailable):
        return told
    if code in (401, 403):
        return Refused(None, f"{peer} answered HTTP {code}: it does not let us in; mend its token or certificate")
    said = f"{peer} answered HTTP {code}"
    if code in _PASSING or (code >= 500 and code not in _LASTING):
        return Unavailable(said, begun=code >= 500, answered=True)  # a gateway's 502 says nothing of what is behind it
    return Refused(None, said)


def _unnamed(answer: requests.Response, store: Dataset | None, peer: str) -> Sent:
    """200 or 202 whose body does not name our object. 200 alone says that all was stored (PS3.18 table 10.5.3-1)."""
    kind = _media_type(answer)
    if answer.content.strip() and kind not in (*_JSON, *_XML):
        return Unavailable(
            f"{peer} answered with {kind or 'something'}: that is no DICOMweb service; check `url`", True
        )
    if store is None or store.get("ReferencedSOPSequence") or store.get("FailedSOPSequence"):
        return Unavailable(
            f"{peer} answered HTTP {answer.status_code} with a body that does not say what it stored", True
        )
    if answer.status_code == 202:
        return Warned(None, f"{peer} answered HTTP 202: it took the object with a remark that cannot be read")
    return Accepted()


def _media_type(answer: requests.Response) -> str:
    return answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _response_module(answer: requests.Response, parsed: Dataset | None) -> Dataset | None:
    """The Store Instances Response (PS3.18 I.2), empty where there is none; None where it cannot be read.

    Some servers put the one data set into an array, as in other answers of DICOMweb. XML, which we do not ask for, is
    what the client makes of it.
    """
    if _media_type(answer) in _XML:
        return parsed
    if not answer.content.strip() or _media_type(answer) not in _JSON:
        return Dataset()
    try:
        told = answer.json()
        ds: Dataset = Dataset.from_json(told[0] if isinstance(told, list) and len(told) == 1 else told)
        for keyword in ("FailedSOPSequence", "ReferencedSOPSequence"):
            if any(not isinstance(item, Dataset) for item in ds.get(keyword) or ()):
                return None
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return ds


def _of_object(store: Dataset | None, instance: str, peer: str) -> Sent | None:
    """What it says of the object: Failed SOP Sequence (0008,1198) first, then Referenced SOP Sequence (0008,1199).

    None where it names the object in neither.
    """
    if store is None:
        return None
    try:
        for item in store.get("FailedSOPSequence") or ():
            if item.get("ReferencedSOPInstanceUID") in (instance, None, ""):
                reason = judged(int(item.get("FailureReason") or 0x0110), peer)
                return reason if isinstance(reason, Refused | Unavailable) else Refused(None, f"{peer} failed to store")
        for item in store.get("ReferencedSOPSequence") or ():
            if item.get("ReferencedSOPInstanceUID") == instance:
                warning = item.get("WarningReason")
                return Accepted() if warning is None else _warned(int(warning), peer)
    except (AttributeError, TypeError, ValueError):
        return None
    return None


def _warned(reason: int, peer: str) -> Warned:
    """Stored with a Warning Reason (0008,1196), whatever number it is."""
    told = judged(reason, peer)
    return told if isinstance(told, Warned) else Warned(reason, f"{peer} took the object with warning 0x{reason:04X}")

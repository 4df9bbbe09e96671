"""Is a peer there, and does it let us in? Asked by those who set the service up.

Knows C-ECHO (PS3.4 A.4), a C-FIND for what nobody has, and plain HTTP; must not know what is sent to peers.
"""

from __future__ import annotations

import requests
from pynetdicom import build_context
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made when the module is loaded

from ocr_service.config import Destination, Pacs, Peer
from ocr_service.errors import ConfigError, NetworkError
from ocr_service.network.asking import Line
from ocr_service.network.calling import calling, named
from ocr_service.network.querying import ask
from ocr_service.network.web import session_for

_NOTHING = "2.25.0"  # a UID of a UUID that nothing has (PS3.5 B.2)
_NOBODY = "OCR_SERVICE_ASKS"


def reach_peer(peer: Peer, our_ae_title: str) -> str:
    """Why a DICOM peer does not answer a C-ECHO; "" where it does."""
    try:
        with calling(peer, our_ae_title, [build_context(Verification)]) as assoc:
            status = assoc.send_c_echo().get("Status")
    except NetworkError as error:
        return str(error)
    except (RuntimeError, ValueError):  # what pynetdicom raises where the association ended meanwhile
        return f"{named(peer)} broke the association off"
    return "" if status == 0 else f"{named(peer)} does not answer a C-ECHO"


def reach_pacs(pacs: Pacs, our_ae_title: str) -> str:
    """Why an archive does not answer, or does not let us ask (C-FIND, PS3.4 C.4.1); "" where it does.

    It is really asked, for what it cannot have: some take every context, and refuse the question.
    """
    why = reach_peer(pacs, our_ae_title)
    if why:
        return why
    line = Line(pacs, our_ae_title)
    try:
        if pacs.root == "patient":
            ask(line, "PATIENT", {"PatientID": _NOBODY})
        else:
            ask(line, "STUDY", {"StudyInstanceUID": _NOTHING})
    except NetworkError as error:
        return f"answers, but does not let us ask (C-FIND): {error}"
    finally:
        line.close()
    return ""


def reach_url(destination: Destination) -> str:
    """Why a DICOMweb service does not answer, or does not let us in; "" where it does."""
    assert destination.url is not None
    try:
        with session_for(destination) as session, session.bounded():
            answer = session.get(
                f"{destination.url.rstrip('/')}/studies",
                params={"limit": "1"},
                timeout=destination.timeout.total_seconds() or 1.0,
                allow_redirects=False,
            )
    except requests.RequestException as error:
        return f"it does not answer ({type(error).__name__})"
    except ConfigError as error:
        return f"tls: {error}"
    if answer.status_code in (401, 403):
        return f"it answered HTTP {answer.status_code}: it does not let us in; mend its token or certificate"
    # A service that only stores may answer a search with 404 or 405: it is there.
    return f"it answered HTTP {answer.status_code}" if answer.status_code >= 500 else ""

"""Storage commitment reports that peers send on associations of their own (PS3.4 J.3.3).

Knows N-EVENT-REPORT and the inbox; must not know who asked for the commitment or why.
"""

from __future__ import annotations

from typing import cast

import structlog
from pynetdicom.dimse_primitives import N_EVENT_REPORT
from pynetdicom.events import Event

from ocr_service.errors import OutputError, StoreError
from ocr_service.network.arrivals import Inbox
from ocr_service.network.commitment import committed_from
from ocr_service.network.contexts import COMMITMENT
from ocr_service.network.storing import SUCCESS, cause

PROCESSING_FAILURE = 0x0110
NO_SUCH_EVENT = 0x0113
INVALID_VALUE = 0x0115
NO_SUCH_CLASS = 0x0118

_ALL_KEPT, _SOME_FAILED = 1, 2

log = structlog.get_logger(__name__)


def on_n_event_report(event: Event, inbox: Inbox) -> tuple[int, None]:
    """Keep what the peer says of a transaction, then acknowledge it."""
    calling = event.assoc.requestor.ae_title.strip()
    request = cast(N_EVENT_REPORT, event.request)
    if request.AffectedSOPClassUID != COMMITMENT:
        return NO_SUCH_CLASS, None
    if request.EventTypeID not in (_ALL_KEPT, _SOME_FAILED):
        return NO_SUCH_EVENT, None
    try:
        told = committed_from(event.event_information, calling)
    except Exception as error:  # noqa: BLE001 - the border: what pydicom raises over hostile bytes has no end
        log.warning("report_not_understood", calling_ae=calling, **cause(error))
        return INVALID_VALUE, None
    try:
        inbox.committed(told)
    except (OSError, OutputError, StoreError) as error:
        log.error("report_not_kept", calling_ae=calling, **cause(error))
        return PROCESSING_FAILURE, None
    except Exception as error:  # noqa: BLE001 - the border, as in storing.on_c_store
        log.error("report_not_kept", calling_ae=calling, **cause(error))
        return PROCESSING_FAILURE, None
    return SUCCESS, None

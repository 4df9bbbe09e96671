"""C-STORE: keep the object, then answer. Everything else happens later.

The data set goes on as it came, never decoded here: a Part 10 header is put before its bytes.
Knows requests and the inbox; must not know files or databases.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import Any, cast

import structlog
from pydicom import config as pydicom_config
from pydicom.dataelem import DataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.tag import Tag
from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event

from ocr_service.errors import OutputError, StoreError
from ocr_service.network.arrivals import Arrival, Inbox
from ocr_service.network.callers import plain_address

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
WRONG_CLASS = 0xA900  # Data Set does not match SOP Class (PS3.4 table B.2-1)
CANNOT_UNDERSTAND = 0xC000
PREAMBLE = bytes(128) + b"DICM"
_C_STORE_RSP = 0x8001
_NO_DATA_SET = 0x0101  # Command Data Set Type

log = structlog.get_logger(__name__)


def on_c_store(event: Event, inbox: Inbox) -> int:
    """Keep the object, then acknowledge it (PS3.4 B.2). What cannot be kept now is answered 0xA700: send it again."""
    arrival = _arrival(event)
    try:
        inbox.keep(arrival)
    except (OSError, OutputError, StoreError) as error:
        log.error("object_not_kept", calling_ae=arrival.calling_ae, **cause(error))
        return OUT_OF_RESOURCES
    except Exception as error:  # noqa: BLE001 - the border: a fault of ours is an error to the sender, not an abort
        log.error("object_not_kept", calling_ae=arrival.calling_ae, **cause(error))
        return OUT_OF_RESOURCES
    return SUCCESS


def cause(error: Exception) -> dict[str, Any]:
    """What a log may say of a fault: texts of our own; of others their kind and place, for they may quote a header."""
    if isinstance(error, (OutputError, StoreError)):
        return {"error": type(error).__name__, "why": str(error)}
    if isinstance(error, OSError):
        return {"error": type(error).__name__, "why": error.strerror or ""}
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename.rpartition('/')[2]}:{place.tb_lineno}" if place else ""
    return {"error": type(error).__name__, "where": where}


def part_10(data_set: BytesIO, *, sop_class: str, instance: str, transfer_syntax: str, ae: str) -> tuple[Any, ...]:
    """The parts of a DICOM file (PS3.10 7.1) around encoded bytes, which are not copied.

    ae: who sent them, Source Application Entity Title (0002,0016).
    """
    before, after = _constant_meta(sop_class, transfer_syntax, ae)
    middle = _written([(0x00020003, "UI", instance)])
    length = _group_length(0x00020000, len(before) + len(middle) + len(after))
    return PREAMBLE + length + before + middle + after, data_set.getbuffer()


@lru_cache(maxsize=256)
def _constant_meta(sop_class: str, transfer_syntax: str, ae: str) -> tuple[bytes, bytes]:
    """File meta information before and after the instance's UID: the same for all objects of a context."""
    before = _written([(0x00020001, "OB", b"\x00\x01"), (0x00020002, "UI", sop_class)])
    after = _written(
        [
            (0x00020010, "UI", transfer_syntax),
            (0x00020012, "UI", str(PYNETDICOM_IMPLEMENTATION_UID)),
            (0x00020013, "SH", PYNETDICOM_IMPLEMENTATION_VERSION),
            (0x00020016, "AE", ae),
        ]
    )
    return before, after


def response(answer: Any) -> bytes | None:
    """The command set of a C-STORE-RSP (PS3.7 9.3.1.2, E.1) as pynetdicom encodes it; None where it says more.

    pynetdicom makes a data set for each, and writes it twice: more work than all else that is done for a small object.
    """
    sop_class, instance, status = answer.AffectedSOPClassUID, answer.AffectedSOPInstanceUID, answer.Status
    if None in (sop_class, instance, status) or answer.ErrorComment or answer.OffendingElement:
        return None
    head, tail = _constant_command(str(sop_class), cast(int, status))
    message = _written([(0x00000120, "US", answer.MessageIDBeingRespondedTo)], implicit=True)
    body = b"".join((head, message, tail, _written([(0x00001000, "UI", instance)], implicit=True)))
    return _group_length(0x00000000, len(body), implicit=True) + body


@lru_cache(maxsize=256)
def _constant_command(sop_class: str, status: int) -> tuple[bytes, bytes]:
    """Elements before and after Message ID Being Responded To: SOP class and field; no data set, and the status."""
    head = [(0x00000002, "UI", sop_class), (0x00000100, "US", _C_STORE_RSP)]
    tail = [(0x00000800, "US", _NO_DATA_SET), (0x00000900, "US", status)]
    return _written(head, implicit=True), _written(tail, implicit=True)


@lru_cache(maxsize=256)
def _group_length(tag: int, length: int, *, implicit: bool = False) -> bytes:
    return _written([(tag, "UL", length)], implicit=implicit)


def _written(elements: list[tuple[int, str, Any]], *, implicit: bool = False) -> bytes:
    """Elements in Little Endian. Nothing is judged: a sender's UID stands as it was sent."""
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, implicit
    for tag, vr, value in elements:
        write_data_element(out, DataElement(Tag(tag), vr, value, validation_mode=pydicom_config.IGNORE))
    return out.getvalue()


def _arrival(event: Event) -> Arrival:
    request, requestor = cast(C_STORE, event.request), event.assoc.requestor
    sop_class, instance = str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID)
    calling, transfer_syntax = requestor.ae_title.strip(), str(event.context.transfer_syntax)
    parts = part_10(
        cast(BytesIO, request.DataSet),
        sop_class=sop_class,
        instance=instance,
        transfer_syntax=transfer_syntax,
        ae=calling,
    )
    return Arrival(
        encoded=parts,
        sop_class_uid=sop_class,
        sop_instance_uid=instance,
        transfer_syntax_uid=transfer_syntax,
        calling_ae=calling,
        address=plain_address(requestor.address),
    )

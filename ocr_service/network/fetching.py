"""Objects of one series are brought: by C-GET into the inbox, or by C-MOVE to our own receiver (PS3.4 C.4.2, C.4.3).

Knows what an archive may say of its sub-operations, and believes only what was kept; must not know why an object is
wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Final

from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import create_file_meta, encode_file_meta
from pynetdicom.events import Event

from ocr_service.config import Pacs
from ocr_service.errors import OutputError, PeerUnavailable, StoreError
from ocr_service.network.arrivals import Arrival, Inbox
from ocr_service.network.asking import (
    NOT_AUTHORIZED,
    Line,
    NoLine,
    NoService,
    is_accepted,
    status_of,
    takes_anything,
    taking,
)
from ocr_service.network.measuring import TooLarge
from ocr_service.network.querying import Study, identifier_of
from ocr_service.study import attributes

_SUCCESS: Final = 0x0000
_PENDING: Final = 0xFF00
_CANNOT_UNDERSTAND: Final = 0xC000
_NOT_KEPT: Final = 0xA700
_UNKNOWN_DESTINATION: Final = 0xA801
_NO_SUCH_CLASS: Final = 0x0122
_SOME_FAILED: Final = 0xB000
MOST_AT_ONCE: Final = 20  # UIDs in one request: some archives cut longer lists
_MOST_UNASKED = 5  # objects that nobody asked for, before the association ends


@dataclass(frozen=True, slots=True)
class Fetched:
    """Which objects are here now, which are not, and a sentence for each kind of reason.

    refused: those of the missing that are larger than we take.
    """

    kept: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def __add__(self, other: Fetched) -> Fetched:
        return Fetched(
            self.kept + other.kept,
            self.missing + other.missing,
            tuple(dict.fromkeys((*self.why, *other.why))),
            self.refused + other.refused,
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Objects of one series. whole: they are all that the series has, so that it may be asked for as such.

    A whole series whose objects the archive does not name brings what comes, up to some twenty.
    """

    study: Study
    series_instance_uid: str
    sop_instance_uids: tuple[str, ...]
    whole: bool = False


@dataclass(slots=True)
class _Coming:
    """What one request brings."""

    line: Line
    inbox: Inbox
    wanted: frozenset[str]
    whole: bool
    kept: dict[str, None] = field(default_factory=dict)
    why: dict[str, None] = field(default_factory=dict)
    refused: dict[str, None] = field(default_factory=dict)
    unasked: int = 0
    cancelled: bool = False

    def why_stop(self) -> str:
        """Why no more of it is taken; "" as long as it may go on."""
        if self.unasked > (MOST_AT_ONCE if self.whole else _MOST_UNASKED):
            return "it sent what nobody asked for"
        return "it took too long" if self.line.left() <= 0 else ""

    def take(self, event: Event) -> int:
        """Keep the object, then acknowledge it."""
        request = event.request
        if not isinstance(request, C_STORE):
            return _CANNOT_UNDERSTAND
        instance, kind = str(request.AffectedSOPInstanceUID or ""), str(request.AffectedSOPClassUID or "")
        self.unasked += instance not in self.wanted
        if self.why_stop() and not self.cancelled:
            event.assoc.send_c_cancel(1, query_model=self.line.retrieve_model)
            self.cancelled = True
        if instance not in self.wanted and (self.cancelled or not self.whole):
            return NOT_AUTHORIZED
        if request.DataSet is None or not kind or not instance:
            self.why["it sent an object without its UIDs or content"] = None
            return _CANNOT_UNDERSTAND
        if isinstance(request.DataSet, TooLarge):
            self.refuse(instance)
            return _NOT_KEPT
        try:
            self.inbox.keep(
                _arrival(self.line.pacs, str(event.context.transfer_syntax), kind, instance, request.DataSet)
            )
        except (OSError, OutputError, StoreError) as error:
            self.why[f"what came could not be kept here ({type(error).__name__})"] = None
            return _NOT_KEPT
        self.kept[instance] = None
        return _SUCCESS

    def refuse(self, instance: str) -> None:
        """It is larger than we take; only what we asked for is named by its UID."""
        which = f"the object {instance}" if instance in self.wanted else "an object"
        most = f"{self.line.largest / 2**20:g} MiB"
        self.why[f"{which} is larger than receiver.max_object ({most}), and was not taken"] = None
        self.refused[instance] = None


def fetch(line: Line, inbox: Inbox, had: Callable[[str], bool], wanted: Wanted) -> Fetched:
    """Bring the objects. A fault of one request is told in the value; NoLine, NoService where none can be sent at all.

    had: is the object here? By C-MOVE only that tells what came, for the receiver took it. Objects that a request for
    several did not bring are asked for once more, one by one, for as long as that brings something.
    """
    everything = tuple(dict.fromkeys(wanted.sop_instance_uids))
    done = Fetched()
    for at in range(0, max(len(everything), 1), MOST_AT_ONCE):
        part = everything[at : at + MOST_AT_ONCE]
        several, finished = _brought(line, inbox, had, wanted, part, wanted.whole and len(part) == len(everything))
        if finished and several.missing and len(part) > 1:
            several = _one_by_one(line, inbox, had, wanted, several)
        done += several
    return done


def _one_by_one(line: Line, inbox: Inbox, had: Callable[[str], bool], wanted: Wanted, several: Fetched) -> Fetched:
    kept, missing, why = list(several.kept), list(several.missing), several.why
    refused = list(several.refused)
    for instance in (one for one in several.missing if one not in several.refused):
        one, _ = _brought(line, inbox, had, wanted, (instance,), whole=False)
        if not one.kept:
            why = tuple(dict.fromkeys((*why, *one.why)))
            refused += one.refused
            break
        kept.append(instance)
        missing.remove(instance)
    return Fetched(tuple(kept), tuple(missing), why if missing else (), tuple(refused))


def _brought(
    line: Line, inbox: Inbox, had: Callable[[str], bool], wanted: Wanted, part: tuple[str, ...], whole: bool
) -> tuple[Fetched, bool]:
    """What one request brought, and whether it came to its end. NoLine, NoService."""
    coming = _Coming(line, inbox, frozenset(part), whole)
    finished = False
    try:
        with taking(line, coming.take):
            told = _request(line, _identifier(line, wanted, part, whole), coming)
        finished = not coming.cancelled
    except NoLine:
        raise
    except PeerUnavailable as error:
        told = _Told(0, ())
        coming.why[str(error)] = None
    moved = line.pacs.retrieve == "move"
    kept = tuple(one for one in part if one in coming.kept or (moved and had(one)))
    missing = tuple(one for one in part if one not in kept)
    refused = tuple(one for one in missing if one in coming.refused)
    if finished and (lost := [one for one in missing if one not in refused]):
        coming.why[_reason(line, told, len(part), lost)] = None
    brought = (*kept, *(one for one in coming.kept if one not in part))
    return Fetched(brought, missing, tuple(coming.why), refused), finished


@dataclass(frozen=True, slots=True)
class _Told:
    """How a retrieval ended: its last status, the objects it says it could not send, and how many it says it sent."""

    status: int
    failed: tuple[str, ...]
    sent: int = 0


def _request(line: Line, identifier: Dataset, coming: _Coming) -> _Told:
    """Ask, and hear it out. PeerUnavailable where it hangs or breaks, NoService where it can send nothing ever."""
    assoc, model, what = line.ready(), line.retrieve_model, f"C-{line.pacs.retrieve.upper()}"
    if not is_accepted(assoc, model) or (line.pacs.retrieve == "get" and not takes_anything(assoc)):
        raise NoService(_cannot(line))
    try:
        if line.pacs.retrieve == "get":
            answers = assoc.send_c_get(identifier, model)
        else:
            answers = assoc.send_c_move(identifier, line.our_ae, model)
        for answer, failed in answers:
            status = status_of(answer)
            if status is None:
                break
            if status not in (_PENDING, _PENDING + 1):
                return _ended(line, status, answer, failed)
            if why := coming.why_stop():
                coming.why[why] = None
                break
    except RuntimeError:  # it went away between two requests
        pass
    raise line.broke(f"objects by {what}")


def _ended(line: Line, status: int, answer: Dataset, failed: Dataset | None) -> _Told:
    if status == _UNKNOWN_DESTINATION:
        raise NoService(
            f"{line.pacs.name} does not know {line.our_ae} as a destination of C-MOVE: enter our AE title, host and "
            "port there"
        )
    if status == _NO_SUCH_CLASS:
        raise NoService(_cannot(line))
    listed = "" if failed is None else attributes.text(failed, "FailedSOPInstanceUIDList", 2**20)
    sent = sum(int(answer.get(f"NumberOf{how}Suboperations") or 0) for how in ("Completed", "Warning"))
    return _Told(status, tuple(filter(None, listed.split("\\"))), sent)


def _cannot(line: Line) -> str:
    if line.pacs.retrieve == "get":
        return f'{line.pacs.name} does not send by C-GET: say retrieve = "move" in its [[pacs]]'
    return f'{line.pacs.name} does not take C-MOVE: say retrieve = "get" in its [[pacs]]'


def _reason(line: Line, told: _Told, asked: int, missing: Sequence[str]) -> str:
    """A sentence on objects that did not come."""
    name, number = line.pacs.name, len(missing)
    if told.status not in (_SUCCESS, _SOME_FAILED):
        return f"{name} did not send {number} objects (status 0x{told.status:04X})"
    if set(told.failed) & set(missing):
        said = f"{name} says that it could not send {len(set(told.failed) & set(missing))} of {number} missing objects"
        return said if line.pacs.retrieve == "get" else f"{said}: our receiver's log names those that it refused"
    if line.pacs.retrieve == "move" and told.sent >= asked:
        return (
            f"{name} says that it sent {told.sent} objects, of which {number} did not arrive here: does it send what "
            f"is for {line.our_ae} to this host and port?"
        )
    return f"{name} sent fewer objects than asked: {number} are missing"


def _identifier(line: Line, wanted: Wanted, part: tuple[str, ...], whole: bool) -> Dataset:
    keys = {"StudyInstanceUID": wanted.study.study_instance_uid, "SeriesInstanceUID": wanted.series_instance_uid}
    if line.pacs.root == "patient":
        keys["PatientID"] = wanted.study.patient_id
    if whole:
        return identifier_of("SERIES", keys)
    return identifier_of("IMAGE", {**keys, "SOPInstanceUID": "\\".join(part)})


def _arrival(pacs: Pacs, syntax: str, kind: str, instance: str, data_set: BytesIO) -> Arrival:
    meta = create_file_meta(sop_class_uid=UID(kind), sop_instance_uid=UID(instance), transfer_syntax=UID(syntax))
    return Arrival(
        encoded=(b"\x00" * 128 + b"DICM" + encode_file_meta(meta), data_set.getbuffer()),
        sop_class_uid=kind,
        sop_instance_uid=instance,
        transfer_syntax_uid=syntax,
        calling_ae=pacs.ae_title,
        address=pacs.host,
        via=f"fetch:{pacs.name}",
    )

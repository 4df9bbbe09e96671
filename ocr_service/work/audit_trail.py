"""The audit trail: who decided what, what was sent where, when the service ran. Append-only, a message a line.

Each message is a DICOM audit message (PS3.15 A.5, XML). No patient is named in it, although its tables ask for one:
the study's UID and the documents' UIDs lead to the patient in the archive, where that is guarded, and a trail that
names nobody can be shown to whoever checks it. For the same reason a person's reasons, which are free text, stay in the
database; the number of their row stands here.

Before each message stands the SHA-256 of the line before it, through all files: a line that was changed, removed or
put in between shows. Lines that were removed from the very end show where the rows of the database still tell of them.

Knows files and messages; must not know who asks.
"""

from __future__ import annotations

import fcntl
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, ParseError, SubElement, fromstring, tostring

from pydicom.uid import KeyObjectSelectionDocumentStorage, XRayRadiationDoseSRStorage
from sqlalchemy import select

from ocr_service.config import Config
from ocr_service.errors import OutputError
from ocr_service.work.spool import sync_folder
from ocr_service.work.store import Store
from ocr_service.work.tables import deliveries, units

_FIRST: Final = "0" * 64  # stands where no line came before
_NAMES: Final = "audit-????-??.xmll"
_LONGEST: Final = 65536  # bytes that a line may have; ours have about 1500

Code = tuple[str, str, str]
_ACTIVITY: Final = ("110100", "DCM", "Application Activity")  # CID 400, Audit Event ID
_ACCESSED: Final = ("110103", "DCM", "DICOM Instances Accessed")
_TRANSFERRED: Final = ("110104", "DCM", "DICOM Instances Transferred")
_START: Final = ("110120", "DCM", "Application Start")  # CID 401, Audit Event Type Code
_STOP: Final = ("110121", "DCM", "Application Stop")
_APPLICATION: Final = ("110150", "DCM", "Application")  # CID 402, Audit Active Participant Role ID Code
_DESTINATION: Final = ("110152", "DCM", "Destination Role ID")
_SOURCE: Final = ("110153", "DCM", "Source Role ID")
_STUDY: Final = ("110180", "DCM", "Study Instance UID")  # CID 404
_OURS: Final = "99OCRSERVICE"
_MEANINGS: Final = {
    "confirm": "Report confirmed by a person",
    "correct": "Report corrected by a person",
    "reject": "Unit rejected by a person",
    "retry": "Failure tried again by a person",
    "accept": "Scanner accepted by a person",
    "recall": "Report recalled by a person",
    "done": "Recall carried out by hand",
}
_CLASSES: Final = {"rejection": str(KeyObjectSelectionDocumentStorage)}


@dataclass(frozen=True, slots=True)
class About:
    """The study and documents that a message is about; "" and none where it is about none."""

    study: str = ""
    sop_class_uid: str = str(XRayRadiationDoseSRStorage)
    sop_instance_uids: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What a trail says, read again. acts, sent: the numbers of the rows that its messages are about.

    faults: sentences on lines that were changed, removed or put in between.
    """

    messages: int
    acts: frozenset[int]
    sent: frozenset[int]
    faults: tuple[str, ...]


class AuditTrail:
    """Appends to the trail, from any number of processes. source: the machine's name."""

    def __init__(self, folder: Path, source: str) -> None:
        self._folder, self._source = folder, source

    def started(self, now: float) -> None:
        """The service began (A.5.3.1). now: seconds since 1970. OutputError, as each of these."""
        self._activity(_START, now)

    def stopped(self, now: float) -> None:
        """The service ended by itself (A.5.3.1)."""
        self._activity(_STOP, now)

    def acted(self, kind: str, person: str, now: float, number: int, about: About, login: str = "") -> None:
        """A person did something; number: of its row (A.5.3.6 where it is about a study). login: of the system."""
        event = _ACCESSED if about.study else _ACTIVITY
        message = _message(event, (kind, _OURS, _MEANINGS.get(kind, kind)), "U" if about.study else "E", now)
        who = SubElement(message, "ActiveParticipant", {"UserID": person, "UserIsRequestor": "true"})
        if login:
            who.set("AlternativeUserID", login)
        self._end(message, about, {"act": str(number)})

    def sent(self, our_ae: str, destination: str, now: float, number: int, about: About) -> None:
        """A document is at a destination; number: of its row (A.5.3.7)."""
        message = _message(_TRANSFERRED, None, "C", now)
        for name, role, asked in ((our_ae, _SOURCE, "true"), (destination, _DESTINATION, "false")):
            one = SubElement(message, "ActiveParticipant", {"UserID": name, "UserIsRequestor": asked})
            _code(one, "RoleIDCode", role)
        self._end(message, about, {"delivery": str(number)})

    def _activity(self, kind: Code, now: float) -> None:
        message = _message(_ACTIVITY, kind, "E", now)
        one = SubElement(message, "ActiveParticipant", {"UserID": f"ocr-service@{self._source}"})
        one.set("UserIsRequestor", "false")
        _code(one, "RoleIDCode", _APPLICATION)
        self._end(message, About(), {})

    def _end(self, message: Element, about: About, details: Mapping[str, str]) -> None:
        source = SubElement(message, "AuditSourceIdentification", {"AuditSourceID": self._source})
        SubElement(source, "AuditSourceTypeCode", {"csd-code": "4"})  # application server process or thread
        if about.study or details:
            _object(message, about, details)
        encoded = tostring(message, encoding="unicode").replace("\n", " ")
        moment = message.find("EventIdentification")
        assert moment is not None
        self._append(encoded, moment.attrib["EventDateTime"][:7])

    def _append(self, message: str, month: str) -> None:
        try:
            with _locked(self._folder):
                files = _files(self._folder)
                before = _last_line(files)
                name = f"audit-{month}.xmll"
                path = self._folder / (max(name, files[-1].name) if files else name)
                digest = _FIRST if before is None else sha256(before).hexdigest()
                _write(path, f"{digest} {message}\n".encode())
        except OSError as error:
            raise OutputError(f"the audit trail in {self._folder} cannot be written: {error.strerror}") from error


def open_trail(config: Config) -> AuditTrail:
    """The trail of a configuration."""
    return AuditTrail(config.data / "audit", config.operation.machine)


def delivered(config: Config, store: Store, number: int, now: float) -> None:
    """Write down that a row's document is at its destination now. OutputError, StoreError."""
    chosen = (deliveries.c.destination, deliveries.c.kind, deliveries.c.sop_instance_uid, units.c.study)
    with store.begin(reading=True) as connection:
        row = connection.execute(
            select(*chosen).join(units, units.c.id == deliveries.c.unit).where(deliveries.c.id == number)
        ).one()
    told = _CLASSES.get(row.kind, str(XRayRadiationDoseSRStorage))
    about = About(row.study, told, (row.sop_instance_uid,))
    open_trail(config).sent(config.receiver.ae_title, row.destination, now, number, about)


def read_trail(folder: Path) -> Seen:
    """Read every line again, and check that each follows the one before. OutputError."""
    acts: set[int] = set()
    sent: set[int] = set()
    faults: list[str] = []
    digest, count = _FIRST, 0
    try:
        with _locked(folder):
            for path in _files(folder):
                for number, line in enumerate(path.read_bytes().splitlines(), start=1):
                    if line[:64].decode("ascii", "replace") != digest:
                        faults.append(f"{path.name}:{number}: this line does not follow the one before it")
                    digest = sha256(line).hexdigest()
                    count += 1
                    _numbers(line[65:], acts, sent)
    except OSError as error:
        raise OutputError(f"the audit trail in {folder} cannot be read: {error.strerror}") from error
    return Seen(count, frozenset(acts), frozenset(sent), tuple(faults))


def _numbers(line: bytes, acts: set[int], sent: set[int]) -> None:
    """Which rows a line is about; none where the machine stopped while it was written."""
    try:
        message = fromstring(line)
    except ParseError:
        return
    for detail in message.iter("ParticipantObjectDetail"):
        told = b64decode(detail.get("value", "")).decode()
        if told.isdecimal():
            {"act": acts, "delivery": sent}.get(detail.get("type", ""), set()).add(int(told))


def _message(event: Code, kind: Code | None, action: str, now: float) -> Element:
    """An AuditMessage with its EventIdentification."""
    message = Element("AuditMessage")
    moment = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    told = {"EventActionCode": action, "EventDateTime": moment, "EventOutcomeIndicator": "0"}
    identification = SubElement(message, "EventIdentification", told)
    _code(identification, "EventID", event)
    if kind is not None:
        _code(identification, "EventTypeCode", kind)
    return message


def _object(message: Element, about: About, details: Mapping[str, str]) -> None:
    """The study and its documents, or, where it is about none, only the row's number."""
    told = {"ParticipantObjectID": about.study or next(iter(details.values())), "ParticipantObjectTypeCode": "2"}
    told["ParticipantObjectTypeCodeRole"] = "3" if about.study else "13"  # report; security resource
    one = SubElement(message, "ParticipantObjectIdentification", told)
    _code(one, "ParticipantObjectIDTypeCode", _STUDY if about.study else ("row", _OURS, "Row of the database"))
    for kind, value in details.items():
        encoded = b64encode(value.encode()).decode()  # the schema's base64Binary
        SubElement(one, "ParticipantObjectDetail", {"type": kind, "value": encoded})
    if about.sop_instance_uids:
        described = SubElement(one, "ParticipantObjectDescription")
        count = str(len(about.sop_instance_uids))
        kind_of = SubElement(described, "SOPClass", {"UID": about.sop_class_uid, "NumberOfInstances": count})
        for uid in about.sop_instance_uids:
            SubElement(kind_of, "Instance", {"UID": uid})


def _code(parent: Element, name: str, code: Code) -> None:
    value, system, meaning = code
    SubElement(parent, name, {"csd-code": value, "codeSystemName": system, "originalText": meaning})


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time, on all machines that share the folder. OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    with (folder / ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob(_NAMES))


def _last_line(files: Sequence[Path]) -> bytes | None:
    """The last line of all, without its end; None where there is none yet."""
    for path in reversed(files):
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _LONGEST))
            lines = file.read().splitlines()
        if lines:
            return lines[-1]
    return None


def _write(path: Path, line: bytes) -> None:
    """Append a line, all of it or nothing, on the disk when this returns. OSError."""
    is_new = not path.exists()
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
    try:
        size = os.fstat(opened).st_size
        if size and os.pread(opened, 1, size - 1) != b"\n":  # the machine stopped while the line before was written
            line = b"\n" + line
        try:
            if os.write(opened, line) < len(line):
                raise OSError(28, "no space left")
            os.fsync(opened)
        except OSError:
            os.ftruncate(opened, size)
            raise
    finally:
        os.close(opened)
    if is_new:
        sync_folder(path.parent)

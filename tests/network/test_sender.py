"""C-STORE to a destination: it has the object, or we know why not and whether trying again helps; we never hang."""

from __future__ import annotations

import logging
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import EnhancedSRStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit
from pynetdicom import evt

from ocr_service.errors import BrokenObject
from ocr_service.network.sender import Accepted, Refused, Unavailable, Warned, lane, send
from ocr_service.network.sent import judged
from ocr_service.rdsr.rejection import KEY_OBJECT_SELECTION, rejection_note
from ocr_service.rdsr.sop import XRAY_RADIATION_DOSE_SR
from tests.network.sender_peers import (
    OURS,
    PATIENCE,
    TCP_NODELAY,
    Pacs,
    abort,
    cut,
    data_set,
    dicom,
    free_port,
    orthanc,
    pacs,
    raw,
    report,
    scp,
    storescp,
    tidied,
    tools,
)  # fmt: skip

# pynetdicom leaves a socket that could not connect to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
REPORT = report()
SHORT = 0.6  # seconds: a timeout to run into


@pytest.fixture(scope="module", autouse=True)
def nothing_left_open() -> Iterator[None]:
    with tidied():
        yield


@pytest.fixture(scope="module")
def started() -> Iterator[Pacs]:
    with pacs() as here:
        yield here


@pytest.fixture
def peer(started: Pacs) -> Pacs:
    """A PACS that takes everything, until a test says otherwise."""
    started.granted.clear()
    started.on_store = lambda _: 0x0000
    return started


def rejecting(result: int, source: int, reason: int):
    """A peer that answers each A-ASSOCIATE-RQ with an A-ASSOCIATE-RJ (PS3.8, 9.3.4)."""

    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(struct.pack(">BBLBBBB", 3, 0, 4, 0, result, source, reason))

    return raw(serve)


@pytest.mark.dicom_tools
def test_an_archive_keeps_the_report_as_it_was_sent_and_finds_it(tmp_path: Path) -> None:
    tools("findscu")
    note, note_uid = rejection_note(REPORT, "113001", datetime(2020, 3, 12, 8, 15, tzinfo=UTC))
    with orthanc(tmp_path, free_port()) as archive:
        with lane(dicom(archive.dicom), OURS) as way:
            assert [way.send(REPORT.encoded), way.send(note)] == [Accepted(), Accepted()]

        kept, kept_note = archive.kept(str(REPORT.SOPInstanceUID)), archive.kept(note_uid)
        assert kept is not None
        assert data_set(kept) == data_set(REPORT.encoded)
        assert kept_note is not None
        assert data_set(kept_note) == data_set(note)

        keys = ("QueryRetrieveLevel=SERIES", f"StudyInstanceUID={REPORT.StudyInstanceUID}", "Modality")
        asked = [word for key in keys for word in ("-k", key)]
        found = subprocess.run(
            ["findscu", "-S", *asked, "-aec", "PACS", "127.0.0.1", str(archive.dicom)],
            capture_output=True, encoding="utf-8", errors="replace", env=TCP_NODELAY, timeout=60, check=True,
        )  # fmt: skip
        said = found.stdout + found.stderr
        assert "[SR]" in said
        assert "[KO]" in said


@pytest.mark.dicom_tools
def test_dcmtk_takes_it_in_the_only_syntax_that_it_has(tmp_path: Path) -> None:
    """Implicit VR alone (+xi): transcoded, and nothing of it is lost."""
    with storescp(tmp_path, "+xi") as port:
        assert send(REPORT.encoded, dicom(port), OURS) == Accepted()

    (file,) = tmp_path.iterdir()
    kept = dcmread(file)
    assert kept.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert kept == dcmread(BytesIO(REPORT.encoded))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_it_arrives_as_it_was_in_either_syntax(syntax: str) -> None:
    came: list[tuple[str, bytes]] = []

    def keep(event: evt.Event) -> int:
        request: Any = event.request
        came.append((str(event.context.transfer_syntax), request.DataSet.getvalue()))
        return 0x0000

    with scp([(evt.EVT_C_STORE, keep)], syntaxes=[ImplicitVRLittleEndian, syntax]) as port:
        assert send(REPORT.encoded, dicom(port), OURS) == Accepted()

    ((used, content),) = came
    assert used == syntax, "explicit wherever the peer takes it, whatever it would rather have"
    if syntax == ExplicitVRLittleEndian:
        assert content == data_set(REPORT.encoded)


STATUSES = [
    (0x0000, Accepted),
    (0xB000, Warned),
    (0xB006, Warned),
    (0xB007, Warned),
    (0x0001, Warned),
    (0x0107, Warned),
    (0x0116, Warned),
    (0xA700, Unavailable),
    (0xA7FF, Unavailable),
    (0x0110, Unavailable),
    (0x0213, Unavailable),
    (0xA900, Refused),
    (0xC000, Refused),
    (0xCFFF, Refused),
    (0x0111, Refused),
    (0x0117, Refused),
    (0x0122, Refused),
    (0x0124, Refused),
    (0x0212, Refused),
    (0x4242, Refused),
]


def test_each_status_is_told_from_the_others_in_a_sentence(peer: Pacs) -> None:
    """Over one lane: an answer that is no success does not end it."""
    planned = iter([status for status, _ in STATUSES])
    peer.on_store = lambda _: next(planned)
    with lane(dicom(peer.port), OURS) as way:
        answers = [way.send(REPORT.encoded) for _ in STATUSES]

    assert [type(answer) for answer in answers] == [kind for _, kind in STATUSES]
    assert len(peer.granted) == 1
    for (status, _), answer in zip(STATUSES, answers, strict=True):
        match answer:
            case Warned(told, text) | Refused(told, text):
                assert told == status
            case Unavailable(text):
                pass
            case Accepted():
                continue
        assert text.startswith(f"PACS at 127.0.0.1:{peer.port} answered 0x{status:04X}: ")


@given(st.integers(0, 0xFFFF))
def test_only_success_and_the_warnings_of_the_standard_count_as_delivered(status: int) -> None:
    delivered = isinstance(judged(status, "PACS"), Accepted | Warned)

    assert delivered == (status in {0x0000, 0x0001, 0x0107, 0x0116} or 0xB000 <= status <= 0xBFFF)


@pytest.mark.parametrize(
    ("answer", "ending", "words"),
    [
        ((2, 3, 1), Unavailable, "for now: Temporary congestion"),
        ((2, 3, 2), Unavailable, "for now: Local limit exceeded"),
        ((2, 1, 1), Unavailable, "for now: No reason given"),
        ((1, 1, 3), Unavailable, "does not know our AE title OCR_SERVICE"),
        ((1, 1, 7), Unavailable, "does not go by the AE title PACS"),
        ((1, 1, 1), Refused, "for good: No reason given"),
        ((1, 1, 2), Refused, "for good: Application context name not supported"),
        ((1, 2, 2), Refused, "for good: Protocol version not supported"),
    ],
)
def test_a_rejected_association_is_for_now_or_for_good(answer, ending, words: str) -> None:
    """An AE title that is not known is mended by an administrator, and tells nothing of the report: not for good."""
    with rejecting(*answer) as port:
        told = send(REPORT.encoded, dicom(port), OURS)

    assert isinstance(told, ending)
    assert words in told.why


def test_a_peer_that_takes_no_such_object_refuses_it() -> None:
    with scp([], ["1.2.840.10008.1.1"]) as port:
        nothing = send(REPORT.encoded, dicom(port), OURS)
    assert isinstance(nothing, Refused)
    assert "none of the SOP classes" in nothing.why

    with scp([], [KEY_OBJECT_SELECTION]) as port:
        no_report = send(REPORT.encoded, dicom(port), OURS)
    assert isinstance(no_report, Refused)
    assert "X-Ray Radiation Dose SR" in no_report.why


def test_a_class_that_nobody_foresaw_is_offered_with_its_object(peer: Pacs) -> None:
    other = dcmread(BytesIO(REPORT.encoded))
    other.SOPClassUID = other.file_meta.MediaStorageSOPClassUID = EnhancedSRStorage
    buffer = BytesIO()
    other.save_as(buffer)
    came: list[str] = []

    def keep(event: evt.Event) -> int:
        request: Any = event.request
        came.append(str(request.AffectedSOPClassUID))
        return 0

    peer.on_store = keep
    with lane(dicom(peer.port), OURS) as way:
        assert [way.send(REPORT.encoded), way.send(buffer.getvalue())] == [Accepted(), Accepted()]
    assert came == [XRAY_RADIATION_DOSE_SR, EnhancedSRStorage]


def test_an_object_in_a_syntax_that_cannot_be_changed_is_refused(peer: Pacs) -> None:
    other = dcmread(BytesIO(REPORT.encoded))
    other.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    buffer = BytesIO()
    other.save_as(buffer)
    told = send(buffer.getvalue(), dicom(peer.port), OURS)

    assert isinstance(told, Refused)
    assert "transfer syntax" in told.why


def test_nobody_there_and_a_name_that_nobody_knows_are_for_later() -> None:
    gone = send(REPORT.encoded, dicom(free_port()), OURS)
    unknown = send(REPORT.encoded, dicom(104).model_copy(update={"host": "pacs.invalid"}), OURS)

    assert isinstance(gone, Unavailable)
    assert "connection refused" in gone.why
    assert isinstance(unknown, Unavailable)
    assert "host name is not known" in unknown.why


def silent(connection: socket.socket) -> None:
    """Take everything, say nothing."""


def half_an_answer(connection: socket.socket) -> None:
    """The head of an A-ASSOCIATE-AC that promises 500 bytes, and 3 of them."""
    connection.recv(4096)
    connection.sendall(struct.pack(">BBL", 2, 0, 500) + b"\x00\x01\x00")


def junk(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def gone_at_once(connection: socket.socket) -> None:
    connection.close()


@pytest.mark.parametrize("serve", [silent, half_an_answer, junk, gone_at_once])
def test_a_peer_that_grants_no_association_is_not_waited_for_without_end(serve) -> None:
    with raw(serve) as port:
        begun = time.monotonic()
        told = send(REPORT.encoded, dicom(port, SHORT), OURS)

    assert isinstance(told, Unavailable)
    assert f"127.0.0.1:{port}" in told.why
    assert time.monotonic() - begun < PATIENCE / 2


def test_a_peer_that_takes_no_connection_is_not_waited_for_without_end() -> None:
    """A listener whose queue is full: a connection is neither granted nor refused."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        port = listening.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        begun = time.monotonic()
        told = send(REPORT.encoded, dicom(port, SHORT), OURS)
        for filler in fillers:
            filler.close()

    assert isinstance(told, Unavailable)
    assert time.monotonic() - begun < PATIENCE / 2


def test_a_peer_that_never_answers_an_object_is_not_waited_for_without_end(peer: Pacs) -> None:
    over = threading.Event()

    def hang(event: evt.Event) -> int:
        over.wait(PATIENCE)
        return 0

    peer.on_store = hang
    begun = time.monotonic()
    told = send(REPORT.encoded, dicom(peer.port, SHORT), OURS)
    took = time.monotonic() - begun
    over.set()

    assert told == Unavailable(f"PACS at 127.0.0.1:{peer.port} gave no usable answer within {SHORT} s", begun=True)
    assert took < PATIENCE / 2


@pytest.mark.parametrize("end", [abort, cut])
def test_a_peer_that_breaks_off_under_an_object_is_for_later(end, peer: Pacs) -> None:
    asked: list[int] = []

    def handle(event: evt.Event) -> int:
        asked.append(1)
        return end(event)

    peer.on_store = handle
    told = send(REPORT.encoded, dicom(peer.port), OURS)

    assert told == Unavailable(
        f"PACS at 127.0.0.1:{peer.port} broke the association off while it was sent an object", begun=True
    )
    assert asked == [1], "the durable caller tries again, after a pause"


@pytest.mark.parametrize("end", ["release", "abort", "cut", "under the object"])
def test_a_lane_whose_association_ended_is_opened_once_more(end: str, peer: Pacs) -> None:
    came: list[int] = []

    def handle(event: evt.Event) -> int:
        came.append(1)
        return abort(event) if end == "under the object" and len(came) == 2 else 0

    peer.on_store = handle
    with lane(dicom(peer.port), OURS) as way:
        assert way.send(REPORT.encoded) == Accepted()
        (first,) = peer.granted
        match end:
            case "release":
                first.assoc.release()
            case "abort":
                abort(first)
            case "cut":
                cut(first)
        assert way.send(REPORT.encoded) == Accepted()
        assert way.send(REPORT.encoded) == Accepted()

    assert len(peer.granted) == 2


def test_a_lane_is_there_again_when_its_peer_is(peer: Pacs) -> None:
    """The same lane, first of all rejected for the moment."""
    with rejecting(2, 3, 2) as port, lane(dicom(port), OURS) as way:
        assert isinstance(way.send(REPORT.encoded), Unavailable)
        way._peer = dicom(peer.port).peer  # type: ignore[attr-defined]
        assert way.send(REPORT.encoded) == Accepted()


def test_what_is_no_dicom_file_is_sent_nowhere() -> None:
    for broken in (b"", b"no DICOM at all" * 20, REPORT.encoded[:132]):
        with pytest.raises(BrokenObject):
            send(broken, dicom(free_port()), OURS)


def test_no_sentence_names_the_patient(peer: Pacs, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    peer.on_store = lambda _: 0xC123
    told = repr(send(report("Quibblewick^Zephyrine").encoded, dicom(peer.port), OURS))

    assert "0xC123" in told
    for text in (told, caplog.text):
        assert "Quibblewick" not in text
        assert "0042" not in text

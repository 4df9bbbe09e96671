"""STOW-RS to a destination: the same endings as C-STORE, and nothing counts as delivered that was not said to be."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import pytest
from pydantic import SecretStr

from ocr_service.errors import BrokenObject
from ocr_service.network.sender import Accepted, Refused, Sent, Unavailable, Warned, lane, send
from tests.network.sender_peers import (
    OURS,
    PATIENCE,
    PLUGIN,
    Certificates,
    Web,
    certificates,
    data_set,
    free_port,
    orthanc,
    raw,
    report,
    stow,
    tidied,
    web,
)

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")
REPORT = report()
UID = str(REPORT.SOPInstanceUID)
FAILED, STORED, FAILURE, WARNING = "00081198", "00081199", "00081197", "00081196"


@pytest.fixture(scope="module", autouse=True)
def nothing_left_open() -> Iterator[None]:
    with tidied():
        yield


@pytest.fixture(scope="module")
def started() -> Iterator[Web]:
    with web() as here:
        yield here


@pytest.fixture
def server(started: Web) -> Web:
    started.plan(200)
    started.location, started.hang, started.requests = "", None, 0
    return started


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("certificates"))


def answer(sequence: str, uid: str = UID, reasons: Mapping[str, int] = MappingProxyType({})) -> dict[str, object]:
    """A Store Instances Response (PS3.18 I.2) of one object."""
    item: dict[str, object] = {
        "00081150": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.88.67"]},
        "00081155": {"vr": "UI", "Value": [uid]},
    }
    for tag, number in reasons.items():
        item[tag] = {"vr": "US", "Value": [number]}
    return {sequence: {"vr": "SQ", "Value": [item]}}


def failed(reason: int) -> dict[str, object]:
    return answer(FAILED, reasons={FAILURE: reason})


def warned(reason: int) -> dict[str, object]:
    return answer(STORED, reasons={WARNING: reason})


@pytest.mark.dicom_tools
def test_an_archive_keeps_the_report_as_it_was_sent(tmp_path: Path) -> None:
    if not PLUGIN.exists():
        pytest.skip("Orthanc's DICOMweb is not installed: apt-get install orthanc-dicomweb")
    with orthanc(tmp_path, free_port()) as archive, lane(stow(archive.http), OURS) as way:
        assert way.send(REPORT.encoded) == Accepted()
        assert way.send(REPORT.encoded) == Accepted(), "what it has already it has"
        kept = archive.kept(UID)

    assert kept is not None
    assert data_set(kept) == data_set(REPORT.encoded)


@pytest.mark.parametrize(
    ("code", "body", "ending"),
    [
        (200, answer(STORED), Accepted),
        (200, [answer(STORED)], Accepted),
        (200, None, Accepted),
        (200, {}, Accepted),
        (200, failed(0xA700), Unavailable),  # servers are known to answer 200 all the same
        (200, failed(0xC000), Refused),
        (202, answer(STORED), Accepted),
        (202, warned(0xB000), Warned),
        (202, warned(0x1234), Warned),
        (202, failed(0x0110), Unavailable),
        (202, None, Warned),
        (409, failed(0xA700), Unavailable),
        (409, failed(0x0110), Unavailable),
        (409, failed(0xA900), Refused),
        (409, failed(0xC122), Refused),
        (409, failed(0x0122), Refused),
        (409, failed(0x0124), Refused),
        (409, failed(0xB000), Refused),  # a failure, whatever its reason is called
        (409, None, Refused),
        (400, None, Refused),
        (401, None, Refused),
        (403, None, Refused),
        (404, None, Unavailable),
        (408, None, Unavailable),
        (413, None, Refused),
        (415, None, Refused),
        (429, None, Unavailable),
        (500, None, Unavailable),
        (501, None, Refused),
        (502, None, Unavailable),
        (503, None, Unavailable),
        (504, None, Unavailable),
        (507, None, Unavailable),
    ],
)
def test_each_answer_has_one_ending_and_is_asked_for_once(server: Web, code: int, body, ending: type[Sent]) -> None:
    server.plan(code, body)
    told = send(REPORT.encoded, stow(server.port), OURS)

    assert isinstance(told, ending)
    assert server.requests == 1, "the durable caller tries again, after a pause"
    match told:
        case Warned(_, text) | Refused(_, text) | Unavailable(text):
            assert text.startswith(f"web at http://127.0.0.1:{server.port}/dicom-web ")
    if body == failed(0xC122):
        assert told == Refused(0xC122, f"web at http://127.0.0.1:{server.port}/dicom-web answered 0xC122: "
                               "it cannot understand the object")  # fmt: skip


@pytest.mark.parametrize("kind", ["application/dicom+json; charset=utf-8", "Application/JSON"])
def test_a_failure_is_read_whatever_the_media_type_says_beside(server: Web, kind: str) -> None:
    server.plan(200, failed(0xA900), kind)

    assert isinstance(send(REPORT.encoded, stow(server.port), OURS), Refused)


XML = """<NativeDicomModel><DicomAttribute tag="00081198" vr="SQ" keyword="FailedSOPSequence"><Item number="1">
<DicomAttribute tag="00081155" vr="UI" keyword="ReferencedSOPInstanceUID"><Value number="1">{uid}</Value>
</DicomAttribute>
<DicomAttribute tag="00081197" vr="US" keyword="FailureReason"><Value number="1">43264</Value></DicomAttribute>
</Item></DicomAttribute></NativeDicomModel>"""


@pytest.mark.parametrize("code", [200, 202, 409])
def test_a_failure_in_xml_is_one(server: Web, code: int) -> None:
    """Nobody asked for XML; 43264 is 0xA900."""
    server.plan(code, XML.format(uid=UID).encode(), "application/dicom+xml")

    assert isinstance(send(REPORT.encoded, stow(server.port), OURS), Refused)


def test_xml_that_cannot_be_read_is_no_delivery(server: Web) -> None:
    server.plan(200, b"<NativeDicomModel", "application/dicom+xml")

    assert isinstance(send(REPORT.encoded, stow(server.port), OURS), Unavailable)


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"<html>Please sign in</html>", "text/html"), (b"OK", "text/plain"), (b"OK", "")],
)
def test_a_page_that_answers_200_is_no_delivery(server: Web, body: bytes, kind: str) -> None:
    server.plan(200, body, kind)
    told = send(REPORT.encoded, stow(server.port), OURS)

    assert isinstance(told, Unavailable)
    assert "no DICOMweb service" in told.why


def test_a_success_that_names_other_objects_only_is_no_delivery(server: Web) -> None:
    server.plan(200, answer(STORED, uid="2.25.99"))

    assert isinstance(send(REPORT.encoded, stow(server.port), OURS), Unavailable)


@pytest.mark.parametrize("body", [b"{", b"[1, 2]", b'{"00081199": 7}', b"null"])
def test_a_success_that_cannot_be_read_is_no_delivery(server: Web, body: bytes) -> None:
    server.plan(200, body)

    assert isinstance(send(REPORT.encoded, stow(server.port), OURS), Unavailable)


@pytest.mark.parametrize("code", [301, 302, 307])
def test_a_redirection_is_not_followed(server: Web, code: int) -> None:
    """A GET of a page for signing in would end in 200."""
    server.plan(code)
    server.location = f"http://127.0.0.1:{server.port}/login"
    told = send(REPORT.encoded, stow(server.port), OURS)

    assert isinstance(told, Unavailable)
    assert "another address" in told.why


def test_a_server_that_never_answers_is_not_waited_for_without_end(server: Web) -> None:
    server.hang = threading.Event()
    begun = time.monotonic()
    told = send(REPORT.encoded, stow(server.port, 0.5), OURS)
    took = time.monotonic() - begun
    server.hang.set()

    assert isinstance(told, Unavailable)
    assert "no answer within 0.5 s" in told.why
    assert took < PATIENCE / 2


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nContent-Length: 400\r\n\r\n"
OLD_HEAD = b"HTTP/1.0 200 OK\r\n\r\n"  # its body ends where the connection does


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nX-Long: ", HEAD, OLD_HEAD])
def test_a_server_that_drips_its_answer_is_not_waited_for_without_end(begun: bytes) -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.recv(2**16)
        connection.sendall(begun)
        while not over.wait(0.05):
            connection.sendall(b" ")

    with raw(drip) as port:
        at = time.monotonic()
        told = send(REPORT.encoded, stow(port, 0.5), OURS)
        took = time.monotonic() - at
        over.set()

    assert told == Unavailable(f"web at http://127.0.0.1:{port}/dicom-web gave no whole answer within 1 s", begun=True)
    assert took < PATIENCE / 2


@pytest.mark.dicom_tools
def test_an_answer_that_drips_under_tls_is_cut_off_too(made: Certificates) -> None:
    over, secured = threading.Event(), made.server()

    def drip(connection: socket.socket) -> None:
        with suppress(OSError), secured.wrap_socket(connection, server_side=True) as secure:
            secure.recv(2**16)
            secure.sendall(HEAD)
            while not over.wait(0.05):
                secure.sendall(b" ")

    with raw(drip) as port:
        told = send(REPORT.encoded, stow(port, 2, scheme="https", tls=made.client()), OURS)
        over.set()

    assert isinstance(told, Unavailable)
    assert "no whole answer within 4 s" in told.why


@pytest.mark.parametrize("begun", [HEAD, HEAD + b"{"])
def test_an_answer_that_breaks_off_is_no_delivery(begun: bytes) -> None:
    """Its status says 200; what it had to say of the object is not there."""

    def half(connection: socket.socket) -> None:
        connection.recv(2**16)
        connection.sendall(begun)
        connection.shutdown(socket.SHUT_RDWR)

    with raw(half) as port:
        told = send(REPORT.encoded, stow(port), OURS)

    assert isinstance(told, Unavailable)
    assert "broke the connection off" in told.why
    assert told.begun


def test_nobody_there_is_for_later() -> None:
    told = send(REPORT.encoded, stow(free_port()), OURS)

    assert isinstance(told, Unavailable)
    assert "cannot be reached" in told.why


def test_the_token_is_shown_and_told_to_nobody(server: Web) -> None:
    server.plan(401)
    told = send(REPORT.encoded, stow(server.port, token=SecretStr("open-sesame")), OURS)

    assert server.authorization == "Bearer open-sesame"
    assert "open-sesame" not in repr(told)


def test_what_is_no_dicom_file_is_sent_nowhere(server: Web) -> None:
    with pytest.raises(BrokenObject):
        send(b"no DICOM", stow(server.port), OURS)
    assert server.requests == 0


@pytest.mark.dicom_tools
def test_https_is_for_servers_whose_certificate_our_authority_signed(made: Certificates) -> None:
    with web(made.server()) as server:
        good = send(REPORT.encoded, stow(server.port, scheme="https", tls=made.client()), OURS)
        stranger = send(REPORT.encoded, stow(server.port, scheme="https", tls=made.client(ca="stranger")), OURS)
        anybody = send(REPORT.encoded, stow(server.port, scheme="https"), OURS)
        missing = send(REPORT.encoded, stow(server.port, scheme="https", tls=made.client(ca="not_there")), OURS)
    with web(made.server("elsewhere")) as server:
        misnamed = send(REPORT.encoded, stow(server.port, scheme="https", tls=made.client()), OURS)
        any_name = send(REPORT.encoded, stow(server.port, scheme="https", tls=made.client(check_name=False)), OURS)
        not_ours = send(
            REPORT.encoded, stow(server.port, scheme="https", tls=made.client(ca="stranger", check_name=False)), OURS
        )

    assert [good, any_name] == [Accepted(), Accepted()]
    for told in (stranger, anybody, misnamed, not_ours):
        assert isinstance(told, Unavailable)
        assert "TLS" in told.why
    assert isinstance(missing, Unavailable)
    assert "tls: ca, certificate or key cannot be used (No such file" in missing.why


@pytest.mark.dicom_tools
def test_https_shows_our_certificate_to_a_server_that_asks(made: Certificates) -> None:
    with web(made.server(ask=True)) as server:
        shown = send(REPORT.encoded, stow(server.port, scheme="https", tls=made.client(shown=True)), OURS)
        not_shown = send(REPORT.encoded, stow(server.port, 2, scheme="https", tls=made.client()), OURS)

    assert shown == Accepted()
    assert isinstance(not_shown, Unavailable)

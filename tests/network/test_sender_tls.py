"""C-STORE over TLS: to peers whose certificate our authority signed, and to no others."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pynetdicom import evt

from ocr_service.config import ClientTLS
from ocr_service.network.sender import Accepted, Unavailable, send
from tests.network.sender_peers import OURS, Certificates, certificates, data_set, dicom, report, scp, storescp, tidied

pytestmark = [
    pytest.mark.dicom_tools,
    # pynetdicom leaves a socket that could not connect to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning"),
]
REPORT = report()


@pytest.fixture(scope="module", autouse=True)
def nothing_left_open() -> Iterator[None]:
    with tidied():
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def stored() -> list[tuple[object, ...]]:
    return [(evt.EVT_C_STORE, lambda event: 0x0000)]


def test_tls_reaches_a_peer_whose_certificate_our_authority_signed(made: Certificates, stored) -> None:
    with scp(stored, tls=made.server()) as port:
        assert send(REPORT.encoded, dicom(port, tls=made.client()), OURS) == Accepted()
    with scp(stored, tls=made.server(ask=True)) as port:
        assert send(REPORT.encoded, dicom(port, tls=made.client(shown=True)), OURS) == Accepted()


def test_tls_stops_where_a_certificate_is_wrong_and_says_so(made: Certificates, stored) -> None:
    with scp(stored, tls=made.server()) as port:
        stranger = send(REPORT.encoded, dicom(port, tls=made.client(ca="stranger")), OURS)
    with scp(stored, tls=made.server("elsewhere")) as port:
        misnamed = send(REPORT.encoded, dicom(port, tls=made.client()), OURS)
        unchecked = send(REPORT.encoded, dicom(port, tls=made.client(check_name=False)), OURS)
    with scp(stored, tls=made.server(ask=True)) as port:
        not_shown = send(REPORT.encoded, dicom(port, 2, tls=made.client()), OURS)
    with scp(stored) as port:
        plain = send(REPORT.encoded, dicom(port, 2, tls=made.client()), OURS)
        missing = send(REPORT.encoded, dicom(port, tls=made.client(ca="not_there")), OURS)

    assert unchecked == Accepted()
    for told, words in [
        (stranger, "its certificate is not accepted: "),
        (misnamed, "IP address mismatch"),
        (not_shown, "broke it off before it granted an association"),
        (plain, "cannot be reached"),
        (missing, "tls: ca, certificate or key cannot be used (No such file or directory)"),
    ]:
        assert isinstance(told, Unavailable)
        assert words in told.why


def test_a_key_with_a_password_is_told_and_asked_of_nobody(made: Certificates) -> None:
    """OpenSSL would ask for it at the terminal, and the service would wait there for ever."""
    key = made.folder / "locked.key"
    words = ["openssl", "pkcs8", "-topk8", "-in", "client.key", "-out", key.name, "-passout", "pass:secret"]
    subprocess.run(words, cwd=made.folder, check=True, capture_output=True, timeout=60)
    tls = ClientTLS(ca=made.folder / "ca.crt", certificate=made.folder / "client.crt", key=key)

    told = send(REPORT.encoded, dicom(104, tls=tls), OURS)

    assert isinstance(told, Unavailable)
    assert told.why.endswith("tls: ca, certificate or key cannot be used (the key is encrypted)")


def test_tls_reaches_dcmtk(made: Certificates, tmp_path: Path) -> None:
    key, shown, ca = (str(made.folder / name) for name in ("server.key", "server.crt", "ca.crt"))
    with storescp(tmp_path, "+tls", key, shown, "+cf", ca) as port:
        assert send(REPORT.encoded, dicom(port, tls=made.client(shown=True)), OURS) == Accepted()
    (file,) = tmp_path.iterdir()
    assert data_set(file.read_bytes()) == data_set(REPORT.encoded)

"""A stranger gets in nowhere and stops nothing: afterwards an honest sender is served, and nothing is left over."""

from __future__ import annotations

import random
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from ocr_service.config import Caller, Config
from ocr_service.network.callers import may_call, plain_address
from tests.network import receiving
from tests.network.receiving import Running, capture, config, running, saved, storescu, wait_until

pytestmark = pytest.mark.dicom_tools
Attack = Callable[[int], None]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    receiving.tools("storescu", "openssl")
    return saved(capture(), tmp_path_factory.mktemp("capture") / "1.dcm")


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> receiving.Certificates:
    receiving.tools("openssl")
    return receiving.certificates(tmp_path_factory.mktemp("certificates"))


@contextmanager
def unmoved(file: Path, told: Config | None = None) -> Iterator[Running]:
    """A receiver that has served someone; after the stranger it has no more threads, nothing kept, and serves again."""
    with running(told) as here:
        assert storescu(here.port, file).returncode == 0
        wait_until(lambda: not here.receiver._places.associations)
        here.inbox.arrivals.clear()
        before = receiving.threads()
        yield here
        assert not here.inbox.arrivals
        assert not here.inbox.steps
        assert storescu(here.port, file).returncode == 0, "an honest sender is stopped"
        wait_until(lambda: not here.receiver._places.associations)
        wait_until(lambda: receiving.threads() <= before)
        assert here.receiver._doors[0].limits.memory.taken == 0
        assert len(here.inbox.arrivals) == 1


def connected(port: int) -> socket.socket:
    plain = socket.create_connection(("127.0.0.1", port), 10)
    plain.settimeout(15)
    return plain


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side ends it within 15 seconds."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionError:
        pass
    return True


# Who may call ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allow", "called", "expected"),
    [
        ([{"ae_title": "CT1", "address": "127.0.0.1"}], "OCR_SERVICE", "Calling AE Title Not Recognized"),
        ([{"ae_title": "STORESCU", "address": "10.0.0.0/8"}], "OCR_SERVICE", "Calling AE Title Not Recognized"),
        ([{"ae_title": "STORESCU", "address": "127.0.0.1"}], "OTHER", "Called AE Title Not Recognized"),
        ([], "OCR_SERVICE", "Calling AE Title Not Recognized"),
    ],
)
def test_a_caller_who_is_not_named_or_names_another_is_refused_for_good(
    file: Path, allow: list[dict[str, str]], called: str, expected: str
) -> None:
    with running(config(allow=allow)) as here:
        refused = storescu(here.port, file, ae=called)

        assert refused.returncode != 0
        assert "Rejected Permanent, Source: Service User" in refused.stdout + refused.stderr
        assert expected in refused.stdout + refused.stderr
        assert not here.inbox.arrivals


@pytest.mark.parametrize(
    ("title", "address", "may"),
    [
        ("CT1", "10.1.2.3", True),
        (" CT1 ", "::ffff:10.1.2.3", True),
        ("CT1", "10.1.3.3", False),  # CT1's title from the address of CT2 is no entry
        ("ct1", "10.1.2.3", False),
        ("ANY", "10.1.4.3", True),
        ("ANY", "fe80::1%eth0", True),
        ("*", "10.1.2.3", False),
    ],
)
def test_title_and_address_must_fit_one_entry(title: str, address: str, may: bool) -> None:
    entries = [
        {"ae_title": "CT1", "address": "10.1.2.0/24"},
        {"ae_title": "CT2", "address": "10.1.3.0/24"},
        {"ae_title": "*", "address": ["10.1.4.0/24", "fe80::/16"]},
    ]
    assert may_call(title, address, [Caller.model_validate(entry) for entry in entries]) == may


def test_an_address_of_the_old_kind_is_told_as_it_is_written() -> None:
    assert plain_address("::ffff:10.1.2.3") == "10.1.2.3"


# TLS ------------------------------------------------------------------------------------------------------


def test_without_a_certificate_of_the_authority_nobody_gets_in(file: Path, signed: receiving.Certificates) -> None:
    with unmoved(file, config(tls=signed.server)) as here:
        for key, certificate in (signed.strangers, (None, None)):
            who = ("+tls", key, certificate) if key and certificate else ("+tla",)
            refused = storescu(here.tls_port, *who, "-ic", file)
            assert refused.returncode != 0, refused.stdout


def test_plain_dicom_at_the_port_of_tls_gets_no_answer(file: Path, signed: receiving.Certificates) -> None:
    with unmoved(file, config(tls=signed.server)) as here:
        assert storescu(here.tls_port, file).returncode != 0


def test_tls_older_than_1_2_is_refused(file: Path, signed: receiving.Certificates) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.load_cert_chain(signed.callers[1], signed.callers[0])
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        unmoved(file, config(tls=signed.server)) as here,
        connected(here.tls_port) as plain,
        pytest.raises(ssl.SSLError),
    ):
        old.wrap_socket(plain)


def test_a_tls_handshake_that_is_never_finished_holds_nobody_up(file: Path, signed: receiving.Certificates) -> None:
    with unmoved(file, config(tls=signed.server, timeout="3s")) as here, connected(here.tls_port) as plain:
        plain.sendall(b"\x16\x03\x01")  # the beginning of a ClientHello
        key, certificate = signed.callers
        began = time.monotonic()
        sent = storescu(here.tls_port, "+tls", key, certificate, "+cf", signed.authority, file)
        assert sent.returncode == 0
        assert time.monotonic() - began < 2.5, "the honest sender waited for the stranger's handshake"
        here.inbox.arrivals.clear()
        assert is_closed(plain)


# Bytes ----------------------------------------------------------------------------------------------------


def item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(body)) + body


@cache
def honest() -> tuple[bytes, ...]:
    """An A-ASSOCIATE-RQ, a P-DATA-TF with a C-ECHO-RQ's command, and an A-RELEASE-RQ (PS3.8 9.3)."""
    context = item(
        0x20,
        b"\x01\x00\x00\x00"
        + item(0x30, SecondaryCaptureImageStorage.encode())
        + item(0x40, ExplicitVRLittleEndian.encode()),
    )
    user = item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3") + item(0x55, b"STRANGER"))
    fixed = struct.pack(">HH16s16s32x", 1, 0, b"OCR_SERVICE     ", b"CALLER          ")
    body = fixed + item(0x10, b"1.2.840.10008.3.1.1.1") + context + user
    uid = SecondaryCaptureImageStorage.encode() + b"\x00"
    elements = b"".join(
        struct.pack("<HHI", 0, element, len(value)) + value
        for element, value in (
            (0x0002, uid), (0x0100, b"\x01\x00"), (0x0110, b"\x01\x00"), (0x0700, b"\x00\x00"),
            (0x0800, b"\x01\x00"), (0x1000, b"1.2.3\x00"),
        )
    )  # fmt: skip
    command = struct.pack("<HHII", 0, 0, 4, len(elements)) + elements
    pdv = struct.pack(">IBB", len(command) + 2, 1, 3) + command
    data = struct.pack(">IBB", 10, 1, 2) + b"\x08\x00\x05\x00CS\x00\x00"
    return pdu(1, body), pdu(4, pdv + data), pdu(5, bytes(4))


def pdu(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBI", kind, 0, len(body)) + body


def half_open(port: int) -> None:
    with connected(port) as plain:
        assert is_closed(plain)


def junk(port: int) -> None:
    with connected(port) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert is_closed(plain)


def four_gigabytes(port: int) -> None:
    with connected(port) as plain:
        plain.sendall(b"\x01\x00\xff\xff\xff\xff" + bytes(1000))
        assert is_closed(plain)


def four_gigabytes_within(port: int) -> None:
    with connected(port) as plain:
        plain.sendall(honest()[0] + b"\x04\x00\xff\xff\xff\xff" + bytes(1000))
        assert is_closed(plain)


def half_a_request(port: int) -> None:
    with connected(port) as plain:
        plain.sendall(honest()[0][:60])
        assert is_closed(plain)


def drop_by_drop(port: int) -> None:
    """A byte now and then is no silence, but the PDU never comes to its end."""
    with connected(port) as plain:
        try:
            for byte in honest()[0][:100]:
                plain.sendall(bytes([byte]))
                time.sleep(0.1)
        except ConnectionError:
            return
        pytest.fail("it was waited for")


def half_an_object(port: int) -> None:
    """A command without its data set, then silence: shorter than `idle`, longer than `timeout`."""
    with connected(port) as plain:
        plain.sendall(honest()[0] + pdu(4, honest()[1][6:-14]))
        assert is_closed(plain)


def not_its_turn(port: int) -> None:
    with connected(port) as plain:
        plain.sendall(honest()[1] + honest()[2])
        assert is_closed(plain)


def gone_at_once(port: int) -> None:
    for _ in range(20):
        with connected(port) as plain:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset


ATTACKS: list[Attack] = [
    half_open, junk, four_gigabytes, four_gigabytes_within, half_a_request, drop_by_drop, half_an_object,
    not_its_turn, gone_at_once,
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.__name__ for attack in ATTACKS])
def test_a_stranger_is_shown_out_and_the_next_sender_served(file: Path, attack: Attack) -> None:
    with unmoved(file, config(timeout="1s")) as here:
        attack(here.port)


def test_many_who_say_nothing_leave_room_for_who_speaks(file: Path) -> None:
    with unmoved(file, config(max_associations=4, timeout="3s")) as here:
        silent = [connected(here.port) for _ in range(10)]
        assert storescu(here.port, file).returncode == 0
        here.inbox.arrivals.clear()
        for plain in silent:
            plain.close()


def test_many_of_unknown_address_who_say_nothing_do_not_keep_out_who_may_call() -> None:
    allow = [{"ae_title": "*", "address": "127.0.0.2"}]
    with running(config(allow=allow, max_associations=2, timeout="5s")) as here:
        silent = [connected(here.port) for _ in range(30)]  # from 127.0.0.1, which no entry names
        with calling_from("127.0.0.2", here.port) as answer:
            assert answer[0] == 2, "an A-ASSOCIATE-AC"
        for plain in silent:
            plain.close()


def test_a_system_without_a_thread_left_costs_one_caller_and_not_the_receiver(file: Path) -> None:
    with running() as here:
        door, missing = here.receiver._doors[0], threading.Event()

        class NoThread(door.RequestHandlerClass):  # type: ignore[name-defined, misc]
            def _create_association(self) -> object:
                assoc = super()._create_association()
                if not missing.is_set():
                    missing.set()
                    assoc.start = _no_thread
                return assoc

        door.RequestHandlerClass = NoThread
        assert storescu(here.port, file).returncode != 0
        assert not here.receiver._places.associations
        assert storescu(here.port, file).returncode == 0


def _no_thread() -> None:
    raise RuntimeError("can't start new thread")


@contextmanager
def calling_from(address: str, port: int) -> Iterator[bytes]:
    """The first answer to an honest A-ASSOCIATE-RQ."""
    with socket.create_connection(("127.0.0.1", port), 10, (address, 0)) as plain:
        plain.sendall(honest()[0])
        yield plain.recv(4096)


def mutated(number: int) -> bytes:
    """An honest conversation with some bytes changed, left out or doubled."""
    dice = random.Random(number)
    words = bytearray(b"".join(honest()[: dice.randint(1, 3)]))
    for _ in range(dice.randint(1, 4)):
        at, length = dice.randrange(len(words)), dice.choice((1, 1, 2, 4, 16))
        match dice.randrange(4):
            case 0:
                words[at : at + length] = dice.randbytes(length)
            case 1:
                del words[at : at + length]
            case 2:
                words[at:at] = words[at : at + length]
            case _:
                words[at : at + 1] = dice.choice((b"\x00", b"\xff", b"\x7f"))
        if not words:
            return b"\x00"
    return bytes(words)


def say(port: int, numbers: range) -> None:
    for number in numbers:
        try:
            with connected(port) as plain:
                plain.sendall(mutated(number))
                plain.shutdown(socket.SHUT_WR)
                plain.recv(64)
        except OSError:
            continue


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.soak)])
def test_no_mutated_conversation_stops_the_receiver(file: Path, count: int) -> None:
    with running(config(max_associations=50)) as here:
        before = receiving.threads()
        tellers = [
            threading.Thread(target=say, args=(here.port, range(start, count, 8)), daemon=True) for start in range(8)
        ]
        for teller in tellers:
            teller.start()
        for teller in tellers:
            teller.join(count / 10)
            assert not teller.is_alive()
        wait_until(lambda: receiving.threads() <= before)
        assert here.receiver._doors[0].limits.memory.taken == 0
        for arrival in here.inbox.arrivals:  # some mutations are still a request; no other is kept
            assert arrival.sop_class_uid == SecondaryCaptureImageStorage
            assert set(arrival.sop_instance_uid) <= set("0123456789.")
        here.inbox.arrivals.clear()

        assert storescu(here.port, file).returncode == 0
        assert len(here.inbox.arrivals) == 1

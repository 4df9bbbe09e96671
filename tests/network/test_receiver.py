"""The receiver keeps, then answers; and what it cannot keep it says so."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path

import pytest
import structlog
from pydicom import Dataset, dcmread, uid
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage
from pynetdicom import build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE

from ocr_service.config import Receiver as Settings
from ocr_service.errors import OutputError, StoreError
from ocr_service.network.contexts import COMMITMENT, DOCUMENTS, IMAGES, TRANSFER_SYNTAXES
from ocr_service.network.listening import listen, shares
from ocr_service.network.receiver import serve_receiver
from ocr_service.screen import frames
from tests.network import receiving
from tests.network.receiving import (
    Running,
    associated,
    calling,
    capture,
    config,
    gone,
    running,
    saved,
    storescu,
    wait_until,
)

pytestmark = pytest.mark.dicom_tools


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    receiving.tools("storescu", "echoscu", "dcmconv")
    folder = tmp_path_factory.mktemp("captures")
    return [saved(capture(number), folder / f"{number}.dcm") for number in range(4)]


@pytest.fixture
def here() -> Iterator[Running]:
    with running() as started:
        yield started


def sent_raw(assoc: Association, *, sop_class: str, instance: str, body: bytes) -> int:
    """A C-STORE whose command says what we like; its status."""
    request = C_STORE()
    request.MessageID, request.Priority = 7, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = uid.UID(sop_class), uid.UID(instance)
    request.DataSet = BytesIO(body)
    assoc._reactor_checkpoint.clear()  # as Association.send_c_store does
    wait_until(lambda: assoc._is_paused)
    assoc.dimse.send_msg(request, 1)
    _, answer = assoc.dimse.get_msg(block=True)
    assoc._reactor_checkpoint.set()
    assert isinstance(answer, C_STORE)
    assert answer.Status is not None
    return int(answer.Status)


def body_of(ds: Dataset) -> bytes:
    out = BytesIO()
    ds.save_as(out, enforce_file_format=True)
    encoded = out.getvalue()
    meta = dcmread(BytesIO(encoded)).file_meta
    return encoded[144 + int(meta.FileMetaInformationGroupLength) :]


def test_what_was_sent_is_kept_as_a_dicom_file_that_reads_back_equal(here: Running, files: list[Path]) -> None:
    assert storescu(here.port, *files).returncode == 0

    kept = [dcmread(BytesIO(b"".join(arrival.encoded))) for arrival in here.inbox.arrivals]
    assert kept == [dcmread(file) for file in files]
    first = here.inbox.arrivals[0]
    assert (first.sop_instance_uid, first.sop_class_uid) == (f"{receiving.UID}.0", SecondaryCaptureImageStorage)
    assert (first.calling_ae, first.address, first.via) == ("STORESCU", "127.0.0.1", "c-store")
    assert kept[0].file_meta.SourceApplicationEntityTitle == "STORESCU"
    assert kept[0].file_meta.TransferSyntaxUID == first.transfer_syntax_uid == ExplicitVRLittleEndian


def test_nothing_is_acknowledged_before_it_is_kept(files: list[Path]) -> None:
    with running(config(timeout="1s", idle="1s")) as here:
        here.inbox.gate = threading.Event()
        command = ["storescu", "-aec", "OCR_SERVICE", "127.0.0.1", str(here.port), str(files[0])]
        sender = subprocess.Popen(command, env=receiving.TCP_NODELAY)
        with pytest.raises(subprocess.TimeoutExpired):
            sender.wait(1.5)  # longer than both times: a slow disk is no silent peer

        here.inbox.gate.set()
        assert sender.wait(20) == 0
        assert len(here.inbox.arrivals) == 1


@pytest.mark.parametrize(
    "fault", [OSError(28, "No space left on device"), OutputError("x"), StoreError("x"), RuntimeError("Secret^Name")]
)
def test_what_cannot_be_kept_is_answered_out_of_resources_and_the_association_goes_on(
    here: Running, fault: Exception
) -> None:
    assoc = calling(here.port)
    here.inbox.fault = fault
    with structlog.testing.capture_logs() as told:
        refused = assoc.send_c_store(capture(1))
    here.inbox.fault = None
    accepted = assoc.send_c_store(capture(2))
    gone(assoc)

    assert (refused.Status, accepted.Status) == (0xA700, 0x0000)
    assert [arrival.sop_instance_uid for arrival in here.inbox.arrivals] == [f"{receiving.UID}.2"]
    assert "Secret" not in str(told)


@pytest.mark.parametrize("sop_class", [*IMAGES, *DOCUMENTS])
def test_every_class_is_taken_in_every_transfer_syntax_that_is_read(here: Running, sop_class: str) -> None:
    syntaxes = TRANSFER_SYNTAXES if sop_class in IMAGES else TRANSFER_SYNTAXES[:4]
    contexts = [build_context(sop_class, syntax) for syntax in syntaxes]
    with associated(here.port, contexts) as assoc:
        accepted = {cx.transfer_syntax[0] for cx in assoc.accepted_contexts}

    assert accepted == set(syntaxes)


def test_the_pixel_reader_and_the_receiver_know_the_same_transfer_syntaxes() -> None:
    read = frames._NATIVE | frames._JPEG | frames._JPEG_LS | frames._JPEG_2000 | {"1.2.840.10008.1.2.5"}

    assert {str(syntax) for syntax in TRANSFER_SYNTAXES} == read


@pytest.mark.parametrize(("convert", "propose"), [("+td", "-xd"), ("+tb", "-xb"), ("+ti", "-xi")])
def test_dcmtk_sends_deflated_big_endian_and_implicit_objects(
    here: Running, files: list[Path], tmp_path: Path, convert: str, propose: str
) -> None:
    other = tmp_path / "other.dcm"
    assert receiving.run("dcmconv", convert, files[0], other).returncode == 0

    assert storescu(here.port, propose, other).returncode == 0
    (arrival,) = here.inbox.arrivals
    kept = dcmread(BytesIO(b"".join(arrival.encoded)))
    assert arrival.transfer_syntax_uid == dcmread(other).file_meta.TransferSyntaxUID
    assert kept.PixelData == dcmread(files[0]).PixelData


def test_a_request_that_is_not_what_it_says_is_refused_and_the_next_is_taken(here: Running) -> None:
    body, right = body_of(capture()), SecondaryCaptureImageStorage
    assoc = calling(here.port)
    statuses = [
        sent_raw(assoc, sop_class="1.2.840.10008.5.1.4.1.1.2", instance="1.2.3", body=body),
        sent_raw(assoc, sop_class=right, instance="1.2.x", body=body),
        sent_raw(assoc, sop_class=right, instance="../../etc/passwd", body=body),
        sent_raw(assoc, sop_class=right, instance="1.2.840.01.5", body=body),  # wrong, and common: a leading zero
    ]
    gone(assoc)

    assert statuses == [0xA900, 0xC000, 0xC000, 0x0000]
    assert [arrival.sop_instance_uid for arrival in here.inbox.arrivals] == ["1.2.840.01.5"]


def test_an_object_that_is_too_large_is_refused_while_it_arrives_and_its_memory_given_back() -> None:
    with running(config(max_object="64 KiB", max_pdu="16 KiB")) as here:
        assoc = calling(here.port)
        memory = here.receiver._doors[0].limits.memory
        large = assoc.send_c_store(capture(1, rows=5000))
        small = assoc.send_c_store(capture(2))
        assert memory.taken == 0
        gone(assoc)

        assert (large.Status, small.Status) == (0xA700, 0x0000)
        assert len(here.inbox.arrivals) == 1


def test_all_associations_together_hold_no_more_than_the_memory_of_one_largest_object() -> None:
    with running(config(max_object="64 KiB")) as here:
        memory = here.receiver._doors[0].limits.memory
        assert memory.take(60 * 1024)
        assoc = calling(here.port)
        refused = assoc.send_c_store(capture(1, rows=1000))
        memory.give(60 * 1024)
        accepted = assoc.send_c_store(capture(1, rows=1000))
        gone(assoc)

        assert (refused.Status, accepted.Status) == (0xA700, 0x0000)


def test_where_nothing_can_be_taken_no_association_is() -> None:
    with running() as here:
        here.inbox.why_full = "only 1 GiB is free"
        refused = receiving.run("echoscu", "-aec", "OCR_SERVICE", "127.0.0.1", str(here.port))
        here.inbox.why_full = None
        accepted = receiving.run("echoscu", "-aec", "OCR_SERVICE", "127.0.0.1", str(here.port))

    assert refused.returncode != 0
    assert "Rejected Transient" in refused.stderr
    assert accepted.returncode == 0


def test_one_association_too_many_is_refused_for_the_moment() -> None:
    with running(config(max_associations=2)) as here:
        two = [calling(here.port), calling(here.port)]
        third = calling(here.port)
        gone(*two)
        wait_until(lambda: here.receiver.associations == 0)
        fourth = calling(here.port)
        assert third.is_rejected
        answer = third.acceptor.primitive
        assert answer is not None
        assert (answer.result, answer.result_source, answer.diagnostic) == (2, 3, 2)
        assert fourth.is_established
        gone(third, fourth)


def test_a_process_that_is_full_leaves_callers_to_another() -> None:
    told = config(max_associations=4, processes=2)
    listening = listen(told.receiver, plain_port=0)
    inbox = receiving.RememberingInbox()
    with receiving.loud_again():
        processes = [serve_receiver(told, inbox, listening, share) for share in shares(told.receiver)]
    port = listening.ports[0]
    assert port is not None
    try:
        four = [calling(port) for _ in range(4)]
        fifth = calling(port)
        assert [assoc.is_established for assoc in four] == [True] * 4
        assert [process.associations for process in processes] == [2, 2]
        assert fifth.is_rejected
        gone(*four, fifth)
    finally:
        for process in processes:
            process.stop(2)
        listening.close()


def test_a_receiver_process_that_is_killed_takes_nobody_with_it(files: list[Path], tmp_path: Path) -> None:
    told = config(processes=2, max_associations=20)
    listening = listen(told.receiver, plain_port=0)
    port = listening.ports[0]
    assert port is not None
    spawn = get_context("spawn")
    processes = [
        spawn.Process(target=receiving.serve_alone, args=(told, listening, share, tmp_path), daemon=True)
        for share in shares(told.receiver)
    ]
    try:
        for process in processes:
            process.start()
        wait_until(lambda: len(list(tmp_path.glob("*.ready"))) == 2)
        assert storescu(port, *files).returncode == 0
        processes[0].kill()
        processes[0].join()
        for number in range(4):
            assert storescu(port, files[number]).returncode == 0
    finally:
        for process in processes:
            process.kill()
            process.join()
        listening.close()

    kept = [dcmread(path).SOPInstanceUID for path in tmp_path.glob("*.dcm")]
    assert sorted(kept) == sorted(2 * [f"{receiving.UID}.{number}" for number in range(4)])


def test_a_request_that_comes_before_our_own_thread_knows_of_the_association_is_answered(
    here: Running, files: list[Path]
) -> None:
    here.receiver._doors[0].handlers.append((evt.EVT_ACCEPTED, lambda _event: time.sleep(0.3)))

    assert storescu(here.port, "-td", "5", files[0]).returncode == 0


def test_ten_senders_at_once_lose_nothing(here: Running, files: list[Path]) -> None:
    command = ["storescu", "-aec", "OCR_SERVICE", "127.0.0.1", str(here.port), *map(str, files)]
    senders = [subprocess.Popen(command, env=receiving.TCP_NODELAY) for _ in range(10)]

    assert [sender.wait(30) for sender in senders] == [0] * 10
    uids = [arrival.sop_instance_uid for arrival in here.inbox.arrivals]
    assert sorted(uids) == sorted(10 * [f"{receiving.UID}.{number}" for number in range(4)])


@pytest.mark.parametrize(
    ("processes", "most", "each"), [(2, 50, (25, 25)), (3, 50, (17, 17, 16)), (4, 2, (1, 1)), (1, 7, (7,))]
)
def test_the_shares_of_all_processes_come_to_what_is_allowed(processes: int, most: int, each: tuple[int, ...]) -> None:
    told = Settings.model_validate({"processes": processes, "max_associations": most})

    assert shares(told) == each


def test_a_receiver_that_stops_lets_running_associations_end_and_takes_no_new_ones() -> None:
    with running() as here:
        assoc = calling(here.port)
        stopping = threading.Thread(target=here.receiver.stop, args=(10,))
        stopping.start()
        wait_until(lambda: here.receiver._places.closing)
        status = assoc.send_c_store(capture())
        gone(assoc)
        stopping.join(10)

        assert status.Status == 0x0000
        assert not stopping.is_alive()


def test_an_association_that_is_open_for_nothing_is_ended() -> None:
    with running(config(idle="1s")) as here:
        assoc = calling(here.port)
        wait_until(lambda: assoc.is_aborted)
        wait_until(lambda: here.receiver.associations == 0)
        gone(assoc)


@pytest.mark.parametrize(
    ("event", "failed", "expected"),
    [(1, (), ()), (2, ((f"{receiving.UID}.2", 0x0112),), ((f"{receiving.UID}.2", 0x0112),))],
)
def test_a_peer_reports_a_storage_commitment_on_an_association_of_its_own(
    here: Running, event: int, failed: tuple[tuple[str, int], ...], expected: tuple[tuple[str, int], ...]
) -> None:
    report = Dataset()
    report.TransactionUID = f"{receiving.UID}.7"
    report.ReferencedSOPSequence = [_referenced(f"{receiving.UID}.1")]
    if failed:
        report.FailedSOPSequence = [_referenced(instance, reason) for instance, reason in failed]
    role = build_role(COMMITMENT, scp_role=True)
    with associated(here.port, [build_context(COMMITMENT)], "ARCHIVE", ext_neg=[role]) as assoc:
        status, _ = assoc.send_n_event_report(report, event, COMMITMENT, "1.2.840.10008.1.20.1.1")

    assert status.Status == 0x0000
    (told,) = here.inbox.told
    assert (told.transaction_uid, told.kept, told.failed, told.calling_ae) == (
        f"{receiving.UID}.7", (f"{receiving.UID}.1",), expected, "ARCHIVE",
    )  # fmt: skip


def _referenced(instance: str, reason: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = SecondaryCaptureImageStorage, instance
    if reason is not None:
        item.FailureReason = reason
    return item


def test_dcmtk_sends_over_tls_with_its_certificate(files: list[Path], tmp_path: Path) -> None:
    receiving.tools("openssl")
    signed = receiving.certificates(tmp_path)
    with running(config(port=False, tls=signed.server)) as here:
        key, certificate = signed.callers
        sent = storescu(here.tls_port, "+tls", key, certificate, "+cf", signed.authority, *files)

        assert sent.returncode == 0, sent.stderr
        assert len(here.inbox.arrivals) == len(files)

"""Storage commitment: an archive says that it keeps our reports, at once or later, and its word is kept first."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_role, evt

from ocr_service.errors import BrokenObject, StoreError
from ocr_service.network.arrivals import Committed
from ocr_service.network.commitment import (
    PUSH_MODEL,
    PUSH_MODEL_INSTANCE,
    Asked,
    committed_from,
    heard_report,
    request_commitment,
)
from ocr_service.network.sender import Accepted, Refused, Unavailable, send
from ocr_service.rdsr.sop import XRAY_RADIATION_DOSE_SR
from tests.network.sender_peers import OURS, PATIENCE, dicom, free_port, orthanc, report, scp, tidied, until

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
TRANSACTION = "2.25.4711"
ONE, OTHER = "2.25.1", "2.25.2"
BOTH = [(XRAY_RADIATION_DOSE_SR, ONE), (XRAY_RADIATION_DOSE_SR, OTHER)]


@pytest.fixture(scope="module", autouse=True)
def nothing_left_open() -> Iterator[None]:
    with tidied():
        yield


def reference(uid: str, reason: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = XRAY_RADIATION_DOSE_SR, uid
    if reason is not None:
        item.FailureReason = reason
    return item


def told(kept: list[str], failed: dict[str, int], transaction: str = TRANSACTION) -> Dataset:
    ds = Dataset()
    ds.TransactionUID = transaction
    if kept:
        ds.ReferencedSOPSequence = [reference(uid) for uid in kept]
    if failed:
        ds.FailedSOPSequence = [reference(uid, reason) for uid, reason in failed.items()]
    return ds


@contextmanager
def our_receiver(heard: list[Committed]) -> Iterator[int]:
    """What stands in for the receiver: it takes the reports of storage commitment."""
    ae = AE(ae_title=OURS)
    ae.add_supported_context(PUSH_MODEL, [ExplicitVRLittleEndian, ImplicitVRLittleEndian], scu_role=True, scp_role=True)

    def on_report(event: evt.Event) -> tuple[int, None]:
        return heard_report(event, heard.append)[0], None

    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, on_report)])
    assert server is not None
    try:
        yield server.server_address[1]
    finally:
        ae.shutdown()


@pytest.mark.dicom_tools
def test_an_archive_tells_our_receiver_what_it_keeps_and_what_it_never_had(tmp_path: Path) -> None:
    sent = report()
    heard: list[Committed] = []
    asked = [(XRAY_RADIATION_DOSE_SR, str(sent.SOPInstanceUID)), (XRAY_RADIATION_DOSE_SR, OTHER)]
    with our_receiver(heard) as port, orthanc(tmp_path, port) as archive:
        assert send(sent.encoded, dicom(archive.dicom), OURS) == Accepted()
        answer = request_commitment(
            dicom(archive.dicom), OURS, TRANSACTION, asked, heard.append, linger=timedelta(seconds=0.05)
        )
        until(lambda: heard)

    assert answer == Asked()
    (report_of_it,) = heard
    assert report_of_it.transaction_uid == TRANSACTION
    assert report_of_it.kept == (str(sent.SOPInstanceUID),)
    assert [uid for uid, _ in report_of_it.failed] == [OTHER]
    assert report_of_it.calling_ae == "PACS"


@contextmanager
def committing(status: int, kept: list[str], failed: dict[str, int], heard: list[int], transaction: str = TRANSACTION):
    """A peer that answers the request, and reports on the same association where there is something to report."""

    def report_it(event: evt.Event) -> None:
        if kept or failed:
            answer, _ = event.assoc.send_n_event_report(
                told(kept, failed, transaction), 2 if failed else 1, PUSH_MODEL, PUSH_MODEL_INSTANCE
            )
            heard.append(answer.Status)

    def on_action(event: evt.Event) -> tuple[int, None]:
        assert event.action_type == 1
        assert event.action_information.TransactionUID == TRANSACTION
        assert [item.ReferencedSOPInstanceUID for item in event.action_information.ReferencedSOPSequence] == [
            ONE,
            OTHER,
        ]
        return status, None

    def sent(event: evt.Event) -> None:
        """The N-ACTION response is out: report from a thread of its own, as an SCP may do at any time."""
        from threading import Thread

        if type(event.message).__name__ == "N_ACTION_RSP":
            Thread(target=report_it, args=(event,)).start()

    with scp([(evt.EVT_N_ACTION, on_action), (evt.EVT_DIMSE_SENT, sent)], [PUSH_MODEL]) as port:
        yield port


def test_an_answer_on_the_same_association_is_kept_before_it_is_acknowledged() -> None:
    kept: list[Committed] = []
    statuses: list[int] = []
    with committing(0x0000, [ONE], {OTHER: 0x0112}, statuses) as port:
        answer = request_commitment(dicom(port), OURS, TRANSACTION, BOTH, kept.append, linger=timedelta(seconds=10))
        until(lambda: statuses)

    assert answer == Committed(TRANSACTION, (ONE,), ((OTHER, 0x0112),), "PACS")
    assert kept == [answer]
    assert statuses == [0x0000]


def test_an_answer_that_cannot_be_kept_is_not_acknowledged() -> None:
    def lost(answer: Committed) -> None:
        raise StoreError("the database is away")

    statuses: list[int] = []
    with committing(0x0000, [ONE, OTHER], {}, statuses) as port:
        answer = request_commitment(dicom(port), OURS, TRANSACTION, BOTH, lost, linger=timedelta(seconds=0.5))
        until(lambda: statuses)

    assert answer == Asked()
    assert statuses == [0x0110]


def test_an_answer_to_another_question_is_kept_and_does_not_answer_ours() -> None:
    kept: list[Committed] = []
    with committing(0x0000, [ONE], {}, [], transaction="2.25.1") as port:
        answer = request_commitment(dicom(port), OURS, TRANSACTION, BOTH, kept.append, linger=timedelta(seconds=0.5))

    assert answer == Asked()
    assert [one.transaction_uid for one in kept] == ["2.25.1"]


@pytest.mark.parametrize(("status", "ending"), [(0x0213, Unavailable), (0x0110, Unavailable), (0x0112, Refused)])
def test_a_request_that_is_not_taken_is_for_now_or_for_good(status: int, ending: type) -> None:
    with committing(status, [], {}, []) as port:
        assert isinstance(request_commitment(dicom(port), OURS, TRANSACTION, BOTH, print), ending)


def test_a_peer_without_storage_commitment_refuses_and_one_that_is_away_is_asked_again() -> None:
    with scp([]) as port:
        assert isinstance(request_commitment(dicom(port), OURS, TRANSACTION, BOTH, print), Refused)
    assert isinstance(request_commitment(dicom(free_port()), OURS, TRANSACTION, BOTH, print), Unavailable)


def test_a_peer_that_never_answers_the_request_is_not_waited_for_without_end() -> None:
    def hang(event: evt.Event) -> tuple[int, None]:
        time.sleep(2)
        return 0, None

    with scp([(evt.EVT_N_ACTION, hang)], [PUSH_MODEL]) as port:
        begun = time.monotonic()
        answer = request_commitment(dicom(port, 0.5), OURS, TRANSACTION, BOTH, print)
        took = time.monotonic() - begun

    assert isinstance(answer, Unavailable)
    assert took < PATIENCE / 2


UIDS = st.lists(st.integers(1, 10**6).map("2.25.{}".format), unique=True, max_size=6)


@given(UIDS, UIDS, st.integers(1, 0xFFFF))
def test_every_object_of_a_report_is_kept_or_failed_and_never_both(kept: list[str], failed: list[str], reason: int):
    read = committed_from(told(kept, dict.fromkeys(failed, reason)), " PACS ")

    assert set(read.kept) == set(kept) - set(failed)
    assert dict(read.failed) == dict.fromkeys(failed, reason)
    assert read.calling_ae == "PACS"


def test_a_failure_without_a_reason_is_a_failure() -> None:
    ds = told([ONE], {OTHER: 1})
    del ds.FailedSOPSequence[0].FailureReason

    assert committed_from(ds, "PACS").failed == ((OTHER, 0x0110),)


def test_a_report_that_names_no_transaction_or_no_object_is_broken() -> None:
    nameless = told([ONE], {})
    del nameless.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    without = told([ONE], {})
    del without.TransactionUID
    flat = told([], {})
    flat.add_new("ReferencedSOPSequence", "LO", "this is no sequence")

    for ds in (nameless, without, flat, Dataset()):
        with pytest.raises(BrokenObject):
            committed_from(ds, "PACS")


def test_our_receiver_hears_a_report_of_a_peer_that_calls_us() -> None:
    heard: list[Committed] = []
    with our_receiver(heard) as port:
        ae = AE(ae_title="PACS")
        ae.add_requested_context(PUSH_MODEL)
        role = build_role(PUSH_MODEL, scp_role=True)
        assoc = ae.associate("127.0.0.1", port, ae_title=OURS, ext_neg=[role])
        good, _ = assoc.send_n_event_report(told([ONE], {}), 1, PUSH_MODEL, PUSH_MODEL_INSTANCE)
        bad, _ = assoc.send_n_event_report(told([ONE], {}, ""), 1, PUSH_MODEL, PUSH_MODEL_INSTANCE)
        assoc.release()

    assert (good.Status, bad.Status) == (0x0000, 0x0120)
    assert heard == [Committed(TRANSACTION, (ONE,), (), "PACS")]

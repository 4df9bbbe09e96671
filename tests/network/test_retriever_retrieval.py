"""Archives that send other objects than they are asked for, or none: what came is kept, what did not is told."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, Queue
from threading import Event as Flag
from threading import Thread

import pytest
from pydicom.uid import CTImageStorage
from pynetdicom.dimse_messages import DIMSEMessage
from pynetdicom.pdu_primitives import P_DATA
from structlog.testing import capture_logs

from ocr_service.errors import PeerRefused
from ocr_service.network import reactor
from ocr_service.network.asking import Line
from ocr_service.network.limits import Memory
from ocr_service.network.listening import listen
from ocr_service.network.measuring import Measure, TooLarge
from ocr_service.network.receiver import serve_receiver
from ocr_service.network.sweep import Days, StudyLooked, sweep
from tests.network.archives import OURS, Kept, at_once, free_port, pacs_at, receiving
from tests.network.odd_pacs import (
    DAY,
    LIBRARY,
    STUDY,
    OddPacs,
    image,
    objects,
    page,
    swept,
    uids,
)
from tests.network.receiving import config, loud_again

# pynetdicom leaves it to the collector to close the socket of a connection that was refused or aborted.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def collected() -> Iterator[None]:
    """What these tests leave to the collector is not left to those of another module."""
    yield
    gc.collect()


@pytest.mark.parametrize("retrieve", ["get", "move"])
def test_objects_that_a_request_leaves_out_are_asked_for_one_by_one(retrieve: str) -> None:
    kept, port = Kept(), free_port()
    pages = [page(number=number) for number in range(1, 5)]
    pacs = OddPacs(pages, sends=lambda wanted, request: wanted[:1])
    pacs.move_to = ("127.0.0.1", port) if retrieve == "move" else None
    with receiving(port, kept):
        studies, _ = swept(pacs, kept, retrieve=retrieve)
    assert set(kept.arrivals) == uids(pages)
    assert [one.faults for one in studies] == [()]


@pytest.mark.parametrize("retrieve", ["get", "move"])
def test_objects_that_never_come_are_faults_until_they_come(retrieve: str) -> None:
    kept, port = Kept(), free_port()
    pages = [page(number=number) for number in range(1, 5)]
    lost = f"{STUDY}.999.3"
    pacs = OddPacs(pages, sends=lambda wanted, request: [ds for ds in wanted if ds.SOPInstanceUID != lost])
    pacs.move_to = ("127.0.0.1", port) if retrieve == "move" else None
    with receiving(port, kept):
        studies, parts = swept(pacs, kept, retrieve=retrieve)
        assert "fewer objects than asked: 1 are missing" in studies[0].faults[0].what
        assert studies[0].faults[0].series_instance_uid == f"{STUDY}.999"
        assert not parts[0].done
        pacs.sends = lambda wanted, request: wanted
        swept(pacs, kept, retrieve=retrieve)
    assert set(kept.arrivals) == uids(pages)
    assert kept.again == []


def test_an_archive_that_sends_the_whole_study_instead_is_stopped() -> None:
    pacs, kept = OddPacs([page(), *(image(number=number) for number in range(1, 200))]), Kept()
    pacs.sends = lambda wanted, request: list(reversed(pacs.objects))
    studies, _ = swept(pacs, kept)
    assert "it sent what nobody asked for" in [fault.what for fault in studies[0].faults]
    assert len(kept.arrivals) <= 21


def test_what_cannot_be_kept_is_not_acknowledged() -> None:
    pacs, kept = OddPacs([page()]), Kept(broken=OSError("disk"))
    studies, parts = swept(pacs, kept)
    assert "could not be kept here (OSError)" in studies[0].faults[0].what
    assert not parts[0].done
    kept.broken = None
    swept(pacs, kept)
    assert set(kept.arrivals) == uids(pacs.objects)


LARGE = f"{STUDY}.999.2"


def with_a_large_one(size: int) -> OddPacs:
    """A dose series whose second object has so many bytes, and another study."""
    large = page(number=2, BitsAllocated=8, PixelData=bytes(size))
    return OddPacs([page(number=1), large, page(number=3), page(study=2)])


def test_an_object_larger_than_we_take_is_refused_and_named_and_the_others_come() -> None:
    pacs, kept = with_a_large_one(4 * 2**20), Kept()
    with pacs.running() as port:
        asked = sweep(pacs_at(port), OURS, LIBRARY, kept, kept, Days(DAY, DAY), at_once(), largest=2**20)
        studies = [one for one in asked if isinstance(one, StudyLooked)]

    assert set(kept.arrivals) == uids(pacs.objects) - {LARGE}
    said = f"the object {LARGE} is larger than receiver.max_object (1 MiB), and was not taken"
    assert [[fault.what for fault in one.faults] for one in studies] == [[said], []]
    assert (pacs.retrievals, pacs.associations) == (2, 1), "once for each series: what is too large is so next time"


def test_nothing_is_held_of_an_object_that_is_too_large() -> None:
    memory = Memory(2**20)
    measure, message = Measure(2**20, memory), DIMSEMessage()
    fragments = P_DATA()
    fragments.presentation_data_value_list = [[1, b"\x00" + bytes(2**18)] for _ in range(16)]  # type: ignore[misc]
    measure.begin()
    measure.take(fragments, message)
    assert isinstance(message.data_set, TooLarge)
    assert message.data_set.getbuffer().nbytes == 0
    assert (memory.taken, measure.discarded) == (0, 12 * 2**18)


def test_an_object_that_our_receiver_refuses_is_told_by_c_move_too() -> None:
    pacs, kept = with_a_large_one(3 * 2**19), Kept()
    told = config(ae_title=OURS, max_object="1 MiB")
    listening = listen(told.receiver, plain_port=0)
    with loud_again():
        receiver = serve_receiver(told, kept, listening)
        try:
            pacs.move_to = ("127.0.0.1", listening.ports[0] or 0)
            with capture_logs() as logs:
                studies, _ = swept(pacs, kept, retrieve="move")
        finally:
            receiver.stop(grace=2)
            listening.close()

    assert set(kept.arrivals) == uids(pacs.objects) - {LARGE}
    what = [fault.what for one in studies for fault in one.faults]
    said = "archive says that it could not send 1 of 1 missing objects: our receiver's log names those that it refused"
    assert said in what
    assert {log["instance"] for log in logs if log["event"] == "object_refused"} == {LARGE}


def test_an_archive_that_ends_the_association_in_the_middle_of_a_retrieval_is_asked_for_the_rest_next_time() -> None:
    pages = [page(number=number) for number in range(1, 5)]
    pacs, kept = OddPacs([*pages, page(study=2)], aborts_after=2), Kept()
    studies, parts = swept(pacs, kept)
    assert [(one.kept, len(one.faults)) for one in studies] == [(2, 1), (1, 0)]
    assert not parts[0].done
    pacs.aborts_after = None
    swept(pacs, kept)
    assert set(kept.arrivals) == uids(pacs.objects)
    assert kept.again == []


@pytest.mark.parametrize("status", [0xA701, 0xA702, 0xA900, 0xC001, 0xFE00])
def test_a_retrieval_that_fails_is_a_fault_with_its_status(status: int) -> None:
    studies, _ = swept(OddPacs([page()], get_status=status), Kept())
    assert f"did not send 1 objects (status 0x{status:04X})" in studies[0].faults[0].what


def test_long_series_are_asked_for_their_secondary_captures_only() -> None:
    images = [image(series=3, number=number, SeriesDescription="Low dose lung") for number in range(1, 100)]
    pacs, kept = OddPacs([*images, page(series=3, number=500)]), Kept()
    swept(pacs, kept)
    assert set(kept.arrivals) == {f"{STUDY}.3.500"}
    (asked,) = [one for one in pacs.identifiers if one.QueryRetrieveLevel == "IMAGE" and "SOPClassUID" in one]
    assert str(CTImageStorage) not in asked.SOPClassUID


@pytest.mark.parametrize("retrieve", ["get", "move"])
def test_images_whose_class_is_not_told_do_not_come_one_by_one_with_each_look(retrieve: str) -> None:
    lacks = {"SOPClassUID", "SeriesDescription", "NumberOfStudyRelatedInstances"}
    pacs, kept, port = OddPacs([image(number=number) for number in range(1, 40)], lacks=lacks), Kept(), free_port()
    pacs.move_to = ("127.0.0.1", port) if retrieve == "move" else None
    with receiving(port, kept):
        looks = [swept(pacs, kept, Days(DAY, DAY, again=True), retrieve=retrieve)[0][0] for _ in range(3)]
    assert [one.kept for one in looks] == ([1, 0, 0] if retrieve == "get" else [0, 0, 0])
    assert [one.undecided for one in looks] == ([0, 0, 0] if retrieve == "get" else [39, 39, 39])


def test_a_series_of_which_nothing_is_told_is_looked_into() -> None:
    pages = [page(number=number) for number in range(1, 15)]
    pacs, kept = OddPacs(pages, lacks={"SOPClassUID", "SeriesDescription", "Manufacturer", "SeriesNumber"}), Kept()
    swept(pacs, kept)
    assert set(kept.arrivals) == uids(pages)


def test_a_series_whose_objects_are_not_named_comes_whole() -> None:
    pacs, kept = OddPacs([page(), page(number=2)], lacks={"SOPInstanceUID"}), Kept()
    studies, _ = swept(pacs, kept)
    assert set(kept.arrivals) == uids(pacs.objects)
    assert studies[0].kept == 2


def test_an_archive_without_c_get_is_told_what_to_configure() -> None:
    with pytest.raises(PeerRefused, match='retrieve = "move"'):
        swept(OddPacs(objects(), get=False), Kept())


def test_an_archive_that_does_not_know_us_as_a_destination_is_told_so() -> None:
    with pytest.raises(PeerRefused, match="does not know OCR_TEST as a destination"):
        swept(OddPacs(objects()), Kept(), retrieve="move")


def test_objects_that_an_archive_moves_elsewhere_are_missed() -> None:
    kept, elsewhere, port = Kept(), Kept(), free_port()
    with receiving(port, elsewhere):
        studies, _ = swept(OddPacs([page()], move_to=("127.0.0.1", port)), kept, retrieve="move")
    assert set(elsewhere.arrivals) == {f"{STUDY}.999.1"}
    assert "did not arrive here: does it send what is for OCR_TEST to this host" in studies[0].faults[0].what


@pytest.mark.parametrize("closed", [reactor.Checkpoint.hold, reactor.Checkpoint.clear], ids=["hold", "pynetdicom"])
def test_a_held_reactor_takes_no_answer_that_a_merely_paused_one_would(closed: Callable[..., object]) -> None:
    """A reactor that is slow to go on, as on a busy machine, between the end of its wait and its look for messages."""
    checkpoint, answers, taken, over = reactor.Checkpoint(), Queue[int](), list[int](), Flag()

    def react() -> None:
        while not over.is_set():
            checkpoint.wait()
            time.sleep(0.01)
            with suppress(Empty):
                taken.append(answers.get_nowait())

    thread = Thread(target=react)
    thread.start()
    for number in range(10):
        time.sleep(0.003)  # the reactor is somewhere in its round
        closed(checkpoint)
        answers.put(number)
        time.sleep(0.02)
        with suppress(Empty):
            answers.get_nowait()
        checkpoint.set()
    over.set()
    checkpoint.set()
    thread.join()
    assert (taken == []) is (closed is reactor.Checkpoint.hold)


def test_the_reactor_is_held_before_each_request() -> None:
    with OddPacs([page()]).running() as port:
        line = Line(pacs_at(port), OURS)
        for _ in range(2):
            held = line.ready()._reactor_checkpoint
            assert isinstance(held, reactor.Checkpoint)
            assert not held.is_set()
            held.set()
        line.close()

"""Answers to C-STORE are encoded by a short way of ours: they are those of pynetdicom, byte by byte."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import SecondaryCaptureImageStorage, XRayRadiationDoseSRStorage
from pynetdicom import evt
from pynetdicom.dimse_messages import C_STORE_RSP
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode

from ocr_service.network.storing import response
from tests.network.receiving import calling, capture, gone, running

UIDS = st.lists(st.integers(0, 10**9), min_size=1, max_size=6).map(lambda parts: ".".join(map(str, [1, *parts])))


def answer(message: int, sop_class: str | None, instance: str | None, status: int) -> C_STORE:
    made = C_STORE()
    made.MessageIDBeingRespondedTo, made.Status = message, status
    made.AffectedSOPClassUID, made.AffectedSOPInstanceUID = sop_class, instance
    return made


@given(
    message=st.integers(0, 2**16 - 1),
    sop_class=st.sampled_from([SecondaryCaptureImageStorage, XRayRadiationDoseSRStorage]),
    instance=UIDS,
    status=st.sampled_from([0x0000, 0xA700, 0xA900, 0xC000]),
)
def test_an_answer_is_the_one_that_pynetdicom_encodes(message: int, sop_class: str, instance: str, status: int) -> None:
    made, theirs = answer(message, sop_class, instance, status), C_STORE_RSP()
    theirs.primitive_to_message(made)

    assert response(made) == encode(theirs.command_set, is_implicit_vr=True, is_little_endian=True)


def test_an_answer_that_says_more_is_left_to_pynetdicom() -> None:
    remark = answer(1, SecondaryCaptureImageStorage, "1.2", 0xC000)
    remark.ErrorComment = "no"  # type: ignore[assignment]

    assert response(remark) is None
    assert response(answer(1, None, None, 0xC000)) is None


@pytest.mark.parametrize("max_pdu", [16382, 0, 100])
def test_an_answer_fits_into_the_pdus_that_the_caller_takes(max_pdu: int) -> None:
    pdus: list[int] = []
    with running() as here:
        assoc = calling(here.port, max_pdu=max_pdu)
        assoc.bind(evt.EVT_DATA_RECV, lambda event: pdus.append(len(event.data) - 6))
        statuses = [assoc.send_c_store(capture(number)).Status for number in (1, 2)]
        gone(assoc)

    assert statuses == [0x0000, 0x0000]
    assert all(length <= (max_pdu or 2**20) for length in pdus)
    assert (len(pdus) > 4) is (max_pdu == 100)


def test_no_association_waits_for_all_garbage_of_the_process_every_few_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A look is 0.1 s; pynetdicom collected with every sixtieth."""
    collected: list[int] = []
    with running() as here:
        (door,) = here.receiver._doors
        door._gc[0] = 0
        monkeypatch.setattr(gc, "collect", lambda: collected.append(1))
        for _ in range(300):
            door.service_actions()
        assert collected == []

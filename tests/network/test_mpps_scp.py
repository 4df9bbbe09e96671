"""An MPPS is kept here and sent on as it came; what the next SCP says, the console hears."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pytest
import structlog
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_context, evt
from pynetdicom.association import Association
from pynetdicom.events import Event

from ocr_service.errors import StoreError
from ocr_service.network.contexts import MPPS
from tests.connections import socket_of
from tests.network import receiving
from tests.network.receiving import Running, associated, config, running

STEP = f"{receiving.UID}.55"
IMPLICIT = [build_context(MPPS, ImplicitVRLittleEndian)]


@dataclass
class NextSCP:
    """The information system: what it was asked, and what it says."""

    port: int = 0
    server: Any = None
    says: int | Dataset = 0x0000
    calling: str = ""
    created: list[tuple[str, Dataset]] = field(default_factory=list)
    set: list[tuple[str, Dataset]] = field(default_factory=list)

    def on_create(self, event: Event) -> tuple[int | Dataset, Dataset | None]:
        request: Any = event.request
        self.calling = event.assoc.requestor.ae_title
        self.created.append((request.AffectedSOPInstanceUID, event.attribute_list))
        return self.says, None

    def on_set(self, event: Event) -> tuple[int | Dataset, Dataset | None]:
        request: Any = event.request
        self.set.append((request.RequestedSOPInstanceUID, event.modification_list))
        return self.says, None


@contextmanager
def next_scp(syntax: str = ImplicitVRLittleEndian) -> Iterator[NextSCP]:
    ae, scp = AE("RIS"), NextSCP()
    ae.add_supported_context(MPPS, syntax)
    connections: list[Any] = []  # pynetdicom leaves some open
    handlers: list[tuple[Any, ...]] = [
        (evt.EVT_N_CREATE, scp.on_create),
        (evt.EVT_N_SET, scp.on_set),
        (evt.EVT_CONN_OPEN, lambda event: connections.append(socket_of(event.assoc))),
    ]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    scp.port, scp.server = server.server_address[1], server
    try:
        yield scp
    finally:
        server.shutdown()
        for connection in connections:
            connection.close()


def forwarding(port: int) -> dict[str, Any]:
    return {"forward": {"ae_title": "RIS", "host": "127.0.0.1", "port": port, "timeout": "2s"}}


def begun() -> Dataset:
    ds = Dataset()
    ds.PerformedProcedureStepStatus = "IN PROGRESS"
    ds.PatientName, ds.PatientID = "Secret^Name", "SECRETID"
    ds.PerformedStationAETitle = "CT1"
    item = Dataset()
    item.StudyInstanceUID = f"{receiving.UID}.100"
    ds.ScheduledStepAttributesSequence = [item]
    ds.add_new(0x00091001, "UN", b"private, kept ")
    return ds


def completed() -> Dataset:
    ds = Dataset()
    ds.PerformedProcedureStepStatus = "COMPLETED"
    dose = Dataset()
    dose.CTDIvol, dose.KVP = 11.2, "120"
    ds.ExposureDoseSequence = [dose]
    return ds


def create(assoc: Association) -> int:
    status, _ = assoc.send_n_create(begun(), MPPS, STEP)
    return int(status.Status)


def kept(here: Running) -> list[Dataset]:
    return [dcmread(BytesIO(b"".join(step.encoded))) for step in here.inbox.steps]


def test_both_requests_of_a_step_are_kept_in_order_and_answered() -> None:
    with running() as here, associated(here.port, IMPLICIT, "CT1") as assoc:
        first = create(assoc)
        second, _ = assoc.send_n_set(completed(), MPPS, STEP)

        assert (first, second.Status) == (0x0000, 0x0000)
        assert [(step.created, step.sop_instance_uid, step.calling_ae) for step in here.inbox.steps] == [
            (True, STEP, "CT1"), (False, STEP, "CT1"),
        ]  # fmt: skip
        assert kept(here) == [begun(), completed()]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_the_next_scp_gets_the_same_step_with_the_same_attributes(syntax: str) -> None:
    with next_scp(syntax) as ris, running(config(mpps=forwarding(ris.port))) as here:
        with associated(here.port, IMPLICIT, "CT1") as assoc:
            assert create(assoc) == 0x0000
            status, _ = assoc.send_n_set(completed(), MPPS, STEP)
            assert status.Status == 0x0000

        assert ris.created == [(STEP, begun())]
        assert ris.set == [(STEP, completed())]
        assert ris.calling == "OCR_SERVICE"


def test_the_console_hears_what_the_next_scp_says() -> None:
    refusal = Dataset()
    refusal.Status, refusal.ErrorComment = 0x0111, "seen before"
    with next_scp() as ris, running(config(mpps=forwarding(ris.port))) as here:
        ris.says = refusal
        with associated(here.port, IMPLICIT) as assoc:
            status, _ = assoc.send_n_create(begun(), MPPS, STEP)

        assert (status.Status, status.ErrorComment) == (0x0111, "seen before")
        assert len(here.inbox.steps) == 1


def test_where_the_next_scp_does_not_answer_the_step_is_kept_and_the_console_told_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with running(config(mpps=forwarding(port))) as here, associated(here.port, IMPLICIT) as assoc:
            with structlog.testing.capture_logs() as told:
                assert create(assoc) == 0x0110
            assert len(here.inbox.steps) == 1

    assert any(f"RIS at 127.0.0.1:{port}" in str(line.get("why")) for line in told)
    assert "Secret" not in str(told)


def test_where_the_next_scp_refuses_us_the_log_says_so() -> None:
    with next_scp() as ris, running(config(mpps=forwarding(ris.port))) as here:
        ris.server.ae.require_calling_aet = ["SOMEBODY"]
        with associated(here.port, IMPLICIT) as assoc, structlog.testing.capture_logs() as told:
            assert create(assoc) == 0x0110

    assert any("does not know our AE title" in str(line.get("why")) for line in told)


def test_a_step_that_cannot_be_kept_is_not_sent_on() -> None:
    with next_scp() as ris, running(config(mpps=forwarding(ris.port))) as here:
        here.inbox.fault = StoreError("the database is away")
        with associated(here.port, IMPLICIT) as assoc:
            assert create(assoc) == 0x0110
            here.inbox.fault = None
            assert create(assoc) == 0x0000, "the console sends it again"

        assert len(ris.created) == len(here.inbox.steps) == 1


def test_a_step_without_a_name_is_refused() -> None:
    with running() as here, associated(here.port, IMPLICIT) as assoc:
        status, _ = assoc.send_n_create(begun(), MPPS)

        assert status.Status == 0x0117
        assert not here.inbox.steps

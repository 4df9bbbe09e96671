"""What goes wrong around a running service: the PACS, the database, pages that come late, twice or out of order.

One service and its two archives serve the tests of this module: each has studies of its own.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from ocr_service.screen.font_files import keep_fonts, load_fonts
from ocr_service.screen.fonts import Confirmation, Fonts
from ocr_service.templates.shipped import shipped_templates
from ocr_service.work.tables import deliveries, objects, studies, units
from tests.service import odd_peers
from tests.service.living import (
    KOS,
    POSTGRESQL,
    TWO_PAGES,
    Console,
    Orthanc,
    Service,
    Study,
    installed,
    living,
    orthanc,
    settings,
    study,
    until,
)
from tests.service.trials import database_restarts

pytestmark = [
    pytest.mark.slow,
    pytest.mark.dicom_tools,
    pytest.mark.skipif(not installed("Orthanc"), reason="Orthanc is not installed"),
]
NUMBERS = count(1)
QUIET = 2.0  # seconds


@dataclass(frozen=True)
class Hospital:
    """The service, the PACS, a second archive that wants rejection notes, and one that is seldom there."""

    service: Service
    pacs: Orthanc
    strict: Orthanc
    seldom: Orthanc

    def delivered(self, name: str, one: Study) -> list[Any]:
        """A study's rows of the outbox for one destination, oldest first."""
        ids = [row.id for row in self.service.units(units.c.study == one.uid)]
        rows = self.service.deliveries(deliveries.c.destination == name, deliveries.c.unit.in_(ids))
        return sorted(rows, key=lambda row: row.id)

    def sent(self, one: Study, ae_title: str = "CONSOLE") -> Study:
        """Send a whole study."""
        assert self.console(ae_title).send(*one.pages) == [0x0000] * len(one.pages)
        return one

    def console(self, ae_title: str = "CONSOLE") -> Console:
        """A console."""
        return Console(self.service.port, ae_title)

    def reported(self, one: Study, number: int = 1) -> list[dict[str, Any]]:
        """Wait until the study has ended; the RDSRs of it at the PACS."""
        self.service.ended([one.uid])
        found = self.pacs.instances(one.uid)
        assert len(found) == number
        return found

    def withdrawn(self, name: str, template: str) -> tuple[Study, dict[str, Any]]:
        """A study is reported, and then its console's letters turn out to be wrong; it and its first report."""
        one = self.sent(study(next(NUMBERS), name), "STRICT")
        (first,) = self.reported(one)
        keep_fonts(contradicted(template), self.service.config.data / "letters")
        self.sent(study(next(NUMBERS), "ge/many_rows"))
        until(
            lambda: any(row.cause.startswith("withdrawn") for row in self.service.studies(studies.c.study == one.uid)),
            "the withdrawal",
        )
        self.service.ended([one.uid])
        return one, first


@pytest.fixture(scope="module")
def hospital(tmp_path_factory) -> Iterator[Hospital]:
    folder = tmp_path_factory.mktemp("hospital")
    seldom = Orthanc(folder / "seldom")
    with orthanc(folder / "pacs") as pacs, orthanc(folder / "strict") as strict:
        told = settings(
            folder / "service",
            [
                pacs.destination(),
                strict.destination("strict", correction="reject_then_new", calling_ae=["STRICT"]),
                seldom.destination("seldom", timeout="1s", calling_ae=["SELDOM"]),
            ],
            receiver={"processes": 1},
            reading={"quiet": f"{QUIET:g}s"},
        )
        with living(folder / "service", told) as service:
            yield Hospital(service, pacs, strict, seldom)


# The PACS --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("peer", ["nobody", "silent", "stranger", "busy", "hanging"])
def test_a_destination_in_trouble_gets_its_report_later_and_the_other_one_at_once(peer, hospital):
    one = study(next(NUMBERS))
    with getattr(odd_peers, peer)(hospital.seldom.port):
        hospital.sent(one, "SELDOM")
        until(lambda: hospital.pacs.instances(one.uid), "the report at the PACS")
        until(lambda: [row for row in hospital.delivered("seldom", one) if row.attempts >= 2], "two tries")
        (row,) = hospital.delivered("seldom", one)
        assert (row.state, row.kind) == ("waiting", "rdsr")
    try:
        hospital.seldom.start()
        hospital.service.ended([one.uid])
        assert len(hospital.seldom.instances(one.uid)) == 1
        assert len(hospital.reported(one)) == 1
    finally:
        hospital.seldom.stop()


def test_a_slow_destination_gets_its_report_once(hospital):
    one = study(next(NUMBERS))
    with odd_peers.slow(hospital.seldom.port):
        hospital.sent(one, "SELDOM")
        hospital.reported(one)

    (row,) = hospital.delivered("seldom", one)
    assert (row.state, row.attempts) == ("acknowledged", 1)


# What consoles do ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [["CONSOLE"] * 5, ["ONE", "TWO", "THREE", "FOUR", "FIVE"]], ids=["one", "five"])
def test_a_series_sent_five_times_is_reported_once(names, hospital):
    one = study(next(NUMBERS), TWO_PAGES[0])
    consoles = [hospital.console(name) for name in names]
    threads = [threading.Thread(target=console.send, args=one.pages) for console in consoles[:4]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    hospital.reported(one)
    consoles[4].send(*one.pages)
    until(lambda: not hospital.service.objects(objects.c.state == "kept"), "the last ones' sorting")
    time.sleep(QUIET + 1)  # where they were taken for news, the study would be read again
    hospital.reported(one)

    rows = hospital.service.objects(objects.c.sop_instance_uid.in_(one.uids))
    assert [console.acknowledged for console in consoles] == [dict.fromkeys(one.uids, 1)] * 5
    assert len(rows) == 10
    assert hospital.service.lost(one.uids) == []
    assert len(hospital.delivered("pacs", one)) == 1


def test_pages_out_of_order_are_one_report(hospital):
    one = study(next(NUMBERS), TWO_PAGES[0])
    console = hospital.console()
    console.send(one.pages[1])
    time.sleep(1)  # the second page says that it is not the whole: nothing is reported of it
    console.send(one.pages[0])
    hospital.reported(one)

    assert [row.outcome for row in hospital.service.units(units.c.study == one.uid)] == ["verified"]


def test_a_late_page_makes_a_corrected_report_that_names_its_predecessor(hospital):
    one = study(next(NUMBERS), "siemens/saved_twice")
    hospital.console("STRICT").send(one.pages[0])
    (first,) = hospital.reported(one)
    time.sleep(QUIET)
    hospital.console("STRICT").send(one.pages[1])
    until(lambda: len(hospital.pacs.instances(one.uid)) == 2, "the corrected report")
    hospital.service.ended([one.uid])

    found = {row["SOPInstanceUID"]: row for row in hospital.reported(one, 2)}
    old = first["SOPInstanceUID"]
    (new,) = set(found) - {old}
    assert predecessors(found[new]) == [old]
    assert [(row.kind, row.state) for row in hospital.delivered("pacs", one)] == [("rdsr", "acknowledged")] * 2
    assert [(row.kind, row.state) for row in hospital.delivered("strict", one)] == [
        ("rdsr", "recalled"), ("rejection", "acknowledged"), ("rdsr", "acknowledged"),
    ]  # fmt: skip
    (note,) = hospital.strict.instances(one.uid, KOS)
    assert note["ConceptNameCodeSequence"][0]["CodeValue"] == "113001"
    assert old in str(note["CurrentRequestedProcedureEvidenceSequence"])
    assert {row["SOPInstanceUID"] for row in hospital.strict.instances(one.uid)} == {old, new}


def predecessors(report: dict[str, Any]) -> list[str]:
    """The SOP Instance UIDs that a report says it takes the place of."""
    return [
        instance["ReferencedSOPInstanceUID"]
        for one in report["PredecessorDocumentsSequence"]
        for series in one["ReferencedSeriesSequence"]
        for instance in series["ReferencedSOPSequence"]
    ]


def test_a_native_report_that_arrives_late_takes_ours_back(hospital):
    one = study(next(NUMBERS), "ge/native_report")
    console = hospital.console("STRICT")
    console.send(one.pages[0])
    hospital.reported(one)
    console.send(one.pages[1])
    until(lambda: hospital.strict.instances(one.uid, KOS), "the rejection note")
    hospital.service.ended([one.uid])

    assert [row.outcome for row in hospital.service.units(units.c.study == one.uid)] == ["skipped"]
    assert [(row.kind, row.state) for row in hospital.delivered("strict", one)] == [
        ("rdsr", "recalled"), ("rejection", "acknowledged"),
    ]  # fmt: skip
    assert [(row.kind, row.state) for row in hospital.delivered("pacs", one)] == [
        ("rdsr", "recalled"), ("manual", "waiting"),
    ]  # fmt: skip
    assert len(hospital.strict.instances(one.uid)) == 1


def test_a_withdrawn_glyph_takes_back_what_nothing_else_proves(hospital):
    """The engines contradict each other on this page: without the letters it needs a person."""
    one, _ = hospital.withdrawn("ge/scout_and_helical", "ge/dose-report")

    assert [row.outcome for row in hospital.service.units(units.c.study == one.uid)] == ["needs_review"]
    assert [(row.kind, row.state) for row in hospital.delivered("strict", one)] == [
        ("rdsr", "recalled"), ("rejection", "acknowledged"),
    ]  # fmt: skip
    assert [(row.kind, row.state) for row in hospital.delivered("pacs", one)] == [
        ("rdsr", "recalled"), ("manual", "waiting"),
    ]  # fmt: skip
    assert len(hospital.strict.instances(one.uid, KOS)) == 1


def test_a_report_that_is_proven_without_the_withdrawn_glyph_stands(hospital):
    one, first = hospital.withdrawn("ge/french", "ge/rapport-de-dose")

    (row,) = hospital.service.units(units.c.study == one.uid)
    assert (row.outcome, row.sop_instance_uid) == ("verified", first["SOPInstanceUID"])
    assert [(row.kind, row.state) for row in hospital.delivered("strict", one)] == [("rdsr", "acknowledged")]


def contradicted(template: str) -> Fonts:
    """What says of all digits on a template's pages that they were seen as other ones too."""
    told = Fonts()
    shipped = load_fonts(shipped_templates()).of_template(template)
    for key in shipped:
        for glyph, signs in shipped[key].glyphs.items():
            for sign in set(signs) & set("0123456789"):
                other = str((int(sign) + 5) % 10)
                told.font(key).add(glyph, other, [Confirmation("0" * 8, "1" * 8, "2" * 8)])
    return told


# Processes that die ----------------------------------------------------------------------------------------


def test_a_receiver_that_dies_under_an_open_association_loses_nothing_that_it_acknowledged(hospital):
    one = study(next(NUMBERS), TWO_PAGES[1])
    console, service = hospital.console(), hospital.service
    (receiver,) = service.children()["receiver"]
    with console.association(one.pages) as assoc:
        assert console.store(assoc, one.pages[0]) == 0x0000
        os.kill(receiver, signal.SIGKILL)
        assert console.store(assoc, one.pages[1]) is None
    console.send_all(one.pages[1])
    hospital.reported(one)

    assert service.children()["receiver"] != [receiver]
    assert service.lost(console.acknowledged) == []


# The database ----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not POSTGRESQL, reason="PostgreSQL is not installed")
def test_a_database_that_restarts_under_load_costs_time_and_nothing_else(tmp_path):
    assert database_restarts(tmp_path, times=2, seed=1, most=10)["studies"] > 2

"""The audit trail names who did what to which study, shows what was changed in it, and names no patient."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

from ocr_service.errors import OutputError
from ocr_service.work import audit_trail
from ocr_service.work.audit_trail import About, AuditTrail, read_trail

NOVEMBER = datetime(2026, 11, 30, 23, 59, tzinfo=UTC).timestamp()


def messages(folder: Path) -> list[Element]:
    return [fromstring(line[65:]) for path in sorted(folder.glob("*.xmll")) for line in path.read_text().splitlines()]


def test_an_act_is_a_dicom_audit_message(tmp_path: Path):
    """PS3.15 A.5.1: the elements, their order, and the attributes of codes."""
    trail = AuditTrail(tmp_path, "machine-1")
    about = About("1.2.3", sop_instance_uids=["1.2.3.4"])
    trail.acted("confirm", "Tanaka^Ichiro", NOVEMBER, 17, about, "itanaka")

    (message,) = messages(tmp_path)
    assert [child.tag for child in message] == [
        "EventIdentification",
        "ActiveParticipant",
        "AuditSourceIdentification",
        "ParticipantObjectIdentification",
    ]
    event, who, source, study = message
    assert event.attrib == {
        "EventActionCode": "U",
        "EventDateTime": "2026-11-30T23:59:00.000+00:00",
        "EventOutcomeIndicator": "0",
    }
    assert [(child.tag, child.get("csd-code"), child.get("codeSystemName")) for child in event] == [
        ("EventID", "110103", "DCM"),
        ("EventTypeCode", "confirm", "99OCRSERVICE"),
    ]
    assert who.attrib == {"UserID": "Tanaka^Ichiro", "UserIsRequestor": "true", "AlternativeUserID": "itanaka"}
    assert source.get("AuditSourceID") == "machine-1"
    assert study.get("ParticipantObjectID") == "1.2.3"
    assert [child.tag for child in study] == [
        "ParticipantObjectIDTypeCode",
        "ParticipantObjectDetail",
        "ParticipantObjectDescription",
    ]
    kind = study.find("ParticipantObjectDescription/SOPClass")
    assert kind is not None
    assert kind.attrib == {"UID": "1.2.840.10008.5.1.4.1.1.88.67", "NumberOfInstances": "1"}
    assert [one.get("UID") for one in kind] == ["1.2.3.4"]


def test_a_document_that_was_sent_names_both_ends(tmp_path: Path):
    AuditTrail(tmp_path, "machine-1").sent("OCR_SERVICE", "pacs", NOVEMBER, 5, About("1.2.3"))

    (message,) = messages(tmp_path)
    told = [(one.get("UserID"), one[0].get("csd-code")) for one in message.findall("ActiveParticipant")]
    assert told == [("OCR_SERVICE", "110153"), ("pacs", "110152")]
    assert read_trail(tmp_path).sent == {5}


def test_start_and_stop_are_application_activities(tmp_path: Path):
    trail = AuditTrail(tmp_path, "machine-1")
    trail.started(NOVEMBER)
    trail.stopped(NOVEMBER + 30)

    kinds = [one.find("EventIdentification/EventTypeCode") for one in messages(tmp_path)]
    assert [kind.get("csd-code") for kind in kinds if kind is not None] == ["110120", "110121"]


def filled(folder: Path) -> list[Path]:
    """Three messages in November and two in December."""
    trail = AuditTrail(folder, "machine-1")
    for number in range(5):
        trail.acted("retry", "Tanaka^Ichiro", NOVEMBER + 30 * number, number + 1, About())
    return sorted(folder.glob("*.xmll"))


def test_a_month_has_a_file_and_the_chain_goes_through_all(tmp_path: Path):
    november, december = filled(tmp_path)

    assert (november.name, december.name) == ("audit-2026-11.xmll", "audit-2026-12.xmll")
    seen = read_trail(tmp_path)
    assert (seen.messages, seen.acts, seen.faults) == (5, {1, 2, 3, 4, 5}, ())


@pytest.mark.parametrize("line", [0, 1])
def test_a_line_that_was_removed_shows(tmp_path: Path, line: int):
    november, _ = filled(tmp_path)
    lines = november.read_bytes().splitlines(keepends=True)
    november.write_bytes(b"".join(lines[:line] + lines[line + 1 :]))

    assert len(read_trail(tmp_path).faults) == 1


def test_a_file_that_was_removed_shows(tmp_path: Path):
    november, _ = filled(tmp_path)
    november.unlink()

    assert len(read_trail(tmp_path).faults) == 1


def test_a_line_that_was_changed_shows_at_the_next_one(tmp_path: Path):
    november, december = filled(tmp_path)
    november.write_bytes(november.read_bytes().replace(b"Ichiro", b"Jiro__", 1))

    assert read_trail(tmp_path).faults == (f"{november.name}:2: this line does not follow the one before it",)
    assert december.exists()


def test_a_clock_that_goes_back_appends_to_the_newest_file(tmp_path: Path):
    filled(tmp_path)
    AuditTrail(tmp_path, "machine-1").started(NOVEMBER - 90 * 86400)

    assert len(list(tmp_path.glob("*.xmll"))) == 2
    assert read_trail(tmp_path).faults == ()


def test_a_line_that_was_cut_by_a_loss_of_power_does_not_break_the_chain(tmp_path: Path):
    (path,) = [filled(tmp_path)[-1]]
    path.write_bytes(path.read_bytes()[:-40])
    AuditTrail(tmp_path, "machine-1").started(NOVEMBER + 86400)

    seen = read_trail(tmp_path)
    assert (seen.messages, seen.faults, seen.acts) == (6, (), {1, 2, 3, 4})


def test_a_disk_that_is_full_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (path,) = [filled(tmp_path)[-1]]
    before = path.read_bytes()
    write = audit_trail.os.write
    monkeypatch.setattr(audit_trail.os, "write", lambda file, line: write(file, line[:50]))

    with pytest.raises(OutputError, match="cannot be written"):
        AuditTrail(tmp_path, "machine-1").started(NOVEMBER + 86400)

    assert path.read_bytes() == before


def append(folder: Path, first: int) -> None:
    trail = AuditTrail(folder, "machine-1")
    for number in range(first, first + 20):
        trail.acted("retry", "Tanaka^Ichiro", time.time(), number, About())


def test_several_processes_append_without_losing_a_line(tmp_path: Path):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for done in [pool.submit(append, tmp_path, first) for first in (100, 200)]:
            done.result()

    seen = read_trail(tmp_path)
    assert (seen.messages, seen.faults) == (40, ())
    assert seen.acts == {*range(100, 120), *range(200, 220)}

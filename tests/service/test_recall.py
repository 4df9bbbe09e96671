"""A report that is not believed any more is taken back at each destination by that destination's own rule."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset

from ocr_service.dose.corrections import ActKind, parse_correction
from ocr_service.pipeline import WORTHIER, console_of
from ocr_service.rdsr.parse import parse
from ocr_service.screen.font_files import keep_fonts, load_fonts
from ocr_service.screen.fonts import Confirmation, Fonts, digest
from ocr_service.screen.glyphs import Glyph
from ocr_service.templates.shipped import shipped_templates
from ocr_service.work import persons
from tests.service.hospital import PERSON, Hospital, held, plain, quick, running, study_of, tools
from tests.service.living import KOS, Orthanc, orthanc
from tests.service.waiting import until

pytestmark = pytest.mark.dicom_tools
RULES = ("new_only", "reject_then_new", "manual")


class Three(Hospital):
    """A hospital with an archive for each rule."""

    def __init__(self, hospital: Hospital, by_rule: dict[str, Orthanc]) -> None:
        super().__init__(hospital.folder, hospital.service, hospital.pacs)
        self.by_rule = by_rule

    def held_by(self, rule: str, study: str) -> list[Dataset]:
        return held(self.by_rule[rule], study)

    def notes(self, rule: str, study: str) -> list[Dataset]:
        return held(self.by_rule[rule], study, KOS)

    def told(self, rule: str, study: str) -> list[tuple[str, str]]:
        """What is on its way to a destination, or was: kind and state, in order."""
        return [(row.kind, row.state) for row in self.deliveries(study) if row.destination == rule]

    def close(self, rule: str, study: str) -> None:
        """A person has taken the report back there."""
        (row,) = [
            row for row in self.deliveries(study)
            if (row.destination, row.kind, row.state) == (rule, "manual", "waiting")
        ]  # fmt: skip
        persons.done_by_hand(self.desk, row.id, PERSON, "deleted in the dose system", time.time())


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Three]:
    tools("Orthanc", "dcmsend")
    folder = tmp_path_factory.mktemp("recall")
    with ExitStack() as stack:
        by_rule = {rule: stack.enter_context(orthanc(folder / rule)) for rule in RULES}
        service = quick(folder / "service", [pacs.destination(rule, correction=rule) for rule, pacs in by_rule.items()])
        stack.enter_context(running(service))
        yield Three(Hospital(folder, service, by_rule["new_only"]), by_rule)


def rejected(note: Dataset) -> str:
    """The object that a rejection note takes back."""
    (code,) = note.ConceptNameCodeSequence
    assert (code.CodeValue, code.CodingSchemeDesignator) == ("113001", "DCM")
    (request,) = note.CurrentRequestedProcedureEvidenceSequence
    (series,) = request.ReferencedSeriesSequence
    (instance,) = series.ReferencedSOPSequence
    return str(instance.ReferencedSOPInstanceUID)


def test_a_corrected_report_reaches_each_destination_as_its_rule_says(here: Three, tmp_path: Path) -> None:
    study = here.takes(study_of("ge/scout_and_helical", tmp_path))
    unit = here.unit(study, "verified")
    corrections = [parse_correction("2.mean_ctdivol=17.69")]
    persons.decide(here.desk, unit.id, ActKind.CORRECT, PERSON, time.time(), corrections=corrections)
    until(lambda: here.units(study)[0].sop_instance_uid != unit.sop_instance_uid, "a corrected report")
    corrected = here.unit(study, "verified")

    first, second = here.held_by("new_only", study)
    assert (first.SOPInstanceUID, second.SOPInstanceUID) == (unit.sop_instance_uid, corrected.sop_instance_uid)
    assert here.notes("new_only", study) == []

    assert [ds.SOPInstanceUID for ds in here.held_by("reject_then_new", study)][-1] == corrected.sop_instance_uid
    (note,) = here.notes("reject_then_new", study)
    assert rejected(note) == unit.sop_instance_uid
    acknowledged = [row for row in here.deliveries(study) if row.destination == "reject_then_new"]
    assert [(row.kind, row.state) for row in acknowledged] == [
        ("rdsr", "recalled"), ("rejection", "acknowledged"), ("rdsr", "acknowledged")
    ]  # fmt: skip
    assert acknowledged[1].acknowledged_at < acknowledged[2].acknowledged_at

    assert here.told("manual", study) == [("rdsr", "recalled"), ("manual", "waiting"), ("rdsr", "waiting")]
    assert [ds.SOPInstanceUID for ds in here.held_by("manual", study)] == [unit.sop_instance_uid]
    here.close("manual", study)
    until(lambda: here.told("manual", study)[-1] == ("rdsr", "acknowledged"), "the corrected report, after the person")
    assert [ds.SOPInstanceUID for ds in here.held_by("manual", study)][-1] == corrected.sop_instance_uid


def test_where_the_scanner_reports_itself_ours_is_taken_back_and_nothing_takes_its_place(
    here: Three, tmp_path: Path
) -> None:
    page, native = study_of("ge/native_report", tmp_path)
    study = here.takes([page])
    ours = here.unit(study, "verified").sop_instance_uid
    here.takes([native])
    here.unit(study, "skipped")

    assert here.told("new_only", study) == [("rdsr", "recalled"), ("manual", "waiting")]
    assert here.told("reject_then_new", study) == [("rdsr", "recalled"), ("rejection", "acknowledged")]
    assert here.told("manual", study) == [("rdsr", "recalled"), ("manual", "waiting")]
    (note,) = here.notes("reject_then_new", study)
    assert rejected(note) == ours
    for rule in ("new_only", "manual"):
        here.close(rule, study)
        assert here.told(rule, study)[-1] == ("manual", "acknowledged")
    assert here.is_at_rest(study)
    assert all([ds.SOPInstanceUID for ds in here.held_by(rule, study)] == [ours] for rule in RULES)


def test_a_report_that_a_person_rejects_is_taken_back(here: Three, tmp_path: Path) -> None:
    study = here.takes(study_of("ge/many_rows", tmp_path))
    unit = here.unit(study, "verified")
    persons.decide(here.desk, unit.id, ActKind.REJECT, PERSON, time.time(), why="a phantom was scanned")
    here.unit(study, "skipped")

    (note,) = here.notes("reject_then_new", study)
    assert rejected(note) == unit.sop_instance_uid == parse(here.held_by("manual", study)[0]).sop_instance_uid
    assert here.told("new_only", study) == [("rdsr", "recalled"), ("manual", "waiting")]


# Letters ---------------------------------------------------------------------------------------------------


def places(ink: np.ndarray, glyph: Glyph) -> list[tuple[int, int]]:
    """Where a glyph stands below the heading, bit for bit."""
    shapes = np.lib.stride_tricks.sliding_window_view(ink[TABLE:], (glyph.rows, glyph.columns))
    found = np.argwhere((shapes == glyph.bitmap).all(axis=(2, 3)))
    return [(TABLE + int(top), int(left)) for top, left in found]


def crossed(glyph: Glyph) -> Glyph:
    """A bitmap of the same size that is no letter's: nobody who has not learned it can read it."""
    cross = np.zeros((glyph.rows, glyph.columns), bool)
    for row in range(glyph.rows):
        column = row * (glyph.columns - 2) // (glyph.rows - 1)
        cross[row, column : column + 2] = cross[row, glyph.columns - 2 - column : glyph.columns - column] = True
    return Glyph(glyph.rows, glyph.columns, np.packbits(cross).tobytes(), glyph.place)


TABLE = 80  # px from the top: below it stand the title and the table


def proven(number: int) -> Confirmation:
    """A proven cell of a study and a text of its own."""
    return Confirmation(digest("cell", number), digest("study", number), digest("text", number))


def test_what_rests_on_a_letter_that_is_withdrawn_is_read_again_and_taken_back(here: Three, tmp_path: Path) -> None:
    (page,) = plain(study_of("ge/scout_and_helical", tmp_path))
    samples = page.pixel_array.copy()
    shipped, console = load_fonts(shipped_templates()), console_of(page)
    initials = [  # of Body, the row's phantom: a second shape of a digit would be believed of none of its shapes
        (key, glyph)
        for key in shipped
        for glyph, signs in shipped[key].glyphs.items()
        if key.console == console and set(signs) == {"B"} and len(places(samples > 0, glyph)) == 1
    ]
    (glyph,) = {glyph for _, glyph in initials}
    cross = crossed(glyph)
    for top, left in places(samples > 0, glyph):
        shape = np.where(cross.bitmap, samples.max(), samples.min())
        samples[top : top + glyph.rows, left : left + glyph.columns] = shape
    page.PixelData = samples.tobytes()
    letters = here.service.config.data / "letters"
    learned, contradicted = Fonts(), Fonts()
    for key, _ in initials:
        learned.font(key).add(cross, "B", [proven(number) for number in range(3)])
        contradicted.font(key).add(cross, "H", [proven(9)])

    keep_fonts(learned, letters)
    study = here.takes([page])
    unit = here.unit(study, "verified")
    assert len(here.held_by("new_only", study)) == 1

    keep_fonts(contradicted, letters)
    here.takes(study_of("ge/scout_and_helical", f"{tmp_path} another"))  # whoever reads next finds it
    until(lambda: here.units(study)[0].read_at > unit.read_at, "another reading")
    assert here.unit(study, "needs_review").sop_instance_uid == ""
    assert here.told("new_only", study) == [("rdsr", "recalled"), ("manual", "waiting")]
    assert here.told("reject_then_new", study) == [("rdsr", "recalled"), ("rejection", "acknowledged")]
    (note,) = here.notes("reject_then_new", study)
    assert rejected(note) == unit.sop_instance_uid

    taken_back = here.units(study)[0]
    persons.retry(here.desk, taken_back.id, PERSON, time.time())
    until(lambda: here.units(study)[0].read_at > taken_back.read_at, "one more reading")
    assert WORTHIER.sentence not in here.unit(study, "needs_review").report, "what was withdrawn is no better report"
    assert len(here.held_by("new_only", study)) == 1

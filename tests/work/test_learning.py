"""Runs over archives of typed pages: they begin with engines and end with the console's own font."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ocr_service.screen.font_files import load_fonts
from ocr_service.screen.fonts import Fonts, digest
from ocr_service.work.archive import Workers
from tests.screen import typed
from tests.screen.typed import TypedReader
from tests.work import consoles
from tests.work.archives import (
    LEARNED,
    Asleep,
    Site,
    equip,
    library,
    page,
    readers,
    rows_of,
    said,
)

# From engines to the console's own font.


def test_a_run_over_an_unseen_console_ends_with_its_font_and_the_next_run_asks_no_engine(tmp_path: Path) -> None:
    site = Site(tmp_path)
    for study in range(1, LEARNED + 1):
        site.add(study)
    for study in range(LEARNED + 1, LEARNED + 4):
        site.add(study, run="later")
    first = site.convert(readers())
    later = site.convert(readers(Asleep(), Asleep()), "later")

    assert first.outcomes() == ["verified"] * LEARNED
    assert said(first, "newly registered for acme/dose on Roadrunner V1; kept in")
    assert later.outcomes() == ["verified"] * 3
    assert said(later, "3 units were read by registered letters")
    assert site.wrong(first) == site.wrong(later) == []


def test_lines_and_reports_are_the_same_for_any_number_of_jobs(tmp_path: Path) -> None:
    sites = [Site(tmp_path / str(jobs)) for jobs in (1, 2)]
    told = []
    for site, jobs in zip(sites, (1, 2), strict=True):
        for study in range(1, 11):
            site.add(study)
        library(site.templates)  # it must lie there before workers begin
        workers = Workers(jobs, partial(equip, site.templates)) if jobs > 1 else None
        run = site.convert(readers(), workers=workers)
        told.append([{**line, "files": len(line["files"])} for line in run.lines])

    assert told[0] == told[1]
    assert len(told[0]) == 10
    fonts = [(site.templates / "acme" / "dose.font").read_bytes() for site in sites]
    assert fonts[0] == fonts[1]
    assert sites[0].written() == sites[1].written()


def test_a_number_that_one_engine_cannot_read_is_proven_when_the_run_knows_more_letters(tmp_path: Path) -> None:
    site = Site(tmp_path)
    for study in range(1, 7):
        site.add(study)
    lost = rows_of(1)[0][0]
    told = site.convert(readers(second=TypedReader(mistakes={lost: ""})))

    assert told.outcomes() == ["verified"] * 6
    assert len(told.lines) == 6
    assert told.lines[-1]["study_instance_uid"] == min(site.truth)  # it waited for the others
    assert site.wrong(told) == []


def test_what_waits_is_not_lost_where_nothing_more_is_learned(tmp_path: Path) -> None:
    site = Site(tmp_path)
    for study in (1, 2):
        site.add(study)
    blind = {text: "" for study in (1, 2) for row in rows_of(study) for text in row}
    told = site.convert(readers(second=TypedReader(mistakes=blind)))

    assert told.outcomes() == ["needs_review"] * 2
    assert len(told.lines) == 2


def test_a_new_software_version_starts_anew_with_the_old_font_as_young(site: Site) -> None:
    for study in range(20, 23):
        site.add(study, SoftwareVersions="V2")
    lost = rows_of(20)[0][0]
    first = TypedReader()
    told = site.convert(readers(first, TypedReader(mistakes={lost: ""})))

    assert first.asked > 0
    assert told.outcomes() == ["verified"] * 3
    assert site.wrong(told) == []
    assert not said(told, "read by registered letters")
    assert {key.console.software_versions for key in load_fonts(site.templates)} == {"V1", "V2"}


def test_without_a_template_folder_nothing_is_kept(tmp_path: Path) -> None:
    site = Site(tmp_path)
    for study in range(1, LEARNED + 1):
        site.add(study)
    told = site.convert(readers(), kept=False)

    assert said(told, "newly registered")[0].endswith("for this run only")
    assert not list(tmp_path.rglob("*.font*"))


def test_what_a_run_learns_is_merged_with_what_lies_there(tmp_path: Path) -> None:
    site = Site(tmp_path)
    for study in (1, 2, 3):
        site.add(study)
    for study in (4, 5, 6):
        site.add(study, run="more")
    runs = [site.convert(readers(), run) for run in ("in", "more")]
    whole = Fonts().merged(*(run.letters.learned for run in runs))
    kept = load_fonts(site.templates)

    assert {key: kept[key] for key in kept} == {key: whole[key] for key in whole}
    assert len({one.study for signs in kept[next(iter(kept))].glyphs.values() for s in signs.values() for one in s}) > 3


def test_a_page_that_is_not_whole_teaches_nothing(tmp_path: Path) -> None:
    """What was cut or made smaller shows bitmaps that are nobody's letters; engines agree on wrong digits there."""
    whole, cut = Site(tmp_path / "whole"), Site(tmp_path / "cut")
    whole.add(1)
    cut.add(1, shown=page(rows_of(1))[:240])

    assert whole.convert(readers()).letters.learned
    assert not cut.convert(readers()).letters.learned


def test_a_number_proven_by_a_young_letter_is_read_again_when_that_is_withdrawn(tmp_path: Path) -> None:
    """Both engines misread one study's 7 alike, and one of them the next study's: until others show what a 7 is."""
    site = Site(tmp_path)
    site.add(1, [("7.5", "120.4"), ("7.5", "20.4"), ("7.5", "62.3")])
    for study in range(10, 17):
        site.add(study, [("2.5", "100.4"), ("6.3", "888.9")])
    site.add(17, [("57.5", "220.4")])
    for study in range(20, 40):
        site.add(study)
    misread = {"7.5": "1.5", "57.5": "51.5"}
    told = site.convert(readers(TypedReader(misread), TypedReader({"7.5": "1.5", "57.5": ""})))

    assert {study for study, _ in site.wrong(told)} <= {f"{consoles.ROOT}.1"}  # what both engines agree on at first
    first, last = [line for line in told.lines if line["study_instance_uid"] == f"{consoles.ROOT}.17"]
    assert (first["outcome"], first["events"][1]["mean_ctdivol"]) == ("verified", "51.5")
    assert last["outcome"] == "needs_review"
    assert first["rdsr"] not in site.written()


def test_nothing_of_a_patient_is_kept(tmp_path: Path) -> None:
    site = Site(tmp_path, template=typed.WITH_ID)
    secrets: dict[str, Any] = {"PatientID": "4711", "AccessionNumber": "A0815", "PatientName": "Quibblewick^Zephyrine"}
    for study in (1, 2, 3):
        shown = page(rows_of(study))
        typed.typed(shown, 320, 10, "ID:4711")
        typed.typed(shown, 10, 10, "Quibblewick")
        site.add(study, shown=shown, **secrets)
    told = site.convert(readers())
    text = (site.templates / "acme" / "dose.font").read_text()
    private = [*secrets.values(), "ID:4711", "Quibblewick", "Quibblewick ID:4711", "19700101"]

    assert told.outcomes() == ["verified"] * 3
    assert 'is "I" ' in text  # the label's letters are learned
    assert not [one for one in private if one in text or digest(one) in text]
    assert not [uid for uid in site.truth if uid in text]

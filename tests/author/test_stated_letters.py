"""Letters learned from screens whose values a person states: what confirms them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ocr_service.author.expected import load_expected
from ocr_service.author.learning import Learned, Stated, learn
from ocr_service.author.statements import by_report
from ocr_service.screen.font_files import keep_fonts
from ocr_service.screen.readers import Readers
from ocr_service.work.objects import read_object
from tests.screen.typed import TypedReader
from tests.work.archives import AUDIT_ALL, Asleep, Rows, Site, library, readers, rows_of


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def opened(path: Path) -> Any:
    return read_object(path, pixels=True)


def stated(site: Site, study: int, rows: Rows | None = None) -> Stated:
    rows = rows_of(study) if rows is None else rows
    site.add(study)
    texts = ({}, *({"mean_ctdivol": ctdivol, "dlp": dlp} for ctdivol, dlp in rows))
    ds = opened(site.folder / "in" / f"{study:04d}.dcm")
    return Stated(f"study {study}", (ds,), texts, None, (True,) * (len(texts) + 1))


def learned(site: Site, told: list[Stated], its: Readers | None = None) -> Learned:
    templates = library(site.templates)
    return learn(templates.templates[0], told, templates, its or readers())


def signs(told: Learned) -> set[str]:
    fonts = told.fonts
    return {sign for key in fonts for glyph in fonts[key].glyphs.values() for sign in glyph}


def test_two_screens_whose_values_are_stated_register_the_digits_that_a_third_one_needs(site: Site) -> None:
    told = learned(site, [stated(site, study) for study in range(4)])
    keep_fonts(told.fonts, site.templates)
    for study in range(50, 53):
        site.add(study, run="later", SoftwareVersions="V1")
    later = site.convert(readers(), run="later", rules=AUDIT_ALL)

    assert told.refused == []
    assert told.screens == 4
    assert site.wrong(later) == []
    assert set("0123456789.") <= signs(told)


def test_a_value_that_both_engines_read_otherwise_refuses_its_whole_screen(site: Site) -> None:
    (first, dlp), *rest = rows_of(7)
    wrong = f"{(int(first[0]) % 9) + 1}{first[1:]}"
    told = learned(site, [stated(site, 6), stated(site, 7, [(wrong, dlp), *rest])])

    assert [one.about for one in told.refused] == ["study 7"]
    assert f"stated as {wrong}, and both engines read {first}" in told.refused[0].sentence
    assert told.refused[0].objects
    assert told.screens == 1


def test_a_wrong_value_that_no_engine_reads_is_refused_by_the_glyphs_of_all_other_screens(site: Site) -> None:
    """Tesseract says nothing of this number, PP-OCR misreads it as the person does."""
    (first, dlp), *rest = rows_of(7)
    wrong = f"{(int(first[0]) % 9) + 1}{first[1:]}"
    its = Readers(TypedReader({first: wrong}), TypedReader({first: ""}), (("none",), ("stretch",)))
    told = learned(
        site, [*(stated(site, study) for study in range(10, 16)), stated(site, 7, [(wrong, dlp), *rest])], its
    )

    assert [one.about for one in told.refused] == ["study 7"]
    assert "on 6 other screens" in told.refused[0].sentence


def test_a_glyph_on_which_few_screens_simply_differ_is_not_learned(site: Site) -> None:
    rows = [[("7.1", "100.2"), ("12.4", "38.5")], [("1.1", "100.2"), ("12.4", "38.5")]]
    its = Readers(TypedReader({"7.1": "1.1"}), TypedReader({"7.1": ""}), (("none",), ("stretch",)))
    site.add(1, rows[0])
    one = stated(site, 1, rows[1])
    site.add(1, rows[0])
    one = Stated(one.about, (opened(site.folder / "in" / "0001.dcm"),), one.rows, None, one.confirmed)
    other = stated(site, 2, rows[0])
    site.add(2, [("77.1", "100.2"), ("12.4", "38.5")])
    ds = opened(site.folder / "in" / "0002.dcm")
    texts: tuple[dict[str, str], ...] = (
        {},
        {"mean_ctdivol": "77.1", "dlp": "100.2"},
        {"mean_ctdivol": "12.4", "dlp": "38.5"},
    )
    told = learned(site, [one, Stated(other.about, (ds,), texts, None, (True,) * 4)], its)

    assert any("it was not learned" in refused.sentence for refused in told.refused)


def test_a_page_with_another_number_of_rows_than_are_stated_teaches_nothing(site: Site) -> None:
    told = learned(site, [stated(site, 3, rows_of(3)[:2])])

    assert "the page has 4 rows, and 3 are stated" in told.refused[0].sentence
    assert not told.fonts


def report_of(site: Site, its: Readers, folder: Path) -> tuple[Path, list[dict[str, Any]]]:
    told = site.convert(its, kept=False)
    lines = list(told.last.values())
    path = folder / "report.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path, lines


def from_report(site: Site, path: Path, its: Readers) -> Learned:
    screens = {uid: [p] for p in sorted((site.folder / "in").glob("*.dcm")) for uid in [opened(p).StudyInstanceUID]}
    told = [one for one in by_report(load_expected(path), screens, opened) if isinstance(one, Stated)]
    return learned(site, told, its)


def blind(site: Site) -> Readers:
    """PP-OCR takes every 7 for a 9, and Tesseract never says a number with one."""
    numbers = {text for rows, total in site.truth.values() for text in (*(t for row in rows for t in row), total)}
    sevens = {text for text in numbers if "7" in text}
    misread = {text: text.replace("7", "9") for text in sevens}
    return Readers(TypedReader(misread), TypedReader(dict.fromkeys(sevens, "")), (("none",), ("stretch",)))


def test_our_own_report_that_nobody_went_through_states_nothing_that_was_not_proven(site: Site, tmp_path: Path) -> None:
    for study in range(6):
        site.add(study)
    its = blind(site)
    path, lines = report_of(site, its, tmp_path)
    told = from_report(site, path, its)
    keep_fonts(told.fonts, site.templates)
    for study in range(70, 74):
        site.add(study, run="later")
    later = site.convert(blind(site), run="later")

    assert any(line["outcome"] == "needs_review" for line in lines)
    assert told.unconfirmed > 0
    assert site.wrong(later) == []


def test_a_report_that_a_person_corrected_teaches_what_the_engines_cannot_read(site: Site, tmp_path: Path) -> None:
    for study in range(8):
        site.add(study)
    its = blind(site)
    path, lines = report_of(site, its, tmp_path)
    for line in lines:
        rows, total = site.truth[line["study_instance_uid"]]
        line["dlp_total"], line["outcome"] = total, "verified"
        for event, (ctdivol, dlp) in zip(line["events"][1:], rows, strict=True):
            event.update(mean_ctdivol=ctdivol, dlp=dlp, proven=True)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    told = from_report(site, path, its)

    assert told.refused == []
    assert "7" in signs(told)
    keep_fonts(told.fonts, site.templates)
    for study in range(70, 74):
        site.add(study, run="later")
    later = site.convert(readers(Asleep(), Asleep()), run="later")
    assert later.outcomes() == ["verified"] * 4
    assert site.wrong(later) == []

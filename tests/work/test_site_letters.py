"""What a run tells of the letters that it learned, and which reports rest on which of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_service.screen.font_files import load_fonts
from ocr_service.screen.fonts import Console, FontKey, Fonts, OwnGlyph
from ocr_service.work.auditing import Audit
from ocr_service.work.site_letters import GroupLetters, Rested, SiteLetters
from tests.screen.lettered import ACME, HEIGHT, KEY, UNHURRIED, fonts_of, glyph_of, seen, young_fonts

GLYPHS = [OwnGlyph(KEY.template, ACME, glyph_of(sign)) for sign in "0123456789"]


def contradicted(sign: str, other: str) -> Fonts:
    fonts = Fonts()
    fonts.font(KEY).add(glyph_of(sign), other, [seen("9.9", f"{other}.0")])
    return fonts


def test_a_run_without_letters_says_nothing() -> None:
    assert list(SiteLetters().sentences()) == []


def test_newly_registered_letters_are_told_with_their_console(tmp_path: Path) -> None:
    letters = SiteLetters(known=fonts_of("1.1"))
    letters.take(GroupLetters(fonts_of("7.1"), lettered=2))

    assert list(letters.sentences()) == [
        "letters: 2 units were read by registered letters",
        "letters: 1 newly registered for acme/dose on CT 1 V1, for this run only",
    ]
    letters.folder = tmp_path
    assert list(letters.sentences())[-1].endswith(f"on CT 1 V1; kept in {tmp_path}")


def test_young_letters_are_no_news() -> None:
    letters = SiteLetters()
    letters.take(GroupLetters(young_fonts("7.1")))

    assert list(letters.sentences()) == []


def test_a_console_without_a_name_is_told_as_such() -> None:
    letters = SiteLetters()
    letters.take(GroupLetters(fonts_of("7.1", key=FontKey(KEY.template, Console(), HEIGHT))))

    assert list(letters.sentences()) == [
        "letters: 3 newly registered for acme/dose on an unnamed scanner, for this run only"
    ]


@pytest.mark.parametrize(
    ("audits", "told"),
    [
        ([Audit(9, 0), Audit(9, 0)], "audit: the engines read a sample of 2 units too, and they agree in all"),
        ([Audit(9, 2), Audit(9, 0)], "audit: the engines read a sample of 2 units too, and they disagree in 1"),
    ],
)
def test_audits_are_told(audits: list[Audit], told: str) -> None:
    letters = SiteLetters()
    for audit in audits:
        letters.take(GroupLetters(audits=(audit,)))

    assert list(letters.sentences()) == [told]


def test_a_withdrawal_names_the_signs_and_the_console() -> None:
    letters = SiteLetters(known=fonts_of("7.1"), taken_back=3)
    letters.take(GroupLetters(contradicted("7", "1")))

    assert letters.withdrawn() == {GLYPHS[7]: {"1", "7"}}
    assert list(letters.sentences()) == [
        "letters: a glyph of acme/dose on CT 1 V1 is withdrawn: proven cells show it as '1' and '7'",
        "3 reports rested on withdrawn letters: they were taken back and read again",
    ]


def test_what_was_withdrawn_before_the_run_is_no_news() -> None:
    letters = SiteLetters(known=fonts_of("7.1").merged(contradicted("7", "1")))
    letters.take(GroupLetters(fonts_of("7.1").merged(contradicted("7", "1"))))

    assert letters.withdrawn() == {}


def test_letters_are_kept_in_the_sites_folder_and_nowhere_else(tmp_path: Path) -> None:
    letters = SiteLetters(tmp_path / "templates", known=fonts_of("8.2"))
    letters.keep()
    assert not list(tmp_path.rglob("*"))  # nothing was learned

    letters.take(GroupLetters(fonts_of("7.1")))
    letters.keep()
    kept = load_fonts(tmp_path / "templates")
    assert {key: kept[key] for key in kept} == {KEY: fonts_of("7.1")[KEY]}


def test_letters_that_cannot_be_kept_are_told_and_stop_no_run(tmp_path: Path) -> None:
    (tmp_path / "templates").write_text("a file")
    letters = SiteLetters(tmp_path / "templates")
    letters.take(GroupLetters(fonts_of("7.1")))
    letters.keep()

    told = [one for one in letters.sentences() if one.startswith("letters: what was learned could not be kept: ")]
    assert len(told) == 1
    (tmp_path / "templates").unlink()
    letters.keep()
    assert not [one for one in letters.sentences() if "could not be kept" in one]


# Which groups rest on which letters.


GROUPS = st.lists(st.frozensets(st.sampled_from(GLYPHS)), max_size=12)


@UNHURRIED
@given(GROUPS, st.frozensets(st.sampled_from(GLYPHS)))
def test_exactly_the_groups_that_rest_on_a_withdrawn_letter_are_taken_out(groups, withdrawn) -> None:
    rested = Rested()
    for number, trusted in enumerate(groups):
        rested.add(number, trusted, (f"{number}.dcm", None))

    found = rested.take_out(withdrawn)
    assert found == [(n, (f"{n}.dcm",)) for n, trusted in enumerate(groups) if trusted & withdrawn]
    assert rested.take_out(withdrawn) == []


@UNHURRIED
@given(GROUPS)
def test_no_group_is_taken_out_while_nothing_is_withdrawn(groups) -> None:
    rested = Rested()
    for number, trusted in enumerate(groups):
        rested.add(number, trusted, ())

    assert rested.take_out(()) == []

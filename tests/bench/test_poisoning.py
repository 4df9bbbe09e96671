"""What is to poison a font does so, and changes nothing else."""

from __future__ import annotations

import json
from random import Random

import numpy as np
import pytest
from pydicom import dcmread

from bench import faces, poisoning, scanners
from bench.scoring import HELICAL, Event, Expected
from ocr_service.author.expected import load_expected
from ocr_service.errors import EngineMissing
from ocr_service.pipeline import console_of
from ocr_service.screen.fonts import Confirmation, Console, FontKey, Fonts
from ocr_service.screen.glyphs import Glyph

TRUTH = {"1.2.3": Expected((Event("2", HELICAL, "17.96", "742.38", "body", "S19.250-I347.500"),), "742.38")}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return scanners.draw_scanners(["ge"], 1, 4, tmp_path_factory.mktemp("drawn"))


@pytest.fixture
def page(drawn):
    return dcmread(max(drawn, key=lambda study: len(study.expected.events)).files[0])


@pytest.fixture
def signs():
    """The digits of the scanner's letters."""
    inks = {digit: faces.letters_of(scanners.FONTS["ge"]).glyph(digit).ink for digit in "0123456789"}
    return {Glyph(ink.shape[0], ink.shape[1], np.packbits(ink).tobytes()): digit for digit, ink in inks.items()}


def test_studies_of_a_scanner_share_console_and_encoding_and_differ_in_values(drawn):
    pages = [dcmread(study.files[0]) for study in drawn]

    assert len({console_of(ds) for ds in pages}) == 1
    assert len({study.study_instance_uid for study in drawn}) == 4
    assert drawn[0].expected != drawn[1].expected


def test_readers_without_engines_raise_when_they_are_asked():
    with pytest.raises(EngineMissing, match="1 crops"):
        scanners.NoEngine().read([np.zeros((4, 4), np.uint8)])


def test_a_lost_pixel_is_one_pixel_of_each_cell(page, signs):
    before = np.array(page.pixel_array)
    cells = poisoning.pixel_out(page, signs, Random(1), 3)
    changed = np.flatnonzero(before != np.frombuffer(page.PixelData, np.uint8)[: before.size].reshape(before.shape))

    assert cells == 3
    assert len(changed) == 3
    assert set(before.flat[changed]) == {before.max()}


def test_letters_that_change_places_twice_are_the_letters_that_were(page, signs):
    before = bytes(page.PixelData)
    changed = poisoning.draw_swapped(page, signs, "38")
    between = bytes(page.PixelData)
    again = poisoning.draw_swapped(page, signs, "38")

    assert changed == again > 0
    assert between != before
    assert bytes(page.PixelData) == before


def test_a_swapped_font_says_the_other_digit_by_the_same_cells(signs):
    key, seen = FontKey("ge/dose-report", Console("NOBODY", "M", "1"), 11), Confirmation("a" * 8, "b" * 8, "c" * 8)
    fonts = Fonts()
    for glyph, sign in signs.items():
        fonts.font(key).add(glyph, sign, [seen])
    swapped = poisoning.swapped_font(fonts, "38")

    for glyph, sign in signs.items():
        assert list(swapped[key].glyphs[glyph]) == [poisoning.exchanged(sign, "38")]
        assert swapped[key].glyphs[glyph][poisoning.exchanged(sign, "38")] == {seen}


def test_what_swapped_pages_show_is_told_in_every_number():
    shown = poisoning.swapped_truth(TRUTH["1.2.3"], "78")

    assert shown.dlp_total == "842.37"
    assert (shown.events[0].mean_ctdivol, shown.events[0].dlp) == ("18.96", "842.37")
    assert shown.events[0].scanning_range == "S19.250-I348.500"
    assert shown.events[0].phantom == "body"


@pytest.mark.parametrize(("share", "wrong"), [(0.0, 0), (1.0, 3)])
def test_statements_are_wrong_as_often_as_wanted_and_can_be_loaded(tmp_path, share, wrong):
    lines, count = poisoning.stated(TRUTH, share, Random(1))
    path = tmp_path / "stated.jsonl"
    path.write_text("\n".join(lines))
    (one,) = load_expected(path)
    told = [one.events[0]["mean_ctdivol"], one.events[0]["dlp"], one.dlp_total]

    assert count == wrong
    assert sum(text != true for text, true in zip(told, ["17.96", "742.38", "742.38"], strict=True)) == wrong
    assert json.loads(lines[0])["events"][0]["acquisition_type"] == HELICAL

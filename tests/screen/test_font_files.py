"""Fonts on disk: beside their templates, merged with what lies there, and never half a file."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ocr_service.errors import OutputError, TemplateError
from ocr_service.screen import font_files
from ocr_service.screen.font_files import keep_fonts, load_font, load_fonts
from ocr_service.screen.fonts import Console, Font, FontKey, Fonts
from tests.screen.lettered import ACME, KEY, fonts_of, young_fonts

OTHER = FontKey("acme/deeper/other", ACME, 9)


def told(fonts: Fonts) -> dict[FontKey, Font]:
    return {key: fonts[key] for key in fonts}


def test_a_font_lies_beside_its_template_and_has_its_name(tmp_path: Path) -> None:
    fonts = fonts_of("7.1").merged(fonts_of("8.2", key=OTHER))
    kept = keep_fonts(fonts, tmp_path)

    assert kept == (tmp_path / "acme" / "deeper" / "other.font", tmp_path / "acme" / "dose.font")
    assert told(load_fonts(tmp_path)) == told(fonts)
    assert list(load_font(kept[1], tmp_path)) == [KEY]


def test_what_is_kept_is_merged_with_what_lies_there(tmp_path: Path) -> None:
    one, other = fonts_of("7.1"), young_fonts("7.8")
    keep_fonts(one, tmp_path)
    keep_fonts(other, tmp_path)

    assert told(load_fonts(tmp_path)) == told(one.merged(other))


def test_runs_that_end_at_once_lose_nothing(tmp_path: Path) -> None:
    runs = [fonts_of("7.1", key=FontKey(KEY.template, Console("ACME", "CT 1", f"V{n}"), 9)) for n in range(12)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda fonts: keep_fonts(fonts, tmp_path), runs))

    assert told(load_fonts(tmp_path)) == told(Fonts().merged(*runs))


def test_keeping_the_same_once_more_changes_no_byte(tmp_path: Path) -> None:
    (path,) = keep_fonts(fonts_of("7.1"), tmp_path)
    before = path.read_bytes()
    keep_fonts(fonts_of("7.1"), tmp_path)

    assert path.read_bytes() == before


def test_fonts_of_several_folders_are_one(tmp_path: Path) -> None:
    keep_fonts(fonts_of("7.1"), tmp_path / "shipped")
    keep_fonts(young_fonts("8.2"), tmp_path / "site")

    assert told(load_fonts(tmp_path / "shipped", tmp_path / "site")) == told(fonts_of("7.1").merged(young_fonts("8.2")))


def test_a_folder_that_is_not_there_has_no_fonts(tmp_path: Path) -> None:
    assert not load_fonts(tmp_path / "nowhere")


def test_no_half_file_is_left(tmp_path: Path) -> None:
    (path,) = keep_fonts(fonts_of("7.1"), tmp_path)

    assert [one for one in tmp_path.rglob("*") if one.is_file()] == [path]


def test_a_file_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "acme").write_text("a file where the folder should be")

    with pytest.raises(OutputError, match="could not be written"):
        keep_fonts(fonts_of("7.1"), tmp_path)


def test_what_cannot_be_read_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "acme" / "dose.font"
    path.parent.mkdir()
    path.write_text("somebody's notes\n")

    with pytest.raises(TemplateError, match=r"^acme/dose.font:1:"):
        keep_fonts(fonts_of("7.1"), tmp_path)
    assert path.read_text() == "somebody's notes\n"


def test_a_file_that_is_no_utf_8_or_huge_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dose.font"
    path.write_bytes(b"font\xff\xfe")
    with pytest.raises(TemplateError, match=r"^dose.font:1: .*UTF-8"):
        load_fonts(tmp_path)

    with path.open("wb") as file:
        file.truncate(font_files.MOST_BYTES + 1)
    with pytest.raises(TemplateError, match=r"^dose.font:1: .*at most"):
        load_fonts(tmp_path)


def test_a_font_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dose.font").mkdir()

    with pytest.raises(TemplateError, match=r"^dose.font:1:"):
        load_fonts(tmp_path)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused_or_says_less_and_nothing_else(tmp_path: Path, share: float) -> None:
    (path,) = keep_fonts(fonts_of("7.1"), tmp_path)
    text = path.read_text()
    path.write_text(text[: int(share * len(text))])
    try:
        fonts, said = load_fonts(tmp_path), ""
    except TemplateError as error:
        fonts, said = Fonts(), str(error)
    glyphs = fonts[KEY].glyphs if fonts else {}

    assert not said or said.startswith("acme/dose.font:")
    assert len(set(glyphs) - set(fonts_of("7.1")[KEY].glyphs)) <= 1  # the last one may lack its lower rows


def test_many_consoles_of_a_template_share_its_file(tmp_path: Path) -> None:
    for version in range(20):
        keep_fonts(fonts_of("7.1", key=FontKey(KEY.template, Console("ACME", "CT 1", f"V{version}"), 9)), tmp_path)

    assert len(list(load_fonts(tmp_path))) == 20
    assert len(list(tmp_path.rglob("*.font"))) == 1

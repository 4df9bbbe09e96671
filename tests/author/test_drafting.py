"""A template is drafted from screens: it loads strictly and reads the screens it was drafted from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_service.author import vocabulary
from ocr_service.author.drafting import Drafted, draft, quoted
from ocr_service.author.newcomers import tables_of
from ocr_service.author.reading import look
from ocr_service.author.tables import NoTable, Phrase, Table, find_table
from ocr_service.author.telling import cell_lines, name_of
from ocr_service.dose.proof import Verified
from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import Box
from ocr_service.templates.library import load_templates
from ocr_service.templates.schema import Blank, ColumnLayout
from ocr_service.templates.strict_yaml import read_page
from tests.author.typed import HEADING, PAGE, ROWS, Word, box_of, readers, screen


def drafted(words: tuple[Word, ...], folder: Path, **header: object) -> str:
    """Draft from the typed page and put the template into the folder."""
    ds = screen(words, **header)
    boxes = [box_of(word) for word in words]
    tables = list(tables_of([ds], lambda pixels: boxes, readers(words)))
    text = draft([table for table in tables if isinstance(table, Drafted)])
    (folder / "new.yaml").write_text(text, encoding="utf-8")
    return text


def drafted_columns(folder: Path) -> Mapping[Quantity, ColumnLayout]:
    table = load_templates(folder).templates[0].pages["dose"].table
    assert table is not None
    return table.columns


def found(*lines: str) -> Table | NoTable:
    """The table of a typed page: columns stand where words stand that are parted by two blanks or more."""
    phrases = []
    for number, line in enumerate(lines):
        left = 0
        for part in line.split("  "):
            if part.strip():
                start = left + (len(part) - len(part.lstrip()))
                box = Box(8 * start, 20 * number, 8 * (start + len(part.strip())), 20 * number + 10)
                phrases.append(Phrase(box, part.strip()))
            left += len(part) + 2
    return find_table(phrases, 20 * len(lines) + 200)


def columns(table: Table | NoTable) -> dict[Quantity | None, list[str]]:
    assert isinstance(table, Table), table
    return {column.quantity: column.texts for column in table.columns}


def test_a_draft_loads_and_reads_the_page_it_was_drafted_from(tmp_path):
    text = drafted(PAGE, tmp_path)
    view = look(screen(), load_templates(tmp_path), readers())

    assert isinstance(view.ending.outcome, Verified)
    assert [line.text for line in cell_lines(view.pages[0])] == [
        "1024", "Spiral", "12", "345", "Body", "Axial", "48", "679", "Head",
    ]  # fmt: skip
    assert "CHECK" in text


def test_a_draft_reads_the_same_page_where_it_stands_elsewhere(tmp_path):
    drafted(PAGE, tmp_path)
    moved = tuple((left + 7, base + 5, text) for left, base, text in PAGE)
    view = look(screen(moved), load_templates(tmp_path), readers())

    assert name_of(view.ending.outcome) == "verified"


def test_a_unit_behind_the_number_is_part_of_the_pattern_in_both_cases(tmp_path):
    words = (*PAGE, (340, 80, "Time"), (340, 130, "3s"), (340, 155, "9s"))
    drafted(words, tmp_path)

    assert drafted_columns(tmp_path)[Quantity.EXPOSURE_TIME].expression.fullmatch("3S")


def test_the_digits_of_the_series_description_are_left_open(tmp_path):
    text = drafted(PAGE, tmp_path, SeriesDescription="Dose 12 of [ward] 7")

    assert "SeriesDescription: ['Dose * of ?ward? *']" in text


def test_a_header_without_maker_or_description_is_matched_by_its_image_type(tmp_path):
    text = drafted(PAGE, tmp_path, Manufacturer="", ImageType=["DERIVED", "SECONDARY", "DOSE_1"])

    assert r"ImageType: ['DERIVED\SECONDARY\DOSE_*']" in text
    assert load_templates(tmp_path).candidates(screen(ImageType=["DERIVED", "SECONDARY", "DOSE_2"]))


def test_a_scan_type_that_nobody_knows_is_left_to_a_person(tmp_path):
    words = tuple((left, base, "Wobble" if text == "Axial" else text) for left, base, text in PAGE)
    text = drafted(words, tmp_path)

    assert "make it a choice once you know what each word means" in text
    assert Quantity.ACQUISITION_PROTOCOL in drafted_columns(tmp_path)


def test_several_screens_widen_the_draft(tmp_path):
    other = (*HEADING, (20, 130, "Scout"), (150, 130, "-"), (280, 130, "-"), (400, 130, "-"), *ROWS[4:])
    tables = [
        table
        for words in (PAGE, other)
        for table in tables_of([screen(words)], lambda pixels: [box_of(w) for w in words], readers(words))  # noqa: B023
        if isinstance(table, Drafted)
    ]
    (tmp_path / "new.yaml").write_text(draft(tables), encoding="utf-8")
    (template,) = load_templates(tmp_path).templates

    assert template.choices["types"] == {"spiral": ("Spiral",), "sequenced": ("Axial",), "constant_angle": ("Scout",)}
    assert drafted_columns(tmp_path)[Quantity.DLP].blank is Blank.DASH


def test_a_page_without_a_table_says_why(tmp_path):
    words = ((20, 30, "Nothing"), (20, 60, "here"))
    (refused,) = tables_of([screen(words)], lambda pixels: [], readers(words))

    assert isinstance(refused, NoTable)
    assert refused.why == "file 1, page 1: no line holds a heading for CTDIvol or DLP beside another known heading"


def test_headings_of_two_lines_and_units_belong_to_their_columns():
    table = found(
        "  Scan            CTDIvol   DLP",
        "  Mode   kV       (mGy)     (mGy-cm)",
        "  Helical  120    11.20     498.42",
    )

    assert columns(table) == {
        Quantity.ACQUISITION_TYPE: ["Helical"],
        Quantity.KVP: ["120"],
        Quantity.MEAN_CTDIVOL: ["11.20"],
        Quantity.DLP: ["498.42"],
    }


@pytest.mark.parametrize(
    ("heading", "meanings"),
    [
        ("Serie  Typ       CTDIvol  DLP", (Quantity.SERIES_NUMBER, Quantity.ACQUISITION_TYPE)),
        ("Série  Type      IDSVvol  PDL", (Quantity.SERIES_NUMBER, Quantity.ACQUISITION_TYPE)),
        ("番号   タイプ     CTDIvol  DLP", (Quantity.SERIES_NUMBER, Quantity.ACQUISITION_TYPE)),
    ],
)
def test_headings_are_known_in_the_languages_of_consoles(heading, meanings):
    table = found(heading, "2      Spiral    11.20    498.42")

    assert tuple(columns(table)) == (*meanings, Quantity.MEAN_CTDIVOL, Quantity.DLP)


def test_ctdiw_is_never_taken_for_ctdivol():
    assert vocabulary.heading("CTDIw") is Quantity.CTDIW
    assert vocabulary.heading("CTDIvol.e") is Quantity.EXPECTED_CTDIVOL
    assert vocabulary.heading("Eff.DLP") is Quantity.EFFECTIVE_DLP
    assert vocabulary.heading("CTDlvol (mGy)") is Quantity.MEAN_CTDIVOL


def test_names_that_stand_before_the_first_heading_are_the_protocol():
    table = found(
        "               Scan     CTDIvol  DLP",
        "Thorax           2      11.20    498.42",
        "Abdomen          3      9.10     300.00",
    )

    assert columns(table)[Quantity.ACQUISITION_PROTOCOL] == ["Thorax", "Abdomen"]


def test_a_line_between_rows_is_a_text_and_a_line_below_them_is_the_tables_end():
    table = found(
        "Type      CTDIvol  DLP",
        "Spiral    11.20    498.42",
        "New Position F-SP",
        "Axial     9.10     300.00",
        "",
        "printed by the console",
    )
    assert isinstance(table, Table)

    assert table.texts == ("New Position F-SP",)
    assert table.bottom == 100


@pytest.mark.parametrize(
    ("line", "label", "number"),
    [
        ("Total     Exam DLP:    798.42", "Exam DLP:", "798.42"),
        ("Summe DLP   798.42  mGycm", "Summe DLP", "798.42 mGycm"),
        ("Total mAs  5990    Total DLP  798", "Total DLP", "798"),
        ("Total DLP: 798.42", "Total DLP: 798.42", "Total DLP: 798.42"),
    ],
)
def test_the_total_is_found_with_its_label(line, label, number):
    table = found(line, "", "Type      CTDIvol  DLP", "Spiral    11.20    498.42", "Axial     9.10     300.00")
    assert isinstance(table, Table)
    assert table.total is not None

    assert (table.total.label.text, table.total.number.text) == (label, number)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=30))
def test_a_quoted_text_reads_back_as_it_was(text):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.yaml"
        path.write_text(f"title: {quoted(text)}\n", encoding="utf-8")
        assert read_page(path, "page.yaml").plain() == {"title": text}

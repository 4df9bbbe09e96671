"""A template is drafted from screens: it loads strictly and reads the screens it was drafted from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_service.author import vocabulary
from ocr_service.author.drafting import draft
from ocr_service.author.newcomers import Unused, tables_of
from ocr_service.author.patterns import number_pattern, quoted
from ocr_service.author.phrases import Page, Phrase
from ocr_service.author.reading import look
from ocr_service.author.tables import NoTable, Table, find_table
from ocr_service.author.telling import cell_lines, name_of
from ocr_service.author.together import Drafted
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
    tables = list(tables_of([("page.dcm", ds)], lambda pixels: boxes, readers(words)))
    text = draft([table for table in tables if isinstance(table, Drafted)])
    (folder / "new.yaml").write_text(text, encoding="utf-8")
    return text


def drafted_columns(folder: Path) -> Mapping[Quantity, ColumnLayout]:
    table = load_templates(folder).templates[0].pages["dose"].table
    assert table is not None
    return table.columns


def found(*lines: str, rules: Sequence[Box] = ()) -> Table | NoTable:
    """The table of a typed page."""
    return find_table(page_of_lines(*lines, rules=rules), lambda phrase: None)


def page_of_lines(*lines: str, rules: Sequence[Box] = ()) -> Page:
    """A typed page: words that are parted by two blanks or more are phrases of their own."""
    phrases = []
    for number, line in enumerate(lines):
        left = 0
        for part in line.split("  "):
            if part.strip():
                start = left + (len(part) - len(part.lstrip()))
                box = Box(8 * start, 20 * number, 8 * (start + len(part.strip())), 20 * number + 10)
                phrases.append(Phrase(box, part.strip()))
            left += len(part) + 2
    return Page(tuple(phrases), 20 * len(lines) + 200, 800, tuple(rules))


def columns(table: Table | NoTable) -> dict[Quantity | None, list[str]]:
    assert isinstance(table, Table), table
    return {column.quantity: column.row_texts for column in table.columns}


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

    assert "# CHECK: 'Wobble' is not known, its rows are not read yet" in text
    assert load_templates(tmp_path).templates[0].choices["types"] == {"spiral": ("Spiral",)}


def test_scan_types_of_which_none_is_known_are_read_as_the_protocol(tmp_path):
    other = {"Axial": "Wobble", "Spiral": "Twist"}
    text = drafted(tuple((left, base, other.get(text, text)) for left, base, text in PAGE), tmp_path)

    assert "make it a choice once you know what each word means" in text
    assert Quantity.ACQUISITION_PROTOCOL in drafted_columns(tmp_path)


def test_several_screens_widen_the_draft(tmp_path):
    other = (*HEADING, (20, 130, "Scout"), (150, 130, "-"), (280, 130, "-"), (400, 130, "-"), *ROWS[4:])
    tables = [
        table
        for words in (PAGE, other)
        for table in tables_of([("page.dcm", screen(words))], lambda _: [box_of(w) for w in words], readers(words))  # noqa: B023
        if isinstance(table, Drafted)
    ]
    (tmp_path / "new.yaml").write_text(draft(tables), encoding="utf-8")
    (template,) = load_templates(tmp_path).templates

    assert template.choices["types"] == {"spiral": ("Spiral",), "sequenced": ("Axial",), "constant_angle": ("Scout",)}
    assert drafted_columns(tmp_path)[Quantity.DLP].blank is Blank.DASH


def test_a_page_without_a_table_says_why(tmp_path):
    words = ((20, 30, "Nothing"), (20, 60, "here"))
    (refused,) = tables_of([("page.dcm", screen(words))], lambda pixels: [], readers(words))

    assert isinstance(refused, Unused)
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

    assert [phrase.text for phrase in table.texts] == ["New Position F-SP"]
    assert [[phrase.text for phrase in line] for line in table.tail] == [["printed by the console"]]


@pytest.mark.parametrize(
    ("line", "label", "number"),
    [
        ("Total     Exam DLP:    798.42", ("Total", "Exam DLP:"), "798.42"),
        ("Summe DLP   798.42  mGycm", ("Summe DLP",), "798.42"),
        ("Total mAs  5990    Total DLP  798", ("Total DLP",), "798"),
        ("Total DLP: 798.42", (), "Total DLP: 798.42"),
    ],
)
def test_the_total_is_found_with_its_label(line, label, number):
    table = found(line, "", "Type      CTDIvol  DLP", "Spiral    11.20    498.42", "Axial     9.10     300.00")
    assert isinstance(table, Table)
    (total,) = table.totals

    assert (tuple(phrase.text for phrase in total.label), total.number.text) == (label, number)
    assert not total.below


def test_a_label_is_cut_off_where_one_phrase_holds_it_and_its_number():
    text, rows = "Total DLP: 798.42", ("Type      CTDIvol  DLP", "Spiral    11.20    798.42")
    box = Box(0, 40, 8 * len(text), 50)
    words = (Box(0, 40, 40, 50), Box(48, 40, 80, 50), Box(88, 40, 136, 50))
    page = page_of_lines(*rows)
    page = replace(page, phrases=(*page.phrases, Phrase(box, text)), words={box: words})
    table = find_table(page, lambda phrase: None)
    assert isinstance(table, Table)
    (total,) = table.totals

    assert [(p.text, p.box) for p in (*total.label, total.number)] == [
        ("Total DLP:", Box(0, 40, 80, 50)),
        ("798.42", Box(88, 40, 136, 50)),
    ]


def test_totals_of_each_phantom_are_told_apart():
    table = found(
        "Type      CTDIvol  DLP",
        "Spiral    11.20    498.42",
        "Total DLP (Head 16cm)    0.00",
        "Total DLP (Body 32cm)    498.42",
    )
    assert isinstance(table, Table)

    assert {total.quantity: total.number.text for total in table.totals} == {
        Quantity.DLP_TOTAL_HEAD: "0.00",
        Quantity.DLP_TOTAL_BODY: "498.42",
    }


def test_a_row_that_is_named_total_body_is_no_total():
    table = found(
        "No.  Protocol    Type      CTDIvol  DLP",
        "1    Total body  Spiral    11.20    498.42",
        "2    Total body  Spiral    9.10     300.00",
    )
    assert isinstance(table, Table)

    assert table.totals == ()
    assert columns(table)[Quantity.DLP] == ["498.42", "300.00"]


STACKED = (
    "No.    Type      kV     CTDIvol   DLP",
    "       Region    mAs    Phantom",
    "1      Spiral    120    11.20     498.42",
    "       Chest     250    Body 32cm",
    "2      Axial     100    9.10      300.00",
    "       Head      300    Head 16cm",
)


def test_rows_of_two_lines_have_a_column_for_each_name_of_a_heading():
    table = found(*STACKED)
    assert isinstance(table, Table)

    assert table.lines == 2
    assert [(column.line, column.quantity) for column in table.columns] == [
        (0, Quantity.SERIES_NUMBER), (0, Quantity.ACQUISITION_TYPE), (0, Quantity.KVP), (0, Quantity.MEAN_CTDIVOL),
        (0, Quantity.DLP), (1, None), (1, Quantity.TUBE_CURRENT_TIME), (1, Quantity.PHANTOM),
    ]  # fmt: skip
    assert columns(table)[Quantity.PHANTOM] == ["Body 32cm", "Head 16cm"]


def test_the_second_line_of_a_row_may_have_no_heading():
    table = found(
        "No.    Type      CTDIvol   DLP",
        "1      Spiral    11.20     498.42",
        "       Body 32cm",
        "2      Axial     9.10      300.00",
        "       Head 16cm",
    )

    assert columns(table)[Quantity.PHANTOM] == ["Body 32cm", "Head 16cm"]
    assert columns(table)[Quantity.ACQUISITION_TYPE] == ["Spiral", "Axial"]


def test_all_between_two_rules_is_the_heading():
    """Words that nobody knows would else be taken for a line of their own."""
    lines = ("         Beam      Mean", "Scan     Filter    CTDIvol   DLP", "1        Wedge     11.20     498.42")
    framed = (Box(0, 0, 400, 1), Box(0, 36, 400, 37))
    table = found("", *lines, rules=[Box(0, 16, 400, 17), Box(0, 56, 400, 57)])
    assert isinstance(found(*lines, rules=framed), Table)
    assert isinstance(table, Table)

    assert [" ".join(p.text for p in column.heading) for column in table.columns] == [
        "Scan", "Beam Filter", "Mean CTDIvol", "DLP",
    ]  # fmt: skip


def test_a_rule_between_heading_and_cell_parts_them():
    """A long number stands nearer to its neighbour's heading than to its own, and a rule says whose it is."""
    rule = Box(120, 0, 121, 60)
    lines = (
        "Scan  CTDIvol          DLP  Phantom",
        "1       4.10  123456.1      Body",
        "2       4.10  123456.1      Body",
    )

    assert columns(found(*lines, rules=[rule]))[Quantity.DLP] == ["123456.1", "123456.1"]


def test_a_word_before_the_heading_of_a_dose_makes_another_quantity_of_it():
    table = found("Type      Eff.  DLP", "Spiral    11.20    498.42")

    assert not isinstance(table, Table) or Quantity.MEAN_CTDIVOL not in columns(table)


@pytest.mark.parametrize(
    ("texts", "pattern", "fits"),
    [
        (["11.20", "9.10"], r"\d{1,5}\.\d{2}", "4.55"),
        (["617 mGy-cm", "9 mGy-cm"], r"(?P<value>\d{1,5})mGy(?:\-)?cm", "42mGycm"),
        (["71.37S", "9.10L"], r"(?P<value>\d{1,5}\.\d{2})[^0-9]{0,12}", "8.20L"),
        (["0.6", "1.375", "0.95"], r"\d{1,5}\.\d{1,3}", "0.55"),
    ],
)
def test_a_pattern_leaves_no_room_for_a_lost_point(texts, pattern, fits):
    assert number_pattern(texts) == pattern
    assert re.fullmatch(pattern, fits)
    assert not ("." in fits and re.fullmatch(pattern, fits.replace(".", "")))


def test_what_varies_from_screen_to_screen_is_no_match_key(tmp_path):
    names = ("Dose of Anna", "Dose of Bert", "Dose of Carl")
    tables = [
        table
        for name in names
        for table in tables_of(
            [("page.dcm", screen(SeriesDescription=name))], lambda _: [box_of(w) for w in PAGE], readers()
        )
        if isinstance(table, Drafted)
    ]

    assert "SeriesDescription: ['Dose of *']" in draft(tables)


def test_a_proposed_example_says_nothing_of_scan_types_that_are_not_known(tmp_path):
    words = tuple((left, base, "Wobble" if text == "Axial" else text) for left, base, text in PAGE)

    assert "#     columns: [mean_ctdivol, dlp, phantom]" in drafted(words, tmp_path)


def test_examples_are_only_proposed(tmp_path):
    """What one engine read is no truth: a person takes the comment sign away."""
    text = drafted(PAGE, tmp_path)

    assert "#       - [spiral, 12, 345, body]" in text
    assert load_templates(tmp_path).templates[0].examples == ()


def test_a_sum_that_does_not_hold_is_asked_for_and_not_checked(tmp_path):
    words = tuple((left, base, "1300" if text == "1024" else text) for left, base, text in PAGE)
    text = drafted(words, tmp_path)

    assert "# CHECK: the rows of page.dcm miss the printed total by 276" in text
    assert load_templates(tmp_path).templates[0].checks == ()


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=30))
def test_a_quoted_text_reads_back_as_it_was(text):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.yaml"
        path.write_text(f"title: {quoted(text)}\n", encoding="utf-8")
        assert read_page(path, "page.yaml").plain() == {"title": text}

"""Which objects the shipped templates take, which they leave alone, and how an author says so."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import Box
from ocr_service.errors import TemplateError
from ocr_service.screen.places import edge, stack_of
from ocr_service.templates.edges import Edge, parse_edge
from ocr_service.templates.library import Library, load_template, load_templates
from ocr_service.templates.schema import ScreenSize, TableLayout
from ocr_service.templates.shipped import shipped_templates
from tests.templates.pages import PAGE, written

ANY_OF = PAGE.replace(
    """  ImageType: ["*DOSE*", SUMMARY]
""",
    """any_of:
  - {ImageType: SUMMARY, SeriesNumber: "7"}
  - {SeriesDescription: Dose*}
""",
)


@pytest.fixture(scope="module")
def shipped() -> Library:
    return load_templates(shipped_templates())


def header(**values: object) -> Dataset:
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def complaint(folder, text):
    with pytest.raises(TemplateError) as raised:
        load_template(written(folder, text), folder)
    return str(raised.value)


@pytest.mark.parametrize(
    ("values", "fits"),
    [
        ({"Manufacturer": "ACME", "ImageType": ["A", "SUMMARY"], "SeriesNumber": 7}, True),
        ({"Manufacturer": "ACME", "SeriesDescription": "Dose page"}, True),
        ({"Manufacturer": "ACME", "ImageType": ["A", "SUMMARY"]}, False),
        ({"Manufacturer": "ACME"}, False),
        ({"Manufacturer": "OTHER", "SeriesDescription": "Dose page"}, False),
    ],
)
def test_every_key_of_match_must_fit_and_one_of_any_of(tmp_path, values, fits):
    written(tmp_path, ANY_OF)
    assert bool(load_templates(tmp_path).candidates(header(**values))) == fits


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("{SeriesDescripton: Dose*}", "'SeriesDescripton' is not a DICOM keyword; did you mean SeriesDescription?"),
        ('{SeriesDescription: "*"}', "this matches every object"),
        ("{PixelData: a}", "PixelData has no value that is a text or a number"),
    ],
)
def test_a_mistake_in_any_of_stops_with_its_line(tmp_path, wrong, said):
    text = complaint(tmp_path, ANY_OF.replace("{SeriesDescription: Dose*}", wrong))
    line = next(number for number, line in enumerate(ANY_OF.splitlines(), 1) if "SeriesDescription" in line)

    assert text.startswith(f"acme/dose.yaml:{line}: any_of.1")
    assert said in text


def test_an_empty_any_of_is_refused(tmp_path):
    text = PAGE.replace("screen:", "any_of: []\nscreen:")
    assert "any_of: at least one is expected here" in complaint(tmp_path, text)


def test_explain_tells_the_alternatives(tmp_path):
    written(tmp_path, ANY_OF)
    (sentence,) = load_templates(tmp_path).explain(header(Manufacturer="ACME", SeriesDescription="Dose page"))
    assert sentence.startswith("acme/dose matches: Manufacturer fits; and one of these:")
    (sentence,) = load_templates(tmp_path).explain(header(Manufacturer="ACME", SeriesDescription="Bone"))
    assert sentence.startswith("acme/dose does not match")
    assert "SeriesDescription is 'Bone', not like Dose*" in sentence


def test_where_the_header_lacks_them_a_templates_words_decide(tmp_path):
    written(tmp_path, ANY_OF)
    library = load_templates(tmp_path)

    assert [each.name for each in library.by_appearance(header())] == ["acme/dose"]
    assert [each.name for each in library.by_appearance(header(SeriesDescription="Dose page"))] == ["acme/dose"]
    assert library.by_appearance(header(Manufacturer="OTHER")) == ()
    assert library.candidates(header()) == ()


@pytest.mark.parametrize(
    ("template", "values"),
    [
        ("ge/dose-report", {"Manufacturer": "GE MEDICAL SYSTEMS", "SeriesDescription": "Rapport dose."}),
        ("ge/dose-report", {"Manufacturer": "GE MEDICAL SYSTEMS", "SeriesDescription": "Dose Report"}),
        (
            "ge/dose-report",
            {"Manufacturer": "GE", "ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"], "SeriesNumber": 10999},
        ),
        (
            "siemens/patient-protocol",
            {"Manufacturer": "SIEMENS", "ImageType": ["DERIVED", "SECONDARY", "OTHER", "CT_SOM5 PROT"]},
        ),
        (
            "siemens/patient-protocol-va40a",
            {"Manufacturer": "Siemens Healthineers", "ImageType": ["ORIGINAL", "PRIMARY", "OTHER", "CT_SOM PROT"]},
        ),
        ("siemens/patient-protocol", {"Manufacturer": "SIEMENS", "SeriesDescription": "Patientenprotokoll"}),
        ("siemens/patient-protocol", {"Manufacturer": "SIEMENS", "SeriesDescription": "PATIENT PROTOCOL"}),
        (
            "toshiba/dose-information",
            {"Manufacturer": "TOSHIBA", "ImageType": ["DERIVED", "SECONDARY"], "WindowWidth": 1},
        ),
        ("toshiba/dose-information", {"Manufacturer": "CANON_MEC", "SeriesDescription": "SUMMARY"}),
        (
            "toshiba/dose-information",
            {"Manufacturer": "Canon Medical Systems", "ImageType": ["DERIVED", "SECONDARY"], "SeriesNumber": 1000},
        ),
        ("philips/dose-info", {"Manufacturer": "Philips", "SeriesDescription": "Dose Info"}),
        ("philips/dose-info", {"Manufacturer": "Philips", "ImageType": ["DERIVED", "SECONDARY", "DOSE_INFO"]}),
        ("philips/exam-summary", {"Manufacturer": "Philips", "SeriesDescription": "Exam Summary"}),
    ],
)
def test_a_layout_is_found_by_more_than_one_word_of_the_header(shipped, template, values):
    assert template in [each.name for each in shipped.candidates(header(**values))]


@pytest.mark.parametrize(
    "values",
    [
        {"Manufacturer": "GE MEDICAL SYSTEMS", "ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"], "SeriesNumber": 5},
        {"Manufacturer": "SIEMENS", "ImageType": ["DERIVED", "SECONDARY", "OTHER", "CT_SOM5 MIP"]},
        {"Manufacturer": "SIEMENS", "SeriesDescription": "Topogram  0.6  T20s"},
        {"Manufacturer": "TOSHIBA", "ImageType": ["DERIVED", "SECONDARY", "3D"], "WindowWidth": 1},
        {"Manufacturer": "TOSHIBA", "ImageType": ["DERIVED", "SECONDARY"], "WindowWidth": 400, "SeriesNumber": 3},
        {"Manufacturer": "Philips", "ImageType": ["DERIVED", "SECONDARY", "MPR"], "SeriesDescription": "Brain"},
        {"Manufacturer": "OTHER", "SeriesDescription": "Dose Report"},
    ],
)
def test_other_objects_of_the_makers_are_left_alone(shipped, values):
    assert shipped.candidates(header(**values)) == ()


@pytest.mark.parametrize(
    ("image_type", "name"),
    [("PATIENT_INFO", "patient information"), ("RESULTS", "results"), ("REF_SURVIEW", "surview")],
)
def test_the_companions_of_an_exam_summary_are_named(shipped, image_type, name):
    values = {"ImageType": ["DERIVED", "SECONDARY", image_type], "SeriesDescription": "Exam Summary"}
    assert shipped.companion(header(Manufacturer="Philips", **values)) == name
    assert shipped.companion(header(Manufacturer="OTHER", **values)) is None


# Places that follow the headings


def column(
    left: str, right: str = "next", heading: str | list[str] | None = None, kind: str = "decimal"
) -> dict[str, object]:
    made: dict[str, object] = {"left": left, "right": right, "type": kind}
    return made if heading is None else {**made, "heading": heading}


def table(**more: object) -> TableLayout:
    columns = {
        "series_number": column("0", kind="integer"),
        "mean_ctdivol": column("ctdivol.left - 8", heading="ctdivol"),
        "dlp": column("dlp.left - 8", heading="dlp"),
        "effective_dlp": column("eff.left - 8", heading="eff"),
    }
    area = {"left": "0", "top": "0", "right": "512", "bottom": "512"}
    return TableLayout.model_validate({"area": area, "columns": columns, **more})


def test_a_column_ends_where_the_next_one_begins_whatever_their_order():
    at = {"ctdivol": Box(100, 20, 150, 30), "dlp": Box(200, 20, 230, 30)}
    (columns,) = stack_of(table(), at)
    assert columns == {
        Quantity.SERIES_NUMBER: (0, 92),
        Quantity.MEAN_CTDIVOL: (92, 192),
        Quantity.DLP: (192, 512),
    }

    (columns,) = stack_of(table(), {"dlp": at["ctdivol"], "ctdivol": at["dlp"]})
    assert (columns[Quantity.DLP], columns[Quantity.MEAN_CTDIVOL]) == ((92, 192), (192, 512))


def test_stacked_headings_give_each_line_its_own_columns():
    at = {"ctdivol": Box(100, 20, 150, 30), "dlp": Box(200, 22, 230, 30), "eff": Box(120, 40, 160, 50)}
    first, second = stack_of(table(stacked="true"), at)

    assert first == {Quantity.SERIES_NUMBER: (0, 92), Quantity.MEAN_CTDIVOL: (92, 192), Quantity.DLP: (192, 512)}
    assert second == {Quantity.EFFECTIVE_DLP: (112, 512)}


def test_stacked_lines_need_a_first_column_without_heading():
    with pytest.raises(ValueError, match="its word begins the event"):
        TableLayout.model_validate(
            {
                "area": {"left": "0", "top": "0", "right": "9", "bottom": "9"},
                "columns": {"dlp": column("dlp.left", heading="dlp")},
                "stacked": "true",
            }
        )


def stacked(**columns: object) -> TableLayout:
    area = {"left": "0", "top": "0", "right": "512", "bottom": "9"}
    return TableLayout.model_validate({"area": area, "stacked": "true", "columns": columns})


def test_columns_of_stacked_rows_may_say_their_line_whatever_the_lines_of_the_heading():
    at = {"series": Box(0, 20, 40, 30), "dlp": Box(200, 20, 230, 30), "dlp_unit": Box(200, 34, 230, 44)}
    first, second = stack_of(
        stacked(
            series_number={**column("0", heading="series"), "right": "100", "line": "1"},
            dlp={**column("dlp.left - 8", heading=["dlp", "dlp_unit"]), "line": "1"},
            phantom={**column("0"), "type": "text", "line": "2"},
        ),
        at,
    )

    assert list(first) == [Quantity.SERIES_NUMBER, Quantity.DLP]
    assert list(second) == [Quantity.PHANTOM]


def test_a_line_without_stacked_rows_or_a_row_that_begins_on_its_second_line_is_refused():
    with pytest.raises(ValueError, match="only where rows are `stacked`"):
        table(columns={"series_number": {**column("0"), "line": "2"}})
    with pytest.raises(ValueError, match="the first column stands on the first line"):
        stacked(series_number={**column("0"), "line": "2"})


def test_next_is_no_left_edge():
    with pytest.raises(ValueError, match="is no edge"):
        parse_edge("next")


def test_an_edge_may_hang_on_the_center_of_a_heading():
    assert parse_edge("dlp.center - 5") == Edge(anchor="dlp", side="center", offset=-5)
    assert edge(Edge(anchor="dlp", side="center", offset=-5), {"dlp": Box(100, 0, 121, 9)}) == 105


@pytest.mark.parametrize(
    ("page", "size"),
    [
        ((512, 512), (512, 512)),
        ((1024, 1024), (512, 512)),
        ((700, 700), (512, 512)),
        ((860, 1132), (860, 1132)),
        ((400, 600), (512, 512)),
    ],
)
def test_a_larger_and_wider_page_keeps_its_size_where_the_template_says_so(page, size):
    assert ScreenSize(rows=512, columns=512, larger="kept").of(page) == size
    assert ScreenSize(rows=512, columns=512).of(page) == (512, 512)

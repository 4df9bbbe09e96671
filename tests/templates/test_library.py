"""Templates: what an author may write, where a mistake is shown, and which template a header gets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydicom import Dataset

from ocr_service.dose.quantities import Quantity
from ocr_service.errors import TemplateError, UsageError
from ocr_service.templates.checks import Sums
from ocr_service.templates.edges import Edge
from ocr_service.templates.library import check_examples, load_template, load_templates
from ocr_service.templates.schema import Template
from ocr_service.templates.shipped import shipped_templates
from ocr_service.templates.strict_yaml import MOST_BYTES
from tests.templates.pages import PAGE, written


def loaded(folder: Path, text: str = PAGE) -> Template:
    return load_template(written(folder, text), folder)


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(TemplateError) as raised:
        loaded(folder, text)
    return str(raised.value)


def line_of(text: str, words: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if words in line)


def header(**values: object) -> Dataset:
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def test_a_template_is_named_by_its_place_in_the_folder(tmp_path):
    assert loaded(tmp_path).name == "acme/dose"
    assert loaded(tmp_path).pages["dose"].anchors["dlp"].area.bottom == Edge(anchor="title", side="bottom", offset=40)


def test_numbers_stay_the_text_that_was_written(tmp_path):
    template = loaded(tmp_path)

    assert template.examples[0].dlp_total == "1.10"
    assert template.checks == (Sums(sum_of=Quantity.DLP, equals=Quantity.DLP_TOTAL, within="0.10"),)


def test_words_that_other_yaml_readers_turn_into_values_stay_words(tmp_path):
    text = PAGE.replace("[Head]", "[No, on, 1_000, 012, 1e3, null, ~, 2020-01-01]")

    assert loaded(tmp_path, text).choices["phantoms"]["head"] == (
        "No", "on", "1_000", "012", "1e3", "null", "~", "2020-01-01",
    )  # fmt: skip


MISTAKES = [
    ("title: Acme", "titel: Acme", "titel: there is no key 'titel' here; did you mean title?"),
    ("status: drawn", "status: drawm", "status: 'drawm' is not a word that may stand here; did you mean drawn?"),
    ("revision: 1", "revision: one", "revision: a whole number is expected here, not 'one'"),
    ("  Manufacturer: ACME*", "  Manufacturers: A", "match.Manufacturers: 'Manufacturers' is not a DICOM keyword; did"),
    ("  Manufacturer: ACME*", "  ReferencedImageSequence: A", "match.ReferencedImageSequence: ReferencedImageSequence"),
    ("{rows: 512,", "{rows: 0,", "screen.rows: Input should be greater than or equal to 1"),
    ("head: [Head]", "head: []", "choices.phantoms.head: at least one is expected here"),
    ("head: [Head]", "head: [body]", "choices.phantoms.body: the word 'Body' also means 'head'"),
    ("text: Dose,", "text: '',", "pages.dose.anchors.title.text: an empty text is no word"),
    ("dlp: {text: DLP, area", "dlp: {area", "pages.dose.anchors.dlp.text: the key 'text' is missing"),
    ("right: 200, bottom: title.bottom + 40", "right: 200, bottom: title.botom", "bottom: 'title.botom' is no edge"),
    ("left: 0, top: title.bottom,", "left: 200, top: title.bottom,", "area.right: right is not beyond left"),
    ("left: 0, top: 0, right: 200", "left: dlp.left, top: 0, right: 200", "title: the anchors"),
    ("left: dlp.right + 4", "left: dpl.right", "dlp_total.area.left: there is no anchor 'dpl'; did you mean dlp?"),
    ("      dlp_total:", "      dlp_totl:", "fields.dlp_totl: 'dlp_totl' is no quantity; did you mean dlp_total?"),
    ("        unit: mGy.cm", "        unit: mGy", "dlp_total.unit: the unit is mGy.cm, not 'mGy'"),
    ("        type: decimal", "        type: decimals", "dlp_total.type: 'decimals' is not a word that may stand here"),
    ("<protocol>", "<name>", "table.group: the pattern has no group `protocol`"),
    (r"'\d{1,4}\.\d'", r"'\d{1,4}.\d'", r"columns.dlp.pattern: '\\d{1,4}.\\d' has a point that fits any letter"),
    (r"'\d{1,4}\.\d'", r"'\d*'", r"columns.dlp.pattern: '\\d*' fits the empty text"),
    (r"'\d{1,4}\.\d'", r"'(\d'", r"columns.dlp.pattern: '(\\d' is no regular expression"),
    (r"'\d{1,4}\.\d'", r"'[[a]\d'", r"columns.dlp.pattern: '[[a]\\d' is no regular expression"),
    (r"'\d{1,4}\.\d'", "'(((a?){999}){999}){999}'", "columns.dlp.pattern: '(((a?){999}){999}){999}' repeats its parts"),
    ("heading: dlp}", "heading: dpl}", "columns.dlp.heading: there is no anchor 'dpl'; did you mean dlp?"),
    ("choices: phantoms}", "choices: phantom}", "phantom.choices: there is no list of choices 'phantom'; did you"),
    ("choices: phantoms}", "unit: cm, choices: phantoms}", "columns.phantom.unit: it has no unit, not 'cm'"),
    ("type: choice,", "type: choice, same_as_header: PatientId,", "same_as_header: 'PatientId' is not a DICOM keyword"),
    ("sum_of: dlp,", "sum_off: dlp,", "checks.0: there is no such check"),
    ("sum_of: dlp,", "sum_of: ssde,", "checks.0.sum_of: no page holds ssde"),
    ("equals: dlp_total", "equal: dlp_total", "checks.0.equal: there is no key 'equal' here; did you mean equals?"),
    ("within: 0.10", "within: half", "checks.0.within: 'half' is no number"),
    ("within: 0.10", "within: nan", "checks.0.within: 'nan' is no number"),
    ("{ImageType: PATIENT_INFO}", "{ImagType: P}", "companions.0.match.ImagType: 'ImagType' is not a DICOM keyword"),
    ("{ImageType: PATIENT_INFO}", "{}", "companions.0.match: this matches every object"),
    ("revision: 1", "revision:", "revision: there is no value"),
    ("revision: 1", "revision: 1\nname: other", "name: a template is named by its file"),
    ("title: Acme", "title: a\ntitle: Acme", "title: this key stands twice; line 1 has it too"),
    ("title: Acme", "title: &a Acme", "anchors and aliases are not allowed"),
    ("title: Acme", "title: !!str Acme", "tags are not allowed"),
    ("head: [Head]", "<<: {a: [Head]}", "merge keys are not allowed; use `extends`"),
    ("title: Acme", "title: \tAcme", "cannot start any token"),
    ("status: drawn", "status: drawn\n---", "expected a single document"),
    ("status: drawn", "status: {drawn", "this is no YAML we read"),
    ("title: Acme dose page", r'title: "\ud800"', "an escape here is half of a letter"),
    ("title: Acme dose page", r'title: "\UFFFFFFFF"', "out of bounds"),
    ("title: Acme", "title: \x07", "a character here is not allowed in YAML"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES, ids=[m[1].strip() or "none" for m in MISTAKES])
def test_a_mistake_stops_with_file_line_and_advice(tmp_path, right, wrong, said):
    assert right in PAGE
    text = PAGE.replace(right, wrong, 1)
    problem = complaint(tmp_path, text)

    assert said in problem
    assert re.match(r"acme/dose\.yaml:\d+: ", problem)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("        unit: mGy.cm", "        unit: mGy"),
        ("  Manufacturer: ACME*", "  Manufacturers: ACME*"),
        ("      dlp_total:", "      dlp_totl:"),
        ("  - {sum_of: dlp,", "  - {sum_of: ssde,"),
        ("        dlp: {left: 0,", "        dlp: {left: nowhere.left,"),
        ("    body: [Body]", "    body: [Body]\n    body: [Trunk]"),
        ("status: drawn", "status: &x drawn"),
        ("title: Acme dose page", "title: Acme\nscreen: 4\x07"),
    ],
)
def test_the_line_is_that_of_the_key(tmp_path, right, wrong):
    text = PAGE.replace(right, wrong)

    assert complaint(tmp_path, text).startswith(f"acme/dose.yaml:{line_of(text, wrong.splitlines()[-1])}: ")


@pytest.mark.parametrize("match", ["{}", '{Manufacturer: "*"}', '{Manufacturer: [ACME*, "*"]}', '{ImageType: "?*"}'])
def test_a_match_that_takes_every_object_is_refused(tmp_path, match):
    text = re.sub(r"match:\n  Manu.*\n  Image.*\n", f"match: {match}\n", PAGE)

    assert complaint(tmp_path, text).startswith("acme/dose.yaml:4: match: this matches every object")


def test_a_file_of_absurd_size_or_depth_or_encoding_is_refused(tmp_path):
    assert "larger than" in complaint(tmp_path, "#" * (MOST_BYTES + 1))
    assert "larger than" in complaint(tmp_path, "é" * MOST_BYTES)
    assert "nested deeper" in complaint(tmp_path, "a: " + "[" * 100_000)
    assert "is empty" in complaint(tmp_path, "# nothing\n")
    path = tmp_path / "latin.yaml"
    path.write_bytes(PAGE.encode() + "#\n# é".encode("latin-1"))
    with pytest.raises(TemplateError, match=rf"latin\.yaml:{PAGE.count(chr(10)) + 2}: the file is not UTF-8"):
        load_template(path, tmp_path)


CHILD = """extends: acme/dose
title: Acme Nine
match: {ManufacturerModelName: Nine*}
pages: {dose: {table: {columns: {dlp: {right: 90}}}}}
"""


def test_a_template_that_extends_another_says_only_what_differs(tmp_path):
    parent = loaded(tmp_path)
    child = load_template(written(tmp_path, CHILD, "acme/nine"), tmp_path)

    assert child.title == "Acme Nine"
    assert child.match == {**parent.match, "ManufacturerModelName": ("Nine*",)}
    table, its = parent.pages["dose"].table, child.pages["dose"].table
    assert table is not None
    assert its is not None
    assert its.columns.keys() == table.columns.keys()
    assert [column.right.offset for column in its.columns.values()] == [90, 160]
    assert child.checks == parent.checks


def test_a_list_of_the_extending_template_replaces_the_whole_list(tmp_path):
    written(tmp_path)
    text = CHILD.replace("{ManufacturerModelName: Nine*}", "{ImageType: [NINE]}")

    assert load_template(written(tmp_path, text, "acme/nine"), tmp_path).match["ImageType"] == ("NINE",)


def test_the_example_of_one_template_proves_no_other(tmp_path):
    written(tmp_path)
    written(tmp_path, CHILD, "acme/nine")

    assert check_examples(load_templates(tmp_path)) == ("acme/nine",)


def test_only_one_level_is_extended_and_only_what_exists(tmp_path):
    written(tmp_path)
    written(tmp_path, CHILD, "acme/nine")
    for parent, said in {
        "acme/nine": "acme/nine itself extends another",
        "acme/does": "there is no template 'acme/does'; did you mean acme/dose?",
        "acme/ten": "there is no template 'acme/ten'",
        "../acme/dose": "this is no template's name",
        "/etc/passwd": "this is no template's name",
        "[acme/dose]": "this is no template's name",
    }.items():
        path = written(tmp_path, CHILD.replace("acme/dose", parent), "acme/ten")
        with pytest.raises(TemplateError, match=re.escape(f"acme/ten.yaml:1: extends: {said}")):
            load_template(path, tmp_path)


def test_a_mistake_in_the_extended_page_is_shown_in_its_file(tmp_path):
    written(tmp_path, PAGE.replace("        type: decimal", "        type: number"))
    path = written(tmp_path, CHILD, "acme/nine")

    with pytest.raises(TemplateError, match=rf"^acme/dose\.yaml:{line_of(PAGE, '        type: decimal')}: pages\.dose"):
        load_template(path, tmp_path)


def test_a_later_folder_replaces_a_template_of_the_same_name(tmp_path):
    written(tmp_path / "shipped")
    written(tmp_path / "shipped", CHILD, "acme/nine")
    written(tmp_path / "site", PAGE.replace("revision: 1", "revision: 7"))

    library = load_templates(tmp_path / "shipped", tmp_path / "site")

    assert [(t.name, t.revision) for t in library.templates] == [("acme/dose", 7), ("acme/nine", 7)]


def test_a_site_may_extend_the_shipped_template_that_it_replaces(tmp_path):
    written(tmp_path / "shipped")
    written(tmp_path / "site", "extends: acme/dose\nrevision: 2\n")

    (template,) = load_templates(tmp_path / "shipped", tmp_path / "site").templates

    assert (template.title, template.revision) == ("Acme dose page", 2)


def test_nothing_is_left_out_silently(tmp_path):
    with pytest.raises(UsageError):
        load_templates(tmp_path / "nowhere")
    written(tmp_path).rename(tmp_path / "acme" / "dose.yml")
    with pytest.raises(TemplateError, match=r"acme/dose\.yml:1: .*rename"):
        load_templates(tmp_path)


def test_a_broken_link_or_a_folder_is_no_template(tmp_path):
    (tmp_path / "a.yaml").symlink_to(tmp_path / "gone")
    with pytest.raises(TemplateError, match=r"a\.yaml:1: the file cannot be read"):
        load_templates(tmp_path)


@pytest.mark.parametrize(
    ("manufacturer", "image_type", "fits"),
    [
        ("ACME", ["DERIVED", "SECONDARY", "SUMMARY"], True),
        ("Acme Medical", ["DERIVED", "SECONDARY", "SUMMARY"], True),
        ("ACME", "X DOSE Y", True),
        ("ACME", ["DERIVED", "SUMMARY2"], False),
        ("OTHER", ["DERIVED", "SUMMARY"], False),
        ("ACME", None, False),
        ("", ["DERIVED", "SUMMARY"], False),
    ],
)
def test_every_key_must_fit_by_any_of_its_patterns_and_any_of_its_values(tmp_path, manufacturer, image_type, fits):
    written(tmp_path)
    ds = header(Manufacturer=manufacturer)
    if image_type is not None:
        ds.ImageType = image_type

    assert bool(load_templates(tmp_path).candidates(ds)) is fits


def test_a_pattern_may_be_of_the_whole_of_several_values(tmp_path):
    written(tmp_path, PAGE.replace("SUMMARY]", r"'DERIVED\SECONDARY\SCREEN*']"))
    ds = header(Manufacturer="ACME", ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"])

    assert load_templates(tmp_path).candidates(ds)


def test_the_more_specific_template_comes_first(tmp_path):
    written(tmp_path)
    written(tmp_path, CHILD, "acme/nine")
    ds = header(Manufacturer="ACME", ImageType="DOSE", ManufacturerModelName="Nine S")

    assert [t.name for t in load_templates(tmp_path).candidates(ds)] == ["acme/nine", "acme/dose"]


def test_a_companion_page_is_named(tmp_path):
    written(tmp_path)
    library = load_templates(tmp_path)

    assert library.companion(header(Manufacturer="ACME", ImageType=["A", "PATIENT_INFO"])) == "patient page"
    assert library.companion(header(Manufacturer="ACME", ImageType="DOSE")) is None
    assert library.companion(header(Manufacturer="OTHER", ImageType="PATIENT_INFO")) is None


def test_explain_says_what_fits_and_what_does_not(tmp_path):
    written(tmp_path)
    (sentence,) = load_templates(tmp_path).explain(header(Manufacturer="ACME", ImageType=["A", "B"]))

    assert sentence == r"acme/dose does not match: Manufacturer fits; ImageType is 'A\\B', not like *DOSE* or SUMMARY"
    (sentence,) = load_templates(tmp_path).explain(header(Manufacturer="ACME", ImageType="DOSE"))
    assert sentence == "acme/dose matches: Manufacturer fits; ImageType fits"
    (sentence,) = load_templates(tmp_path).explain(header(Manufacturer="ACME"))
    assert sentence.endswith("ImageType is not in the header, like *DOSE* or SUMMARY")


@pytest.mark.parametrize("keyword", ["PatientName", "PatientID", "AccessionNumber", "OperatorsName", "PatientComments"])
def test_explain_never_quotes_what_the_header_says_of_a_person(tmp_path, keyword):
    written(tmp_path, PAGE.replace("  Manufacturer: ACME*", f"  {keyword}: ACME*"))
    (sentence,) = load_templates(tmp_path).explain(header(**{keyword: "Doe^Jane"}))

    assert f"{keyword} is not like ACME*" in sentence
    assert "Doe" not in sentence


def test_a_header_element_that_cannot_be_read_fits_nothing(tmp_path):
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    written(tmp_path, PAGE.replace("  Manufacturer: ACME*", '  Rows: "51?"'))
    rows = Tag("Rows")
    ds = Dataset({rows: RawDataElement(rows, "US", 3, b"\x01\x02\x03", 0, False, True)})
    ds.ImageType = "DOSE"

    assert load_templates(tmp_path).candidates(ds) == ()


def test_the_shipped_templates_load():
    names = [template.name for template in load_templates(shipped_templates()).templates]

    assert "ge/dose-report" in names
    assert "philips/exam-summary" in names


def test_a_shipped_template_that_extends_another_is_tried_before_it():
    ds = header(Manufacturer="SIEMENS", SeriesDescription="Patient Protocol")
    names = [template.name for template in load_templates(shipped_templates()).candidates(ds)]

    base = names.index("siemens/patient-protocol")
    assert {names.index(f"siemens/patient-protocol-{more}") < base for more in ("letters", "phantom-type")} == {True}

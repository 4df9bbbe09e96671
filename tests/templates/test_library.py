"""Templates are read strictly, and chosen by header."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from ocr_service.errors import TemplateError
from ocr_service.templates.library import load_template, load_templates
from ocr_service.templates.schema import Template
from ocr_service.templates.shipped import shipped_templates

PLAIN = """title: A page
status: drawn
revision: 1
match: {Manufacturer: GE*}
screen: {rows: 512, columns: 512}
pages:
  only:
    anchors:
      dlp: {text: DLP, area: {left: 0, top: 0, right: 10, bottom: 10}}
    fields:
      dlp_total:
        {type: decimal, unit: mGy.cm, pattern: '\\d+\\.\\d\\d', area: {left: dlp.left, top: 0, right: 9, bottom: 9}}
"""


def load(folder: Path, text: str) -> Template:
    (folder / "page.yaml").write_text(text, encoding="utf-8")
    return load_template(folder / "page.yaml", [folder])


def test_the_shipped_templates_load() -> None:
    names = [template.name for template in load_templates(shipped_templates()).templates]

    assert "ge/dose-report" in names
    assert "philips/exam-summary" in names


def test_a_template_that_extends_another_is_tried_before_it() -> None:
    header = Dataset()
    header.Manufacturer, header.SeriesDescription = "SIEMENS", "Patient Protocol"
    names = [template.name for template in load_templates(shipped_templates()).candidates(header)]

    assert names == ["siemens/patient-protocol-letters", "siemens/patient-protocol"]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("revision: 1", "revison: 1", r"page.yaml:3: revison: revison is not a key here; did you mean revision"),
        ("Manufacturer", "SoftwareVersion", r"page.yaml:4: .*SoftwareVersion is not a DICOM keyword; did you mean"),
        ("status: drawn", "status: drawn\nstatus: drawn", r"page.yaml:3: status: this key stands twice"),
        ("unit: mGy.cm", "unit: mGy", r"the unit is mGy.cm, not mGy"),
        (r"\d+\.\d\d", r"\d+.\d\d", r"a point that fits any letter"),
        (r"\d+\.\d\d", r"(\d+)?", r"fits the empty text"),
        ("dlp.left", "dpl.left", r"there is no anchor 'dpl'"),
        ("title: A page", "title: &a page", r"page.yaml:1: YAML anchors"),
        ("title: A page", "title: !!python/name:os.system x", r"page.yaml:1: YAML tags"),
    ],
    ids=["unknown key", "keyword", "twice", "unit", "point", "empty", "anchor", "yaml anchor", "tag"],
)
def test_a_mistake_in_a_template_is_named_with_file_line_and_advice(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    assert old in PLAIN
    with pytest.raises(TemplateError, match=complaint):
        load(tmp_path, PLAIN.replace(old, new, 1))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, len(PLAIN)), noise=st.text(st.characters(codec="utf-8"), max_size=12))
def test_any_mutated_template_loads_or_is_refused_by_name(tmp_path: Path, cut: int, noise: str) -> None:
    try:
        load(tmp_path, PLAIN[:cut] + noise + PLAIN[cut:])
    except TemplateError as error:
        complaint = str(error)
    else:
        complaint = "page.yaml: none"

    assert complaint.startswith("page.yaml:")

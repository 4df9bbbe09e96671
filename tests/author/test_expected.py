"""What a corrected report promises of screens, and how each mistake in it is told."""

import json
from pathlib import Path

import pytest

from ocr_service.author.expected import MOST_BYTES, Expected, expected_for, load_expected
from ocr_service.errors import UsageError

EVENT: dict[str, object] = {
    "series_number": "2", "acquisition_type": "116152004", "mean_ctdivol": "11.20", "dlp": "498.42", "phantom": "body",
    "scanning_range": None, "kvp": None, "proven": True,
}  # fmt: skip
UNIT: dict[str, object] = {
    "study_instance_uid": "1.2.3",
    "sop_instance_uids": ["1.2.3.4"],
    "dlp_total": "498.42",
    "events": [EVENT],
}


def expecting(folder: Path, *lines) -> Path:
    path = folder / "report.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def complaint(folder: Path, *lines) -> str:
    path = expecting(folder, *lines)
    with pytest.raises(UsageError) as raised:
        load_expected(path)
    return str(raised.value).removeprefix(str(path))


def test_a_line_of_a_report_says_what_its_unit_must_be_read_as(tmp_path):
    beside = {"outcome": "needs_review", "findings": [], "milliseconds": 4, "rdsr": None, "files": ["a.dcm"]}

    (one,) = load_expected(expecting(tmp_path, "", UNIT | beside))

    assert (one.study_instance_uid, one.sop_instance_uids, one.dlp_total) == ("1.2.3", ("1.2.3.4",), "498.42")
    assert [dict(event) for event in one.events] == [{k: v for k, v in EVENT.items() if k != "proven"}]
    assert one.line == 2
    assert one.values == 6


def test_units_that_state_no_value_are_left_out(tmp_path):
    unreadable = UNIT | {"study_instance_uid": None, "sop_instance_uids": [], "dlp_total": None, "events": []}

    assert [one.line for one in load_expected(expecting(tmp_path, unreadable, UNIT))] == [2]


def test_a_file_without_any_value_is_no_proof(tmp_path):
    assert "states no value" in complaint(tmp_path, UNIT | {"dlp_total": None, "events": []})


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"study_instance_uid": ', ":1: the line is no JSON at column"),
        ("[" * 100_000, ":1: the line is no JSON"),
        ("[1]", ":1: the line is no JSON object"),
        ('{"events": [], "events": []}', ":1: a key stands twice"),
        ({k: v for k, v in UNIT.items() if k != "dlp_total"}, ":1: a unit lacks dlp_total; write null"),
        (UNIT | {"events": [{k: v for k, v in EVENT.items() if k != "kvp"}]}, ":1: event 1 lacks kvp; write null"),
        (UNIT | {"dlp_totl": "1.0"}, ":1: a unit has no key 'dlp_totl'; did you mean dlp_total?"),
        (UNIT | {"events": [EVENT | {"dpl": "1.0"}]}, ":1: event 1 has no key 'dpl'"),
        (UNIT | {"events": [EVENT | {"dlp": 498.42}]}, ":1: dlp of event 1 is null or a text between quotes"),
        (UNIT | {"events": [EVENT | {"dlp": "498,42"}]}, ":1: dlp of event 1 is no number as printed"),
        (UNIT | {"events": [EVENT | {"phantom": "Body 32"}]}, ":1: phantom of event 1 is none of body, head"),
        (UNIT | {"events": [EVENT | {"acquisition_type": "spiral"}]}, ":1: acquisition_type of event 1 is none of"),
        (UNIT | {"events": "none"}, ":1: events is a list"),
        (UNIT | {"events": [1]}, ":1: event 1 is no JSON object"),
        (UNIT | {"sop_instance_uids": "1.2"}, ":1: sop_instance_uids is a list of texts"),
        (UNIT | {"study_instance_uid": None}, ":1: study_instance_uid must name the study"),
        ("x" * (MOST_BYTES + 1), f":1: a line has at most {MOST_BYTES} bytes"),
    ],
)
def test_a_mistake_is_told_by_file_and_line(tmp_path, line, told):
    assert complaint(tmp_path, line).startswith(told)


def test_two_lines_about_the_same_objects_are_refused(tmp_path):
    assert complaint(tmp_path, UNIT, UNIT).startswith(":2: line 1 speaks of the same objects")


def test_text_of_another_encoding_is_refused(tmp_path):
    path = tmp_path / "report.jsonl"
    path.write_bytes(json.dumps(UNIT).encode("utf-16"))

    with pytest.raises(UsageError, match=r"report.jsonl:1: the line is no UTF-8 text"):
        load_expected(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        load_expected(tmp_path / "none.jsonl")


def test_a_unit_finds_its_line_by_its_objects_before_its_study():
    whole, named = Expected("1.2.3", (), None, (), 1), Expected("1.2.3", ("1.2.3.4",), None, (), 2)
    other = Expected("9", ("9.1",), None, (), 3)

    assert expected_for([whole, named, other], "1.2.3", ["1.2.3.4", "1.2.3.5"]) is named
    assert expected_for([whole, named, other], "1.2.3", ["1.2.3.9"]) is whole
    assert expected_for([named, other], "1.2.3", ["1.2.3.9"]) is None

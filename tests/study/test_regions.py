"""The body region is coded from what headers say, and never guessed."""

from __future__ import annotations

import json
import pkgutil
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sr.codedict import codes

from ocr_service.study.header import target_region, with_target_regions
from ocr_service.study.regions import REGIONS
from tests.study.headers import read, report, row


def region(body_part=None, protocol=None, description=None, mapping=None):
    found = target_region(body_part, protocol, description, mapping or {})
    return None if found is None else found.meaning


def test_every_region_is_a_code_of_cid_4030():
    known = {concept.value for concept in codes.cid4030.concepts.values()}

    assert {value for value, _ in REGIONS.values()} <= known


def test_every_defined_term_has_the_code_that_another_library_gives_it():
    other = json.loads(pkgutil.get_data("highdicom", "_standard/anatomic_regions.json") or b"")

    assert {term: told for term, told in REGIONS.items() if list(told) != other[term][1:3]} == {}


@pytest.mark.parametrize(
    ("body_part", "meaning"),
    [
        ("CHEST", "Chest"),
        ("chest ", "Chest"),
        ("ABDOMEN_PELVIS", "Abdomen and Pelvis"),
        ("CHEST_TO_PELVIS", "Chest, Abdomen and Pelvis"),
        ("HEAD NECK", "Head and Neck"),
        ("WHOLEBODY", "Entire body"),
        ("C-SPINE", "Cervical spine"),
        ("LUNG", "Chest"),
        ("SOMETHING", None),
        ("", None),
    ],
)
def test_body_part_examined_is_a_region(body_part, meaning):
    assert region(body_part) == meaning


@pytest.mark.parametrize(
    ("protocol", "meaning"),
    [
        ("1A TRAUMA/PLAIN HEAD DM /Head", "Head"),
        ("5.8 TAP : 4 HELICES (SANS/THXABDO ART)", "Chest, Abdomen and Pelvis"),
        ("CT THORACO-ABDOMINAL", "Chest and Abdomen"),
        ("ThorRoutine", "Chest"),
        ("ThorAbd", "Chest and Abdomen"),
        ("ABD/PEL", "Abdomen and Pelvis"),
        ("Head_Seq", "Head"),
        ("Schädel nativ", "Head"),
        ("Abdomen/IH_KUB_2mm", "Abdomen and Pelvis"),
        ("L-SPINE", "Lumbar spine"),
        ("Lumbar spine 1mm", "Lumbar spine"),
        ("CT C SPINE", "Cervical spine"),
        ("CT spine", "Spine"),
        ("Knee and hand", None),
        ("Premonitoring", None),
    ],
)
def test_words_of_a_protocol_name_a_region(protocol, meaning):
    assert region(None, protocol) == meaning
    assert region(None, None, protocol) == meaning


def test_the_body_part_goes_before_the_protocol_and_that_before_the_description():
    assert region("KNEE", "Head", "Chest") == "Knee"
    assert region("?", "Head", "Chest") == "Head"
    assert region(None, "Premonitoring", "Chest") == "Chest"


def test_the_sites_mapping_goes_before_all():
    assert region("KNEE", "Polytrauma", None, {"poly*": "WHOLEBODY"}) == "Entire body"
    assert region("KNEE", None, None, {"kn*": "Thigh"}) == "Thigh"
    assert region("KNEE", None, None, {"kn*": "68367000"}) == "Thigh"


def test_events_without_a_region_are_a_note_and_those_with_one_keep_it():
    told, findings = with_target_regions(
        report(row("14", "5", protocol=read_protocol("Thorax")), row("1", "2")), None, {}
    )

    assert [event.target_region and event.target_region.meaning for event in told.events] == ["Chest", None]
    assert [found.where for found in findings] == ["row 2, target_region"]
    assert with_target_regions(told, "Head", {})[0].events[0] == told.events[0]


def read_protocol(text):
    return replace(read("1"), value=text, text=text)


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_is_a_region_or_none(one, other):
    found = target_region(one, other, None, {one: other})

    assert found is None or (found.value, found.meaning) in REGIONS.values()

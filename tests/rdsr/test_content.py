"""Content items say a number as it was printed, or that nobody told it."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_service.rdsr import codes
from ocr_service.rdsr.content import ContentItems
from ocr_service.rdsr.encoding import encode_dataset, encode_document
from ocr_service.rdsr.printed import decimal_string, one_line


def test_a_number_is_the_printed_string_and_has_no_floating_point_value():
    written = encode_dataset(ContentItems().num(codes.DLP, "274.90", codes.MGY_CM))

    assert b"\x40\x00\x0a\xa3DS\x06\x00274.90" in written  # (0040,A30A) Numeric Value
    assert b"\x40\x00\x61\xa1" not in written  # (0040,A161) Floating Point Value


def test_a_number_that_nobody_told_is_an_empty_measured_value_sequence_with_its_reason():
    written = encode_dataset(ContentItems().num(codes.DLP, None, codes.MGY_CM))

    assert b"\x40\x00\x00\xa3SQ\x00\x00\x00\x00\x00\x00" in written  # (0040,A300), length 0
    assert b"\x40\x00\x01\xa3SQ" in written  # (0040,A301) Numeric Value Qualifier Code Sequence
    assert b"114010" in written
    assert b"mGy" not in written


@pytest.mark.parametrize(
    ("value", "printed", "written"),
    [
        ("14", "14", "14"),
        ("274.9", "274.9", "274.9"),
        ("7.10", "7.10", "7.10"),
        ("71.37", "71.37S", "71.37"),  # the phantom's letter is no part of the number
        ("642.1", "642. 1", "642.1"),
        ("1234.5", "1,234.5", "1234.5"),
        ("0.5", ".5", ".5"),
        ("14", "15", "14"),  # the value is what was proven
        ("1E+3", "", "1000"),
        ("0.1234567890123456789", "", "0.12345678901235"),
        ("-402.5", "", "-402.5"),
    ],
)
def test_a_decimal_string_is_the_print_where_the_print_is_one(value, printed, written):
    assert decimal_string(Decimal(value), printed) == written


@pytest.mark.parametrize("value", ["NaN", "Infinity", "12345678901234567"])
def test_what_is_no_decimal_string_is_refused(value):
    with pytest.raises(ValueError, match=r"not a number|too long"):
        decimal_string(Decimal(value))


@given(st.decimals(min_value=-(10**14), max_value=10**14, allow_nan=False), st.text(max_size=20))
def test_a_decimal_string_fits_its_kind_and_is_the_value(value, printed):
    text = decimal_string(value, printed)

    assert len(text) <= 16
    assert abs(Decimal(text) - value) <= abs(value) * Decimal("1e-12") + Decimal("1e-12")


def test_printed_text_cannot_start_a_line_of_its_own():
    assert one_line(" S12\r\nUnproven:\t x\x00\u2028y ") == "S12 Unproven: x y"


def test_the_text_of_a_comment_comes_back_as_it_was_told():
    item = ContentItems().text(codes.COMMENT, "a\r\nb")

    assert item.TextValue == "a\r\nb"


def test_equal_items_are_one_object_and_items_that_differ_in_a_letter_are_not():
    one, other = ContentItems(), ContentItems()

    assert one.num(codes.DLP, "274.90", codes.MGY_CM) is other.num(codes.DLP, "274.90", codes.MGY_CM)
    assert one.num(codes.DLP, "274.90", codes.MGY_CM) is not other.num(codes.DLP, "274.9", codes.MGY_CM)
    assert one.num(codes.DLP, None, codes.MGY_CM) is not other.num(codes.MEAN_CTDIVOL, None, codes.MGY_CM)
    assert one.text(codes.COMMENT, "a") is not other.text(codes.COMMENT, "a", "HAS PROPERTIES")


def test_what_stands_above_an_item_of_one_document_is_of_that_document():
    items = ContentItems()
    named = [items.container(codes.CT_ACQUISITION, [items.uidref(codes.IRRADIATION_EVENT_UID, "1.2")]) for _ in "ab"]
    of_all = [items.container(codes.CT_DOSE, [items.num(codes.DLP, "1", codes.MGY_CM)]) for _ in "ab"]

    assert named[0] is not named[1]
    assert of_all[0] is of_all[1]


@pytest.mark.parametrize("letters", ["ISO_IR 100", "ISO_IR 192"])
def test_an_item_that_documents_of_unlike_letters_share_has_the_bytes_of_each(letters):
    """`Schädel` is one byte longer in UTF-8: bytes that one document left with the item would spoil the other."""
    items = ContentItems()
    inner = items.text(codes.COMMENT, "Schädel")
    for item in (inner, items.container(codes.CT_DOSE, [inner])):
        for character_set in ("ISO_IR 100", "ISO_IR 192", letters):
            assert encode_document(item, character_set) == encode_dataset(item, character_set)


def test_a_copy_that_was_changed_is_encoded_as_it_is_now():
    item = ContentItems().container(codes.CT_DOSE, [ContentItems().num(codes.DLP, "1", codes.MGY_CM)])
    encode_document(item)
    changed = deepcopy(item)
    changed.ContentSequence[0].MeasuredValueSequence[0].NumericValue = "2"

    assert b"DS\x02\x002 " in encode_dataset(changed)

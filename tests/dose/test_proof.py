"""The rules of proof: who must agree before a number is believed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_service.dose.proof import (
    PROOFS,
    NeedsReview,
    Proven,
    Unproven,
    Verified,
    arithmetic_text,
    prove,
    settle,
)
from ocr_service.dose.report import (
    CTDoseReport,
    Evidence,
    Scanner,
    Witness,
    WitnessKind,
    doubt,
    note,
)

ORDINARY = [kind for kind in WitnessKind if kind not in PROOFS]
TEXTS = st.text("0123456789.", min_size=1, max_size=7)
PPOCR, TESSERACT = WitnessKind.PPOCR, WitnessKind.TESSERACT


def evidence(*told: tuple[WitnessKind, str], broken: str = "") -> Evidence:
    return Evidence(witnesses=tuple(Witness(kind, text) for kind, text in told), broken_crop=broken)


@given(kind=st.sampled_from(ORDINARY), texts=st.lists(TEXTS, max_size=6))
def test_no_set_of_witnesses_of_one_kind_is_ever_a_proof(kind: WitnessKind, texts: list[str]) -> None:
    assert isinstance(settle(evidence(*((kind, text) for text in texts))), Unproven)


@given(text=TEXTS, kinds=st.lists(st.sampled_from(ORDINARY), min_size=2, max_size=2, unique=True))
def test_two_ordinary_witnesses_of_different_kinds_that_agree_prove(text: str, kinds: list[WitnessKind]) -> None:
    assert settle(evidence(*((kind, text) for kind in kinds))) == Proven(text)


@given(text=TEXTS, kind=st.sampled_from(PROOFS))
def test_a_person_or_a_registered_font_proves_alone(text: str, kind: WitnessKind) -> None:
    assert settle(evidence((kind, text))) == Proven(text)


@given(a=TEXTS, b=TEXTS)
def test_engines_that_differ_prove_nothing(a: str, b: str) -> None:
    verdict = settle(evidence((PPOCR, a), (TESSERACT, b)))

    assert isinstance(verdict, Proven) == (a == b)


def test_a_contradiction_of_engines_is_settled_by_a_witness_that_is_no_engine() -> None:
    told = evidence((PPOCR, "84.81"), (TESSERACT, "64.81"), (WitnessKind.ARITHMETIC, "84.81"))

    assert settle(told) == Proven("84.81")


def test_two_engines_against_the_letters_prove_nothing() -> None:
    told = evidence((PPOCR, "64.81"), (TESSERACT, "64.81"), (WitnessKind.LETTERS, "84.81"))

    assert isinstance(settle(told), Unproven)


@given(text=TEXTS)
def test_no_reader_is_believed_where_the_crop_is_not_whole(text: str) -> None:
    readers = [(kind, text) for kind in (PPOCR, TESSERACT, WitnessKind.LETTERS, WitnessKind.REGISTERED_FONT)]

    assert settle(evidence(*readers, broken="ink crosses the column's edge")) == Unproven(
        text, "ink crosses the column's edge"
    )


def test_small_letters_that_engines_read_one_way_and_another_need_a_witness_of_another_kind() -> None:
    """Both engines read 21.89 as 21.69 in letters of 8 px."""
    told = (Witness(PPOCR, "21.69"), Witness(TESSERACT, "21.69"))

    assert isinstance(settle(Evidence(witnesses=told, unsteady=True)), Unproven)
    assert settle(Evidence(witnesses=told)) == Proven("21.69")
    console = Witness(WitnessKind.CONSOLE_TEXT, "21.69")
    assert settle(Evidence(witnesses=(*told, console), unsteady=True)) == Proven("21.69")


def test_two_persons_who_differ_prove_nothing() -> None:
    assert isinstance(settle(evidence((WitnessKind.PERSON, "1"), (WitnessKind.PERSON, "2"))), Unproven)


@given(
    words=st.lists(st.integers(100, 99999).map(lambda n: f"{n / 100:.2f}"), min_size=1, max_size=6),
    seen=st.sampled_from("0123456789"),
    read_as=st.sampled_from("0123456789"),
)
def test_a_consistent_digit_swap_of_one_engine_is_never_proven(words: list[str], seen: str, read_as: str) -> None:
    """One engine that reads every 8 as 6 over a page meets one that does not."""
    for word in words:
        wrong = word.replace(seen, read_as)
        verdict = settle(evidence((PPOCR, word), (TESSERACT, wrong)))
        assert not (isinstance(verdict, Proven) and verdict.text != word)


@given(word=st.integers(100, 99999).map(lambda n: f"{n / 100:.2f}"))
def test_a_dropped_point_of_one_engine_is_never_proven(word: str) -> None:
    assert isinstance(settle(evidence((PPOCR, word), (TESSERACT, word.replace(".", "")))), Unproven)


@pytest.mark.parametrize(
    ("rows", "total", "needed"),
    [
        ([Decimal("2.2"), None], Decimal("277.1"), Decimal("274.9")),
        ([Decimal("2.2"), Decimal("274.9")], None, Decimal("277.1")),
        ([None, None], Decimal("277.1"), None),
        ([None], Decimal("274.9"), None),
        ([Decimal("274.9")], None, None),
        ([Decimal("2.2"), Decimal("274.9")], Decimal("277.1"), None),
    ],
    ids=["one row", "the total", "two unknown", "only row", "total of one row", "nothing unknown"],
)
def test_a_sum_vouches_only_for_its_one_unknown_number(
    rows: list[Decimal | None], total: Decimal | None, needed: Decimal | None
) -> None:
    assert arithmetic_text(rows, total) == needed


def test_a_note_leaves_a_report_verified_and_a_doubt_does_not() -> None:
    report = CTDoseReport("1.2.3", Scanner("MAKER", "MODEL"), ())

    assert isinstance(prove(report, [note("x", "a note")]), Verified)
    assert isinstance(prove(report, [note("x", "a note"), doubt("y", "a doubt")]), NeedsReview)

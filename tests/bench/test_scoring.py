"""The scorer finds what is wrong, and counts nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread

from bench import tables
from bench.accuracy import Task, judged
from bench.scoring import Answer, Expected, Told, rdsr_doses, same, score, truths

SAMPLES = Path(__file__).parents[2] / "sample_sc"
SCREENS = Path(__file__).parents[3] / "shared" / "screens"

from samples import HELICAL, SCOUT, Event  # noqa: E402 - found by bench, as its own modules find it

EXPECTED = Expected(
    (
        Event(series_number="1", acquisition_type=SCOUT),
        Event("2", HELICAL, "17.96", "742.38", "body", "S19.250-I347.500"),
    ),
    "742.38",
)


def told(event, proven=True):
    names = ("series_number", "acquisition_type", "mean_ctdivol", "dlp", "phantom", "scanning_range", "kvp")
    return {name: Told(getattr(event, name), proven) for name in names if getattr(event, name) is not None}


RIGHT = Answer(
    "verified", "742.38", tuple(told(event) for event in EXPECTED.events), (), ((None, None), ("17.96", "742.38"))
)


def with_value(name, text, *, row=1, proven=True):
    events = list(RIGHT.events)
    events[row] = {**events[row], name: Told(text, proven)}
    return replace(RIGHT, events=tuple(events))


def test_a_right_answer_has_nothing_wrong():
    result = score(EXPECTED, RIGHT)

    assert result.wrong == ()
    assert (result.rows, result.exact) == (2, 2)
    assert result.values == 2 * 4 + 1 + 3  # the doses, phantoms and types, the total, and what is described and proven


@pytest.mark.parametrize(
    "answer",
    [
        with_value("mean_ctdivol", "17.95"),
        with_value("dlp", "74238"),
        with_value("phantom", "head"),
        with_value("phantom", "body", row=0),
        with_value("acquisition_type", SCOUT),
        with_value("series_number", "3"),
        with_value("scanning_range", "I19.250-I347.500"),
        replace(RIGHT, dlp_total="742.39"),
        replace(RIGHT, dlp_total=None),
        replace(RIGHT, events=RIGHT.events[1:]),
        replace(RIGHT, events=(*RIGHT.events, RIGHT.events[1])),
        replace(RIGHT, rdsr=((None, None), ("17.96", "742.39"))),
        replace(RIGHT, rdsr=(("17.96", "742.38"),)),
    ],
    ids=lambda answer: "; ".join(score(EXPECTED, answer).wrong),
)
def test_a_planted_wrong_value_is_found(answer):
    assert score(EXPECTED, answer).wrong
    assert judged(Task("ge", "none", 0, 0, (), Path()), "75dpi/helvB14", answer, score(EXPECTED, answer)).bad


def test_a_described_value_that_is_not_proven_is_not_counted():
    assert score(EXPECTED, with_value("scanning_range", "S19.250-I347.600", proven=False)).wrong == ()


def test_numbers_are_equal_as_numbers_and_words_without_case():
    assert same("12.50", "12.5")
    assert same("Head 16", "head16")
    assert not same("12.5", "125")
    assert not same(None, "0")


def test_what_waits_for_a_person_is_not_wrong_yet():
    answer = replace(with_value("dlp", "1.00"), outcome="needs_review")

    assert judged(Task("ge", "none", 0, 0, (), Path()), "75dpi/helvB14", answer, score(EXPECTED, answer)).bad == ()


def test_a_wrong_value_that_counts_as_proven_is_told_even_where_the_report_waits():
    answer = replace(with_value("dlp", "1.00"), outcome="needs_review")
    read = judged(Task("ge", "none", 0, 0, (), Path()), "75dpi/helvB14", answer, score(EXPECTED, answer))
    unproven = replace(with_value("dlp", "1.00", proven=False), outcome="needs_review")

    assert read.near == ("row 2 dlp: '1.00' for '742.38'",)
    assert score(EXPECTED, unproven).proven == ()


def test_a_page_that_must_be_refused_is_bad_when_verified_however_right():
    read = judged(Task("ge", "total_digit", 0, 0, (), Path()), "75dpi/helvB14", RIGHT, score(EXPECTED, RIGHT))

    assert len(read.bad) == 1
    assert "total_digit" in tables.report([read])


def test_the_bound_is_three_by_n_and_only_where_none_was_wrong():
    read = judged(Task("ge", "none", 0, 0, (), Path()), "75dpi/helvB14", RIGHT, score(EXPECTED, RIGHT))

    assert "values: 0 wrong of 300, at most 1 % (95 %)" in tables.bound([replace(read, values=100)] * 3)
    assert "at most" not in tables.bound([replace(read, bad=("row 1",))])


def test_doses_are_read_from_an_rdsr_of_a_scanner():
    document = dcmread(SAMPLES / "ge/native_report/02.dcm")

    assert rdsr_doses(document) == ((None, None), ("7.86", "284.91"), ("9.14", "331.30"))


def test_every_sample_has_its_truth():
    found = truths(SAMPLES)

    assert {kind for kind, _ in found.values()} == {"ge", "siemens", "toshiba", "philips", "other"}
    assert sum(len(expected.events) for _, expected in found.values()) > 100


@pytest.mark.skipif(not SCREENS.is_dir(), reason="the shared screens are not here")
def test_the_other_way_to_write_a_truth_is_understood():
    expected = [expected for _, expected in truths(SCREENS / "plain").values()]

    assert len(expected) == 100
    assert {event.phantom for one in expected for event in one.events} == {"head", "body", None}
    assert None not in {event.acquisition_type for one in expected[:20] for event in one.events}

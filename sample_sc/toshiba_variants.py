"""Toshiba and Canon samples of rarer pages: headings in several lines, and expected values only.

Knows these pages and what stands on them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import encode
from headers import Console, Exam, Patient, Series, dose_screen
from letters import Canvas, Style, face
from samples import HELICAL, SCOUT, Event, Sample
from toshiba import LETTERS
from toshiba_studies import AQUILION, exam

GENESIS = Console("CANON", "Aquilion ONE GENESIS", "V10.6ER003", "CT25", "SAMPLE0025")
KURT = Patient("SAMPLE^KURT", "SAMPLE KURT", "63917402", "19571219", "M")
LENA = Patient("SAMPLE^LENA", "SAMPLE LENA", "17582096", "19860702", "F")
# Neither name nor number of the series tells: the image type has two values and the window is one wide.
PLAIN = Series(1000, "", ("DERIVED", "SECONDARY"))


@dataclass(frozen=True, slots=True)
class Scan:
    """One protocol with its type word and the texts under each line of headings."""

    protocol: str
    kind: str
    lines: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """One line of headings with the left edge of each."""

    names: tuple[str, ...]
    lefts: tuple[int, ...]


def _style() -> Style:
    return Style(face(LETTERS), point_left=True)


def _begin(it: Exam) -> Canvas:
    canvas = Canvas(512, 512)
    canvas.write(_style(), f"Patient ID: {it.patient.identifier}", 16, 14)
    canvas.write(_style(), f"Patient Name: {it.patient.printed}", 16, 32)
    return canvas


def _summary(it: Exam, total: str) -> Canvas:
    canvas = _begin(it)
    canvas.write(_style(), "<<Dose Information>>", 16, 82)
    canvas.write(_style(), total, 16, 108)
    canvas.write(_style(), "<<Contrast/Enhance Information>>", 16, 168)
    canvas.write(_style(), "1/2", 442, 491)
    return canvas


def _details(it: Exam, headings: tuple[Heading, ...], scans: tuple[Scan, ...]) -> Canvas:
    canvas = _begin(it)
    canvas.write(_style(), "<<Detail Information>>", 16, 58)
    y = 84
    for number, scan in enumerate(scans, start=1):
        canvas.write(_style(), f"{number}. {scan.protocol}", 16, y)
        for line, heading in enumerate(headings):
            for name, left in zip(heading.names, heading.lefts, strict=True):
                canvas.write(_style(), name, left, y + 18 * (1 + line))
        y += 18 * (1 + len(headings))
        canvas.write(_style(), scan.kind, 24, y)
        for line, (heading, texts) in enumerate(zip(headings, scan.lines, strict=True)):
            for left, text in zip(heading.lefts, texts, strict=True):
                if text:
                    canvas.write(_style(), text, left, y + 18 * line)
        y += 18 * len(headings) + 14
    canvas.write(_style(), "2/2", 442, 491)
    return canvas


def _files(it: Exam, series: Series, pages: tuple[Canvas, Canvas]) -> tuple[bytes, ...]:
    objects = (encode.two_values(dose_screen(it, series, n), one.pixels) for n, one in enumerate(pages, start=1))
    return tuple(encode.deflated(ds) for ds in objects)


STACKED = (
    Heading(("Exposure Time", "CTDIvol", "DLP", "Total mAs", "Eff.DLP(mGycm)"), (112, 212, 270, 316, 404)),
    Heading(("Dose Red. Mode", "Start Pos.", "End Pos."), (112, 226, 328)),
    Heading(("Tot. Dose Red.(%)",), (112,)),
)


def stacked() -> Sample:
    """Three lines of headings, three of values."""
    it = exam("stacked", KURT, GENESIS, 0, "CHEST")
    scans = (
        Scan("CHEST", "SCANOSCOPE", (("3.9", "-", "-", "38", "-"), ("-", "+18.0", "-312.0"), ("-",))),
        Scan("CHEST", "HELICAL_CT", (("5.7", "6.4", "271.9", "1482", "260.3"), ("AIDR", "+12.5", "-310.0"), ("41",))),
        Scan("ABDOMEN", "HELICAL_CT", (("6.2", "9.8", "436.5", "2290", "417.8"), ("AIDR", "-96.0", "-524.5"), ("38",))),
    )
    pages = (_summary(it, "Total DLP mGycm : 708.4"), _details(it, STACKED, scans))
    return Sample(
        it.key,
        "Headings in three lines, Eff.DLP beside DLP, one total, no phantom named; found by image type and window",
        "Deflated, two values under a window 0 / 1",
        "verified",
        _files(it, PLAIN, pages),
        it.study_instance_uid,
        "708.4",
        (
            Event(acquisition_type=SCOUT),
            Event(acquisition_type=HELICAL, mean_ctdivol="6.4", dlp="271.9"),
            Event(acquisition_type=HELICAL, mean_ctdivol="9.8", dlp="436.5"),
        ),
    )


EXPECTED = (
    Heading(("Total mAs", "Exposure Time", "CTDIvol.e(mGy)", "DLP.e(mGycm)"), (112, 194, 298, 408)),
    Heading(("Tot. Dose Red.", "Dose Red. Mode", "Modulation"), (112, 226, 340)),
)


def expected_only() -> Sample:
    """Expected values are no Mean CTDIvol and no DLP."""
    it = replace(exam("expected_only", LENA, AQUILION, 1, "ABDOMEN"), accession="90399120")
    scans = (
        Scan("ABDOMEN", "HELICAL_CT", (("1874", "8.3", "7.9(Body)", "318.6(Body)"), ("44", "AIDR", "XYZ"))),
        Scan("PELVIS", "HELICAL_CT", (("1523", "6.8", "8.6(Body)", "279.1(Body)"), ("40", "AIDR", "XYZ"))),
    )
    pages = (_summary(it, "DLP.e(mGycm)  (Head):-  (Body):597.7"), _details(it, EXPECTED, scans))
    return Sample(
        it.key,
        "Only expected values (`CTDIvol.e`, `DLP.e`): they are read as such and make no dose",
        "Deflated, two values under a window 0 / 1",
        "needs_review",
        _files(it, Series(9000, "SUMMARY", ("DERIVED", "SECONDARY")), pages),
        it.study_instance_uid,
        None,
        (Event(acquisition_type=HELICAL), Event(acquisition_type=HELICAL)),
    )

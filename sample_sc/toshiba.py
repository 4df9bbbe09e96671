"""Toshiba and Canon dose pages: a summary with one total a phantom, then pages of details.

Drawn from published descriptions of real pages. Knows the layout; must not know any one study.
"""

from __future__ import annotations

from dataclasses import dataclass

from headers import Exam
from letters import Canvas, Style, face, kanji
from samples import AXIAL, HELICAL, SCOUT, STATIONARY, Event

LETTERS = "misc/clR7x14"  # capitals of 9 px; square points, which other fonts of this pitch do not have

MEANINGS = {
    "SCANOSCOPE": SCOUT,
    "HELICAL_CT": HELICAL,
    "NORMAL": AXIAL,
    "DYNAMIC": STATIONARY,
    "VOLUME": STATIONARY,
}

UNITS_IN_HEADING = ("Total mAs", "Exposure Time", "CTDIvol(mGy)", "DLP(mGycm)")
NO_UNITS = ("Exposure Time", "CTDIvol", "DLP", "Total mAs")


@dataclass(frozen=True, slots=True)
class Scan:
    """One protocol line with its scan. `phantom` is `Head`, `Body` or empty; doses are empty or `-`."""

    protocol: str
    kind: str
    mas: str
    time: str
    ctdivol: str = "-"
    dlp: str = "-"
    phantom: str = ""

    @property
    def event(self) -> Event:
        """What the scan means."""
        return Event(
            acquisition_type=MEANINGS[self.kind],
            mean_ctdivol=None if self.ctdivol == "-" else self.ctdivol,
            dlp=None if self.dlp == "-" else self.dlp,
            phantom=self.phantom.lower() or None,
        )

    def cell(self, heading: str) -> str:
        """The text under one heading; doses carry their phantom in brackets."""
        name = heading.partition("(")[0]
        behind = f"({self.phantom})" if self.phantom else ""
        return {
            "Total mAs": self.mas,
            "Exposure Time": self.time,
            "CTDIvol": self.ctdivol + behind,
            "DLP": self.dlp + behind,
        }[name]


@dataclass(frozen=True, slots=True)
class Form:
    """How this console words and places its pages; `dlp_label` stands before the totals."""

    dlp_label: str = "DLP(mGycm)  "
    headings: tuple[str, str, str, str] = UNITS_IN_HEADING
    full: bool = False
    gap: str = ""


def _style() -> Style:
    return Style(face(LETTERS), point_left=True)


def _head(canvas: Canvas, style: Style, exam: Exam) -> None:
    canvas.write(style, f"Patient ID: {exam.patient.identifier}", 16, 14)
    canvas.write(style, f"Study ID: {exam.number}", 300, 14)


def summary(
    exam: Exam,
    scans: tuple[Scan, ...],
    totals: dict[str, str],
    pages: int,
    form: Form,
    style: Style | None = None,
) -> Canvas:
    """Draw page 1: who, the totals of `Head` and `Body` ("-" where there is none), contrast."""
    canvas = Canvas(512, 512)
    style = style or _style()
    _head(canvas, style, exam)
    y = _patient(canvas, style, exam, form)
    canvas.write(style, "<<Dose Information>>", 16, y)
    if form.full:
        mas = sum(int(scan.mas) for scan in scans)
        seconds = sum(round(10 * float(scan.time)) for scan in scans)
        canvas.write(style, f"Total mAs in Study:{mas}", 16, y + 24)
        canvas.write(style, f"Total Scan time in Study:{seconds / 10:.1f}", 269, y + 24)
        y += 20
    y += 26
    canvas.write(style, f"{form.dlp_label}(Head):{form.gap}{totals['Head']}", 16, y)
    canvas.write(style, f"(Body):{form.gap}{totals['Body']}", 269, y)
    y += 60
    canvas.write(style, "<<Contrast/Enhance Information>>", 16, y)
    if form.full:
        canvas.write(style, "Contrast Enhance:None", 16, y + 24)
    canvas.write(style, f"1/{pages}", 442, 491)
    return canvas


def _patient(canvas: Canvas, style: Style, exam: Exam, form: Form) -> int:
    """Write the patient's lines and return the row of the dose heading."""
    if not form.full:
        canvas.write(style, f"Patient Name: {exam.patient.printed}", 16, 32)
        return 82
    canvas.write(style, f"Patient Name (Country): {exam.patient.printed}", 16, 34)
    _, right = canvas.write(style, "Patient Name (Multi-byte):", 16, 54)
    groups = exam.patient.name.split("=")
    if len(groups) > 1:
        letters = Style(kanji("misc/k14"))
        canvas.write(letters, groups[1].replace("^", ""), right + 12, 52)
    canvas.write(style, f"Sex: {exam.patient.sex}", 16, 74)
    canvas.write(style, f"Birth Date {exam.patient.birth_date}", 160, 74)
    canvas.write(style, "Height(cm):", 16, 94)
    canvas.write(style, "Weight(kg):", 160, 94)
    canvas.write(style, "Referring Physician:", 16, 114)
    canvas.write(style, f"Body Part: {exam.description}", 16, 134)
    canvas.write(style, f"Study Date {exam.date}", 16, 154)
    canvas.write(style, "Image Comments:", 16, 174)
    return 210


def details(
    exam: Exam, scans: tuple[Scan, ...], first: int, marker: str, form: Form, style: Style | None = None
) -> Canvas:
    """Draw a page of details; its scans are numbered from `first`."""
    canvas = Canvas(512, 512)
    style = style or _style()
    _head(canvas, style, exam)
    canvas.write(style, f"Patient Name: {exam.patient.printed}", 16, 32)
    canvas.write(style, "<<Detail Information>>", 16, 58)
    lefts = (130, 210, 316, 416)
    if form.headings == NO_UNITS:
        lefts = (130, 236, 330, 430)
    y = 86
    for number, scan in enumerate(scans, start=first):
        canvas.write(style, f"{number}. {scan.protocol}", 16, y)
        for left, heading in zip(lefts, form.headings, strict=True):
            canvas.write(style, heading, left, y + 20)
            canvas.write(style, scan.cell(heading), left, y + 40)
        canvas.write(style, scan.kind, 30, y + 40)
        y += 79
    canvas.write(style, marker, 442, 491)
    return canvas

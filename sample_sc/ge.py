"""GE dose report pages: six centred columns under a title, the page marker at the bottom.

Drawn from published descriptions of real pages. Knows the layout; must not know any one study.
"""

from __future__ import annotations

from dataclasses import dataclass

from headers import Exam, Series
from letters import Canvas, Style, face
from samples import AXIAL, HELICAL, SCOUT, STATIONARY, Event

NORMAL = "75dpi/helvB14"  # capitals of 11 px
SMALL = "75dpi/helvB12"  # capitals of 9 px

SCREEN_SAVE = ("DERIVED", "SECONDARY", "SCREEN SAVE")
DOSE_REPORT = Series(999, "Dose Report", SCREEN_SAVE)


@dataclass(frozen=True, slots=True)
class Words:
    """The fixed words of one language; each column has its heading and the line under it."""

    labels: tuple[str, str, str, str, str]
    title: str
    columns: tuple[tuple[str, str], ...]
    total: tuple[str, str]


ENGLISH = Words(
    ("Patient Name:", "Accession Number:", "Patient ID:", "Exam Description:", "Exam no:"),
    "Dose Report",
    (
        ("Series", ""),
        ("Type", ""),
        ("Scan Range", "(mm)"),
        ("CTDIvol", "(mGy)"),
        ("DLP", "(mGy-cm)"),
        ("Phantom", "cm"),
    ),
    ("Total", "Exam DLP:"),
)

FRENCH = Words(
    ("Nom du patient:", "Numéro d'accès:", "ID patient:", "Description examen:", "No examen:"),
    "Rapport de dose",
    (
        ("Série", ""),
        ("Type", ""),
        ("Étendue", "(mm)"),
        ("CTDIvol", "(mGy)"),
        ("PDL", "(mGy-cm)"),
        ("Fantôme", "cm"),
    ),
    ("Total", "PDL examen:"),
)


@dataclass(frozen=True, slots=True)
class Grid:
    """Where things stand: middles of the columns, first line of the title, distance of lines."""

    middles: tuple[int, ...] = (33, 99, 204, 304, 379, 461)
    title: int = 101
    pitch: int = 17
    right_block: int = 330
    face: str = NORMAL


BRIVO = Grid(middles=(32, 102, 188, 284, 373, 465), title=99, pitch=16, right_block=388, face=SMALL)
SHIFTED = Grid(middles=(37, 103, 208, 308, 383, 465), title=108, right_block=334)


@dataclass(frozen=True, slots=True)
class Row:
    """One printed row. A dash stands where the console has no value."""

    series: str
    kind: str = "Scout"
    span: str = "-"
    ctdivol: str = "-"
    dlp: str = "-"
    phantom: str = "-"

    @property
    def event(self) -> Event:
        """What the row means."""
        values = (self.span, self.ctdivol, self.dlp)
        span, ctdivol, dlp = (None if text == "-" else text for text in values)
        size = self.phantom[-2:]
        return Event(
            series_number=self.series,
            acquisition_type=_meaning(self.kind, self.span),
            mean_ctdivol=ctdivol,
            dlp=dlp,
            phantom={"16": "head", "32": "body"}.get(size),
            scanning_range=span,
        )


def _meaning(kind: str, span: str) -> str:
    if kind == "Scout":
        return SCOUT
    if kind in ("Helical", "Hélicoïdal", "Cardiac Helical"):
        return HELICAL
    start, _, end = span.partition("-")
    if kind == "Axial" and start != end:
        return AXIAL
    return STATIONARY


def page(
    exam: Exam,
    rows: tuple[Row, ...],
    total: str | None,
    marker: str = "1/1",
    *,
    words: Words = ENGLISH,
    grid: Grid = Grid(),
    printed_id: str | None = None,
    style: Style | None = None,
) -> Canvas:
    """Draw one page of 512 x 512; `total` is None on a page that does not end the examination."""
    canvas = Canvas(512, 512)
    style = style or Style(face(grid.face), space=5)
    _heading(canvas, style, exam, words, grid, printed_id or exam.patient.identifier)
    canvas.write(style, words.title, 256, grid.title, at="middle")
    y = grid.title + 27
    for middle, (name, unit) in zip(grid.middles, words.columns, strict=True):
        canvas.write(style, name, middle, y, at="middle")
        if unit:
            canvas.write(style, unit, middle, y + grid.pitch - 1, at="middle")
    y += 2 * grid.pitch + 2
    for row in rows:
        cells = (row.series, row.kind, row.span, row.ctdivol, row.dlp, row.phantom)
        for middle, text in zip(grid.middles, cells, strict=True):
            canvas.write(style, text, middle, y, at="middle")
        y += grid.pitch
    if total is not None:
        canvas.write(style, words.total[0], grid.middles[2], y + 4, at="middle")
        canvas.write(style, words.total[1], grid.middles[3] + 33, y + 4, at="right")
        canvas.write(style, total, grid.middles[4], y + 4, at="middle")
    canvas.write(style, marker, 256, 488, at="middle")
    return canvas


def _heading(canvas: Canvas, style: Style, exam: Exam, words: Words, grid: Grid, printed_id: str) -> None:
    values = (exam.patient.printed, exam.accession, printed_id, exam.description)
    for number, (label, text) in enumerate(zip(words.labels, values, strict=False)):
        canvas.write(style, f"{label} {text}", 10, 9 + number * (grid.pitch - 1))
    day = f"{int(exam.date[6:])} {_MONTHS[int(exam.date[4:6]) - 1]} {exam.date[:4]}"
    right = (day, f"{words.labels[4]} {exam.number}", exam.console.model)
    for number, text in enumerate(right):
        canvas.write(style, text, grid.right_block, 9 + number * (grid.pitch - 1))


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

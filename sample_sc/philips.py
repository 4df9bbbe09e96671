"""Philips dose pages: the older Dose Info, and Exam Summary with its companion pages.

Laid out after published descriptions and a public phantom study. Knows the layouts; must not know
any one study.
"""

from __future__ import annotations

from dataclasses import dataclass

from headers import Exam, Series
from letters import Canvas, Style, face
from samples import AXIAL, HELICAL, SCOUT, Event

MEANINGS = {"Surview": SCOUT, "Helical": HELICAL, "Axial": AXIAL}

Colour = tuple[int, int, int]
NAVY: Colour = (21, 39, 64)
RULE: Colour = (128, 128, 128)
HEADING: Colour = (223, 223, 223)
TEXT: tuple[Colour, Colour] = ((210, 210, 210), (245, 245, 245))
"""Rows alternate between two greys."""


def exam_summary_series(kind: str, comments: str, burned_in: str | None) -> Series:
    """The series 401 of Exam Summary; `kind` is the third value of Image Type."""
    return Series(401, "Exam Summary", ("DERIVED", "SECONDARY", kind), comments=comments, burned_in=burned_in)


@dataclass(frozen=True, slots=True)
class Row:
    """One printed row; `phantom` is HEAD 16 CM or BODY 32 CM, of which older pages print the size."""

    number: str
    label: str
    mode: str
    mas: str
    kv: str
    ctdivol: str
    dlp: str
    phantom: str

    @property
    def event(self) -> Event:
        """What the row means."""
        return Event(
            series_number=self.number,
            acquisition_type=MEANINGS[self.mode],
            mean_ctdivol=self.ctdivol,
            dlp=self.dlp,
            phantom=self.phantom[:4].lower(),
            kvp=self.kv,
        )


_OLDER_COLUMNS = (
    ("#", "", 20),
    ("Label", "", 70),
    ("Mode", "", 170),
    ("mAs", "", 250),
    ("kV", "", 300),
    ("CTDI", "[mGy]", 360),
    ("DLP", "[mGy*cm]", 426),
    ("PH", "[cm]", 490),
)


def dose_info(
    rows: tuple[Row, ...],
    total: str,
    heading: Colour | None = None,
    shift: tuple[int, int] = (0, 0),
    style: Style | None = None,
) -> Canvas:
    """Draw the older page, 512 x 512, with fixed-pitch letters; `heading` makes it a colour page."""
    canvas = Canvas(512, 512, colour=heading is not None)
    style = style or Style(face("75dpi/courR14"))
    right, down = shift
    words: int | Colour = heading or 255
    body: int | Colour = (255, 255, 255) if heading else 255
    canvas.write(style, "Dose Info", 8 + right, 14 + down, level=words)
    canvas.write(style, f"Total DLP: {total} mGy*cm", 8 + right, 42 + down, level=body)
    for name, unit, middle in _OLDER_COLUMNS:
        canvas.write(style, name, middle + right, 82 + down, at="middle", level=words)
        if unit:
            canvas.write(style, unit, middle + right, 100 + down, at="middle", level=words)
    y = 126 + down
    for row in rows:
        size = row.phantom.split()[1]
        cells = (row.number, row.label, row.mode, row.mas, row.kv, row.ctdivol, row.dlp, size)
        for text, (_, _, middle) in zip(cells, _OLDER_COLUMNS, strict=True):
            canvas.write(style, text, middle + right, y, at="middle", level=body)
        y += 20
    return canvas


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an Exam Summary table: its words, its cell x0 to x1, where its values begin."""

    heading: tuple[str, ...]
    x0: int
    x1: int
    value: int


DOSE_COLUMNS = (
    Column(("#",), 4, 23, 6),
    Column(("Scan Label",), 28, 166, 30),
    Column(("Scan", "Mode"), 171, 242, 173),
    Column(("mAs",), 247, 292, 249),
    Column(("kV",), 297, 326, 299),
    Column(("CTDIvol", "[mGy]"), 331, 406, 333),
    Column(("DLP", "[mGy*cm]"), 411, 506, 413),
    Column(("Phantom Type", "[cm]"), 511, 645, 513),
)

RESULT_COLUMNS = (
    Column(("#",), 4, 34, 6),
    Column(("Scan Type",), 39, 174, 41),
    Column(("# Images",), 179, 308, 181),
    Column(("Body Part",), 313, 442, 315),
    Column(("Protocol Group",), 447, 645, 449),
)


class Summary:
    """A page of Exam Summary, 650 columns wide, in colour."""

    def __init__(self, rows: int, style: Style | None = None) -> None:
        self.canvas = Canvas(rows, 650, colour=True)
        self.style = style or Style(face("100dpi/helvR12"), space=5)

    def bar(self, text: str, y: int) -> None:
        """Draw a navy bar over the whole width, its text in the middle."""
        self.canvas.fill((4, y, 645, y + 31), NAVY)
        self.canvas.write(self.style, text, 325, y + 10, at="middle", level=HEADING)

    def pairs(self, texts: tuple[tuple[str, str], ...], y: int) -> None:
        """Write labels and values, 27 px apart."""
        for number, (label, value) in enumerate(texts):
            level = TEXT[number % 2]
            self.canvas.write(self.style, label, 6, y + 27 * number, level=level)
            if value:
                self.canvas.write(self.style, value, 329, y + 27 * number, level=level)

    def headings(self, columns: tuple[Column, ...], y: int, height: int) -> None:
        """Draw the header cells of a table; between them stand four columns with grey edges."""
        for column in columns:
            self.canvas.fill((column.x0, y, column.x1, y + height - 1), NAVY)
            if column.x1 < 645:
                for edge in (column.x1 + 1, column.x1 + 4):
                    self.canvas.fill((edge, y, edge, y + height - 1), RULE)
            middle = (column.x0 + column.x1 + 1) // 2
            first = y + (13 if len(column.heading) == 1 else 3) - (40 - height) // 2
            for number, word in enumerate(column.heading):
                self.canvas.write(self.style, word, middle, first + 20 * number, at="middle", level=HEADING)

    def body(self, columns: tuple[Column, ...], lines: tuple[tuple[str, ...], ...], y: int) -> None:
        """Write the rows of a table, 25 px apart, a grey rule under each."""
        for number, line in enumerate(lines):
            for column, text in zip(columns, line, strict=True):
                if text:
                    self.canvas.write(self.style, text, column.value, y + 25 * number, level=TEXT[number % 2])
            rule = y + 19 + 25 * number
            self.canvas.fill((4, rule, 645, rule), RULE)


def dose_page(exam: Exam, rows: tuple[Row, ...], total: str, style: Style | None = None) -> Canvas:
    """Draw the dose page of Exam Summary, 512 x 650."""
    page = Summary(512, style)
    page.bar("Exam Information", 4)
    hour, half = int(exam.time[:2]), "AM" if int(exam.time[:2]) < 12 else "PM"
    day = f"{exam.date[6:]}/{exam.date[4:6]}/{exam.date[:4]}"
    when = f"{day} {(hour - 1) % 12 + 1}:{exam.time[2:4]} {half}"
    page.pairs((("Study ID", exam.number), ("Time", when), ("Total DLP", f"{total} mGy*cm")), 44)
    page.bar("Dose", 260)
    page.headings(DOSE_COLUMNS, 296, 40)
    lines = tuple((r.number, r.label, r.mode, r.mas, r.kv, r.ctdivol, r.dlp, r.phantom) for r in rows)
    page.body(DOSE_COLUMNS, lines, 343)
    return page.canvas


def patient_page(exam: Exam) -> Canvas:
    """Draw the companion page Patient Information, 741 x 650."""
    page = Summary(741)
    page.bar("Patient Information", 4)
    family, _, given = exam.patient.name.partition("^")
    texts = (
        ("Patient ID", exam.patient.identifier),
        ("Last Name", family),
        ("Middle Name", ""),
        ("First Name", given),
        ("Gender", {"F": "Female", "M": "Male"}.get(exam.patient.sex, "Other")),
        ("Date of Birth", ""),
        ("Age", ""),
        ("Age Group", "Adult"),
        ("Patient's Weight [kgs]", ""),
        ("Patient's Height [m]", ""),
        ("Referring Physician", ""),
        ("Accession Number", exam.accession),
        ("Requested Procedure", exam.description),
        ("Voice Language", "English"),
        ("Medical Alerts", ""),
        ("Pregnancy Status", "Pregnancy Status Unknown"),
        ("Patient Comments", ""),
        ("Patient Position", "HFS"),
    )
    page.pairs(texts, 44)
    return page.canvas


def results_page(lines: tuple[tuple[str, ...], ...]) -> Canvas:
    """Draw the companion page Results, 512 x 650."""
    page = Summary(512)
    page.bar("Results", 4)
    page.headings(RESULT_COLUMNS, 40, 22)
    page.body(RESULT_COLUMNS, lines, 69)
    return page.canvas

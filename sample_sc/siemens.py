"""Siemens patient protocol pages: the older one of CT_SOM5 scanners, and that of syngo CT VA40A.

Drawn from published descriptions of real pages. Knows the layouts; must not know any one study.
"""

from __future__ import annotations

from dataclasses import dataclass

from headers import Exam, Series
from letters import Canvas, Style, face
from samples import SCOUT, Event

OLDER = Series(501, "Patient Protocol", ("DERIVED", "SECONDARY", "OTHER", "CT_SOM5 PROT"))
VA40A = Series(501, "Patient Protocol", ("ORIGINAL", "PRIMARY", "OTHER", "CT_SOM PROT"))

PHANTOMS = {"L": "body", "S": "head", "(a)": "body", "(b)": "head"}


@dataclass(frozen=True, slots=True)
class Row:
    """One printed row; an empty text leaves its column blank. `letter` stands behind CTDIvol."""

    name: str
    scan: str
    kv: str
    mas: str = ""
    reference: str = ""
    ctdivol: str = ""
    letter: str = ""
    dlp: str = ""
    ti: str = ""
    csl: str = ""
    ssde: str = ""
    diameter: str = ""

    @property
    def event(self) -> Event:
        """What the row means: a protocol's name tells no type, except Topogram."""
        return Event(
            series_number=self.scan,
            acquisition_type=SCOUT if self.name == "Topogram" else None,
            mean_ctdivol=self.ctdivol or None,
            dlp=self.dlp or None,
            phantom=PHANTOMS.get(self.letter),
            kvp=self.kv,
        )


@dataclass(frozen=True, slots=True)
class Form:
    """How this console words its page. `totals` are the two texts of the totals line."""

    totals: tuple[str, str]
    ctdivol: str = "CTDIvol"
    footer: str = ""
    banner: bool = True
    pitch: int = 13
    shift: tuple[int, int] = (0, 0)


HEADINGS = (("Scan", 147), ("KV", 187), ("DLP", 387), ("TI", 437), ("cSL", 487))
UNITS = (("mGy", 327), ("mGycm", 387), ("s", 437), ("mm", 487))


def page(exam: Exam, lines: tuple[Row | str, ...], form: Form, style: Style | None = None) -> Canvas:
    """Draw the older page, 512 x 512; a text among the rows is a line of its own."""
    canvas = Canvas(512, 512)
    put = _Pen(canvas, style or Style(face("75dpi/helvR12"), space=5), form.shift)
    _banner(put, exam, form.banner)
    for number, label in enumerate(("Ward:", "Physician:", "Operator:")):
        put(label, 12, 56 + 12 * number, "left")
    put(form.totals[0], 12, 104, "left")
    put(form.totals[1], 160, 104, "left")
    for text, x in HEADINGS:
        put(text, x, 128)
    put("mAs", 234, 128)
    put("/", 247, 128)
    put("ref.", 273, 128)
    put(form.ctdivol, 328 if form.ctdivol == "CTDIvol" else 333, 128)
    for text, x in UNITS:
        put(text, x, 140)
    y = 157
    for line in lines:
        if isinstance(line, str):
            put(line, 12, y, "left")
        else:
            _row(put, line, y)
        y += form.pitch
    put(form.footer, 12, 480, "left")
    return canvas


@dataclass(frozen=True, slots=True)
class _Pen:
    """Writes texts on one canvas, moved by `shift`; nothing where the text is empty."""

    canvas: Canvas
    style: Style
    shift: tuple[int, int] = (0, 0)

    def __call__(self, text: str, x: int, y: int, at: str = "right") -> None:
        if text:
            self.canvas.write(self.style, text, x + self.shift[0], y + self.shift[1], at=at)


def _banner(put: _Pen, exam: Exam, full: bool) -> None:
    month = _MONTHS[int(exam.date[4:6]) - 1]
    when = f"{exam.date[6:]}-{month}-{exam.date[:4]} {exam.time[:2]}:{exam.time[2:4]}"
    if not full:  # the viewer paints the patient; the page begins with the date
        put(when, 12, 8, "left")
        return
    put(exam.console.institution, 12, 8, "left")
    put(exam.console.model, 498, 8)
    put(exam.patient.printed, 12, 22, "left")
    put(when, 498, 22)
    put(exam.patient.identifier, 12, 36, "left")


def _row(put: _Pen, row: Row, y: int) -> None:
    put(row.name, 12, y, "left")
    put(row.scan, 147, y)
    put(row.kv, 187, y)
    put(row.mas, 229 if row.mas.endswith("mA") else 221, y)
    if row.reference:
        put("/" + row.reference, 232, y, "left")
    put(row.ctdivol + row.letter, 328, y)
    put(row.dlp, 387, y)
    put(row.ti, 437, y)
    put(row.csl, 487, y)


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_VA40A_HEADINGS = (
    ("Scan", "", 171),
    ("IQ Level", "", 236),
    ("kV", "", 291),
    ("eff.", "mAs", 340),
    ("CTDIvol*", "mGy", 389),
    ("DLP", "mGycm", 433),
    ("SSDE", "mGy", 471),
    ("Dw", "cm", 508),
)


def page_va40a(exam: Exam, rows: tuple[Row, ...], mas_total: str, dlp_total: str, style: Style | None = None) -> Canvas:
    """Draw the VA40A page, 512 x 512; the console keeps it in an overlay plane."""
    canvas = Canvas(512, 512)
    put = _Pen(canvas, style or Style(face("75dpi/helvR10"), space=4))
    when = f"{exam.date[6:]}/{exam.date[4:6]}/{exam.date[:4]} {exam.time[:2]}:{exam.time[2:4]}"
    for text, y in ((when, 73), ("Ward:", 101), ("Physician:", 115), ("Operator:", 129)):
        put(text, 6, y, "left")
    put(f"Total mAs: {mas_total}", 6, 157, "left")
    put(f"Total DLP: {dlp_total}", 152, 157, "left")
    for name, unit, x in _VA40A_HEADINGS:
        put(name, x, 171)
        put(unit, x, 185)
    put("Patient Position HFS", 6, 213, "left")
    for number, row in enumerate(rows):
        y = 227 + 14 * number
        put(row.name, 6, y, "left")
        cells = ((row.scan, 171), (row.reference, 236), (row.kv, 291), (row.mas, 340), (row.ctdivol, 377))
        for text, x in (*cells, (row.letter, 389), (row.dlp, 433), (row.ssde, 471), (row.diameter, 508)):
            put(text, x, y)
    put("*: L = 32cm; S = 16cm", 256, 494, "middle")
    return canvas


def private_text(rows: tuple[Row, ...], exact: tuple[str, ...], mas_total: str, dlp_total: str) -> bytes:
    """The page's twin (0019,1011): UTF-16LE, CTDIvol with one digit more, given in `exact`."""
    lines = ["&Patient Protocol&", f"@Total mAs@ = #{mas_total}#", f"@Total DLP@ = #{dlp_total}#"]
    for row, ctdivol in zip(rows, exact, strict=True):
        lines += ["&Entry&", f"@Entry Name@ = #{row.name}#", f"@Scan@ = #{row.scan}#", f"@kV@ = #{row.kv}#"]
        if row.mas:
            lines += [f"@X-Ray Tube Current@ = #{row.mas}#"]
        if row.ti:
            lines += [f"@TI@ = #{row.ti}#"]
        if row.ctdivol:
            lines += [f"@CTDIvol@ = #{ctdivol} {row.letter}#", f"@DLP@ = #{row.dlp}#"]
        if row.ssde:
            lines += [f"@DW@ = #{row.diameter}#", f"@SSDE@ = #{row.ssde}#"]
    return "\r\n".join(lines).encode("utf-16-le")

"""Siemens samples of rarer pages: a larger page, no printed total, phantom marks in another order.

Knows these pages and what stands on them.
"""

from __future__ import annotations

from dataclasses import replace

import encode
from headers import Console, Exam, Patient, Series, dose_screen
from letters import Canvas, Style, face
from samples import Sample
from siemens import OLDER, PHANTOMS, Form, Row, page
from siemens_studies import DEFINITION, POSITION, SENSATION, exam

FLASH = Console("Siemens Healthineers", "SOMATOM Definition Edge", "syngo CT VB20A", "CT15", "SAMPLE0015")
FRIDA = Patient("SAMPLE^FRIDA", "SAMPLE FRIDA", "50726184", "19740826", "F")
GUSTAV = Patient("SAMPLE^GUSTAV", "SAMPLE GUSTAV", "28460195", "19380411", "M")
LARGE = Series(501, "Patientenprotokoll", ("DERIVED", "SECONDARY", "OTHER", "CT_SOM7 PROT"))
# The name of the series says nothing here: the image type alone tells what the page is.
NAMELESS = replace(OLDER, description="Series 501")

_RIGHTS = (("Scan", "", 312), ("KV", "", 402), ("CTDIvol*", "mGy", 702), ("DLP", "mGycm", 842), ("TI", "s", 962))
_LAST = ("cSL", "mm", 1082)


def _large(it: Exam, rows: tuple[Row, ...], totals: tuple[str, str]) -> Canvas:
    """Draw a page of 860 rows and 1132 columns in the letters of the small one."""
    canvas = Canvas(860, 1132)
    style = Style(face("75dpi/helvR12"), space=5)
    canvas.write(style, it.patient.printed, 12, 22)
    canvas.write(style, it.patient.identifier, 12, 36)
    canvas.write(style, totals[0], 12, 120)
    canvas.write(style, totals[1], 320, 120)
    for name, unit, x in (*_RIGHTS, _LAST):
        canvas.write(style, name, x, 148, at="right")
        if unit:
            canvas.write(style, unit, x, 162, at="right")
    canvas.write(style, "mAs / ref.", 560, 148, at="right")
    canvas.write(style, POSITION, 12, 186)
    for number, row in enumerate(rows):
        y = 202 + 15 * number
        canvas.write(style, row.name, 12, y)
        middle = f"{row.mas} /{row.reference}" if row.reference else row.mas
        cells = ((row.scan, 312), (row.kv, 402), (middle, 556), (row.dlp, 842), (row.ti, 962), (row.csl, 1082))
        for text, x in (*cells, (row.ctdivol + row.letter, 702)):
            if text:
                canvas.write(style, text, x, y, at="right")
    canvas.write(style, "*: L = 32cm, S = 16cm", 12, 826)
    return canvas


def large_page() -> Sample:
    """The same letters on a larger page."""
    it = exam("large_page", FRIDA, FLASH, 9, "Neck and thorax")
    rows = (
        Row("Topogram", "1", "120", ti="5.0", csl="0.6"),
        Row("Neck", "2", "120", "141", "160", "11.47", "L", "274", "0.5", "0.6"),
        Row("Thorax", "3", "100", "92", "110", "4.26", "L", "157", "0.5", "0.6"),
    )
    ds = encode.grey(dose_screen(it, LARGE), _large(it, rows, ("Total mAs 4407", "Total DLP 431 mGycm")).pixels)
    return Sample(
        it.key,
        "A page of 1132 x 860 with the letters of the small one; German series name, Manufacturer in another case",
        "Deflated, 8 bit",
        "verified",
        (encode.deflated(ds),),
        it.study_instance_uid,
        "431",
        tuple(row.event for row in rows),
    )


def no_total() -> Sample:
    """A page that prints no total DLP."""
    it = exam("no_total", GUSTAV, SENSATION, 10, "Abdomen")
    lines = (
        POSITION,
        Row("Topogram", "1", "120", ti="6.4", csl="0.6"),
        Row("AbdRoutine", "2", "120", "164", "180", "10.92", dlp="447", ti="0.5", csl="1.2"),
        Row("Pelvis", "3", "120", "157", "180", "10.41", dlp="316", ti="0.5", csl="1.2"),
    )
    ds = encode.grey(dose_screen(it, NAMELESS), page(it, lines, Form(("Total mAs 2123", ""))).pixels)
    return Sample(
        it.key,
        "No total DLP is printed, only Total mAs; found by the image type alone",
        "RLE, 8 bit",
        "verified",
        (encode.rle(ds),),
        it.study_instance_uid,
        None,
        tuple(line.event for line in lines if isinstance(line, Row)),
    )


def marks_head_first() -> Sample:
    """The footer gives the marks the other meaning."""
    it = exam("marks_head_first", FRIDA, DEFINITION, 11, "Head and abdomen")
    rows = (
        Row("Topogram", "1", "120", ti="4.4", csl="0.6"),
        Row("HeadSeq", "2-11", "120", "320", "", "47.16", "(a)", "566.30", "1.0", "4.8"),
        Row("Abdomen", "12", "120", "176", "200", "11.62", "(b)", "412.75", "0.5", "1.2"),
    )
    form = Form(("Total mAs 6604", "Total DLP 979.05 mGycm"), footer="PhantomType (a) 16cm (b) 32cm")
    ds = encode.grey(dose_screen(it, OLDER), page(it, (POSITION, *rows), form).pixels)
    other = {"(a)": PHANTOMS["(b)"], "(b)": PHANTOMS["(a)"]}
    return Sample(
        it.key,
        "Phantoms as (a) and (b), and the footer says that (a) is the head's",
        "RLE, 8 bit",
        "verified",
        (encode.rle(ds),),
        it.study_instance_uid,
        "979.05",
        tuple(replace(row.event, phantom=other.get(row.letter)) for row in rows),
    )

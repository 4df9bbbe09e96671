"""Samples of no known maker: a dose screen that no layout fits.

Knows what stands on the page; must not know any maker's layout.
"""

from __future__ import annotations

import encode
from headers import Console, Exam, Patient, Series, dose_screen
from letters import Canvas, Style, face
from samples import Sample

EXAMPLE = Console("Example Imaging", "Example CT 1", "1.0", "CT41", "SAMPLE0041")
JULIA = Patient("SAMPLE^JULIA", "SAMPLE JULIA", "60917428", "19770119", "F")

LINES = (
    "DOSE SUMMARY",
    "",
    "Acquisition      Scan time   CTDIvol (mGy)   DLP (mGy cm)",
    "A  Scanogram         3.2 s            0.11            4.3",
    "B  Spiral            9.6 s            8.42          361.7",
    "",
    "Sum                                                 366.0",
)


def unknown_maker() -> Sample:
    """A page that names itself a dose summary."""
    it = Exam("other/unknown_maker", JULIA, EXAMPLE, "71830264", "9931", "20160412", "143000", "Thorax")
    canvas = Canvas(512, 640)
    style = Style(face("misc/9x15"))
    for number, line in enumerate(LINES):
        if line:
            canvas.write(style, line, 16, 24 + 22 * number)
    series = Series(900, "Dose summary", ("DERIVED", "SECONDARY"))
    ds = encode.grey(dose_screen(it, series), canvas.pixels)
    return Sample(
        it.key,
        "A dose screen of an unknown maker, which no template fits",
        "Deflated, 8 bit",
        "unreadable",
        (encode.deflated(ds),),
        it.study_instance_uid,
    )

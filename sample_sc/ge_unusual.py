"""The GE samples that are unusual: another size, frames, a scanner's own RDSR, and faults.

Knows what stands on each page; must not know how a page is drawn.
"""

from __future__ import annotations

from dataclasses import replace

import encode
from ge import DOSE_REPORT, Row, page
from ge_studies import ALICE, BRIGHT, BRUNO, CLARA, DISCOVERY, LONG, VCT, added, events, exam
from headers import dose_screen
from letters import Canvas
from native import NativeEvent, native_rdsr
from samples import HELICAL, SCOUT, Sample

ROWS = (
    Row("1"),
    Row("2", "Helical", "S27.500-I183.750", "14.62", "318.45", "Body 32"),
    Row("3", "Axial", "S5.000-S130.000", "49.08", "613.50", "Head 16"),
    Row("4", "Helical", "I12.250-I437.500", "8.37", "372.69", "Body 32"),
)


def double_size() -> Sample:
    """A page saved at twice its size."""
    it = exam("double_size", ALICE, DISCOVERY, 11, "CT NECK THORAX")
    drawn = encode.doubled(page(it, ROWS, added(ROWS)).pixels)
    return Sample(
        it.key,
        "A page of 1024 x 1024, every pixel four times",
        "Deflated, 8 bit",
        "verified",
        (encode.deflated(encode.grey(dose_screen(it, DOSE_REPORT), drawn)),),
        it.study_instance_uid,
        added(ROWS),
        events(ROWS),
    )


def multi_frame() -> Sample:
    """Two pages in one object."""
    it = exam("multi_frame", BRUNO, DISCOVERY, 12, "CT THORAX 2 PHASES")
    pages = ((Row("1"), LONG[0], LONG[3]), (LONG[4], LONG[5]))
    total = added(pages[0] + pages[1])
    drawn = [page(it, pages[0], None, "1/2").pixels, page(it, pages[1], total, "2/2").pixels]
    ds = encode.frames(dose_screen(it, DOSE_REPORT), drawn)
    return Sample(
        it.key,
        "Two pages as two frames of one object",
        "RLE, multi-frame, 8 bit",
        "verified",
        (encode.rle(ds),),
        it.study_instance_uid,
        total,
        events(pages[0] + pages[1]),
    )


def missing_page() -> Sample:
    """Page 2 of 3 never arrived."""
    it = exam("missing_page", CLARA, VCT, 13, "CT LIVER 4 PHASES")
    first, last = (Row("1"), LONG[0], LONG[1]), (LONG[4], LONG[5])
    total = added((Row("1"), *LONG))
    files = [
        encode.rle(encode.signed(dose_screen(it, DOSE_REPORT, 1), page(it, first, None, "1/3").pixels)),
        encode.rle(encode.signed(dose_screen(it, DOSE_REPORT, 3), page(it, last, total, "3/3").pixels)),
    ]
    return Sample(
        it.key,
        "Pages 1/3 and 3/3: the second is missing",
        "RLE, signed 16 bit",
        "needs_review",
        tuple(files),
        it.study_instance_uid,
        total,
        events(first + last),
    )


def _single(
    name: str, number: int, purpose: str, outcome: str, rows: tuple[Row, ...], total: str, canvas: Canvas
) -> Sample:
    """A one-page sample in RLE, from a canvas that may say something else than `rows`."""
    it = exam(name, BRUNO, BRIGHT, number, "CT THORAX")
    ds = encode.signed(dose_screen(it, DOSE_REPORT), canvas.pixels)
    return Sample(
        it.key,
        purpose,
        "RLE, signed 16 bit",
        outcome,
        (encode.rle(ds),),
        it.study_instance_uid,
        total,
        events(rows),
    )


def wrong_total() -> Sample:
    """The total is off by one digit."""
    right = added(ROWS)
    wrong = right[:2] + str((int(right[2]) + 3) % 10) + right[3:]
    it = exam("wrong_total", BRUNO, BRIGHT, 14, "CT THORAX")
    purpose = "The printed total differs from the sum of the rows in one digit"
    return _single("wrong_total", 14, purpose, "needs_review", ROWS, wrong, page(it, ROWS, wrong))


def swapped_columns() -> Sample:
    """CTDIvol stands under DLP and DLP under CTDIvol."""
    rows = tuple(replace(row, ctdivol=row.dlp, dlp=row.ctdivol) for row in ROWS)
    it = exam("swapped_columns", BRUNO, BRIGHT, 15, "CT THORAX")
    purpose = "CTDIvol and DLP have changed places under unmoved headings; the values are as printed"
    total = added(ROWS)
    return _single("swapped_columns", 15, purpose, "needs_review", rows, total, page(it, rows, total))


def pixel_out() -> Sample:
    """One pixel is missing in the 8 of 8.37."""
    it = exam("pixel_out", BRUNO, BRIGHT, 16, "CT THORAX")
    canvas = page(it, ROWS, added(ROWS))
    y, x = PIXEL_OUT
    if canvas.pixels[y, x] == 0:
        raise ValueError("the missing pixel was never there")
    canvas.pixels[y, x] = 0
    purpose = "One pixel is missing in a digit (the 8 of 8.37), which is still that digit"
    return _single("pixel_out", 16, purpose, "verified", ROWS, added(ROWS), canvas)


PIXEL_OUT = (218, 291)
"""Row and column of the pixel: in the left flank of the upper ring of the 8."""


def other_patient() -> Sample:
    """The page names another patient than its header."""
    it = exam("other_patient", BRUNO, BRIGHT, 17, "CT THORAX")
    canvas = page(it, ROWS, added(ROWS), printed_id="58206971")
    purpose = "The burnt-in patient ID differs from the header's"
    return _single("other_patient", 17, purpose, "needs_review", ROWS, added(ROWS), canvas)


def truncated() -> Sample:
    """A file that ends in the middle of its pixels."""
    it = exam("truncated", ALICE, VCT, 18, "CT CHEST")
    whole = encode.rle(encode.signed(dose_screen(it, DOSE_REPORT), page(it, ROWS, added(ROWS)).pixels))
    return Sample(
        it.key,
        "The file ends in the middle of its pixel data",
        "RLE, signed 16 bit",
        "unreadable",
        (whole[: len(whole) * 2 // 3],),
        it.study_instance_uid,
    )


def native_report() -> Sample:
    """The console sent its own dose report as well."""
    it = exam("native_report", CLARA, DISCOVERY, 19, "CT THORAX")
    rows = (
        Row("1"),
        Row("2", "Helical", "S8.250-I321.750", "7.86", "284.91", "Body 32"),
        Row("3", "Helical", "S8.250-I321.750", "9.14", "331.30", "Body 32"),
    )
    spiral = (HELICAL, "SCT", "Spiral Acquisition")
    own = (
        NativeEvent("Scout", (SCOUT, "DCM", "Constant Angle Acquisition"), "400"),
        NativeEvent("Thorax", spiral, "350", "7.86", "284.91", "body"),
        NativeEvent("Thorax", spiral, "350", "9.14", "331.30", "body"),
    )
    total = added(rows)
    ds = encode.signed(dose_screen(it, DOSE_REPORT), page(it, rows, total).pixels)
    return Sample(
        it.key,
        "A page and the scanner's own RDSR (02.dcm), which covers all rows: nothing is to be emitted",
        "RLE, signed 16 bit",
        "skipped",
        (encode.rle(ds), encode.plain(native_rdsr(it, own, total))),
        it.study_instance_uid,
        total,
        events(rows),
    )

"""The GE samples that a clean reader reads whole: pages, series, encodings and witnesses.

Knows what stands on each page; must not know how a page is drawn.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import encode
from ge import BRIVO, DOSE_REPORT, FRENCH, SCREEN_SAVE, SHIFTED, Row, page
from headers import (
    Console,
    Exam,
    Patient,
    Series,
    Spiral,
    ct_image,
    dose_screen,
    localizer,
    phantom_code,
    reformat,
)
from phantoms import axial, coronal
from pydicom.dataset import Dataset
from samples import HELICAL, Event, Sample

VCT = Console("GE MEDICAL SYSTEMS", "LightSpeed VCT", "07MW18.4", "CT01", "SAMPLE0001")
BRIGHT = Console("GE MEDICAL SYSTEMS", "BrightSpeed", "07MW11.10", "CT02", "SAMPLE0002")
DISCOVERY = Console("GE MEDICAL SYSTEMS", "Discovery CT750 HD", "gmp_hde.74", "CT03", "SAMPLE0003")

ALICE = Patient("SAMPLE^ALICE", "SAMPLE ALICE", "70413526", "19470312", "F")
BRUNO = Patient("SAMPLE^BRUNO", "SAMPLE BRUNO", "58206917", "19520824", "M")
CLARA = Patient("SAMPLE^CLARA", "SAMPLE CLARA", "93641875", "19681109", "F")
AMELIE = Patient("EXEMPLE^Amélie", "EXEMPLE Amélie", "26048391", "19590705", "F")


def exam(name: str, patient: Patient, console: Console, number: int, description: str) -> Exam:
    """An examination of the folder `ge/name`; `number` makes its date, time and accession number."""
    return Exam(
        f"ge/{name}",
        patient,
        console,
        accession=str(31_500_048 + 7919 * number),
        number=str(4803 + 41 * number),
        date=f"20{10 + number % 8}{1 + number % 12:02d}{3 + number:02d}",
        time=f"{8 + number % 9:02d}{(17 * number) % 60:02d}00",
        description=description,
    )


def added(rows: tuple[Row, ...]) -> str:
    """The exact sum of the printed DLP."""
    return str(sum((Decimal(row.dlp) for row in rows if row.dlp != "-"), Decimal("0.00")))


def events(rows: tuple[Row, ...]) -> tuple[Event, ...]:
    """What the rows of all pages mean."""
    return tuple(row.event for row in rows)


def scout_and_helical() -> Sample:
    """The simplest page."""
    it = exam("scout_and_helical", ALICE, VCT, 1, "CT CHEST")
    rows = (Row("1"), Row("2", "Helical", "S19.250-I347.500", "17.96", "742.38", "Body 32"))
    total = added(rows)
    ds = encode.signed(dose_screen(it, DOSE_REPORT), page(it, rows, total).pixels)
    return Sample(
        it.key,
        "One page, a scout and one helical row",
        "RLE, signed 16 bit, window 1 wide",
        "verified",
        (encode.rle(ds),),
        it.study_instance_uid,
        total,
        events(rows),
    )


MANY = (
    Row("1"),
    Row("1"),
    Row("2", "Axial", "S12.500-S137.500", "58.41", "730.13", "Head 16"),
    Row("3", "Helical", "S9.250-I268.750", "12.07", "371.92", "Body 32"),
    Row("4", "Helical", "I31.000-I446.500", "9.83", "455.36", "Body 32"),
    Row("200", "Axial", "I60.000-I60.000", "6.94", "3.47", "Body 32"),
    Row("201", "Cine", "I60.000-I60.000", "34.70", "17.35", "Body 32"),
    Row("5", "Helical", "I25.250-I689.000", "14.56", "1021.84", "Body 32"),
    Row("6", "Helical", "I25.250-I689.000", "13.28", "932.06", "Body 32"),
    Row("7", "Axial", "S75.000-I12.500", "27.19", "237.91", "Head 16"),
    Row("8", "Helical", "S80.500-I140.250", "8.05", "196.47", "Body 32"),
    Row("9", "Helical", "S4.750-I207.000", "10.64", "254.83", "Body 32"),
    Row("10", "Axial", "I330.000-I337.500", "19.72", "14.79", "Body 32"),
)


def many_rows() -> Sample:
    """A full page."""
    it = exam("many_rows", BRUNO, DISCOVERY, 2, "CT POLYTRAUMA")
    total = added(MANY)
    ds = encode.signed(dose_screen(it, DOSE_REPORT), page(it, MANY, total).pixels)
    return Sample(
        it.key,
        "Thirteen rows of every type, both phantoms, one series number twice",
        "Deflated, signed 16 bit",
        "verified",
        (encode.deflated(ds),),
        it.study_instance_uid,
        total,
        events(MANY),
    )


LONG = tuple(
    Row(str(series), "Helical", span, ctdivol, dlp, "Body 32")
    for series, span, ctdivol, dlp in (
        (2, "S31.250-I218.750", "11.36", "315.90"),
        (3, "I18.500-I402.250", "7.42", "312.67"),
        (4, "I18.500-I402.250", "15.09", "636.04"),
        (5, "I20.000-I655.000", "9.81", "659.22"),
        (6, "I20.000-I655.000", "10.57", "710.28"),
        (7, "S48.000-I96.750", "6.38", "115.43"),
    )
)


def two_pages() -> Sample:
    """An examination that goes on over a second page."""
    it = exam("two_pages", CLARA, VCT, 3, "CT LIVER 4 PHASES")
    pages = ((Row("1"), *LONG[:4]), LONG[4:])
    total = added(LONG)
    files = []
    for number, (rows, printed) in enumerate(zip(pages, (None, total), strict=True), start=1):
        drawn = page(it, rows, printed, f"{number}/2").pixels
        files.append(encode.jpeg_2000(encode.signed(dose_screen(it, DOSE_REPORT, number), drawn)))
    return Sample(
        it.key,
        "Two pages, 1/2 and 2/2, the total on the last",
        "JPEG 2000 lossless, signed 16 bit",
        "verified",
        tuple(files),
        it.study_instance_uid,
        total,
        events(pages[0] + pages[1]),
    )


def french() -> Sample:
    """A console that speaks French."""
    console = replace(VCT, station="CT04", serial="SAMPLE0004", institution="Hôpital Exemple")
    it = exam("french", AMELIE, console, 4, "TDM THORAX ABDO")
    rows = (
        Row("1"),
        Row("2", "Hélicoïdal", "S24.500-I315.250", "8.67", "327.41", "Corps 32"),
        Row("3", "Axial", "S10.000-S122.500", "47.35", "532.69", "Tête 16"),
        Row("4", "Hélicoïdal", "I12.750-I480.000", "10.92", "548.03", "Corps 32"),
    )
    total = added(rows)
    series = Series(999, "Rapport dose.", SCREEN_SAVE)
    drawn = page(it, rows, total, words=FRENCH).pixels
    return Sample(
        it.key,
        "A French console (the words are drawn from descriptions)",
        "JPEG lossless, signed 16 bit",
        "verified",
        (encode.jpeg_lossless(encode.signed(dose_screen(it, series), drawn)),),
        it.study_instance_uid,
        total,
        events(rows),
    )


def bolus_tracking() -> Sample:
    """Axial and cine rows that start where they end."""
    it = exam("bolus_tracking", ALICE, BRIGHT, 5, "CT ANGIO AORTA")
    rows = (
        Row("1"),
        Row("2", "Axial", "I85.000-I85.000", "5.13", "2.57", "Body 32"),
        Row("200", "Cine", "I85.000-I85.000", "41.06", "20.53", "Body 32"),
        Row("3", "Helical", "S62.500-I588.750", "13.48", "924.75", "Body 32"),
    )
    total = added(rows)
    ds = encode.signed(dose_screen(it, DOSE_REPORT), page(it, rows, total, grid=SHIFTED).pixels, 12)
    return Sample(
        it.key,
        "Axial and cine rows whose range starts where it ends; the page stands 4 px right and 7 px down",
        "RLE, signed, 12 of 16 bits, window 1 wide",
        "verified",
        (encode.rle(ds),),
        it.study_instance_uid,
        total,
        events(rows),
    )


def brivo() -> Sample:
    """Columns where a published thumbnail of a real page has them."""
    console = Console("GE MEDICAL SYSTEMS", "Brivo CT385", "12HW30.7", "CT05", "SAMPLE0005")
    it = exam("brivo", BRUNO, console, 6, "CT SINUS")
    rows = (
        Row("1"),
        Row("2", "Helical", "S8.750-S96.250", "21.34", "239.07", "Head 16"),
        Row("3", "Axial", "I4.000-S112.000", "38.15", "457.80", "Head 16"),
    )
    total = added(rows)
    ds = encode.grey(dose_screen(it, DOSE_REPORT), page(it, rows, total, grid=BRIVO).pixels)
    return Sample(
        it.key,
        "Smaller letters, columns further to the left",
        "Deflated, 8 bit",
        "verified",
        (encode.deflated(ds),),
        it.study_instance_uid,
        total,
        events(rows),
    )


def _dose_item(kvp: str, row: Row) -> Dataset:
    """One item of Exposure Dose Sequence (PS3.3 C.4.16) as GE consoles write it."""
    item = Dataset()
    item.BodyPartExamined = "ABDOMEN"
    item.KVP = kvp
    item.ExposureTime = "4533" if row.dlp != "-" else "3100"
    item.XRayTubeCurrentInuA = "215000" if row.dlp != "-" else "10000"
    item.AcquisitionType = "SPIRAL" if row.dlp != "-" else "CONSTANT_ANGLE"
    item.SingleCollimationWidth, item.TotalCollimationWidth = 0.625, 40.0
    if row.dlp != "-":
        item.SpiralPitchFactor = 0.984
        item.CTDIvol = float(row.ctdivol)
    item.CTDIPhantomTypeCodeSequence = [phantom_code("body")]
    return item


def comments_and_sequence() -> Sample:
    """The header says the same dose twice more."""
    it = exam("comments_and_sequence", CLARA, VCT, 7, "CT ABDOMEN")
    rows = (
        Row("1"),
        Row("1"),
        Row("2", "Helical", "S15.000-I231.250", "15.43", "409.76", "Body 32"),
        Row("3", "Helical", "I8.500-I462.000", "19.53", "961.82", "Body 32"),
    )
    total = added(rows)
    ds = dose_screen(it, DOSE_REPORT)
    ds.TotalNumberOfExposures = len(rows)
    ds.CommentsOnRadiationDose = "\r\n".join(
        [f"TotalDLP={total}"]
        + [f"Event={n}" + (f" DLP={r.dlp}" if r.dlp != "-" else "") for n, r in enumerate(rows, start=1)]
    )
    ds.ExposureDoseSequence = [_dose_item("120", row) for row in rows]
    encode.signed(ds, page(it, rows, total).pixels)
    return Sample(
        it.key,
        "Comments on Radiation Dose and Exposure Dose Sequence state the same numbers",
        "RLE, signed 16 bit",
        "verified",
        (encode.rle(ds),),
        it.study_instance_uid,
        total,
        events(rows),
    )


def with_images() -> Sample:
    """A page, and the axial images it speaks of."""
    it = exam("with_images", ALICE, VCT, 8, "CT HEAD")
    rows = (Row("1"), Row("2", "Helical", "S6.000-S66.000", "36.25", "298.70", "Head 16"))
    total = added(rows)
    spiral = Spiral(36.25, "head", "120", 12, 5.0, 63.5, it.time, "HEAD")
    files = [encode.rle(encode.signed(dose_screen(it, DOSE_REPORT), page(it, rows, total).pixels))]
    for number in range(1, spiral.slices + 1):
        files.append(encode.plain(axial(ct_image(it, spiral, 2, number), number)))
    helical = replace(rows[1].event, kvp=None)
    return Sample(
        it.key,
        "A page and the twelve images that witness its CTDIvol",
        "RLE; images explicit little endian",
        "verified",
        tuple(files),
        it.study_instance_uid,
        total,
        (rows[0].event, helical),
    )


def header_only() -> Sample:
    """Axial images and their reformats, and no page."""
    it = exam("header_only", BRUNO, BRIGHT, 9, "CT ABDOMEN")
    spiral = Spiral(12.34, "body", "120", 20, 5.0, 47.5, it.time, "ABDOMEN")
    files = [encode.plain(coronal(localizer(it, spiral, 1), 1))]
    for number in range(1, spiral.slices + 1):
        files.append(encode.plain(axial(ct_image(it, spiral, 2, number), number)))
    for number in range(1, 7):
        source = ct_image(it, spiral, 2, number)
        files.append(encode.plain(coronal(reformat(source, it, 300, number), number)))
    event = Event(acquisition_type=HELICAL, mean_ctdivol="12.34", dlp="123.4", phantom="body", kvp="120")
    return Sample(
        it.key,
        "No page: a localizer, one complete spiral of 20 slices, and reformats that copied its CTDIvol",
        "Explicit little endian",
        "header",
        tuple(files),
        it.study_instance_uid,
        None,
        (event,),
    )


def two_series() -> Sample:
    """Pages of one examination in series 999 and 10999."""
    it = exam("two_series", CLARA, DISCOVERY, 10, "CT THORAX ABDOMEN")
    pages = ((Row("1"), LONG[1], LONG[2]), (LONG[5], LONG[0]))
    total = added(pages[0] + pages[1])
    first = dose_screen(it, DOSE_REPORT)
    second = dose_screen(it, Series(10999, "Dose Report", SCREEN_SAVE), minutes=34)
    second.PixelPaddingValue = -32768
    encode.signed(first, page(it, pages[0], None, "1/2").pixels)
    encode.signed(second, page(it, pages[1], total, "2/2").pixels)
    second["PixelPaddingValue"].VR = "SS"
    return Sample(
        it.key,
        "Two pages in two series, 999 and 10999",
        "RLE, signed 16 bit",
        "verified",
        (encode.rle(first), encode.rle(second)),
        it.study_instance_uid,
        total,
        events(pages[0] + pages[1]),
    )

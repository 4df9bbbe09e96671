"""The Philips samples: Dose Info in grey and in colour, Exam Summary with and without companions.

Knows what stands on each page; must not know how a page is drawn.
"""

from __future__ import annotations

from decimal import Decimal

import encode
import numpy as np
from headers import Console, Exam, Patient, Series, dose_screen, later, phantom_code, uid
from philips import Row, dose_info, dose_page, exam_summary_series, patient_page, results_page
from pydicom.dataset import Dataset
from samples import Sample

BRILLIANCE_16 = Console("Philips", "Brilliance 16P", "2.3.0", "CT31", "SAMPLE0031")
BRILLIANCE_64 = Console("Philips", "Brilliance 64", "3.6.5", "CT32", "SAMPLE0032")
INGENUITY = Console("Philips", "Ingenuity CT", "4.1", "CT33", "SAMPLE0033")

HEDWIG = Patient("SAMPLE^HEDWIG", "SAMPLE HEDWIG", "45803912", "19490411", "F")
IVAN = Patient("SAMPLE^IVAN", "SAMPLE IVAN", "82751036", "19700827", "M")

HEAD, BODY = "HEAD 16 CM", "BODY 32 CM"
TYPES = {"Surview": "CONSTANT_ANGLE", "Helical": "SPIRAL", "Axial": "SEQUENCED"}


def exam(name: str, patient: Patient, console: Console, number: int, description: str) -> Exam:
    """An examination of the folder `philips/name`; `number` makes its date, time and accession number."""
    return Exam(
        f"philips/{name}",
        patient,
        console,
        accession=str(47_120_853 + 3907 * number),
        number=str(2136 + 71 * number),
        date=f"20{12 + number % 5}{1 + (3 * number) % 12:02d}{4 + 5 * number:02d}",
        time=f"{7 + 2 * number:02d}{(29 * number) % 60:02d}15",
        description=description,
    )


def added(rows: tuple[Row, ...]) -> str:
    """The exact sum of the printed DLP."""
    return str(sum((Decimal(row.dlp) for row in rows), Decimal("0.0")))


def comments(rows: tuple[Row, ...], total: str, first: int = 1) -> str:
    """Comments on Radiation Dose as Philips consoles word it; its numbers are not the page's."""
    lines = []
    for number, row in enumerate(rows, start=first):
        label = f" {row.label.upper()}" if row.label else ""
        lines.append(f"Series #{number}{label} Average CTDIvol={row.ctdivol} DLP={row.dlp}")
    return "\r\n".join([*lines, f"Total DLP={total}"])


def dose_item(it: Exam, number: int, row: Row) -> Dataset:
    """One item of Exposure Dose Sequence with its private DLP and phantom (creator ELSCINT1)."""
    item = Dataset()
    item.AcquisitionDateTime = it.date + later(it.time, number)
    item.IrradiationEventUID = uid(it.key, "event", number)
    item.BodyPartExamined = "HEAD" if row.phantom == HEAD else "ABDOMEN"
    item.KVP = row.kv
    item.ProtocolName = it.description
    item.ExposureTime = "1276"
    item.XRayTubeCurrent = "180" if row.mas else "30"
    if row.mas:
        item.Exposure = row.mas
    item.ScanLength = "253"
    item.AcquisitionType = TYPES[row.mode]
    item.SingleCollimationWidth, item.TotalCollimationWidth = 0.625, 40.0 if row.mas else 2.5
    if row.mode == "Helical":
        item.SpiralPitchFactor = 0.891
    item.CTDIvol = float(row.ctdivol)
    item.CTDIPhantomTypeCodeSequence = [phantom_code(row.phantom[:4].lower())]
    item.SeriesNumber = 100 * number
    item.CommentsOnRadiationDose = f"CTDIvol={row.ctdivol} DLP={row.dlp}"
    item.add_new(0x00E10010, "LO", "ELSCINT1")
    item.add_new(0x00E11021, "DS", row.dlp)
    item.add_new(0x01E10010, "LO", "ELSCINT1")
    item.add_new(0x01E11026, "CS", row.phantom)
    return item


def _with_text(ds: Dataset, it: Exam, rows: tuple[Row, ...], first: int = 1) -> Dataset:
    """Add the console's text: the comment and the sequence."""
    ds.TotalNumberOfExposures = len(rows)
    ds.CommentsOnRadiationDose = comments(rows, added(rows), first)
    ds.ExposureDoseSequence = [dose_item(it, number, row) for number, row in enumerate(rows, start=1)]
    return ds


def _sample(it: Exam, purpose: str, encoding: str, files: tuple[bytes, ...], rows: tuple[Row, ...]) -> Sample:
    events = tuple(row.event for row in rows)
    return Sample(it.key, purpose, encoding, "verified", files, it.study_instance_uid, added(rows), events)


def dose_information() -> Sample:
    """The older page, in grey."""
    it = exam("dose_info", HEDWIG, BRILLIANCE_16, 1, "Abdomen/KUB 2mm")
    rows = (
        Row("1", "Native", "Helical", "87", "120", "7.2", "196.0", BODY),
        Row("2", "30sec", "Helical", "139", "120", "11.5", "348.6", BODY),
        Row("3", "100sec", "Helical", "113", "120", "9.3", "657.9", BODY),
    )
    series = Series(80160, "Dose Info", ("DERIVED", "SECONDARY", "DOSE_INFO"), comments="Dose Info")
    ds = _with_text(dose_screen(it, series), it, rows, first=3)
    encode.twelve_bit(ds, dose_info(rows, added(rows)).pixels)
    return _sample(
        it,
        "Older Dose Info, three rows; comment (counting from #3) and sequence state the same dose",
        "RLE, 12 of 16 bits with rescale",
        (encode.rle(ds),),
        rows,
    )


def dose_info_colour() -> Sample:
    """The older page with yellow headings."""
    it = exam("dose_info_colour", IVAN, BRILLIANCE_64, 2, "Polytrauma")
    rows = (
        Row("1", "Brain", "Axial", "294", "120", "43.2", "612.1", HEAD),
        Row("2", "Neck", "Helical", "152", "120", "12.8", "306.5", BODY),
        Row("3", "Chest", "Helical", "136", "140", "10.4", "439.7", BODY),
        Row("4", "Abdomen", "Helical", "178", "120", "11.9", "581.0", BODY),
    )
    series = Series(90170, "Dose Info", ("DERIVED", "SECONDARY", "DOSE-INFO"), comments="Dose Info")
    drawn = dose_info(rows, added(rows), heading=(255, 255, 0), shift=(-2, 3)).pixels
    ds = encode.ybr_full(dose_screen(it, series), drawn)
    return _sample(
        it,
        "Older Dose Info with yellow headings, both phantoms, no text in the header",
        "RLE, YBR_FULL",
        (encode.rle(ds),),
        rows,
    )


def _surview(it: Exam, instance: int) -> bytes:
    """A companion: the reference surview, no dose table."""
    ds = dose_screen(it, exam_summary_series("REF_SURVIEW", "Reference Surview", None), instance)
    y, x = np.mgrid[:256, :512]
    inside = (np.abs(x - 256) < 90 + y // 16) & (y > 8)
    spine = np.abs(x - 256) < 12
    levels = np.where(inside, np.where(spine & (y % 24 > 4), 200, 120), 0).astype(np.uint8)
    return encode.deflated(encode.twelve_bit(ds, levels))


def exam_summary() -> Sample:
    """The dose page among its companions."""
    it = exam("exam_summary", HEDWIG, INGENUITY, 3, "TRAUMA HEAD AND NECK")
    rows = (
        Row("1", "", "Surview", "", "120", "0.072", "1.9", BODY),
        Row("2", "Brain", "Axial", "310", "120", "44.8", "716.8", HEAD),
        Row("3", "C-Spine", "Helical", "165", "140", "13.5", "297.6", BODY),
    )
    page = _with_text(dose_screen(it, exam_summary_series("DOSE_INFO", "Dose Information", "NO"), 4), it, rows)
    encode.rgb(page, dose_page(it, rows, added(rows)).pixels, planar=1)
    patient = dose_screen(it, exam_summary_series("PATIENT_INFO", "Patient Information", "YES"), 3)
    encode.rgb(patient, patient_page(it).pixels, planar=1)
    results = dose_screen(it, exam_summary_series("RESULTS", "Exam Results", "NO"), 5)
    lines = (("2.1", "Brain", "28", "Brain", "Head"), ("3.1", "C-Spine", "96", "Neck", "Spine"))
    encode.rgb(results, results_page(lines).pixels, planar=1)
    files = (
        _surview(it, 1),
        _surview(it, 2),
        encode.deflated(patient),
        encode.deflated(page),
        encode.deflated(results),
    )
    return _sample(
        it,
        "Exam Summary (04.dcm) with its companions: two surviews, patient information, results",
        "Deflated, RGB plane by plane",
        files,
        rows,
    )


def exam_summary_jpeg() -> Sample:
    """The dose page alone, as a PACS with lossy compression keeps it."""
    it = exam("exam_summary_jpeg", IVAN, INGENUITY, 4, "CHEST ABDOMEN PELVIS")
    rows = (
        Row("1", "", "Surview", "", "120", "0.094", "3.6", BODY),
        Row("2", "", "Surview", "", "120", "0.094", "3.6", BODY),
        Row("3", "Locator", "Axial", "30", "120", "2.3", "2.3", BODY),
        Row("4", "Chest", "Helical", "148", "120", "9.7", "386.5", BODY),
        Row("5", "Abd Pelvis", "Helical", "201", "120", "13", "640.2", BODY),
    )
    ds = dose_screen(it, exam_summary_series("DOSE_INFO", "Dose Information", "NO"))
    encode.rgb(ds, dose_page(it, rows, added(rows)).pixels)
    return _sample(
        it,
        "Exam Summary without companions or text in the header, a CTDIvol without a point",
        "JPEG baseline, quality 95, YBR_FULL_422",
        (encode.jpeg_baseline(ds),),
        rows,
    )

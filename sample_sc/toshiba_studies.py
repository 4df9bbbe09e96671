"""The Toshiba and Canon samples: a summary and its details, one phantom or both.

Knows what stands on each page; must not know how a page is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import encode
from headers import Console, Exam, Patient, Series, dose_screen
from pydicom.dataset import Dataset
from samples import Sample
from toshiba import NO_UNITS, Form, Scan, details, summary

AQUILION = Console("TOSHIBA", "Aquilion", "V3.35ER003", "CT21", "SAMPLE0021")
AQUILION_ONE = Console("TOSHIBA", "Aquilion ONE", "V4.74ER007", "CT22", "SAMPLE0022")
PRIME = Console("CANON", "Aquilion PRIME SP", "V8.9ER002", "CT23", "SAMPLE0023")
LIGHTNING = Console("CANON_MEC", "Aquilion Lightning", "V7.5ER001", "CT24", "SAMPLE0024")

FRITZ = Patient("SAMPLE^FRITZ", "SAMPLE FRITZ", "39518264", "19390614", "M")
GERDA = Patient("SAMPLE^GERDA", "SAMPLE GERDA", "74260193", "19730130", "F")
HANAKO = Patient(
    "REIDAI^HANAKO=例題^花子=れいだい^はなこ",
    "REIDAI HANAKO",
    "90475138",
    "19810303",
    "F",
    ("", "ISO 2022 IR 87"),
)
JIRO = Patient("MIHON^JIRO=見本^次郎=みほん^じろう", "MIHON JIRO", "28631470", "19640922", "M", ("ISO_IR 192",))


def exam(name: str, patient: Patient, console: Console, number: int, description: str) -> Exam:
    """An examination of the folder `toshiba/name`; `number` makes its date, time and accession number."""
    return Exam(
        f"toshiba/{name}",
        patient,
        console,
        accession=str(90_317_204 + 4391 * number),
        number=str(7402 + 53 * number),
        date=f"20{11 + 2 * number % 9:02d}{2 + 2 * number:02d}{5 + 6 * number:02d}",
        time=f"{10 + number:02d}{(19 * number) % 60:02d}00",
        description=description,
    )


def _totals(scans: tuple[Scan, ...]) -> dict[str, str]:
    totals = {}
    for phantom in ("Head", "Body"):
        own = [Decimal(scan.dlp) for scan in scans if scan.phantom == phantom and scan.dlp != "-"]
        totals[phantom] = str(sum(own, Decimal("0.0"))) if own else "-"
    return totals


def _sample(
    it: Exam,
    purpose: str,
    encoding: str,
    pages: tuple[tuple[Scan, ...], ...],
    form: Form,
    write: Callable[[Dataset, encode.Levels], bytes],
    series: int = 9000,
) -> Sample:
    """A summary page and one page of details for each group of scans."""
    scans = tuple(scan for group in pages for scan in group)
    totals = _totals(scans)
    heading = Series(series, "SUMMARY", ("DERIVED", "SECONDARY"))
    count = 1 + len(pages)
    drawn = [summary(it, scans, totals, count, form).pixels]
    first = 1
    for number, group in enumerate(pages, start=2):
        drawn.append(details(it, group, first, f"{number}/{count}", form).pixels)
        first += len(group)
    files = tuple(write(dose_screen(it, heading, n), page) for n, page in enumerate(drawn, start=1))
    total = sum((Decimal(text) for text in totals.values() if text != "-"), Decimal("0.0"))
    events = tuple(scan.event for scan in scans)
    return Sample(it.key, purpose, encoding, "verified", files, it.study_instance_uid, str(total), events)


def summary_and_detail() -> Sample:
    """One phantom."""
    it = exam("summary_and_detail", FRITZ, AQUILION, 1, "CHEST")
    scans = (
        Scan("CHEST_TO_PELVIS", "HELICAL_CT", "4391", "18.7", "25.4", "208.5", "Body"),
        Scan("CHEST_TO_PELVIS", "HELICAL_CT", "3826", "16.2", "24.7", "141.2", "Body"),
        Scan("ABDOMEN", "NORMAL", "610", "9.5", "13.9", "67.8", "Body"),
    )
    return _sample(
        it,
        "A summary page and a page of details, body phantom only",
        "RLE, two values under a window 0 / 1",
        (scans,),
        Form(),
        lambda ds, levels: encode.rle(encode.two_values(ds, levels)),
    )


def both_phantoms() -> Sample:
    """One total a phantom."""
    it = exam("both_phantoms", HANAKO, AQUILION_ONE, 2, "HEAD NECK")
    scans = (
        Scan("C/SPINE", "HELICAL_CT", "2417", "12.8", "19.3", "356.9", "Body"),
        Scan("BRAIN", "VOLUME", "1350", "1.5", "48.6", "777.6", "Head"),
        Scan("BRAIN", "DYNAMIC", "5280", "24.0", "106.2", "1699.2", "Head"),
    )
    return _sample(
        it,
        "Both phantoms, one total each; Japanese name in ISO 2022 IR 87, also burnt in",
        "RLE, PALETTE COLOR",
        (scans,),
        Form(full=True),
        lambda ds, levels: encode.rle(encode.palette(ds, levels)),
        series=1000,
    )


def canon() -> Sample:
    """Another name of the maker, another word for the total."""
    it = exam("canon", JIRO, PRIME, 3, "ABDOMEN")
    scans = (
        Scan("ABDOMEN", "SCANOSCOPE", "45", "4.6"),
        Scan("ABDOMEN", "HELICAL_CT", "2864", "7.9", "9.2", "438.7", "Body"),
        Scan("ABDOMEN", "HELICAL_CT", "3077", "8.1", "10.5", "503.4", "Body"),
        Scan("PELVIS", "NORMAL", "198", "3.0", "6.8", "27.2", "Body"),
    )
    return _sample(
        it,
        "Manufacturer CANON, `Total DLP(mGy.cm):`, a scanoscope without dose; Japanese name in UTF-8",
        "RLE, RGB",
        (scans,),
        Form(dlp_label="Total DLP(mGy.cm): ", full=True, gap=" "),
        lambda ds, levels: encode.rle(encode.rgb(ds, levels)),
    )


def three_pages() -> Sample:
    """Details on two pages, columns in another order."""
    it = exam("three_pages", GERDA, LIGHTNING, 4, "TRAUMA")
    first = (
        Scan("BRAIN", "HELICAL_CT", "3120", "6.4", "52.7", "948.6", "Head"),
        Scan("C/SPINE", "HELICAL_CT", "1984", "5.2", "16.1", "402.5", "Body"),
        Scan("CHEST", "HELICAL_CT", "2235", "6.0", "8.3", "311.9", "Body"),
        Scan("CHEST", "HELICAL_CT", "2370", "6.1", "9.4", "352.6", "Body"),
    )
    second = (Scan("PELVIS", "HELICAL_CT", "1706", "4.8", "11.0", "287.1", "Body"),)
    return _sample(
        it,
        "Manufacturer CANON_MEC, details on two pages, columns in another order and without units",
        "Deflated, two values under a window 0 / 1",
        (first, second),
        Form(headings=NO_UNITS),
        lambda ds, levels: encode.deflated(encode.two_values(ds, levels)),
    )

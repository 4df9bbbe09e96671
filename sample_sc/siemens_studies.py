"""The Siemens samples: older pages with and without phantom letters, VA40A, a page saved twice.

Knows what stands on each page; must not know how a page is drawn.
"""

from __future__ import annotations

from dataclasses import replace

import encode
from headers import Console, Exam, Patient, dose_screen
from pydicom.dataset import Dataset
from samples import Event, Sample
from siemens import OLDER, VA40A, Form, Row, page, page_va40a, private_text

SENSATION = Console("SIEMENS", "Sensation 64", "syngo CT 2007C", "CT11", "SAMPLE0011")
EMOTION = Console("SIEMENS", "Emotion 16", "syngo CT 2009E", "CT12", "SAMPLE0012")
DEFINITION = Console("SIEMENS", "SOMATOM Definition AS+", "syngo CT 2012B", "CT13", "SAMPLE0013")
GO_OPEN = Console("SIEMENS", "SOMATOM go.Open Pro", "syngo CT VA40A", "CT14", "SAMPLE0014")

DORA = Patient("SAMPLE^DORA", "SAMPLE DORA", "61702548", "19610228", "F")
EMIL = Patient("SAMPLE^EMIL", "SAMPLE EMIL", "17394850", "19431017", "M")
TARO = Patient("MIHON^TARO=見本^太郎=みほん^たろう", "MIHON TARO", "84062719", "19550505", "M", ("ISO_IR 192",))

POSITION = "Patient Position H-SP"


def exam(name: str, patient: Patient, console: Console, number: int, description: str) -> Exam:
    """An examination of the folder `siemens/name`; `number` makes its date, time and accession number."""
    return Exam(
        f"siemens/{name}",
        patient,
        console,
        accession=str(62_840_317 + 6173 * number),
        number=str(number),
        date=f"20{7 + number % 9:02d}{1 + (5 * number) % 12:02d}{6 + 2 * number:02d}",
        time=f"{9 + number % 7:02d}{(23 * number) % 60:02d}00",
        description=description,
    )


def _events(lines: tuple[Row | str, ...]) -> tuple[Event, ...]:
    return tuple(line.event for line in lines if isinstance(line, Row))


def _sample(
    it: Exam, purpose: str, encoding: str, files: tuple[bytes, ...], total: str, lines: tuple[Row | str, ...]
) -> Sample:
    return Sample(it.key, purpose, encoding, "verified", files, it.study_instance_uid, total, _events(lines))


def no_letters() -> Sample:
    """The oldest page: no phantom is told."""
    it = exam("no_letters", DORA, SENSATION, 1, "Thorax")
    lines = (
        POSITION,
        Row("Topogram", "1", "120", ti="8.5", csl="0.6"),
        Row("ThorRoutine", "2", "120", "110", "120", "12.32", dlp="418", ti="0.5", csl="1.2"),
        Row("PreMonitoring", "4", "120", "20", ctdivol="2.08", dlp="2", ti="0.5", csl="5.0"),
        Row("Abdomen", "6", "100", "187", "195", "9.76", dlp="352", ti="0.5", csl="1.2"),
    )
    form = Form(("Total mAs 5990", "Total DLP 772 mGycm"))
    ds = encode.grey(dose_screen(it, OLDER), page(it, lines, form).pixels)
    return _sample(it, "No phantom letters", "JPEG baseline, quality 95", (encode.jpeg_baseline(ds),), "772", lines)


def letters() -> Sample:
    """A phantom letter behind each CTDIvol."""
    it = exam("letters", TARO, DEFINITION, 2, "Head and neck")
    lines = (
        POSITION,
        Row("Topogram", "1", "120", ti="4.1", csl="0.6"),
        Row("HeadSeq", "2", "120", "380", "", "61.53", "S", "923", "1.0", "5.0"),
        Row("NeckSpi", "3", "120", "148", "164", "11.94", "L", "307", "0.5", "0.6"),
        Row("AngioHead", "5", "100", "96", "112", "18.67", "S", "480", "0.28", "0.6"),
    )
    form = Form(("Total mAs 9428", "Total DLP 1710 mGycm"), footer="L = 32cm  S = 16cm", shift=(0, 2))
    ds = encode.twelve_bit(dose_screen(it, OLDER), page(it, lines, form).pixels)
    return _sample(
        it,
        "Phantom letters L and S, with and without reference mAs; Japanese name in UTF-8",
        "RLE, 12 of 16 bits with rescale",
        (encode.rle(ds),),
        "1710",
        lines,
    )


def letters_with_star() -> Sample:
    """A topogram with a dose of its own."""
    it = exam("letters_with_star", EMIL, DEFINITION, 3, "Thorax Abdomen low dose")
    lines = (
        POSITION,
        Row("Topogram", "1", "120", "35mA", "", "0.13", "L", "10", "7.8", "0.6"),
        Row("ThorAbd", "4", "140", "12", "174", "1.29", "L", "50", "0.5", "0.6"),
        Row("Sinus", "5", "80", "63", "75", "3.48", "S", "46", "0.5", "0.6"),
    )
    form = Form(("Total mAs 861", "Total DLP 106 mGy*cm"), "CTDIvol*", "*: L = 32cm, S = 16cm", banner=False, pitch=14)
    ds = encode.grey(dose_screen(it, OLDER), page(it, lines, form).pixels)
    return _sample(
        it,
        "CTDIvol* and its footnote, a topogram with mA and a dose, no banner",
        "Deflated, 8 bit",
        (encode.deflated(ds),),
        "106",
        lines,
    )


def totals_reversed() -> Sample:
    """`mAs total` before `DLP total`."""
    it = exam("totals_reversed", EMIL, EMOTION, 4, "Abdomen 3 phases")
    lines = (
        POSITION,
        Row("Topogram", "1", "130", ti="6.2", csl="0.6"),
        Row("AbdNative", "2", "130", "74", "90", "7.31", dlp="218", ti="0.6", csl="1.2"),
        Row("AbdArt", "3", "130", "81", "95", "8.05", dlp="374", ti="0.6", csl="1.2"),
        Row("AbdVen", "4D", "130", "86", "95", "8.49", dlp="578", ti="0.6", csl="1.2"),
    )
    form = Form(("mAs total 3996", "DLP total 1169"), pitch=14)
    ds = encode.inverted(dose_screen(it, replace(OLDER, number=503)), page(it, lines, form).pixels)
    return _sample(
        it,
        "Totals in the other word order; rows add up to one more than the total, by rounding",
        "RLE, MONOCHROME1",
        (encode.rle(ds),),
        "1169",
        lines,
    )


def phantom_type() -> Sample:
    """Phantom letters in brackets."""
    it = exam("phantom_type", DORA, SENSATION, 5, "Abdomen Pelvis")
    lines = (
        POSITION,
        Row("Topogram", "1", "120", ti="9.0", csl="0.6"),
        Row("ABD/PEL", "2", "120", "203", "240", "13.76", "(a)", "700.21", "0.5", "1.2"),
        Row("HeadSeq", "3-15", "120", "340", "", "52.89", "(b)", "634.74", "1.0", "4.8"),
    )
    form = Form(("Total mAs 8127", "Total DLP 1334.95 mGycm"), footer="PhantomType (a) 32cm (b) 16cm", shift=(0, -2))
    ds = encode.grey(dose_screen(it, OLDER), page(it, lines, form).pixels)
    return _sample(
        it,
        "Phantoms as (a) and (b), DLP with decimals, a range of scan numbers",
        "JPEG-LS, 8 bit",
        (encode.jpeg_ls(ds),),
        "1334.95",
        lines,
    )


def two_positions() -> Sample:
    """Lines between the rows that are no rows."""
    it = exam("two_positions", DORA, EMOTION, 6, "Thorax and knee")
    lines = (
        POSITION,
        Row("Topogram", "1", "110", ti="5.4", csl="0.6"),
        "I.V. Bolus",
        Row("ThorRoutine", "2", "110", "68", "70", "5.17", dlp="163", ti="0.6", csl="1.2"),
        "New Position F-SP",
        Row("Topogram", "3", "110", ti="3.3", csl="0.6"),
        Row("KneeSpi", "4", "130", "42", "45", "4.60", dlp="89", ti="1.0", csl="0.6"),
    )
    form = Form(("Total mAs 1874", "Total DLP 252 mGycm"))
    ds = encode.grey(dose_screen(it, OLDER), page(it, lines, form).pixels)
    return _sample(
        it,
        "`I.V. Bolus` and `New Position F-SP` stand between the rows",
        "Explicit little endian, 8 bit",
        (encode.plain(ds),),
        "252",
        lines,
    )


def overlay_va40a() -> Sample:
    """Nothing in the pixels."""
    it = replace(exam("overlay_va40a", EMIL, GO_OPEN, 7, "Head and abdomen"), date="20211204")
    rows = (
        Row("Topogram", "1", "120"),
        Row("Head_Seq", "2", "120", "273", "", "45.8", "S", "732", "1.0"),
        Row("Abdomen_PV", "4", "110", "96", "155", "6.7", "L", "301", "0.5", ssde="8.4", diameter="28.6"),
        Row("Thorax_LD", "5", "100", "31", "12", "1.9", "L", "74", "0.3", ssde="2.5", diameter="27.1"),
    )
    ds = dose_screen(it, VA40A)
    encode.overlay_only(ds, page_va40a(it, rows, "4913", "1107").pixels)
    ds.add_new(0x00190010, "LO", "SIEMENS CT DOSE")
    ds.add_new(0x00191011, "UN", private_text(rows, ("", "45.83", "6.72", "1.94"), "4913", "1107"))
    return _sample(
        it,
        "The page is in overlay plane 6000, the pixels are zero; SSDE and Dw columns; private text twin",
        "Implicit little endian, 12 of 16 bits",
        (encode.implicit(ds),),
        "1107",
        rows,
    )


def saved_twice() -> Sample:
    """The page as it was after the second scan, and after the third."""
    it = exam("saved_twice", TARO, DEFINITION, 8, "Abdomen")
    rows: tuple[Row | str, ...] = (
        POSITION,
        Row("Topogram", "1", "120", ti="7.4", csl="0.6"),
        Row("AbdNative", "2", "120", "129", "150", "8.72", "L", "296", "0.5", "0.6"),
        Row("AbdVen", "3", "120", "146", "180", "9.85", "L", "451", "0.5", "0.6"),
        Row("AbdLate", "4", "120", "134", "180", "9.03", "L", "407", "0.5", "0.6"),
    )
    footer = "L = 32cm  S = 16cm"

    def one(instance: int, lines: tuple[Row | str, ...], totals: tuple[str, str]) -> bytes:
        ds: Dataset = dose_screen(it, OLDER, instance, minutes=18 + 9 * instance)
        return encode.rle(encode.grey(ds, page(it, lines, Form(totals, footer=footer)).pixels))

    early = one(1, rows[:4], ("Total mAs 3851", "Total DLP 747 mGycm"))
    late = one(2, rows, ("Total mAs 5660", "Total DLP 1154 mGycm"))
    return _sample(
        it,
        "A cumulative page saved twice; the later one has one row more and stands for both",
        "RLE, 8 bit",
        (early, late),
        "1154",
        rows,
    )

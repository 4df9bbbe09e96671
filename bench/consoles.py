"""Random studies of each family of consoles: rows, values, phantoms, pages, wordings.

Knows what consoles print; must not know faults or how a reading is judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from random import Random

import ge
import ge_studies
import philips
import philips_studies
import siemens
import siemens_studies
import toshiba
import toshiba_studies
from headers import Series
from letters import Canvas, Style
from pydicom.dataset import Dataset

from bench import faces
from bench.studies import COLOUR, GREY, DoesNotFit, Study, demand_room, exam, random_dose, random_shift

# How many rows examinations have: few mostly, many sometimes.
_ROWS = (1, 2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 7, 8, 10, 12, 14)

Draw = Callable[[Random, str, str, Style], Study]


def draw(family: str, key: str, rng: Random, fonts: tuple[str, ...]) -> Study:
    """One study of the family in a random font that fits its layout. DoesNotFit where none of 60 does."""
    for _ in range(60):
        font = rng.choice(fonts)
        letters = faces.letters_of(font)
        try:
            study = FAMILIES[family](rng, key, font, Style(letters, rng.choice((0, 0, 0, 1))))
            for page in study.pages:
                demand_room(page)
        except (DoesNotFit, ValueError, KeyError):  # the letters leave the page, or the font lacks one
            continue
        study.shift = random_shift(rng, study.pages)
        return study
    raise DoesNotFit(f"none of these fonts fits the pages of {family}")


def _sum(texts: list[str]) -> str:
    return str(sum((Decimal(text) for text in texts), Decimal(0)))


# -- GE --


def _ge_row(rng: Random, series: int) -> ge.Row:
    kind = rng.choice(("Helical",) * 6 + ("Axial",) * 3 + ("Cine", "Cardiac Helical", "SmartView", "Stationary"))
    head = kind in ("Helical", "Axial") and rng.random() < 0.3
    still = kind in ("Cine", "SmartView", "Stationary") or (kind == "Axial" and rng.random() < 0.3)
    dose = random_dose(rng, head, still)
    start = rng.randint(-400, 2600) / 4
    end = start if still else start - rng.randint(40, 2800) / 4
    span = "-".join(f"{'S' if place > 0 else 'I'}{abs(place):.3f}" for place in (start, end))
    return ge.Row(str(series), kind, span, f"{dose.ctdivol:.2f}", f"{dose.dlp:.2f}", "Head 16" if head else "Body 32")


def _ge_rows(rng: Random) -> tuple[ge.Row, ...]:
    count = rng.choice(_ROWS)
    scouts = min(count, rng.choice((0, 1, 1, 1, 2)))
    rows = [ge.Row(str(number + 1)) for number in range(scouts)]
    series = scouts
    while len(rows) < count:
        series += rng.choice((1, 1, 1, 0, 2))
        rows.append(_ge_row(rng, series if rng.random() < 0.9 else 200 + series))
    return tuple(rows)


def ge_report(rng: Random, key: str, font: str, style: Style) -> Study:
    """Dose Report: one to three pages, all types, both phantoms, English or French, with or without a total."""
    rows = _ge_rows(rng)
    grid = rng.choice((ge.Grid(), ge.BRIVO, ge.SHIFTED))
    style = replace(style, space=5)
    french = rng.random() < 0.15 and faces.has_accents(style.face)
    words = ge.FRENCH if french else ge.ENGLISH
    if french:
        rows = tuple(replace(row, kind=row.kind.replace("Helical", "Hélicoïdal")) for row in rows)
        rows = tuple(replace(row, phantom=_FRENCH.get(row.phantom, row.phantom)) for row in rows)
    it = exam(key, rng, rng.choice((ge_studies.VCT, ge_studies.BRIGHT, ge_studies.DISCOVERY)), "CT BODY")
    dlps = [row.dlp for row in rows if row.dlp != "-"]
    total = None if not dlps or rng.random() < 0.08 else _sum(dlps)
    if total is not None and len(dlps) > 1 and rng.random() < 0.15:
        total = str(Decimal(total) + rng.choice((Decimal("0.01"), Decimal("-0.01"))))
    count = 1 if len(rows) < 5 else rng.choice((1, 1, 2, 3))

    def pages(shown: tuple[ge.Row, ...], printed: str | None) -> list[Canvas]:
        size = -(-len(shown) // count)
        groups = [shown[start : start + size] for start in range(0, len(shown), size)]
        return [
            ge.page(it, group, printed if number == len(groups) else None, f"{number}/{len(groups)}",
                    words=words, grid=grid, style=style)
            for number, group in enumerate(groups, start=1)
        ]  # fmt: skip

    def earlier(shown: int) -> list[Canvas]:
        part = [row.dlp for row in rows[:shown] if row.dlp != "-"]
        return pages(rows[:shown], _sum(part) if total and part else None)

    events = tuple(row.event for row in _english(rows))
    return Study(
        "ge", font, it, ge.DOSE_REPORT, pages(rows, total), events, (total,) if total else (), total,
        encoding=rng.choice(GREY), marked=True, slack=0.03, earlier=earlier if count == 1 else None,
    )  # fmt: skip


_FRENCH = {"Head 16": "Tête 16", "Body 32": "Corps 32"}


def _english(rows: tuple[ge.Row, ...]) -> tuple[ge.Row, ...]:
    return tuple(replace(row, kind=row.kind.replace("Hélicoïdal", "Helical")) for row in rows)


# -- Siemens --

_PROTOCOLS = (
    "ThorRoutine", "Abdomen", "AbdPelvis", "ThorAbd", "HeadSeq", "SinusSpi", "NeckSpi", "PreMonitoring",
    "Monitoring", "AngioHead", "BaseSeq", "KneeSpi", "CorCTA", "LungLowDose",
)  # fmt: skip


def _siemens_rows(rng: Random, letters: tuple[str, str] | None, decimals: int) -> tuple[list[siemens.Row], float]:
    count = rng.choice(_ROWS)
    rows, total, scan = [], 0.0, 0
    for number in range(count):
        scan += rng.choice((1, 1, 1, 2))
        kv = rng.choice(("80", "100", "110", "120", "130", "140"))
        ti, csl = rng.choice(("0.28", "0.5", "0.6", "1.0", "1.5")), rng.choice(("0.6", "1.2", "2.4", "5.0"))
        if number == 0 and rng.random() < 0.9:
            rows.append(siemens.Row("Topogram", str(scan), kv, ti=f"{rng.uniform(2, 9):.1f}", csl="0.6"))
            continue
        name = rng.choice(_PROTOCOLS)
        head = any(word in name for word in ("Head", "Sinus", "Base"))
        dose = random_dose(rng, head, "Monitoring" in name)
        total += dose.dlp
        mas = str(rng.randint(12, 420))
        reference = str(rng.randint(20, 440)) if rng.random() < 0.6 else ""
        where = f"{scan}{rng.choice(('D', 'E'))}" if rng.random() < 0.06 else str(scan)
        letter = "" if letters is None else letters[head]
        rows.append(
            siemens.Row(name, where, kv, mas, reference, f"{dose.ctdivol:.2f}", letter, f"{dose.dlp:.{decimals}f}",
                        ti, csl)
        )  # fmt: skip
    return rows, total


def _siemens_totals(rng: Random, total: str) -> tuple[str, str]:
    mas = rng.randint(200, 19000)
    form = rng.choice(("plain", "plain", "star", "reversed", "none"))
    return {
        "plain": (f"Total mAs {mas}", f"Total DLP {total} mGycm"),
        "star": (f"Total mAs {mas}", f"Total DLP {total} mGy*cm"),
        "reversed": (f"mAs total {mas}", f"DLP total {total}"),
        "none": (f"Total mAs {mas}", ""),
    }[form]


def siemens_protocol(rng: Random, key: str, font: str, style: Style) -> Study:
    """Patient Protocol of SOMATOM 5: without letters, with L and S, or with (a) and (b); totals in several words."""
    kind = rng.choice(("none", "none", "letters", "letters", "star", "brackets"))
    letters = {"none": None, "brackets": ("(a)", "(b)")}.get(kind, ("L", "S"))
    decimals = 2 if kind == "brackets" else 0
    rows, exact = _siemens_rows(rng, letters, decimals)
    footer = {"letters": "L = 32cm  S = 16cm", "star": "*: L = 32cm, S = 16cm", "none": ""}.get(
        kind, "PhantomType (a) 32cm (b) 16cm"
    )
    totals = _siemens_totals(rng, f"{exact:.{decimals}f}")
    printed = totals[1] and f"{exact:.{decimals}f}"
    form = siemens.Form(totals, "CTDIvol*" if kind == "star" else "CTDIvol", footer, rng.random() < 0.7,
                        rng.choice((13, 14)))  # fmt: skip
    console = rng.choice((siemens_studies.SENSATION, siemens_studies.EMOTION, siemens_studies.DEFINITION))
    it = exam(key, rng, console, "Thorax")
    style = replace(style, space=5)
    bolus = rng.random() < 0.2

    def page(shown: list[siemens.Row], totals: tuple[str, str]) -> list[Canvas]:
        lines: list[siemens.Row | str] = [siemens_studies.POSITION, *shown]
        if bolus and len(lines) > 2:
            lines.insert(2, "I.V. Bolus")
        return [siemens.page(it, tuple(lines), replace(form, totals=totals), style)]

    def earlier(shown: int) -> list[Canvas]:
        part = _sum([row.dlp for row in rows[:shown] if row.dlp])
        return page(rows[:shown], (totals[0], totals[1] and totals[1].replace(printed, part)))

    return Study(
        "siemens", font, it, siemens.OLDER, page(rows, totals), tuple(row.event for row in rows),
        (printed,) if printed else (), printed or None, encoding=rng.choice(GREY), slack=3.0, earlier=earlier,
    )  # fmt: skip


def siemens_va40a(rng: Random, key: str, font: str, style: Style) -> Study:
    """Patient Protocol of VA40A, in the overlay plane or in the pixels."""
    drawn, exact = _siemens_rows(rng, ("L", "S"), 0)
    rows = tuple(
        replace(row, mas=row.mas, reference="" if row.letter == "S" else row.reference, ctdivol=row.ctdivol[:-1],
                ssde=f"{rng.uniform(1, 30):.1f}" if row.letter == "L" else "",
                diameter=f"{rng.uniform(18, 40):.1f}" if row.letter == "L" else "")
        for row in drawn
    )  # fmt: skip
    it = exam(key, rng, siemens_studies.GO_OPEN, "Thorax")
    total = f"{exact:.0f}"
    pages = [siemens.page_va40a(it, rows, str(rng.randint(100, 9999)), total, replace(style, space=4))]
    return Study(
        "siemens_va40a", font, it, siemens.VA40A, pages, tuple(row.event for row in rows), (total,), total,
        encoding=rng.choice(("overlay", "overlay", "grey")), slack=3.0,
    )  # fmt: skip


# -- Toshiba and Canon --


def _toshiba_scans(rng: Random) -> tuple[toshiba.Scan, ...]:
    scans = []
    phantoms = rng.choice((("Body",), ("Body",), ("Head",), ("Head", "Body")))
    for number in range(rng.choice(_ROWS[:-2])):
        name = rng.choice(("CHEST_TO_PELVIS", "ABDOMEN", "BRAIN", "C/SPINE", "CHEST", "PELVIS"))
        if number == 0 and rng.random() < 0.4:
            scans.append(toshiba.Scan(name, "SCANOSCOPE", str(rng.randint(20, 90)), f"{rng.uniform(2, 8):.1f}"))
            continue
        kind = rng.choice(("HELICAL_CT",) * 4 + ("NORMAL", "NORMAL", "DYNAMIC", "VOLUME"))
        phantom = rng.choice(phantoms)
        dose = random_dose(rng, phantom == "Head", kind in ("DYNAMIC", "VOLUME"))
        mas, time = str(rng.randint(90, 9800)), f"{rng.uniform(0.5, 30):.1f}"
        scans.append(toshiba.Scan(name, kind, mas, time, f"{dose.ctdivol:.1f}", f"{dose.dlp:.1f}", phantom))
    return tuple(scans)


def toshiba_information(rng: Random, key: str, font: str, style: Style) -> Study:
    """Dose Information and Detail Information: two to four pages, one or both phantoms."""
    scans = _toshiba_scans(rng)
    style = replace(style, point_left=faces.is_fixed_pitch(style.face))
    label, gap = rng.choice((("DLP(mGycm)  ", ""), ("DLP(mGycm)  ", ""), ("Total DLP(mGy.cm): ", " ")))
    headings = rng.choice((toshiba.UNITS_IN_HEADING, toshiba.UNITS_IN_HEADING, toshiba.NO_UNITS))
    form = toshiba.Form(label, headings, rng.random() < 0.5, gap)
    consoles = (toshiba_studies.AQUILION, toshiba_studies.AQUILION_ONE, toshiba_studies.PRIME)
    it = exam(key, rng, rng.choice((*consoles, toshiba_studies.LIGHTNING)), "CHEST")

    def totals(shown: tuple[toshiba.Scan, ...]) -> dict[str, str]:
        own = {p: [s.dlp for s in shown if s.phantom == p and s.dlp != "-"] for p in ("Head", "Body")}
        return {phantom: _sum(dlps) if dlps else "-" for phantom, dlps in own.items()}

    def pages(shown: tuple[toshiba.Scan, ...]) -> list[Canvas]:
        groups = [shown[start : start + 5] for start in range(0, len(shown), 5)]
        count = 1 + len(groups)
        drawn = [toshiba.summary(it, shown, totals(shown), count, form, style)]
        for number, group in enumerate(groups, start=2):
            drawn.append(toshiba.details(it, group, 5 * (number - 2) + 1, f"{number}/{count}", form, style))
        return drawn

    printed = tuple(text for text in totals(scans).values() if text != "-")
    return Study(
        "toshiba", font, it, Series(rng.choice((1000, 9000)), "SUMMARY", ("DERIVED", "SECONDARY")), pages(scans),
        tuple(scan.event for scan in scans), printed, _sum(list(printed)) if printed else None,
        encoding=rng.choice(GREY), marked=True, slack=0.6, earlier=lambda shown: pages(scans[:shown]),
    )  # fmt: skip


# -- Philips --

_LABELS = ("Native", "30sec", "Brain", "C-Spine", "Chest", "Abdomen", "Locator", "Tracker", "")


def _philips_rows(rng: Random, most: int, surviews: bool) -> tuple[philips.Row, ...]:
    rows = []
    for number in range(1, min(most, rng.choice(_ROWS)) + 1):
        kv = rng.choice(("80", "100", "120", "140"))
        if surviews and number == 1 and rng.random() < 0.8:
            dose = f"{rng.uniform(0.04, 0.2):.3f}"
            rows.append(
                philips.Row(
                    str(number), "", "Surview", "", kv, dose, f"{rng.uniform(0.5, 5):.1f}", philips_studies.BODY
                )
            )
            continue
        phantom = rng.choice((philips_studies.HEAD, philips_studies.BODY, philips_studies.BODY))
        dose_ = random_dose(rng, phantom == philips_studies.HEAD)
        ctdivol = f"{dose_.ctdivol:.0f}" if dose_.ctdivol >= 10 and rng.random() < 0.3 else f"{dose_.ctdivol:.1f}"
        rows.append(
            philips.Row(str(number), rng.choice(_LABELS), rng.choice(("Helical", "Helical", "Axial")),
                        str(rng.randint(15, 420)), kv, ctdivol if surviews else f"{dose_.ctdivol:.1f}",
                        f"{dose_.dlp:.1f}", phantom)
        )  # fmt: skip
    return tuple(rows)


def _stated(rows: tuple[philips.Row, ...], total: str) -> Callable[[Dataset], None]:
    """Let the object state its dose as text too, as Philips consoles do."""

    def finish(ds: Dataset) -> None:
        ds.CommentsOnRadiationDose = philips_studies.comments(rows, total)

    return finish


def philips_dose_info(rng: Random, key: str, font: str, style: Style) -> Study:
    """Dose Info, grey or in colour, with or without the dose as text in the header."""
    rows = _philips_rows(rng, 14, surviews=False)
    total = philips_studies.added(rows)
    heading = rng.choice((None, (255, 255, 0), (0, 255, 255)))
    it = exam(key, rng, rng.choice((philips_studies.BRILLIANCE_16, philips_studies.BRILLIANCE_64)), "Abdomen")
    series = Series(80160, "Dose Info", ("DERIVED", "SECONDARY", rng.choice(("DOSE_INFO", "DOSE-INFO"))))

    def page(shown: tuple[philips.Row, ...]) -> list[Canvas]:
        return [philips.dose_info(shown, philips_studies.added(shown), heading, style=style)]

    study = Study(
        "philips_dose_info", font, it, series, page(rows), tuple(row.event for row in rows), (total,), total,
        encoding=rng.choice(COLOUR if heading else GREY), slack=0.6, earlier=lambda shown: page(rows[:shown]),
    )  # fmt: skip
    if rng.random() < 0.3:
        study.finish = _stated(rows, total)
    return study


def philips_exam_summary(rng: Random, key: str, font: str, style: Style) -> Study:
    """Exam Summary: framed, in colour, rows in two greys."""
    rows = _philips_rows(rng, 6, surviews=True)
    total = philips_studies.added(rows)
    it = exam(key, rng, philips_studies.INGENUITY, "CHEST")
    style = replace(style, space=5)

    def page(shown: tuple[philips.Row, ...]) -> list[Canvas]:
        return [philips.dose_page(it, shown, philips_studies.added(shown), style)]

    study = Study(
        "philips_exam_summary", font, it, philips.exam_summary_series("DOSE_INFO", "Dose Information", "NO"),
        page(rows), tuple(row.event for row in rows), (total,), total,
        encoding=rng.choice(COLOUR), slack=0.6, earlier=lambda shown: page(rows[:shown]),
    )  # fmt: skip
    if rng.random() < 0.3:
        study.finish = _stated(rows, total)
    return study


FAMILIES: dict[str, Draw] = {
    "ge": ge_report,
    "siemens": siemens_protocol,
    "siemens_va40a": siemens_va40a,
    "toshiba": toshiba_information,
    "philips_dose_info": philips_dose_info,
    "philips_exam_summary": philips_exam_summary,
}

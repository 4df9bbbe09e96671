"""Layouts that nobody ships, in three unlike styles, and random studies of them: `python -m bench.invented STYLE DIR`.

What a new console may look like to who drafts a template for it: a framed table in German, a table with headings of
two lines and its total at the top in French, rows of two lines in Japanese. All of it is made up. Knows pages and
words; must not know templates or how anything is read.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from random import Random

import cv2
from headers import Console, Exam, Series, dose_screen
from letters import Canvas, Face, Style, face
from pydicom import dcmread
from samples import AXIAL, HELICAL, SCOUT, STATIONARY, Event

from bench.studies import encoded, exam, moved, random_dose

ROWS = (1, 2, 2, 3, 3, 4, 4, 5, 6, 7)
MOST_SHIFT = 5  # px


@dataclass(frozen=True, slots=True)
class Row:
    """One scan as printed; a style prints what it has columns for. "" where the page prints nothing."""

    number: str
    kind: str
    name: str
    kvp: str
    mas: str
    ctdivol: str
    dlp: str
    phantom: str
    event: Event


@dataclass(frozen=True, slots=True)
class Invented:
    """One study: the bytes of its only page, and what stands on it."""

    name: str
    content: bytes
    events: tuple[Event, ...]
    dlp_total: str

    def truth(self) -> dict[str, object]:
        """The entry of truth.json."""
        return {"file": self.name, "dlp_total": self.dlp_total, "events": [asdict(event) for event in self.events]}


@dataclass(frozen=True, slots=True)
class Words:
    """What a console calls its scans, bodies and phantoms, and how many decimals it prints."""

    kinds: dict[str, tuple[str, ...]]  # by CID 10013
    heads: tuple[str, ...]
    bodies: tuple[str, ...]
    phantoms: tuple[str, str]  # head, body
    ctdivol: int
    dlp: int


def _rows(rng: Random, words: Words) -> Iterator[Row]:
    """A scout and some scans, or scans alone."""
    number = rng.choice((0, 0, 1, 3))
    for index in range(rng.choice(ROWS) + 1):
        number += rng.choice((1, 1, 1, 2))
        scout = index == 0 and rng.random() < 0.8
        code = SCOUT if scout else rng.choice((HELICAL, HELICAL, HELICAL, AXIAL, STATIONARY))
        code = code if code in words.kinds else HELICAL
        head = rng.random() < 0.3
        dose = random_dose(rng, head, code == STATIONARY)
        ctdivol, dlp = (dose.ctdivol, dose.dlp) if not scout else (rng.uniform(0.06, 0.4), rng.uniform(2, 12))
        volume, length = f"{ctdivol:.{words.ctdivol}f}", f"{max(0.1, dlp):.{words.dlp}f}"
        kvp = rng.choice(("80", "100", "120", "120", "140"))
        phantom = words.phantoms[0 if head else 1]
        event = Event(str(number), code, volume, length, "head" if head else "body", None, kvp)
        name = rng.choice(words.heads if head else words.bodies)
        yield Row(str(number), rng.choice(words.kinds[code]), name, kvp, str(rng.randint(12, 420)), volume, length,
                  phantom, event)  # fmt: skip


def _added(rows: Sequence[Row]) -> str:
    return str(sum((Decimal(row.dlp) for row in rows), Decimal(0)))


# -- German: every cell in a frame, units in brackets in the second line of the heading --

NORDLICHT = Console("Nordlicht Röntgenwerk", "Polaris 64", "3.2.1", "POLCT1", "N-20117")
_GERMAN = Words(
    {SCOUT: ("Übersicht",), HELICAL: ("Spirale",), AXIAL: ("Sequenz",), STATIONARY: ("Bolusverfolgung",)},
    ("Schädel nativ", "NNH", "Felsenbein"), ("Thorax", "Abdomen KM", "HWS", "Becken"), ("16 cm", "32 cm"), 2, 1,
)  # fmt: skip
_COLUMNS = (24, 62, 188, 330, 380, 446, 526, 616, 690)


def german(rng: Random, it: Exam) -> tuple[Canvas, list[Row], str]:
    """A framed table that ends with its rows, the total in a frame of its own, a note at the page's foot."""
    canvas, style, small = Canvas(512, 720), Style(face("75dpi/helvR12")), Style(face("75dpi/helvR10"))
    rows = list(_rows(rng, _GERMAN))
    canvas.write(Style(face("75dpi/helvB14")), "Strahlenexposition der Untersuchung", 24, 14)
    canvas.write(small, f"Patient: {it.patient.printed}    Pat.-ID: {it.patient.identifier}", 24, 42)
    canvas.write(
        small, f"{it.date[6:]}.{it.date[4:6]}.{it.date[:4]}  {it.time[:2]}:{it.time[2:4]}", 690, 42, at="right"
    )
    top, pitch = 64, 22
    for left, right, words in zip(_COLUMNS[:-1], _COLUMNS[1:], (
        ("Nr.", ""), ("Aufnahmeart", ""), ("Protokoll", ""), ("kV", ""), ("mAs", ""), ("CTDIvol", "[mGy]"),
        ("DLP", "[mGy*cm]"), ("Phantom", ""),
    ), strict=True):  # fmt: skip
        middle = (left + right) // 2
        canvas.write(style, words[0], middle, top + (6 if words[1] else 14), at="middle")
        if words[1]:
            canvas.write(small, words[1], middle, top + 23, at="middle")
    y = top + 40
    for row in rows:
        texts = (row.number, row.kind, row.name, row.kvp, row.mas, row.ctdivol, row.dlp, row.phantom)
        for number, (left, right, text) in enumerate(zip(_COLUMNS[:-1], _COLUMNS[1:], texts, strict=True)):
            where = {"left": left + 6, "right": right - 6, "middle": (left + right) // 2}
            at = "left" if number in (1, 2) else "middle" if number in (0, 3, 7) else "right"
            canvas.write(style, text, where[at], y + 6, at=at)
        y += pitch
    for line in (top, top + 40, *range(top + 40 + pitch, y + 1, pitch)):
        canvas.fill((_COLUMNS[0], line, _COLUMNS[-1], line), 140)
    for x in _COLUMNS:
        canvas.fill((x, top, x, y), 140)
    total = _added(rows)
    canvas.write(style, "Gesamt-DLP", 440, y + 12)
    canvas.write(style, total, 610, y + 12, at="right")
    canvas.write(small, "mGy*cm", 622, y + 13)
    canvas.write(small, "Phantomdurchmesser: 16 cm = Kopf, 32 cm = Körper", 24, 486)
    return canvas, rows, total


# -- French: no frame, headings of two lines, the total above the table --

AURORE = Console("Aurore Imagerie", "Lumen 16", "R7", "LUMEN", "A-5521")
_FRENCH = Words(
    {SCOUT: ("Radio",), HELICAL: ("Hélicoïdal",), AXIAL: ("Séquentiel",)},
    ("Crâne", "Sinus"), ("Thorax", "Abdomen", "Rachis"), ("Tête", "Corps"), 1, 1,
)  # fmt: skip


def french(rng: Random, it: Exam) -> tuple[Canvas, list[Row], str]:
    """Headings of two lines, units in brackets in the second; scouts print dashes for their dose."""
    canvas, style = Canvas(540, 760), Style(face("misc/9x15"))
    rows = [_without_dose(row, "-") for row in _rows(rng, _FRENCH)]
    total = _added([row for row in rows if row.dlp != "-"])
    canvas.write(style, "RAPPORT DE DOSE", 380, 16, at="middle")
    canvas.write(style, f"Patient: {it.patient.printed}", 24, 42)
    canvas.write(style, f"ID patient : {it.patient.identifier}", 440, 42)
    canvas.write(style, f"Examen : {it.date}", 24, 62)
    canvas.write(style, f"PDL total : {total} mGy.cm", 24, 90)
    canvas.write(style, f"Acquisitions : {len(rows)}", 440, 90)
    places = (32, 96, 238, 380, 486, 592, 700)
    upper = ("Série", "Mode", "Région", "Tension", "IDSVvol", "PDL", "Fantôme")
    lower = ("", "d'acquisition", "explorée", "(kV)", "(mGy)", "(mGy.cm)", "")
    for x, first, second in zip(places, upper, lower, strict=True):
        at = "left" if x in places[:3] else "middle"
        canvas.write(style, first, x, 128, at=at)
        if second:
            canvas.write(style, second, x, 146, at=at)
    y = 176
    for row in rows:
        texts = (row.number, row.kind, row.name, row.kvp, row.ctdivol, row.dlp, row.phantom)
        for x, text in zip(places, texts, strict=True):
            right = {486: 510, 592: 620}.get(x)
            if right is not None and text != "-":
                canvas.write(style, text, right, y, at="right")
            else:
                canvas.write(style, text, x, y, at="left" if x in places[:3] else "middle")
        y += 21
    canvas.write(style, "Page 1/1", 720, 514, at="right")
    return canvas, rows, total


def _without_dose(row: Row, nothing: str) -> Row:
    """A scout of a console that prints none of its dose; its phantom stays where a dash says so."""
    event = row.event
    if event.acquisition_type != SCOUT:
        return row
    event = replace(event, mean_ctdivol=None, dlp=None, phantom=event.phantom if nothing else None)
    return replace(row, ctdivol=nothing, dlp=nothing, phantom=row.phantom if nothing else "", event=event)


# -- Japanese: each scan takes two lines --

KASUMI = Console("Kasumi Medical", "Hayate", "5.01", "KCT", "K-77")
_JAPANESE = Words(
    {SCOUT: ("スキャノ",), HELICAL: ("ヘリカル",), AXIAL: ("ノーマル",)},
    ("頭部", "副鼻腔"), ("胸部", "腹部", "骨盤"), ("頭部 16cm", "体部 32cm"), 2, 1,
)  # fmt: skip


def _kanji_letters() -> Face:
    """Half-wide Latin letters and full-wide Japanese ones, as a Japanese console has both."""
    latin = face("misc/9x18")
    return Face({**face("misc/18x18ja").glyphs, **latin.glyphs}, latin.caps)


def japanese(rng: Random, it: Exam) -> tuple[Canvas, list[Row], str]:
    """A heading and rows of two lines: the second line tells region, mAs and phantom."""
    canvas, style = Canvas(600, 640), Style(_kanji_letters())
    rows = list(_rows(rng, _JAPANESE))[:7]
    canvas.write(style, "検査線量情報", 20, 16)
    canvas.write(style, f"患者ID: {it.patient.identifier}", 20, 44)
    canvas.write(style, f"検査日 {it.date}", 420, 44)
    canvas.fill((16, 72, 620, 72), 160)
    for x, text in ((20, "番号"), (90, "撮影モード"), (240, "kV"), (330, "CTDIvol(mGy)"), (480, "DLP(mGy・cm)")):
        canvas.write(style, text, x, 82)
    for x, text in ((90, "部位"), (240, "mAs"), (330, "ファントム")):
        canvas.write(style, text, x, 104)
    canvas.fill((16, 126, 620, 126), 160)
    y = 136
    for row in rows:
        for x, text in ((20, row.number), (90, row.kind), (240, row.kvp)):
            canvas.write(style, text, x, y)
        canvas.write(style, row.ctdivol, 430, y, at="right")
        canvas.write(style, row.dlp, 580, y, at="right")
        for x, text in ((90, row.name), (240, row.mas), (330, row.phantom)):
            canvas.write(style, text, x, y + 22)
        y += 50
    canvas.fill((16, y - 2, 620, y - 2), 160)
    total = _added(rows)
    canvas.write(style, "DLP合計", 330, y + 10)
    canvas.write(style, total, 580, y + 10, at="right")
    return canvas, rows, total


# -- English: units in the cells, rows in groups, whole numbers, columns of other things, the total in one phrase --

BOREAL = Console("Boreal Scanners Inc.", "Aurora 128", "B.2", "BCT", "B-0042")
_ENGLISH = Words(
    {SCOUT: ("Pilot",), HELICAL: ("Helix",), AXIAL: ("Step",)},
    ("Brain", "Orbits"), ("Chest", "Abdomen", "Lumbar"), ("Head 16cm", "Body 32cm"), 2, 0,
)  # fmt: skip


def english(rng: Random, it: Exam) -> tuple[Canvas, list[Row], str]:
    """Scouts leave their dose empty; a line of words stands between some rows, and a note moves with the table."""
    canvas, style, bold = Canvas(560, 800), Style(face("75dpi/lutRS12")), Style(face("75dpi/lutBS12"))
    rows = [_without_dose(row, "") for row in _rows(rng, _ENGLISH)]
    total = _added([row for row in rows if row.dlp])
    canvas.write(bold, "Patient Dose Record", 20, 14)
    canvas.write(style, f"Patient ID: {it.patient.identifier}", 560, 14)
    heads = (
        (20, "Scan", "left"), (80, "Mode", "left"), (190, "kVp", "right"), (250, "Pitch", "right"),
        (320, "FOV", "right"), (410, "Mean CTDIvol", "middle"), (520, "DLP", "middle"), (610, "Ref. phantom", "left"),
    )  # fmt: skip
    for x, text, at in heads:
        canvas.write(bold, text, x, 60, at=at)
    canvas.fill((16, 78, 780, 79), 120)
    y = 90
    for number, row in enumerate(rows):
        if number == 1 and rng.random() < 0.6:
            canvas.write(style, "Contrast phase", 20, y)
            y += 20
        canvas.write(style, row.number, 20, y)
        canvas.write(style, row.kind, 80, y)
        canvas.write(style, row.kvp, 190, y, at="right")
        if row.dlp:
            canvas.write(style, rng.choice(("0.6", "0.95", "1.375")), 250, y, at="right")
            canvas.write(style, rng.choice(("250", "320", "500")), 320, y, at="right")
            canvas.write(style, f"{row.ctdivol} mGy", 450, y, at="right")
            canvas.write(style, f"{row.dlp} mGy-cm", 570, y, at="right")
            canvas.write(style, row.phantom, 610, y)
        y += 20
    canvas.write(Style(face("75dpi/helvB12")), f"Total DLP: {total} mGy-cm", 20, y + 14)
    canvas.write(style, "Scouts are not included.", 20, y + 38)
    canvas.write(style, f"Printed {it.date[:4]}-{it.date[4:6]}-{it.date[6:]}", 20, 536)
    return canvas, rows, total


Draw = Callable[[Random, Exam], tuple[Canvas, list[Row], str]]
STYLES: dict[str, tuple[Draw, Console, Series]] = {
    "german": (german, NORDLICHT, Series(950, "Dosisprotokoll", ("DERIVED", "SECONDARY", "OTHER"))),
    "english": (english, BOREAL, Series(99, "Dose record 1", ("DERIVED", "SECONDARY"))),
    "french": (french, AURORE, Series(700, "Rapport de dose 1", ("DERIVED", "SECONDARY"))),
    "japanese": (japanese, KASUMI, Series(9000, "DOSE REPORT", ("DERIVED", "SECONDARY", "SCREEN SAVE"))),
}


def studies(style: str, count: int, seed: int = 1) -> Iterator[Invented]:
    """Random studies of the style, each on one page that stands a few pixels elsewhere."""
    draw, console, series = STYLES[style]
    for number in range(1, count + 1):
        rng = Random(f"{seed} {style} {number}")
        it = exam(f"invented/{style}/{seed}/{number}", rng, console, "CT")
        canvas, rows, total = draw(rng, it)
        right, down = rng.randint(-MOST_SHIFT, MOST_SHIFT), rng.randint(-MOST_SHIFT, MOST_SHIFT)
        content = encoded(dose_screen(it, series), moved(canvas.pixels, right, down), "grey")
        yield Invented(f"{number:02d}.dcm", content, tuple(row.event for row in rows), total)


def write(style: str, folder: Path, count: int, seed: int = 1) -> None:
    """Write the screens and truth.json into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = list(studies(style, count, seed))
    for study in drawn:
        (folder / study.name).write_bytes(study.content)
    truth = json.dumps([study.truth() for study in drawn], indent=1, ensure_ascii=False)
    (folder / "truth.json").write_text(truth + "\n", encoding="utf-8")


def main() -> None:
    """Draw the screens of one style."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("style", choices=sorted(STYLES))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--png", action="store_true", help="also as pictures")
    options = parser.parse_args()
    write(options.style, options.folder, options.count, options.seed)
    for path in sorted(options.folder.glob("*.dcm")) if options.png else ():
        cv2.imwrite(str(path.with_suffix(".png")), dcmread(path).pixel_array)


if __name__ == "__main__":
    main()

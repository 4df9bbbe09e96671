"""Faults of letters and words: digits, points, totals, headings, units, words that nothing explains.

Knows drawn studies; must not know how they are read. A fault returns False where it does not apply to the study.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random

import numpy as np
from letters import Canvas, Written

from bench import ink
from bench.studies import GAP, Study


def _a_digit(rng: Random, study: Study) -> tuple[Canvas, Written, ink.Letter] | None:
    places = [*ink.dose_cells(study), *ink.totals(study)]
    if not places:
        return None
    page, text = rng.choice(places)
    digits = [letter for letter in ink.letters_of(text) if letter.text.isdigit()]
    return page, text, rng.choice(digits)


def _clear(page: Canvas, text: Written, letter: ink.Letter, rows: slice, columns: slice) -> None:
    """Show what was under a part of a letter."""
    y, x = letter.top - text.box[1], letter.left - text.box[0]
    part = np.zeros(letter.glyph.ink.shape, bool)
    part[rows, columns] = True
    part &= letter.glyph.ink
    for dy, dx in zip(*np.nonzero(part), strict=True):
        page.pixels[letter.top + dy, letter.left + dx] = text.under[y + dy, x + dx]


def pixel_out(rng: Random, study: Study) -> bool:
    """One pixel is missing in a digit."""
    found = _a_digit(rng, study)
    if found is None:
        return False
    page, text, letter = found
    ys, xs = np.nonzero(letter.glyph.ink)
    pick = rng.randrange(len(ys))
    y, x = int(ys[pick]), int(xs[pick])
    _clear(page, text, letter, slice(y, y + 1), slice(x, x + 1))
    return True


def stroke_broken(rng: Random, study: Study) -> bool:
    """Two or three rows of a stroke are missing."""
    found = _a_digit(rng, study)
    if found is None:
        return False
    page, text, letter = found
    ys, xs = np.nonzero(letter.glyph.ink)
    pick = rng.randrange(len(ys))
    size = rng.choice((2, 3))
    y, x = int(ys[pick]), int(xs[pick])
    _clear(page, text, letter, slice(y, y + size), slice(max(0, x - 1), x + 2))
    return True


def point_out(rng: Random, study: Study) -> bool:
    """A decimal point is not on the page."""
    places = [place for place in [*ink.dose_cells(study), *ink.totals(study)] if "." in place[1].text]
    if not places:
        return False
    page, text = rng.choice(places)
    points = [letter for letter in ink.letters_of(text) if letter.text == "."]
    point = points[0]
    _clear(page, text, point, slice(None), slice(None))
    return True


def total_digit(rng: Random, study: Study) -> bool:
    """One digit of a total is another one, by more than rounding explains."""
    places = ink.totals(study)
    if not places:
        return False
    page, text = rng.choice(places)
    value = next(value for value in study.totals if value in text.text)
    for _ in range(50):
        at = rng.choice([index for index, letter in enumerate(value) if letter.isdigit()])
        other = value[:at] + rng.choice([d for d in "0123456789" if d != value[at]]) + value[at + 1 :]
        if abs(Decimal(other) - Decimal(value)) > Decimal(study.slack + 0.5) and other[0] != "0":
            ink.rewrite(page, text, text.text.replace(value, other), at="left")
            return True
    return False


_CTDIVOL, _DLP = (r"CTDIvol\*?", r"CTDIvol\(mGy\)", "CTDI"), ("DLP", "PDL", r"DLP\(mGycm\)")


def headings_swapped(_rng: Random, study: Study) -> bool:
    """CTDIvol and DLP stand over each other's column."""
    left, right = ink.matching(study, _CTDIVOL), ink.matching(study, _DLP)
    if not left or len(left) != len(right):
        return False
    for (page, one), (_, other) in zip(left, right, strict=True):
        ink.rewrite(page, one, other.text)
        ink.rewrite(page, other, one.text)
    return True


def ctdivol_renamed(rng: Random, study: Study) -> bool:
    """The column of CTDIvol is that of another quantity."""
    found = ink.matching(study, _CTDIVOL)
    if not found:
        return False
    other = rng.choice(("CTDIw", "CTDIvol.e", "CTDIair", "CTDI100", "SSDE"))
    for page, text in found if rng.random() < 0.7 else found[:1]:
        _, bracket, unit = text.text.partition("(")
        ink.rewrite(page, text, other + bracket + unit)
    return True


def dlp_renamed(rng: Random, study: Study) -> bool:
    """The column of DLP is that of another quantity."""
    found = ink.matching(study, _DLP)
    if not found:
        return False
    other = rng.choice(("DLP.e", "DLPair", "Eff.DLP", "DLPw"))
    for page, text in found:
        _, bracket, unit = text.text.partition("(")
        ink.rewrite(page, text, other + bracket + unit)
    return True


_UNITS = {
    "(mGy)": ("(cGy)", "(Gy)", "(mSv)"), "mGy": ("cGy", "Gy", "mSv"), "[mGy]": ("[cGy]", "[Gy]"),
    "(mGy-cm)": ("(mGy-m)", "(cGy-cm)", "(mGy-mm)"), "mGycm": ("mGym", "cGycm", "mGymm"),
    "[mGy*cm]": ("[mGy*mm]", "[cGy*cm]"), "CTDIvol(mGy)": ("CTDIvol(cGy)", "CTDIvol(Gy)"),
    "DLP(mGycm)": ("DLP(mGym)", "DLP(cGycm)"),
}  # fmt: skip


def unit_changed(rng: Random, study: Study) -> bool:
    """A dose column has another unit."""
    found = [(page, text) for page in study.pages for text in page.written if text.text in _UNITS]
    if not found:
        return False
    kind = rng.choice([text.text for _, text in found])
    other = rng.choice(_UNITS[kind])
    for page, text in found:
        if text.text == kind:
            ink.rewrite(page, text, other)
    return True


def cell_shifted(rng: Random, study: Study) -> bool:
    """A value has moved towards or across its column's edge."""
    cells = ink.dose_cells(study)
    if not cells:
        return False
    page, text = rng.choice(cells)
    try:
        ink.rewrite(page, text, text.text, right=rng.choice((-1, 1)) * rng.randint(5, 45))
    except ValueError:
        return False
    return True


def other_patient(_rng: Random, study: Study) -> bool:
    """The page names another patient than its header."""
    name = study.exam.patient.identifier
    found = [(page, text) for page in study.pages for text in page.written if name in text.text]
    other = name[:-2] + str((int(name[-2]) + 3) % 10) + name[-1]
    for page, text in found:
        ink.rewrite(page, text, text.text.replace(name, other), at="left")
    return bool(found)


def word_in_row(rng: Random, study: Study) -> bool:
    """A word that nothing explains stands beside a dose value."""
    cells = ink.dose_cells(study)
    rng.shuffle(cells)
    for page, text in cells:
        line = ink.line_of(page, text)
        at = line.index(text)
        after = line[at + 1].box[0] if at + 1 < len(line) else page.pixels.shape[1]
        word = rng.choice(("est.", "x2", "old", "n/a", "+", "e", "ref"))
        start = text.box[2] + GAP
        try:
            page.write(text.style, word, start, text.top, level=text.level)
        except ValueError:
            continue
        if page.written[-1].box[2] + 3 < after:
            return True
        ink.erase(page, page.written[-1])
    return False


def line_added(rng: Random, study: Study) -> bool:
    """A line of words below the last row."""
    cells = ink.dose_cells(study)
    if not cells:
        return False
    page, last = max(cells, key=lambda place: place[1].top)
    words = rng.choice(("Dose limit exceeded", "Aborted", "see page 3", "12.34 456.78", "Correction factor 0.8"))
    try:
        page.write(last.style, words, 40, last.box[3] + 30, level=last.level)
    except ValueError:
        return False
    return not any(_meets(page.written[-1], other) for other in page.written[:-1])


def _meets(one: Written, other: Written) -> bool:
    x0, y0, x1, y1 = one.box
    return x0 <= other.box[2] + 3 and other.box[0] <= x1 + 3 and y0 <= other.box[3] + 1 and other.box[1] <= y1 + 1


def column_added(rng: Random, study: Study) -> bool:
    """A column with a heading nobody knows, where the table has room for one."""
    cells = ink.dose_cells(study)
    headings = ink.matching(study, _CTDIVOL)
    if not cells or not headings or headings[0][0] is not cells[0][0]:
        return False
    page, heading = headings[0]
    tops = sorted({text.top for other, text in cells if other is page})
    lines = [ink.line_of(page, text) for text in page.written if text.top in tops or text.top == heading.top]
    spans = [(text.box[0], text.box[2]) for line in lines for text in line]
    free = np.ones(page.pixels.shape[1], bool)
    for start, end in spans:
        free[max(0, start - 5) : end + 6] = False
    for x in rng.sample(range(60, len(free) - 30), len(free) - 90):
        if not free[x : x + 24].all():
            continue
        page.write(heading.style, rng.choice(("QC", "Dw", "e")), x + 12, heading.top, at="middle", level=heading.level)
        if any(_meets(page.written[-1], other) for other in page.written[:-1]):
            ink.erase(page, page.written[-1])
            continue
        for top in tops:
            page.write(heading.style, str(rng.randint(1, 9)), x + 12, top, at="middle", level=heading.level)
        return True
    return False

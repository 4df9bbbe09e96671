"""Tables that were made out on screens -> the text of a template, with comments on what a person must check.

Knows the template language and headers; must not know pixels or engines. What it writes loads strictly; that it is
right only a person can say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pydicom import Dataset

from ocr_service.author import vocabulary
from ocr_service.author.tables import Column, Phrase, Table, Total
from ocr_service.dose.quantities import DOSES, Quantity
from ocr_service.dose.report import Box

SLACK = 12  # px: how far a word may stand from where it stood on the first screen, measured from the first anchor
FIRST_SLACK = 30  # the same for the first anchor itself, which measures the shift of the page
LINE_SLACK = 6
_SIDED = re.compile(r"[SI]\d{1,4}\.\d{3}-[SI]\d{1,4}\.\d{3}")  # S or I before each position
_NEARLY_SIDED = re.compile(_SIDED.pattern.replace("[SI]", "[SI1l|$]")).fullmatch  # as engines confuse the sides
MARKER = r"\d{1,2} ?/ ?\d{1,2}"
IDENTIFIER = r" ?: ?(?P<value>\S+)"


@dataclass(frozen=True, slots=True)
class Drafted:
    """One screen of a draft: its header, its table, its size."""

    header: Dataset
    table: Table
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class _Named:
    """An anchor of the draft: its name, the words, where they stood, and whether they may be missing or move."""

    name: str
    words: str
    box: Box
    floating: bool = False


def draft(screens: Sequence[Drafted]) -> str:
    """The YAML text of a template that fits the first screen; the others widen it. ValueError for no screen."""
    first = max(screens, key=lambda screen: len(screen.table.columns))
    columns = _merged(first.table, [screen.table for screen in screens if screen is not first])
    return "\n".join([*_head(screens, first), *_choices(columns), *_page(first, columns), *_end(first)]) + "\n"


def _merged(table: Table, others: Sequence[Table]) -> list[Column]:
    """The columns of the first screen, with the cells of the same columns on other screens, moved to its place."""
    merged = []
    for column in table.columns:
        cells = list(column.cells)
        for other in others:
            for same in other.columns:
                if same.quantity is column.quantity and bool(same.heading) == bool(column.heading):
                    shift = column.span.left - same.span.left if not column.heading else _shift(same, column)
                    cells += [tuple(_moved(phrase, shift) for phrase in cell) for cell in same.cells]
        merged.append(Column(column.heading, column.quantity, cells))
    return merged


def _shift(same: Column, column: Column) -> int:
    return column.heading[0].box.left - same.heading[0].box.left


def _moved(phrase: Phrase, shift: int) -> Phrase:
    box = phrase.box
    left = max(0, box.left + shift)
    return Phrase(Box(left, box.top, max(left, box.right + shift), box.bottom), phrase.text)


def _head(screens: Sequence[Drafted], first: Drafted) -> Iterator[str]:
    title = first.table.title.text if first.table.title is not None else "Dose table"
    maker = str(first.header.get("Manufacturer", "") or "").strip()
    yield "# A draft by `ocr-service template new`. Go through every line that says CHECK, draw the template on a"
    yield "# screen (`ocr-service template draw`), add examples, and prove it (`ocr-service template check`)."
    yield f"title: {quoted(f'{maker} {title}'.strip())}"
    yield "status: drawn  # CHECK: say `confirmed` once it has read real pages that a person compared"
    yield "revision: 1"
    yield "match:  # CHECK: wide enough for all your screens of this layout, and for nothing else"
    for keyword, words in _match(screens):
        yield f"  {keyword}: [{', '.join(quoted(word) for word in words)}]"
    yield f"screen: {{rows: {first.rows}, columns: {first.columns}}}"
    if first.table.marker is not None:
        yield "complete_by: marker  # a page says how many there are; a missing one sends the report to a person"
    else:
        yield "complete_by: quiet  # CHECK: does a page say how many pages there are? then add page_marker and `marker`"
    yield "witnesses: [comments, exposure_sequence, images]  # CHECK: is their dose really that of the page?"


def _match(screens: Sequence[Drafted]) -> Iterator[tuple[str, list[str]]]:
    """Maker and name of the series, digits as `*`; the image type where a header lacks one of them."""
    told = 0
    for keyword, pattern in (("Manufacturer", _pattern), ("SeriesDescription", _pattern)):
        values = [str(screen.header.get(keyword, "") or "").strip() for screen in screens]
        if all(values):
            told += 1
            yield keyword, list(dict.fromkeys(pattern(value) for value in values))
    if told < 2:
        values = ["\\".join(str(part) for part in screen.header.get("ImageType", None) or ()) for screen in screens]
        patterns = list(dict.fromkeys(_pattern(value) for value in values if value))
        yield "ImageType", patterns or ["CHECK"]


def _pattern(value: str) -> str:
    """The value as a shell pattern: its own wild cards stand for any letter, numbers for any text."""
    plain = re.sub(r"[\[\]?*]", "?", value)
    return re.sub(r"\*+", "*", re.sub(r"\d+", "*", plain) + "*")


def _choices(columns: Sequence[Column]) -> Iterator[str]:
    types = _words(columns, Quantity.ACQUISITION_TYPE, vocabulary.acquisition_type)
    phantoms = _words(columns, Quantity.PHANTOM, vocabulary.phantom)
    if types or phantoms:
        yield "choices:"
    if "sequenced" in types and any(column.quantity is Quantity.SCANNING_RANGE for column in columns):
        # A range that ends where it starts tells that the table stood.
        types["sequenced_or_stationary"] = types.pop("sequenced")
    if types:
        yield "  types:  # CHECK: add the words of your scanner's other scan types"
        yield from (f"    {concept}: [{', '.join(map(quoted, words))}]" for concept, words in types.items())
    if phantoms:
        yield "  phantoms:  # CHECK: add the other phantom's words"
        yield from (f"    {concept}: [{', '.join(map(quoted, words))}]" for concept, words in phantoms.items())


def _words(columns: Sequence[Column], quantity: Quantity, meaning: Callable[[str], str | None]) -> dict[str, list[str]]:
    """The words of a column by concept; none where one of them is not known."""
    found: dict[str, list[str]] = {}
    for column in columns:
        if column.quantity is quantity:
            for text in dict.fromkeys(column.texts):
                concept = meaning(text)
                if concept is None:
                    return {}
                found.setdefault(concept, []).append(text)
    return found


def _page(screen: Drafted, columns: Sequence[Column]) -> Iterator[str]:
    named = _anchors(screen.table, columns)
    base = named[0]
    yield "pages:"
    yield "  dose:"
    yield "    anchors:  # CHECK: fixed words only, no values; each heading and unit of a dose column is one"
    yield f"      # All places are measured from {base.name}: a page that stands elsewhere is read all the same."
    for anchor in named:
        yield f"      {anchor.name}: {_anchor(anchor, base)}"
    fields = list(_fields(screen, base))
    if fields:
        yield "    fields:"
        yield from fields
    yield "    table:"
    bottom = str(screen.table.bottom - 2) if screen.table.bottom < screen.rows else "page.bottom"
    lowest = max((a for a in named if not a.floating), key=lambda anchor: anchor.box.bottom)
    yield "      # CHECK: `bottom`: may more rows follow on other pages of this layout? Nothing else may stand in here."
    yield f"      area: {{left: 0, top: {lowest.name}.bottom + 1, right: {screen.columns}, bottom: {bottom}}}"
    if screen.table.also:
        yield "      # CHECK: words in and below the table that mean nothing here: fixed words only"
        yield f"      also: [{', '.join(map(quoted, screen.table.also))}]"
    if screen.table.texts:
        yield "      lines:  # CHECK: lines between the rows that are no event"
        yield from (f"        - {quoted(_line_pattern(text))}" for text in dict.fromkeys(screen.table.texts))
    yield "      columns:"
    for quantity in DOSES:
        if not any(column.quantity is quantity for column in columns):
            yield f"        # CHECK: no column for {quantity.value} was made out: does the page print none?"
    yield from _columns(columns, named, screen)


def _anchors(table: Table, columns: Sequence[Column]) -> list[_Named]:
    """DLP's heading or CTDIvol's first, then the other headings and units, title and total."""
    found: list[_Named] = []
    for column in columns:
        for part in column.heading:
            found.append(_Named(_free(_heading_name(column, part), found), vocabulary.spelled(part.text), part.box))
    found.sort(key=lambda anchor: ("dlp", "ctdivol").index(anchor.name) if anchor.name in ("dlp", "ctdivol") else 2)
    if table.title is not None:
        found.append(_Named(_free("title", found), table.title.text, table.title.box))
    total = table.total
    if total is not None and total.label is not total.number:
        found.append(_Named(_free("total", found), total.label.text, total.label.box, floating=total.below))
    return found


def _heading_name(column: Column, part: Phrase) -> str:
    if column.quantity is None:
        plain = re.sub(r"[^a-z0-9]+", "_", part.text.casefold()).strip("_")
        name = plain if re.fullmatch(r"[a-z][a-z0-9_]*", plain) else "heading"
    else:
        name = vocabulary.ANCHOR_NAMES.get(column.quantity, column.quantity.value)
    is_unit = vocabulary.is_unit(part.text) and len(column.heading) > 1
    return f"{name}_unit" if is_unit else name


def _free(name: str, taken: Sequence[_Named]) -> str:
    names = {anchor.name for anchor in taken}
    return next(n for n in (name, *(f"{name}_{i}" for i in range(2, 99))) if n not in names)


def _anchor(anchor: _Named, base: _Named) -> str:
    box, more = anchor.box, ""
    if anchor is base:
        sides = [str(max(0, side)) for side in _sides(_grown(box, FIRST_SLACK))]
    elif anchor.floating:
        sides = _around(_grown(box, SLACK), base)
        sides[1], sides[3] = f"{base.name}.bottom", "page.bottom"
        more = ", floating: true, required: false"
    else:
        sides = _around(_grown(box, SLACK), base)
    return f"{{text: [{quoted(anchor.words)}], area: {_area(*sides)}{more}}}"


def _grown(box: Box, by: int) -> Box:
    return Box(max(0, box.left - by), max(0, box.top - by), box.right + by, box.bottom + by)


def _sides(box: Box) -> tuple[int, int, int, int]:
    return box.left, box.top, box.right, box.bottom


def _around(box: Box, base: _Named) -> list[str]:
    """Left, top, right and bottom of a box of the first screen, measured from the first anchor."""
    return [_from(base, side, name) for side, name in zip(_sides(box), ("left", "top") * 2, strict=True)]


def _area(left: str, top: str, right: str, bottom: str) -> str:
    return f"{{left: {left}, top: {top}, right: {right}, bottom: {bottom}}}"


def _from(anchor: _Named, pixel: int, side: str) -> str:
    """A pixel of the first screen, measured from the anchor's side."""
    offset = pixel - int(getattr(anchor.box, side))
    return f"{anchor.name}.{side} {'-' if offset < 0 else '+'} {abs(offset)}"


def _fields(screen: Drafted, base: _Named) -> Iterator[str]:
    total, marker, patient = screen.table.total, screen.table.marker, screen.table.patient_id
    if total is not None:
        yield from _total_field(total, base, screen)
    if marker is not None:
        box = _grown(marker.box, SLACK)
        yield "      page_marker:"
        yield f"        area: {_area(*map(str, (max(0, box.left - SLACK), box.top, box.right + SLACK, box.bottom)))}"
        yield "        type: text"
        yield f"        pattern: {quoted(MARKER)}"
    if patient is not None:
        label = re.escape(vocabulary.patient_id_label(patient.text) or "").replace("\\ ", " ")
        yield "      patient_id:  # a page of another patient than its header's goes to a person"
        yield f"        area: {_area('0', '0', str(screen.columns), f'{base.name}.top')}"
        yield "        type: text"
        yield f"        pattern: {quoted(label + IDENTIFIER)}"
        yield "        blank: empty"
        yield "        same_as_header: PatientID"


def _total_field(total: Total, base: _Named, screen: Drafted) -> Iterator[str]:
    yield "      dlp_total:"
    box = _grown(total.number.box, LINE_SLACK)
    if total.label is not total.number:
        right = _from(base, min(screen.columns, box.right + FIRST_SLACK), "left")
        sides = ["total.right + 1", f"total.top - {LINE_SLACK}", right, f"total.bottom + {LINE_SLACK}"]
    else:
        sides = _around(box, base)
        if total.below:
            yield "        # CHECK: nothing parts label and number, so no anchor fits the label: this place is fixed"
    yield f"        area: {_area(*sides)}"
    yield "        type: decimal"
    yield "        unit: mGy.cm"
    yield f"        pattern: {quoted(_number_pattern([total.number.text]))}"


def _columns(columns: Sequence[Column], named: Sequence[_Named], screen: Drafted) -> Iterator[str]:
    anchors = {anchor.box: anchor for anchor in named}
    edges = _edges(columns, anchors, screen.columns)
    used: set[Quantity] = set()
    for column, (left, right) in zip(columns, edges, strict=True):
        quantity = column.quantity or Quantity.OTHER
        words = " ".join(part.text for part in column.heading)
        if quantity in used:
            yield f"        # CHECK: nothing is known of the column {words!r}; ink in it is a doubt until you name it"
            continue
        kind = list(_kind(quantity, column))
        if column.quantity is None:
            yield f"        # CHECK: what does {words!r} state? Name the quantity, or leave it as `other`"
        if kind[0].startswith("type: text") and quantity is Quantity.ACQUISITION_TYPE:
            yield "        # CHECK: a scan type is not known: make it a choice once you know what each word means"
            quantity = Quantity.ACQUISITION_PROTOCOL
        if quantity is Quantity.MEAN_CTDIVOL and _has_letters_behind(column):
            yield "        # CHECK: does the letter behind the number name the phantom? Then it is (?P<phantom>[LS])"
        used.add(quantity)
        heading = [anchors[part.box].name for part in column.heading if part.box in anchors]
        more = [f"heading: [{', '.join(heading)}]"] if heading else []
        yield f"        {quantity.value}: {{{', '.join([f'left: {left}', f'right: {right}', *kind, *more])}}}"


def _edges(columns: Sequence[Column], anchors: dict[Box, _Named], width: int) -> list[tuple[str, str]]:
    """Both edges of each column, half way between the ink of neighbours, measured from a heading beside."""
    between = []
    for before, after in pairwise(columns):
        apart = before.span.right <= after.span.left  # else a heading stands over its neighbour's cells
        right, left = (before.span, after.span) if apart else (before.inked, after.inked)
        middle = (right.right + left.left) // 2
        holder = next((anchors[p.box] for c in (after, before) for p in c.heading if p.box in anchors), None)
        between.append(str(middle) if holder is None else _from(holder, middle, "left"))
    return list(zip(["0", *between], [*between, str(width)], strict=True))


def _kind(quantity: Quantity, column: Column) -> Iterator[str]:
    """Type, unit, pattern, blank and choices of the column, by what stands in it."""
    texts = column.texts
    known = {
        Quantity.ACQUISITION_TYPE: ("types", vocabulary.acquisition_type),
        Quantity.PHANTOM: ("phantoms", vocabulary.phantom),
    }.get(quantity)
    if known is not None and texts and all(known[1](text) for text in texts):
        yield "type: choice"
        yield f"choices: {known[0]}"
    elif known is not None or not texts or not all(vocabulary.NUMBERS.match(text) for text in texts):
        yield "type: text"
        if quantity is Quantity.SERIES_NUMBER and all(re.fullmatch("[A-Z]", text) for text in texts):
            yield "pattern: '[A-Z]'"
        if quantity is Quantity.SCANNING_RANGE and any(map(_SIDED.fullmatch, texts)) and all(map(_NEARLY_SIDED, texts)):
            yield f"pattern: {quoted(_SIDED.pattern)}"
    else:
        unit = quantity.unit
        is_whole = not any("." in text for text in texts) and unit is None
        yield f"type: {'integer' if is_whole else 'decimal'}"
        if unit is not None:
            yield f"unit: {unit}"
        yield f"pattern: {quoted(_number_pattern(texts))}"
    blanks = {(False, True): "empty", (True, False): "dash", (True, True): "either"}
    blank = blanks.get((column.has_dashes, column.has_gaps))
    if blank is not None:
        yield f"blank: {blank}"


def _number_pattern(texts: Sequence[str]) -> str:
    """A pattern for numbers like these, blanks removed; letters around the number are kept as they are."""
    parts = [_parted("".join(text.split())) for text in texts]
    places = {len(number.partition(".")[2]) for _, number, _ in parts}
    fewest, most = min(places), max(places)
    number = r"\d{1,5}"
    if most:
        several = f"{{{fewest},{most}}}" if 0 < fewest < most else f"{{{most}}}" if most > 1 else ""
        counted = rf"\.\d{several}"
        number += counted if fewest else f"(?:{counted})?"
    around = {(before, after) for before, _, after in parts}
    if around == {("", "")}:
        return number
    if len(around) == 1:
        before, after = around.pop()
        behind = "[sS]" if after in ("s", "S") else re.escape(after)  # a lonely s is read as either
        return f"{re.escape(before)}(?P<value>{number}){behind}"
    return f"(?P<value>{number})[^0-9]{{0,12}}"


def _parted(text: str) -> tuple[str, str, str]:
    """What stands before the last number of the text, the number, and what stands behind it."""
    match = next(reversed(list(vocabulary.NUMBERS.finditer(text))), None)
    return (text, "", "") if match is None else (text[: match.start()], match[0], text[match.end() :])


def _has_letters_behind(column: Column) -> bool:
    """Does a single letter stand behind the numbers? It often names the phantom."""
    return any(re.fullmatch(r"[A-Z]|\([a-z]\)", _parted("".join(text.split()))[2]) for text in column.texts)


def _line_pattern(text: str) -> str:
    return re.sub(r"\d+", r"\\d+", re.escape(text).replace("\\ ", " "))


def _end(screen: Drafted) -> Iterator[str]:
    if screen.table.total is not None:
        yield "checks:  # CHECK: by how much may rounding let the rows miss the total?"
        yield "  - {sum_of: dlp, equals: dlp_total, within: 0.5}"
    yield "# CHECK: an example proves the template. Take the numbers from the screen, not from what was read:"
    yield "# examples:"
    yield "#   - file: the-screen.dcm"
    yield "#     dlp_total: 366.0"
    yield "#     columns: [acquisition_type, mean_ctdivol, dlp, phantom]"
    yield "#     rows:"
    yield "#       - [spiral, 8.42, 361.7, body]"


def quoted(text: str) -> str:
    """The text as a YAML scalar in single quotes."""
    return "'" + text.replace("'", "''") + "'"

"""What several screens show together -> the text of a template, with comments on what a person must check.

Knows the template language and headers; must not know pixels or engines. What it writes loads strictly; that it is
right only a person can say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from ocr_service.author import vocabulary
from ocr_service.author.anchoring import (
    SLACK,
    Anchors,
    anchor_lines,
    anchors_of,
    area,
    around,
    column_edges,
    grown,
    measured,
    total_edges,
)
from ocr_service.author.patterns import (
    MARKER,
    has_letters_behind,
    kind,
    line_pattern,
    may_be_a_row,
    number_pattern,
    quoted,
)
from ocr_service.author.promises import checks, example_comments
from ocr_service.author.tables import Column
from ocr_service.author.together import Drafted, Foot, Together, TotalPlace
from ocr_service.dose.quantities import DOSES, Quantity
from ocr_service.templates.wording import fold

IDENTIFIER = " ?[:\uff1a] ?(?P<value>\\S+)"  # Japanese consoles print a wide colon, or engines read one
OTHERS = (Quantity.OTHER, Quantity.OTHER_2, Quantity.OTHER_3, Quantity.OTHER_4)
CONCEPTS = "spiral, sequenced, constant_angle (a scout), stationary, free or cone_beam"


def draft(screens: Sequence[Drafted]) -> str:
    """The YAML text of a template that fits the screens. ValueError for no screen."""
    seen = Together(screens)
    feet = seen.feet()
    moving = [foot for foot in feet if not foot.still and foot.fixed and _needs_anchor(foot)]
    anchors = anchors_of(seen, moving)
    return "\n".join([
        *_head(seen), *_choices(seen), *_page(seen, anchors, feet), *checks(seen), *example_comments(seen),
    ]) + "\n"  # fmt: skip


def _head(seen: Together) -> Iterator[str]:
    first = seen.first
    title = seen.title.text if seen.title is not None else "Dose table"
    maker = str(first.header.get("Manufacturer", "") or "").strip()
    count = len(seen.screens)
    yield f"# A draft by `ocr-service template new` from {count} screen{'s' if count > 1 else ''}. Go through every"
    yield "# line that says CHECK, look at all screens (`ocr-service template check --screens`), add examples."
    yield f"title: {quoted(f'{maker} {title}'.strip())}"
    yield "status: drawn  # CHECK: say `confirmed` once it has read real pages that a person compared"
    yield "revision: 1"
    yield "match:  # CHECK: wide enough for all your screens of this layout, and for nothing else"
    for keyword, words in _match(seen.screens):
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
    for keyword in ("Manufacturer", "SeriesDescription"):
        values = [str(screen.header.get(keyword, "") or "").strip() for screen in screens]
        patterns = list(dict.fromkeys(_pattern(value) for value in values)) if all(values) else []
        if len(patterns) > 2:  # it varies from screen to screen: only what all begin with says anything
            patterns = [p for p in [_beginning(patterns)] if len(p) > 3]
        if patterns:
            told += 1
            yield keyword, patterns
    if told < 2:
        values = ["\\".join(str(part) for part in screen.header.get("ImageType", None) or ()) for screen in screens]
        patterns = list(dict.fromkeys(_pattern(value) for value in values if value))
        yield "ImageType", patterns or ["CHECK"]


def _pattern(value: str) -> str:
    """The value as a shell pattern: its own wild cards stand for any letter, numbers for any text."""
    plain = re.sub(r"[\[\]?*]", "?", value)
    return re.sub(r"\*+", "*", re.sub(r"\d+", "*", plain) + "*")


def _beginning(patterns: Sequence[str]) -> str:
    """What all patterns begin with, and `*`."""
    low, high = min(patterns), max(patterns)
    same = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    return low[:same].rstrip("*") + "*"


def _choices(seen: Together) -> Iterator[str]:
    types, new_types = _words(seen, Quantity.ACQUISITION_TYPE, vocabulary.acquisition_type)
    phantoms, new_phantoms = _words(seen, Quantity.PHANTOM, vocabulary.phantom)
    if types or phantoms:
        yield "choices:"
    if "sequenced" in types and seen.column(Quantity.SCANNING_RANGE) is not None:
        # A range that ends where it starts tells that the table stood.
        types["sequenced_or_stationary"] = types.pop("sequenced")
    if types:
        yield "  types:  # CHECK: add the words of your scanner's other scan types"
        yield from (f"    {concept}: [{', '.join(map(quoted, words))}]" for concept, words in types.items())
        for word in new_types:
            yield f"    # CHECK: {quoted(word)} is not known, its rows are not read yet: write it behind {CONCEPTS}"
    if phantoms:
        yield "  phantoms:  # CHECK: add the other phantom's words"
        yield from (f"    {concept}: [{', '.join(map(quoted, words))}]" for concept, words in phantoms.items())
        for word in new_phantoms:
            yield f"    # CHECK: {quoted(word)} is not known: write it behind head (16 cm) or body (32 cm)"


def _words(
    seen: Together, quantity: Quantity, meaning: Callable[[str], str | None]
) -> tuple[dict[str, list[str]], list[str]]:
    """The words of a column by concept, and those that are not known."""
    found: dict[str, list[str]] = {}
    column = seen.column(quantity)
    texts = column.texts if column is not None else []
    unknown = []
    for text in {fold(text): text for text in reversed(texts)}.values():
        concept = meaning(text)
        if concept is None:
            unknown.append(text)
        else:
            found.setdefault(concept, []).append(text)
    return found, unknown


def _needs_anchor(foot: Foot) -> bool:
    """A line with numbers that moves: no pattern may explain it, so it is fixed words."""
    return may_be_a_row(foot.texts[0])


def _page(seen: Together, anchors: Anchors, feet: Sequence[Foot]) -> Iterator[str]:
    base = anchors.base
    yield "pages:"
    yield "  dose:"
    yield "    anchors:  # CHECK: fixed words only, no values; each heading and unit of a dose column is one"
    yield f"      # All places are measured from {base.name}: a page that stands elsewhere is read all the same."
    yield from anchor_lines(anchors, seen.bases)
    fields = list(_fields(seen, anchors, feet))
    if fields:
        yield "    fields:"
        yield from fields
    yield "    table:"
    yield from _table(seen, anchors, feet)
    yield "      columns:"
    for quantity in DOSES:
        if seen.column(quantity) is None:
            yield f"        # CHECK: no column for {quantity.value} was made out: does the page print none?"
    yield from _columns(seen, anchors)


def _table(seen: Together, anchors: Anchors, feet: Sequence[Foot]) -> Iterator[str]:
    base, still = anchors.base, [foot.box.top for foot in feet if foot.still]
    marker = seen.first.table.marker
    if marker is not None and marker.box.top > base.box.bottom:
        still.append(marker.box.top)
    bottom = measured(base, min(still) - 2, "bottom") if still else "page.bottom"
    yield "      # CHECK: `bottom`: more rows may follow on other screens, and nothing else may stand in here"
    yield f"      area: {area('0', f'{anchors.lowest.name}.bottom + 1', str(seen.first.columns), bottom)}"
    also = [*seen.also(), *(text for foot in feet if foot.fixed and foot.still for text in foot.texts)]
    also += [unit.text for p in seen.totals() if p.total.below and p.unit_stands for unit in p.units]
    also = [word for word in dict.fromkeys(also) if any(letter.isalpha() for letter in word)]
    if also:
        yield "      # CHECK: words in and below the table that mean nothing here: fixed words only"
        yield f"      also: [{', '.join(map(quoted, also))}]"
    told = [foot for foot in feet if not foot.still and not any(map(seen.is_personal, foot.texts))]
    moving = [foot.texts[0] for foot in told if not _needs_anchor(foot)]
    texts = [*seen.texts(), *moving]
    lines = [line_pattern(text) for text in texts if not may_be_a_row(text)]
    if lines:
        yield "      lines:  # CHECK: lines between and below the rows that are no event"
        yield from (f"        - {quoted(line)}" for line in dict.fromkeys(lines))
    rows = [text for text in texts if may_be_a_row(text)]
    rows += [foot.texts[0] for foot in told if not foot.fixed and _needs_anchor(foot)]
    for text in rows:
        yield f"      # CHECK: lines like {quoted(re.sub('[0-9]', '9', text))} are taken for rows: what are they?"
    if seen.first.table.lines > 1:
        yield f"      stacked: true  # each row takes {seen.first.table.lines} lines; `line` says which a column is on"


def _fields(seen: Together, anchors: Anchors, feet: Sequence[Foot]) -> Iterator[str]:
    table, base = seen.first.table, anchors.base
    for place in seen.totals():
        yield from _total_field(place, anchors)
    if table.marker is not None:
        word = vocabulary.PAGE_MARKER.fullmatch(table.marker.text)
        before = f"(?P<beside>{re.escape(word['word'])} ?)?" if word is not None and word["word"] else ""
        yield "      page_marker:"
        yield f"        area: {area(*around(grown(table.marker.box, SLACK), base))}"
        yield "        type: text"
        yield f"        pattern: {quoted(before + MARKER)}"
    if table.patient_id is not None:
        label = re.escape(vocabulary.patient_id_label(table.patient_id.text) or "").replace("\\ ", " ?")
        yield "      patient_id:  # a page of another patient than its header's goes to a person"
        yield f"        area: {area('0', '0', str(seen.first.columns), f'{base.name}.top')}"
        yield "        type: text"
        yield f"        pattern: {quoted(label + IDENTIFIER)}"
        yield "        blank: empty"
        yield "        same_as_header: PatientID"
    varying = [foot for foot in feet if foot.still and not foot.fixed]
    for quantity, foot in zip(OTHERS, varying, strict=False):
        yield f"      {quantity.value}:  # CHECK: what stands here differs between screens; it is read and goes nowhere"
        yield f"        area: {area(*around(grown(foot.box, SLACK), base))}"
        yield "        type: text"
        yield "        blank: either"


def _total_field(place: TotalPlace, anchors: Anchors) -> Iterator[str]:
    total = place.total
    yield f"      {total.quantity.value}:"
    labels = anchors.totals[total.quantity]
    if labels:
        says_dlp = next((a for a, p in zip(labels, total.label, strict=True) if vocabulary.says_dlp(p.text)), None)
        sides = total_edges(place, labels[-1], says_dlp)
    else:
        sides = around(grown(total.number.box, SLACK // 2), anchors.base)
        if total.below:
            yield "        # CHECK: nothing parts label and number, so no anchor fits the label: this place is fixed"
    colon = ":?" if labels and total.below and any(p.text.strip(".:") == "" for p in total.beside) else ""
    yield f"        area: {area(*sides)}"
    yield "        type: decimal"
    yield "        unit: mGy.cm"
    yield f"        pattern: {quoted(colon + number_pattern(place.texts))}"


def _columns(seen: Together, anchors: Anchors) -> Iterator[str]:
    used: set[Quantity] = set()
    lines = seen.first.table.lines
    for line in range(lines):
        columns = [column for column in seen.columns if column.line == line]
        edges = column_edges(columns, anchors, seen.first.table.upright, seen.first.columns)
        for column, (left, right) in zip(columns, edges, strict=True):
            yield from _column(column, left, right, anchors, used, f", line: {line + 1}" if lines > 1 else "")


def _column(column: Column, left: str, right: str, anchors: Anchors, used: set[Quantity], line: str) -> Iterator[str]:
    words = " ".join(part.text for part in column.heading)
    quantity = column.quantity if column.quantity not in used else None
    if quantity is None:
        quantity = next((other for other in OTHERS if other not in used), None)
        if quantity is None:
            yield f"        # CHECK: nothing is known of the column {words!r}; ink in it is a doubt until you name it"
            return
        yield f"        # CHECK: what does {words!r} state? Name the quantity, or leave it as `{quantity.value}`"
    what = list(kind(quantity, column))
    if what[0] == "type: text" and quantity is Quantity.ACQUISITION_TYPE:
        yield "        # CHECK: no scan type is known: make it a choice once you know what each word means"
        quantity = Quantity.ACQUISITION_PROTOCOL if Quantity.ACQUISITION_PROTOCOL not in used else Quantity.OTHER_4
    if quantity is Quantity.MEAN_CTDIVOL and has_letters_behind(column):
        yield "        # CHECK: does the letter behind the number name the phantom? Then it is (?P<phantom>[LS])"
    used.add(quantity)
    heading = [anchors.headings[part.box].name for part in column.heading]
    more = [f"heading: [{', '.join(heading)}]"] if heading else []
    yield f"        {quantity.value}: {{{', '.join([f'left: {left}', f'right: {right}', *what, *more])}{line}}}"

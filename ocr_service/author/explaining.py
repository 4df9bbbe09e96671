"""Why this template and no other: which anchors of each candidate stand on each page.

Knows templates and found anchors; must not know files. Says the template's words, never the screen's.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import Dataset

from ocr_service.author.reading import FoundPage, pages_of, screens_of
from ocr_service.screen.readers import Readers
from ocr_service.templates.library import Library
from ocr_service.templates.schema import Template


def explained(ds: Dataset, library: Library, readers: Readers) -> Iterator[str]:
    """Sentences for each page of the object: every candidate's anchors, and which template reads the page and why."""
    candidates = library.candidates(ds)
    screens = screens_of(ds)
    if not screens:
        yield "the object has no picture that can be read"
    for number, screen in enumerate(screens, start=1):
        yield f"page {number} of {len(screens)}:"
        fitting: list[Template] = []
        for template in candidates:
            pages = list(pages_of(template, screen, readers))
            yield from (f"  {_anchors(page)}" for page in pages)
            if any(not page.missing for page in pages):
                fitting.append(template)
        yield f"  {_choice(candidates, fitting)}"


def _anchors(page: FoundPage) -> str:
    spec = page.sheet.spec.anchors
    found = [name if page.found[name].proven else f"{name} (not proven)" for name in spec if name in page.found]
    needless = [name for name in spec if name not in page.found and not spec[name].required]
    told = [f"{len(found)} of {len(spec)} anchors found: {', '.join(found)}" if found else "no anchor found"]
    for name in page.missing:
        waits = _not_found(page, name)
        hangs = f" (its area hangs on {' and '.join(waits)})" if waits else ""
        told.append(f"missing is {name}, {' or '.join(map(repr, spec[name].text))}{hangs}")
    if needless:
        told.append(f"not there and not required: {', '.join(needless)}")
    return f"{page.template.name}, page {page.sheet.kind}: {'; '.join(told)}"


def _not_found(page: FoundPage, name: str) -> list[str]:
    """The anchors that the area of this one hangs on and that were not found."""
    edges = page.sheet.spec.edges()
    hangs_on = {edge.anchor for place, edge in edges if place[:2] == ("anchors", name)}
    return sorted(hangs_on - {""} - set(page.found))


def _choice(candidates: tuple[Template, ...], fitting: list[Template]) -> str:
    if not fitting:
        names = ", ".join(template.name for template in candidates)
        return f"no template reads this page: {names} fit the header, none has all its required anchors on it"
    chosen, others = fitting[0], fitting[1:]
    rivals = [template.name for template in others if chosen.extends != template.name]
    why = f"{chosen.name} reads this page: its header fits and all its required anchors stand on it"
    if len(others) > len(rivals):
        why += f"; it extends {chosen.extends} and says more than it"
    if rivals:
        why += f"; {', '.join(rivals)} would fit too and neither extends the other, so a person must decide"
    return why

"""Archives of typed pages: several studies of one console, converted without any engine, and what was true of them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ocr_service.errors import EngineMissing
from ocr_service.screen.font_files import load_fonts
from ocr_service.screen.readers import Reader, Readers
from ocr_service.templates.library import Library, load_templates
from ocr_service.work import archive, lines
from ocr_service.work.archive import Converted, SiteLetters, SiteRules, Workers
from tests.screen import typed
from tests.screen.typed import Page, TypedReader
from tests.work import consoles

EVERYTHING = frozenset({"verified", "review"})
VOTES = (("none",), ("stretch",))
Rows = Sequence[tuple[str, str]]  # CTDIvol and DLP
LEARNED = 10  # studies after which a typed console's letters are registered
NO_AUDIT = SiteRules(audit_one_in=0)
AUDIT_ALL = SiteRules(audit_one_in=1)


def rows_of(study: int, count: int = 3) -> Rows:
    """Other numbers for each study, of all ten digits."""
    chance = random.Random(study)
    return [(f"{chance.randint(10, 999) / 10:.1f}", f"{chance.randint(1000, 29999) / 10:.1f}") for _ in range(count)]


def total_of(rows: Rows) -> str:
    return str(sum(Decimal(dlp) for _, dlp in rows))


def page(rows: Rows, total: str | None = None) -> Page:
    """A page with a localizer and these helical rows, and the total of their DLP."""
    printed = [{14: "Helical", 120: ctdivol, 240: dlp, 360: "Body"} for ctdivol, dlp in rows]
    return typed.dose_page([{14: "Scout"}, *printed], total_of(rows) if total is None else total)


def library(folder: Path, template: str = typed.TEMPLATE) -> Library:
    """The template alone, loaded from the folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    return typed.library(folder, template)


class Asleep:
    """An engine that nobody may ask."""

    def read(self, crops: Sequence[Any], preparations: Any = None) -> list[str]:
        if crops:
            raise EngineMissing("an engine was asked, and the letters were to read all of it")
        return []


def readers(first: Reader | None = None, second: Reader | None = None) -> Readers:
    return Readers(first or TypedReader(), second or TypedReader(), VOTES)


@dataclass
class Told:
    """How a run ended: its lines, each study's last one, and what it said of letters."""

    lines: list[dict[str, Any]]
    sentences: list[str]
    letters: SiteLetters

    @property
    def last(self) -> dict[str, dict[str, Any]]:
        return {line["study_instance_uid"]: line for line in self.lines}

    def outcomes(self) -> list[str]:
        return [line["outcome"] for _, line in sorted(self.last.items())]


@dataclass
class Site:
    """A folder of screens, the site's templates with its fonts, and what is true of every screen."""

    folder: Path
    template: str = typed.TEMPLATE
    truth: dict[str, tuple[Rows, str]] = field(default_factory=dict)

    @property
    def templates(self) -> Path:
        return self.folder / "templates"

    def add(
        self, study: int, rows: Rows | None = None, shown: Page | None = None, run: str = "in", **header: Any
    ) -> None:
        """A screen of a study; `shown`: what the console draws instead of the plain page of these rows."""
        rows = rows_of(study) if rows is None else rows
        told = {"SeriesDescription": "Dose", "SoftwareVersions": "V1"} | header
        ds = consoles.screen(study=study, pixels=page(rows) if shown is None else shown, **told)
        consoles.saved(ds, self.folder / run / f"{study:04d}.dcm")
        self.truth[str(ds.StudyInstanceUID)] = rows, total_of(rows)

    def convert(
        self,
        its: Readers,
        run: str = "in",
        out: str = "out",
        rules: SiteRules = NO_AUDIT,
        workers: Workers | None = None,
        *,
        kept: bool = True,
    ) -> Told:
        """Convert the screens of a run, with the fonts of the site's templates where they are kept."""
        its.use(load_fonts(self.templates))
        letters = SiteLetters(self.templates if kept else None)
        its_library = library(self.templates, self.template)
        paths, folder = [self.folder / run], self.folder / out
        _, endings = archive.convert(paths, its_library, its, folder, EVERYTHING, workers, rules, letters)
        told = [as_line(one) for one in endings]
        return Told(told, list(letters.sentences()), letters)

    def wrong(self, told: Told) -> list[tuple[str, Any]]:
        """The verified reports of a run that do not say what is true, and RDSRs that nobody vouches for."""
        found: list[tuple[str, Any]] = []
        for study, line in told.last.items():
            rows, total = self.truth[study]
            says = [(event["mean_ctdivol"], event["dlp"]) for event in line["events"] if event["dlp"]]
            if line["outcome"] == "verified" and (says != list(rows) or line["dlp_total"] != total):
                found.append((study, says))
        return found

    def written(self, out: str = "out") -> list[str]:
        return sorted(str(path.relative_to(self.folder / out)) for path in (self.folder / out).rglob("*.dcm"))


def as_line(one: Converted) -> dict[str, Any]:
    return lines.as_json(one) | {"milliseconds": 0}


def equip(templates: Path) -> tuple[Library, Readers]:
    """What each worker process builds."""
    its = readers()
    its.use(load_fonts(templates))
    return load_templates(templates), its


def swapped(text: str, pair: str) -> str:
    """The text with two signs for each other."""
    return text.translate(str.maketrans(pair, pair[::-1]))


def drawn_with(rows: Rows, pair: str) -> Page:
    """The page of a console whose update drew two digits for each other."""
    return page([(swapped(a, pair), swapped(b, pair)) for a, b in rows], swapped(total_of(rows), pair))


def truths(rows: Rows, pair: str) -> Mapping[str, str]:
    """What an engine must say of that page's numbers to read the truth."""
    return {swapped(text, pair): text for text in (*(one for row in rows for one in row), total_of(rows))}


def said(told: Told, words: str) -> list[str]:
    return [sentence for sentence in told.sentences if words in sentence]


def swapping(rows: Sequence[Sequence[tuple[str, str]]], pair: str) -> TypedReader:
    """An engine that reads the truth of pages on which the console draws two digits for each other."""
    return TypedReader({shown: text for some in rows for shown, text in truths(some, pair).items()})

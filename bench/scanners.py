"""Scanners whose letters are registered: studies of one console each, and what `convert` learns of their fonts.

A study of bench/consoles.py is of a random console in a random font. Here a scanner keeps both, writes one encoding
and never moves its page, as real ones do. Knows drawings and the front door; must not know what is measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from letters import Style

from bench import faces, running
from bench.consoles import FAMILIES
from bench.scoring import Expected
from bench.studies import NO_SHIFT, DoesNotFit, Study, demand_room
from ocr_service.cli import EMITTED
from ocr_service.errors import EngineMissing
from ocr_service.screen.font_files import load_fonts
from ocr_service.screen.readers import Crop, Preparation, Readers
from ocr_service.screen.tesseract import VOTES
from ocr_service.work import archive
from ocr_service.work.discovery import discover
from ocr_service.work.inventory import UnitFiles, take_stock
from ocr_service.work.lines import outcome_name
from ocr_service.work.unit import Converted

NO_AUDIT = archive.SiteRules(audit_one_in=0)
MOST_TRIES = 100  # drawings a study
FONTS = {  # as sample_sc draws the family, where both engines read these letters
    "ge": "75dpi/helvB14",
    "siemens": "75dpi/helvR12",
    "siemens_va40a": "75dpi/helvR10",
    "toshiba": "misc/7x13",
    "philips_dose_info": "75dpi/courR14",
    "philips_exam_summary": "100dpi/helvR12",
}
WORDINGS = ("CTDIvol*", "L = 32", "PhantomType", "PDL", "Total DLP(mGy.cm)")


@dataclass(frozen=True, slots=True)
class Drawn:
    """One study of a scanner: where its files lie, and what its pages say."""

    family: str
    study_instance_uid: str
    files: tuple[Path, ...]
    expected: Expected


class EngineAsked(EngineMissing):
    """Letters alone were to read this, and an engine was asked."""


class NoEngine:
    """A reader that must not be asked."""

    def read(self, crops: Sequence[Crop], preparations: Sequence[Preparation] | None = None) -> list[str]:
        raise EngineAsked(f"{len(preparations or crops)} crops were to be read by an engine")


def studies(family: str, seed: int, count: int, font: str = "") -> Iterator[Study]:
    """So many studies of one scanner of the family. DoesNotFit where the font has too few."""
    rng, font = Random(f"scanner/{family}/{seed}"), font or FONTS[family]
    style, same, made = Style(faces.letters_of(font)), None, 0
    for attempt in range(MOST_TRIES * count):
        if made == count:
            return
        try:
            study = FAMILIES[family](rng, f"bench/scanner/{family}/{seed}/{attempt}", font, style)
            for page in study.pages:
                demand_room(page)
        except (DoesNotFit, ValueError, KeyError):  # the letters leave the page, or the font lacks one
            continue
        its = study.exam.console, _wording(study)
        same = same or its
        if its == same:
            study.shift, study.encoding, made = NO_SHIFT, "grey", made + 1
            yield study
    if made < count:
        raise DoesNotFit(f"the font {font} gives {made} of {count} studies of {family}")


def _wording(study: Study) -> frozenset[str]:
    """The words that one console has and another has not."""
    return frozenset(
        word for word in WORDINGS if any(word in text.text for page in study.pages for text in page.written)
    )


def draw_scanners(families: Sequence[str], seed: int, count: int, folder: Path) -> list[Drawn]:
    """Draw so many studies of one scanner a family, and write them below the folder."""
    drawn = []
    for family in families:
        for number, study in enumerate(studies(family, seed, count)):
            place = folder / family / f"{number:03d}"
            place.mkdir(parents=True, exist_ok=True)
            files = []
            for page, content in enumerate(study.files(), start=1):
                files.append(place / f"{page:02d}.dcm")
                files[-1].write_bytes(content)
            expected = Expected(study.events, study.dlp_total)
            drawn.append(Drawn(family, str(study.exam.study_instance_uid), tuple(files), expected))
    return drawn


def units(paths: Sequence[Path]) -> list[UnitFiles]:
    """The units below the paths that have dose screens."""
    return [unit for unit in take_stock(discover(paths).files, running.library()).units if unit.screens]


def by_fonts(site: Path, *, engines: bool = False) -> Readers:
    """Readers that know the fonts of the folder and no shipped ones. Without engines asking one raises EngineAsked."""
    first, second = running.engines() if engines else (NoEngine(), NoEngine())
    readers = Readers(first, second, VOTES)
    readers.use(load_fonts(site))
    return readers


def convert(
    paths: Sequence[Path], readers: Readers, out: Path, rules: archive.SiteRules = NO_AUDIT, site: Path | None = None
) -> list[Converted]:
    """All units below the paths. site: where letters are kept, for this run only where None."""
    letters = archive.SiteLetters(site)
    return list(archive.convert(paths, running.library(), readers, out, frozenset(EMITTED), None, rules, letters)[1])


def learn(paths: Sequence[Path], site: Path, out: Path) -> list[Converted]:
    """Convert the paths with both engines, and keep the fonts in the folder."""
    site.mkdir(parents=True, exist_ok=True)
    return convert(paths, by_fonts(site, engines=True), out, site=site)


def ended(done: Sequence[Converted]) -> str:
    """How many units ended how."""
    return ", ".join(
        f"{number} {name}" for name, number in Counter(outcome_name(d.outcome) for d in done).most_common()
    )

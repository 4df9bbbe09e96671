"""Can a registered font be poisoned? `python -m bench.poison`.

Scanners' fonts are learned by `convert`; then something goes wrong, and all screens are converted by these fonts:
letters change their shapes after an update of the console, two signs of the font file are exchanged, single pixels are
lost. Draws scanners of its own, or takes a folder of screens that has a truth.json (`--truth DIR`).

A wrong value is one in a verified report (or its RDSR) that is not what the page shows. Where letters were exchanged on
the page, what the console meant is compared too. Exit 1 where a value is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from pydicom import Dataset

from bench import poisoning, running, scanners
from bench.consoles import FAMILIES
from bench.scoring import Expected, answer_of, score, truths
from ocr_service.cli import EMITTED
from ocr_service.screen.font_files import keep_fonts, load_fonts
from ocr_service.screen.fonts import Fonts
from ocr_service.work import archive
from ocr_service.work.lines import outcome_name

Truth = Mapping[str, Expected]


@dataclass(frozen=True, slots=True)
class Poison:
    """One thing that goes wrong. fonts: what is registered then; change: of each screen; truth: what is shown then."""

    name: str
    fonts: Fonts
    change: Callable[[Dataset], int]
    truth: Truth
    meant: Truth | None = None  # where the pages show something else than the console meant


@dataclass(slots=True)
class Result:
    """What came of it. near: wrong values that count as proven, in reports that wait for a person."""

    name: str
    changed: int
    outcomes: Counter[str]
    values: int = 0
    wrong: int = 0
    otherwise: int | None = None  # verified values that are not what the console meant
    near: int = 0
    told: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()


def poisons(fonts: Fonts, truth: Truth, pairs: Sequence[str], cells: int, screens: int) -> list[Poison]:
    """Everything that is tried."""

    def nothing(_ds: Dataset) -> int:
        return 0

    def swap(pair: str, ds: Dataset, *, update: bool) -> int:
        changed = poisoning.draw_swapped(ds, poisoning.signs_of(fonts, ds), pair)
        if update:
            poisoning.updated(ds)
        return changed

    made = [Poison("nothing", fonts, nothing, truth)]
    rng, left = Random(1), [cells, screens]

    def pixel(ds: Dataset) -> int:
        share = -(-left[0] // max(1, left[1]))
        done = poisoning.pixel_out(ds, poisoning.signs_of(fonts, ds), rng, share)
        left[0], left[1] = max(0, left[0] - done), left[1] - 1
        return done

    made.append(Poison(f"a pixel out of a digit in {cells} cells", fonts, pixel, truth))
    for pair in pairs:
        shown = {study: poisoning.swapped_truth(expected, pair) for study, expected in truth.items()}
        exchanged = poisoning.swapped_font(fonts, pair)
        names = f"{pair[0]} and {pair[1]}"
        made += [
            Poison(f"{names} swapped on screens", fonts, partial(swap, pair, update=False), shown, truth),
            Poison(f"{names} swapped on screens, new software", fonts, partial(swap, pair, update=True), shown, truth),
            Poison(f"{names} swapped in the font", exchanged, nothing, truth),
            Poison(f"{names} swapped in the font, new software", exchanged, poisoning.updated, truth),
        ]
    return made


def tried(poison: Poison, screens: Sequence[Path], folder: Path) -> Result:
    """Change the screens, convert them by the fonts as the command does, and compare."""
    changed = poisoning.altered(screens, folder / "screens", poison.change)
    keep_fonts(poison.fonts, folder / "site")
    letters = archive.SiteLetters(folder / "site")
    readers = scanners.by_fonts(folder / "site", engines=True)
    out, emit = folder / "out", frozenset(EMITTED)
    _, endings = archive.convert(
        [folder / "screens"], running.library(), readers, out, emit, None, archive.AS_SHIPPED, letters
    )
    last = {str(done.study_instance_uid): done for done in endings}  # a report that was taken back has a second line
    result = Result(poison.name, changed, Counter(outcome_name(done.outcome) for done in last.values()))
    result.otherwise = None if poison.meant is None else 0
    for study, done in last.items():
        if study not in poison.truth:
            continue
        answer = answer_of(done, out)
        judged = score(poison.truth[study], answer)
        if answer.outcome != "verified":
            result.near += len(judged.proven)
            continue
        result.values += judged.values
        result.wrong += len(judged.wrong)
        result.bad += tuple(f"{poison.name}: {done.files[0].name}: {sentence}" for sentence in judged.wrong)
        if poison.meant is not None and result.otherwise is not None:
            result.otherwise += len(score(poison.meant[study], answer).wrong)
    result.told = tuple(letters.sentences())
    return result


def told(results: Sequence[Result]) -> str:
    """A line each, what the run said of its letters below it."""
    lines = [f"{'':46}  changed  verified  review  other  values  wrong  not as meant  proven, wrong, waiting"]
    for one in results:
        verified, review = one.outcomes["verified"], one.outcomes["needs_review"]
        other = one.outcomes.total() - verified - review
        meant = "-" if one.otherwise is None else str(one.otherwise)
        lines.append(
            f"{one.name:46}  {one.changed:7}  {verified:8}  {review:6}  {other:5}  {one.values:6}  {one.wrong:5}"
            f"  {meant:>12}  {one.near}"
        )
        lines += [f"    {sentence}" for sentence in one.told if "newly registered" not in sentence]
    return "\n".join([*lines, *(f"  {sentence}" for one in results for sentence in one.bad)])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--truth", type=Path, help="a folder of screens with a truth.json, instead of drawn ones")
    parser.add_argument("--site", type=Path, help="a folder of fonts that were learned from these screens before")
    parser.add_argument("--families", nargs="+", default=list(FAMILIES), choices=list(FAMILIES))
    parser.add_argument("--drawn", type=int, default=12, help="examinations drawn for each scanner")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pairs", nargs="+", default=["38", "47"], help="digits that change places, two letters each")
    parser.add_argument("--cells", type=int, default=200, help="cells that lose a pixel")
    return parser.parse_args()


def main() -> None:
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")
    options = arguments()
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        if options.truth is None:
            drawn = scanners.draw_scanners(options.families, options.seed, options.drawn, folder / "drawn")
            truth: Truth = {study.study_instance_uid: study.expected for study in drawn}
        else:
            truth = {study: expected for study, (_, expected) in truths(options.truth).items()}
        given = options.truth or folder / "drawn"
        site = options.site or folder / "site"
        if options.site is None:
            print(f"fonts learned of: {dict(scanners.learn([given], site, folder / 'learned'))}", flush=True)
        fonts, screens = load_fonts(site), [path for unit in scanners.units([given]) for path in unit.screens]
        results = []
        for number, poison in enumerate(poisons(fonts, truth, options.pairs, options.cells, len(screens))):
            results.append(tried(poison, screens, folder / str(number)))
            print(told(results[-1:]), flush=True)
    wrong = sum(one.wrong for one in results)
    print(f"{wrong} wrong values in {sum(one.values for one in results)} verified ones")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

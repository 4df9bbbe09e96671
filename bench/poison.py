"""Can a registered font be poisoned? `python -m bench.poison`.

Scanners' fonts are learned by `convert`; then something goes wrong, and all screens are converted by these fonts:
letters change their shapes after an update of the console, two signs of the font file are exchanged, single pixels
are lost, or the font was learned by `template learn` from values of which some are stated wrongly. Draws scanners of
its own, or takes a folder of screens that has a truth.json (`--truth DIR`).

A wrong value is one in a verified report (or its RDSR) that is not what the page shows. Where letters were exchanged on
the page, what the console meant is compared too. Exit 1 where a value is wrong.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from pydicom import Dataset, dcmread

from bench import poisoning, running, scanners
from bench.consoles import FAMILIES
from bench.scoring import Expected, answer_of, score, truths
from ocr_service.author.expected import load_expected
from ocr_service.author.learning import Stated, learn
from ocr_service.author.statements import by_report
from ocr_service.cli import EMITTED
from ocr_service.dose.proof import Unreadable
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


@dataclass(frozen=True, slots=True)
class Given:
    """The screens, what their pages show, the fonts that were learned of them, and which template reads which study."""

    screens: tuple[Path, ...]
    truth: Truth
    fonts: Fonts
    templates: Mapping[str, str]


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


def poisons(given: Given, options: argparse.Namespace, folder: Path) -> Iterator[Poison]:
    """Everything that is tried."""
    fonts, truth = given.fonts, given.truth
    yield Poison("nothing", fonts, nothing, truth)
    pixel = PixelOut(fonts, options.cells, len(given.screens))
    yield Poison(f"a pixel out of a digit in {options.cells} cells", fonts, pixel, truth)
    for pair in options.pairs:
        shown = {study: poisoning.swapped_truth(expected, pair) for study, expected in truth.items()}
        exchanged = poisoning.swapped_font(fonts, pair)
        swap, update = partial(swapped, fonts, pair), partial(swapped_and_updated, fonts, pair)
        name = f"{pair[0]} and {pair[1]} swapped"
        yield Poison(f"{name} on screens", fonts, swap, shown, truth)
        yield Poison(f"{name} on screens, new software", fonts, update, shown, truth)
        yield Poison(f"{name} in the font", exchanged, nothing, truth)
        yield Poison(f"{name} in the font, new software", exchanged, poisoning.updated, truth)
    for pair in ("", *options.pairs):
        lines, wrong = poisoning.stated(truth, options.stated_wrong, Random(1), pair)
        learned, refused = learned_by_hand(given, lines, folder / "stated.jsonl")
        always = f", {pair[0]} for {pair[1]}" if pair else ""
        name = f"{wrong} values stated wrongly{always}: {refused} refused"
        yield Poison(name, learned, nothing, truth)


def nothing(_ds: Dataset) -> int:
    return 0


def swapped(fonts: Fonts, pair: str, ds: Dataset) -> int:
    return poisoning.draw_swapped(ds, poisoning.signs_of(fonts, ds), pair)


def swapped_and_updated(fonts: Fonts, pair: str, ds: Dataset) -> int:
    changed = swapped(fonts, pair, ds)
    poisoning.updated(ds)
    return changed


class PixelOut:
    """Takes a pixel out of a digit of so many cells, spread over so many screens."""

    def __init__(self, fonts: Fonts, cells: int, screens: int) -> None:
        self._fonts, self._cells, self._screens = fonts, cells, screens
        self._rng = Random(1)

    def __call__(self, ds: Dataset) -> int:
        share = -(-self._cells // max(1, self._screens))
        done = poisoning.pixel_out(ds, poisoning.signs_of(self._fonts, ds), self._rng, share)
        self._cells, self._screens = max(0, self._cells - done), self._screens - 1
        return done


def learned_by_hand(given: Given, lines: Sequence[str], file: Path) -> tuple[Fonts, int]:
    """What `template learn` makes of these statements, and how many screens it refuses."""
    file.write_text("\n".join(lines), encoding="utf-8")
    expected = load_expected(file)
    screens: dict[str, list[Path]] = {}
    for unit in scanners.units(given.screens):
        screens.setdefault(unit.study_instance_uid, []).extend(unit.screens)
    fonts, refused = Fonts(), 0
    for template in running.library().templates:
        its = [one for one in expected if given.templates.get(one.study_instance_uid) == template.name]
        if its:
            told = [one for one in by_report(its, screens, dcmread) if isinstance(one, Stated)]
            learned = learn(template, told, running.library(), running.fresh_readers())
            fonts.merge(learned.fonts)
            refused += len(learned.refused)
    return fonts, refused


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


def told(results: Sequence[Result], *, headed: bool) -> str:
    """A line each, what the run said of its letters below it."""
    head = f"{'':46}  changed  verified  review  other  values  wrong  not as meant  proven, wrong, waiting"
    lines = [head] if headed else []
    for one in results:
        verified, review = one.outcomes["verified"], one.outcomes["needs_review"]
        other = one.outcomes.total() - verified - review
        meant = "-" if one.otherwise is None else str(one.otherwise)
        lines.append(
            f"{one.name:46}  {one.changed:7}  {verified:8}  {review:6}  {other:5}  {one.values:6}  {one.wrong:5}"
            f"  {meant:>12}  {one.near}"
        )
        withdrawn = sum("withdrawn: proven" in sentence for sentence in one.told)
        lines += [f"    {sentence}" for sentence in one.told if not re.search("newly|withdrawn: proven", sentence)]
        lines += [f"    {withdrawn} letters were withdrawn"] if withdrawn else []
    return "\n".join([*lines, *(f"  {sentence}" for one in results for sentence in one.bad)])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--truth", type=Path, help="a folder of screens with a truth.json, instead of drawn ones")
    parser.add_argument("--families", nargs="+", default=list(FAMILIES), choices=list(FAMILIES))
    parser.add_argument("--drawn", type=int, default=12, help="examinations drawn for each scanner")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pairs", nargs="+", default=["38", "47"], help="digits that change places, two letters each")
    parser.add_argument("--cells", type=int, default=200, help="cells that lose a pixel")
    parser.add_argument("--stated-wrong", type=float, default=0.01, help="share of the doses that are stated wrongly")
    parser.add_argument("--only", nargs="+", default=[], help="only what has all these words in its name")
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
        place, site = options.truth or folder / "drawn", folder / "site"
        done = scanners.learn([place], site, folder / "learned")
        print(f"fonts learned: {scanners.ended(done)}", flush=True)
        of = {str(d.study_instance_uid): d.outcome.report for d in done if not isinstance(d.outcome, Unreadable)}
        templates = {study: report.template.split(" r")[0] for study, report in of.items()}
        screens = tuple(path for unit in scanners.units([place]) for path in unit.screens)
        given = Given(screens, truth, load_fonts(site), templates)
        results = []
        for number, poison in enumerate(poisons(given, options, folder)):
            if all(word in poison.name for word in options.only):
                results.append(tried(poison, screens, folder / str(number)))
                print(told(results[-1:], headed=len(results) == 1), flush=True)
    wrong = sum(one.wrong for one in results)
    print(f"{wrong} wrong values in {sum(one.values for one in results)} verified ones")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

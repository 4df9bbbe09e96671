"""How fast a dose screen becomes an RDSR, beside the plain ways to read it: `python -m bench.speed`.

All ways are timed on the same screens in one run, one after the other for each examination and in turns, so that a busy
machine is busy for all of them; a ratio is the median of the ratios examination by examination. The fonts are learned
before, by `convert` over all screens. The way by fonts is given readers that raise when they are asked: only
examinations that letters alone read are timed, and how many others there are is printed. One process; Tesseract as we
start it has one thread (OMP_THREAD_LIMIT=1, as the command sets it). Plain pytesseract is timed with its default, which
is slow on few cores, and with one thread too: the bars are about the quicker of both. Our engines remember within a
repetition what they have read, as in a run over a folder, and nothing beyond it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from random import Random
from shutil import rmtree
from statistics import median
from tempfile import mkdtemp
from time import perf_counter

import cv2
import numpy as np
import pytesseract
from pydicom import Dataset, dcmread, dcmwrite

from bench import scanners
from bench.cells import cells_of
from bench.consoles import FAMILIES
from bench.running import library
from bench.scanners import EngineAsked
from ocr_service.dose.proof import Unreadable
from ocr_service.screen.layout import Pixels
from ocr_service.screen.pixels import dose_screens
from ocr_service.screen.ppocr import PPOCR
from ocr_service.screen.readers import Reader, Readers
from ocr_service.screen.tesseract import VOTES, TesseractCommand, TesseractLibrary
from ocr_service.work.unit import Converted

FONTS = "a  convert, registered font, no engine"
# How Tesseract is run on the first-day path: a line each.
ENGINES: dict[str, Callable[[], Reader]] = {
    "b  first day, Tesseract in process": TesseractLibrary,
    "b' first day, Tesseract by command": TesseractCommand,
}
PLAIN_PAGE, PLAIN_ONE = "c  plain pytesseract, page enlarged 3 times", "c' the same with one thread"
PLAIN_CELLS = "d  plain pytesseract, cell by cell, one thread"
FLOOR, READY = "e  read + decode + write a parsed RDSR", "   read + decode + write ready bytes"
QUICK, TIMES = (FONTS, FLOOR, READY), 5  # ways of a few milliseconds, and how often they are timed in a turn


@dataclass(slots=True)
class Unit:
    """The dose screens of one examination, the RDSR that came of them, and the cells that were read."""

    screens: tuple[Path, ...]
    template: str
    rdsr: Dataset
    ready: bytes
    cells: list[Pixels]
    seconds: dict[str, list[float]] = field(default_factory=dict)  # a page

    def quickest(self, ways: Sequence[str]) -> float | None:
        """The median of the quickest of these ways."""
        return min((median(self.seconds[name]) for name in ways if name in self.seconds), default=None)


@contextmanager
def tesseract_by_default() -> Iterator[None]:
    """Plain pytesseract as anyone would call it: the thread limit that our command sets is away."""
    limit = os.environ.pop("OMP_THREAD_LIMIT", None)
    try:
        yield
    finally:
        if limit is not None:
            os.environ["OMP_THREAD_LIMIT"] = limit


class Ways:
    """The ways to read a unit, engines loaded. They write below the folder."""

    def __init__(self, folder: Path, site: Path, *, cells: bool) -> None:
        self.folder = folder
        self.ppocr = PPOCR()
        self.tesseracts = {name: make() for name, make in ENGINES.items()}
        self.letters = scanners.by_fonts(site)
        self.ways: dict[str, Callable[[Unit], object]] = {FONTS: self.by_fonts}
        self.ways |= {name: partial(self.first_day, name) for name in self.tesseracts}
        self.ways |= {PLAIN_PAGE: plain_page_by_default, PLAIN_ONE: plain_page}
        self.ways |= {FLOOR: self.floor, READY: self.ready_bytes}
        if cells:
            self.ways[PLAIN_CELLS] = plain_cells
        self.forget()

    def forget(self) -> None:
        """A new repetition: the engines remember nothing of an earlier one."""
        self.readers = {name: Readers(self.ppocr, one, VOTES) for name, one in self.tesseracts.items()}

    def convert(self, screens: Sequence[Path], readers: Readers) -> list[Converted]:
        """DICOM file in, RDSR file out. EngineAsked where the readers have no engines, and letters do not suffice."""
        out = self.folder / "out"
        rmtree(out, ignore_errors=True)
        return scanners.convert(screens, readers, out)

    def by_fonts(self, unit: Unit) -> None:
        self.convert(unit.screens, self.letters)

    def first_day(self, name: str, unit: Unit) -> None:
        self.convert(unit.screens, self.readers[name])

    def floor(self, unit: Unit) -> None:
        for screen in unit.screens:
            _ = dcmread(screen).pixel_array
        buffer = BytesIO()
        dcmwrite(buffer, unit.rdsr, enforce_file_format=True)
        (self.folder / "floor.dcm").write_bytes(buffer.getvalue())

    def ready_bytes(self, unit: Unit) -> None:
        for screen in unit.screens:
            _ = dcmread(screen).pixel_array
        (self.folder / "floor.dcm").write_bytes(unit.ready)


def enlarged(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.resize(pixels, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC), np.uint8)


def plain_page(unit: Unit) -> None:
    for path in unit.screens:
        for screen in dose_screens(dcmread(path)):
            pytesseract.image_to_string(enlarged(screen.pixels))


def plain_page_by_default(unit: Unit) -> None:
    with tesseract_by_default():
        plain_page(unit)


def plain_cells(unit: Unit) -> None:
    for path in unit.screens:
        dose_screens(dcmread(path))
    for cell in unit.cells:
        pytesseract.image_to_string(enlarged(cell), config="--psm 7")


def units_of(ways: Ways, paths: Sequence[Path]) -> tuple[list[Unit], int]:
    """The units that letters alone read, and how many ask an engine; this also warms the way by fonts up."""
    found: list[Unit] = []
    asking = 0
    for files in scanners.units(paths):
        try:
            done = ways.convert(files.screens, ways.letters)
        except EngineAsked:
            asking += 1
            continue
        if len(done) != 1 or isinstance(done[0].outcome, Unreadable) or done[0].rdsr is None:
            continue
        report = done[0].outcome.report
        ready = (ways.folder / "out" / done[0].rdsr).read_bytes()
        found.append(Unit(files.screens, report.template.split(" r")[0], parsed(ready), ready,
                          cells_of(report, files.screens, library())))  # fmt: skip
    return found, asking


def parsed(ready: bytes) -> Dataset:
    """The RDSR as a data set of which no element is left as the bytes it came in."""
    rdsr = dcmread(BytesIO(ready))
    for _ in rdsr.iterall():
        pass
    return rdsr


def mixed(units: Sequence[Unit], most: int) -> list[Unit]:
    """So many of them, of every template alike."""
    by_template: dict[str, list[Unit]] = {}
    for unit in units:
        by_template.setdefault(unit.template, []).append(unit)
    in_turn = [unit for some in zip_longest(*by_template.values()) for unit in some if unit is not None]
    return in_turn[:most]


def measure(ways: Ways, units: Sequence[Unit], repetitions: int, with_cells: int) -> None:
    """Time every way on every unit, in turns; the slow way of cells only on the first units, once.

    The quick ways are timed several times a turn, one after the other: what comes after an engine finds nothing of its
    own in the processor's caches, as in no run over a folder, and a few milliseconds are soon somebody else's.
    """
    rng = Random(1)
    slow = [name for name in ways.ways if name not in QUICK]
    for repetition in range(repetitions):
        ways.forget()
        for number, unit in enumerate(units):
            order = [*slow, QUICK]
            rng.shuffle(order)
            for turn in order:
                if isinstance(turn, str):
                    if turn != PLAIN_CELLS or (not repetition and number < with_cells):
                        timed(ways, unit, turn)
                    continue
                for _ in range(TIMES):
                    for name in rng.sample(turn, len(turn)):
                        timed(ways, unit, name)
            print(f"\r{repetition + 1} of {repetitions}, {number + 1} of {len(units)}", end="", file=sys.stderr)


def timed(ways: Ways, unit: Unit, name: str) -> None:
    """Read the unit in one way, and keep the seconds a page."""
    began = perf_counter()
    ways.ways[name](unit)
    unit.seconds.setdefault(name, []).append((perf_counter() - began) / len(unit.screens))


def ratio(units: Iterable[Unit], above: Sequence[str], below: Sequence[str]) -> float:
    """The median over the units of the ratio of their medians, of several ways the quickest; nan for none."""
    pairs = [(unit.quickest(above), unit.quickest(below)) for unit in units]
    return median([one / other for one, other in pairs if one and other] or [float("nan")])


def table(units: Sequence[Unit], names: Sequence[str]) -> str:
    """Medians in ms a page."""
    lines = [f"{'':44}  median ms a page  (lowest)  pages timed"]
    for name in names:
        times = [second for unit in units for second in unit.seconds.get(name, [])]
        if times:
            pages = sum(len(unit.screens) for unit in units if name in unit.seconds)
            lines.append(f"{name:44}  {1000 * median(times):16.1f}  {1000 * min(times):8.1f}  {pages}")
    return "\n".join(lines)


def bars(units: Sequence[Unit]) -> str:
    """The ratios that were promised, and whether each is kept."""
    plain, (library_, command) = (PLAIN_PAGE, PLAIN_ONE), ENGINES
    wanted = (
        ("d/a", (PLAIN_CELLS,), (FONTS,), ">=", 50.0),
        ("c/a", plain, (FONTS,), ">=", 5.0),
        ("a/e", (FONTS,), (FLOOR,), "<=", 2.0),
        ("b/c", (library_,), plain, "<=", 1.0),
        ("b'/c", (command,), plain, "<=", 1.0),
    )
    lines = ["ratio   median       bar"]
    for name, above, below, sign, bar in wanted:
        got = ratio(units, above, below)
        kept = got >= bar if sign == ">=" else got <= bar
        lines.append(f"{name:6}  {got:6.2f}  {sign} {bar:5.1f}  {'yes' if kept else 'no'}")
    lines.append(f"a / ready bytes  {ratio(units, (FONTS,), (READY,)):.2f}")
    for template in sorted({unit.template for unit in units}):
        its = [unit for unit in units if unit.template == template]
        lines.append(f"a/e  {ratio(its, (FONTS,), (FLOOR,)):6.2f}  {template} ({len(its)} examinations)")
    return "\n".join(lines)


def start_up(repetitions: int) -> str:
    """How long `ocr-service --help` takes beside the import of the library that prints it."""
    commands = {
        "ocr-service --help": [sys.executable, "-c", "from ocr_service.cli import main; main()", "--help"],
        "python -c 'import typer'": [sys.executable, "-c", "import typer"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repetitions):
        for name, command in commands.items():
            began = perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times[name].append(perf_counter() - began)
    ours, typer = (median(seconds) for seconds in times.values())
    return f"start-up: --help {1000 * ours:.0f} ms, import typer {1000 * typer:.0f} ms, ratio {ours / typer:.2f}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--screens", type=Path, nargs="+", help="files or folders; without it scanners are drawn")
    parser.add_argument("--site", type=Path, help="a folder of fonts that were learned before")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--units", type=int, default=12, help="at most so many examinations, of every template alike")
    parser.add_argument("--cells", type=int, default=3, help="examinations on which the slow way of cells is timed")
    parser.add_argument("--drawn", type=int, default=16, help="examinations drawn for each scanner")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    os.environ["OMP_THREAD_LIMIT"] = "1"  # ours; see tesseract_by_default
    print(f"load before: {load()}")
    folder = Path(mkdtemp(prefix="bench-"))
    try:
        screens, site = options.screens, options.site or folder / "site"
        if screens is None:
            screens = [folder / "drawn"]
            scanners.draw_scanners(list(FAMILIES), 1, options.drawn, screens[0])
        if options.site is None:
            print(f"fonts learned: {scanners.ended(scanners.learn(screens, site, folder / 'learned'))}")
        ways = Ways(folder, site, cells=bool(options.cells))
        all_units, asking = units_of(ways, screens)
        units = mixed(all_units, options.units)
        measure(ways, units, options.repetitions, options.cells)
    finally:
        rmtree(folder, ignore_errors=True)
    pages = sum(len(unit.screens) for unit in units)
    print(f"\n{len(all_units)} examinations are read by letters alone, {asking} ask an engine for a word or more")
    print(f"timed: {len(units)} examinations, {pages} pages, {options.repetitions} repetitions, {os.cpu_count()} cores")
    print("Tesseract: one thread, but for c; PP-OCR: two threads\n")
    print(table(units, [FONTS, *ENGINES, PLAIN_PAGE, PLAIN_ONE, PLAIN_CELLS, FLOOR, READY]) + "\n")
    print(bars(units) + "\n")
    print(start_up(max(3, options.repetitions)))
    print(f"load after: {load()}")


def load() -> str:
    """How busy the machine is: runnable processes over 1, 5 and 15 minutes."""
    return " ".join(f"{one:.1f}" for one in os.getloadavg())


if __name__ == "__main__":
    main()

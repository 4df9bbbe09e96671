"""How fast a dose screen becomes an RDSR, beside the plain ways to read it: `python -m bench.speed`.

All ways are timed on the same screens in one run, one after the other for each screen and in turns, so that a busy
machine is busy for all of them; a ratio is the median of the ratios screen by screen. One process; Tesseract as we
start it has one thread (OMP_THREAD_LIMIT=1, as the command sets it). Plain pytesseract is timed with its default, which
is slow on few cores, and with one thread too: the bar is about the quicker of both. Our readers remember within a
repetition what they have read, as in a run over a folder, and nothing beyond it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
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

from bench import SAMPLES
from bench.cells import cells_of
from bench.running import library
from ocr_service.cli import EMITTED
from ocr_service.dose.proof import Unreadable
from ocr_service.screen.layout import Pixels
from ocr_service.screen.pixels import dose_screens
from ocr_service.screen.ppocr import PPOCR
from ocr_service.screen.readers import Reader, Readers
from ocr_service.screen.tesseract import VOTES, TesseractCommand, TesseractLibrary
from ocr_service.work import archive
from ocr_service.work.discovery import discover
from ocr_service.work.inventory import take_stock

# How Tesseract is run on the first-day path: a line each.
ENGINES: dict[str, Callable[[], Reader]] = {
    "b  first day, Tesseract in process": TesseractLibrary,
    "b' first day, Tesseract by command": TesseractCommand,
}
PLAIN_PAGE, PLAIN_ONE = "c  plain pytesseract, page enlarged 3 times", "c' the same with one thread"
PLAIN_CELLS = "d  plain pytesseract, cell by cell, one thread"
FLOOR, READY = "e  read + decode + write a parsed RDSR", "   read + decode + write ready bytes"


@dataclass(slots=True)
class Unit:
    """The dose screens of one examination, the RDSR that came of them, and the cells that were read."""

    screens: tuple[Path, ...]
    rdsr: Dataset
    ready: bytes
    cells: list[Pixels]
    seconds: dict[str, list[float]] = field(default_factory=dict)  # a page


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
    """The ways to read a unit, engines loaded. They write below a folder of their own."""

    def __init__(self, cells: bool) -> None:
        self.folder = Path(mkdtemp(prefix="bench-"))
        self.ppocr = PPOCR()
        self.tesseracts = {name: make() for name, make in ENGINES.items()}
        self.ways: dict[str, Callable[[Unit], object]] = {
            name: partial(self.first_day, tesseract) for name, tesseract in self.tesseracts.items()
        }
        self.forget()
        self.ways |= {
            PLAIN_PAGE: plain_page_by_default,
            PLAIN_ONE: plain_page,
            FLOOR: self.floor,
            READY: self.ready_bytes,
        }
        if cells:
            self.ways[PLAIN_CELLS] = plain_cells

    def forget(self) -> None:
        """A new repetition: the readers remember nothing of an earlier one."""
        self.readers = {id(one): Readers(self.ppocr, one, VOTES) for one in self.tesseracts.values()}

    def convert(self, screens: Sequence[Path], tesseract: Reader) -> list[archive.Converted]:
        """DICOM file in, RDSR file out."""
        out = self.folder / "out"
        rmtree(out, ignore_errors=True)
        readers = self.readers[id(tesseract)]
        return list(archive.convert(screens, library(), readers, out, frozenset(EMITTED))[1])

    def first_day(self, tesseract: Reader, unit: Unit) -> None:
        self.convert(unit.screens, tesseract)

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


def units_of(ways: Ways, paths: Sequence[Path], most: int | None) -> list[Unit]:
    """The units below the paths that can be read; this is also the run that warms everything up."""
    found: list[Unit] = []
    tesseract = next(iter(ways.tesseracts.values()))
    for files in take_stock(discover(paths).files, library()).units:
        if not files.screens or (most is not None and len(found) >= most):
            continue
        done = ways.convert(files.screens, tesseract)
        if len(done) != 1 or isinstance(done[0].outcome, Unreadable) or done[0].rdsr is None:
            continue
        ready = (ways.folder / "out" / done[0].rdsr).read_bytes()
        rdsr = dcmread(BytesIO(ready))
        for _ in rdsr.iterall():
            pass  # parsed: no element is left as the bytes it came in
        found.append(Unit(files.screens, rdsr, ready, cells_of(done[0].outcome.report, files.screens, library())))
    return found


def measure(ways: Ways, units: Sequence[Unit], repetitions: int, with_cells: int) -> None:
    """Time every way on every unit, in turns; the slow way of cells only on the first units, once."""
    rng = Random(1)
    for repetition in range(repetitions):
        ways.forget()
        for number, unit in enumerate(units):
            order = list(ways.ways)
            rng.shuffle(order)
            for name in order:
                if name == PLAIN_CELLS and (repetition or number >= with_cells):
                    continue
                began = perf_counter()
                ways.ways[name](unit)
                spent = perf_counter() - began
                unit.seconds.setdefault(name, []).append(spent / len(unit.screens))
            print(f"\r{repetition + 1} of {repetitions}, {number + 1} of {len(units)}", end="", file=sys.stderr)


def ratio(units: Sequence[Unit], above: str, below: str) -> str:
    """The median over the units of the ratio of their medians."""
    pairs = [(unit.seconds[above], unit.seconds[below]) for unit in units if above in unit.seconds]
    if not pairs:
        return "-"
    return f"{median(median(one) / median(other) for one, other in pairs):.2f}"


def table(units: Sequence[Unit], names: Sequence[str]) -> str:
    """Medians in ms a page, and the ratios that the bars are about."""
    lines = [f"{'':44}  median ms a page  (lowest)  pages timed"]
    for name in names:
        times = [second for unit in units for second in unit.seconds.get(name, [])]
        if times:
            pages = sum(len(unit.screens) for unit in units if name in unit.seconds)
            lines.append(f"{name:44}  {1000 * median(times):16.1f}  {1000 * min(times):8.1f}  {pages}")
    lines.append("")
    for ours in ENGINES:
        lines += [
            f"{ours.strip()}:",
            f"  b/c  {ratio(units, ours, PLAIN_PAGE)}",
            f"  b/c' {ratio(units, ours, PLAIN_ONE)}   (not above 1)",
            f"  d/b  {_inverse(units, ours)}",
            f"  b/e  {ratio(units, ours, FLOOR)}",
        ]
    return "\n".join(lines)


def _inverse(units: Sequence[Unit], ours: str) -> str:
    return ratio([unit for unit in units if PLAIN_CELLS in unit.seconds], PLAIN_CELLS, ours)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--screens", type=Path, nargs="+", default=[SAMPLES], help="files or folders of dose screens")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--units", type=int, help="at most so many examinations")
    parser.add_argument("--cells", type=int, default=3, help="examinations on which the slow way of cells is timed")
    options = parser.parse_args()
    os.environ["OMP_THREAD_LIMIT"] = "1"  # ours; see tesseract_by_default
    ways = Ways(bool(options.cells))
    try:
        units = units_of(ways, options.screens, options.units)
        measure(ways, units, options.repetitions, options.cells)
    finally:
        rmtree(ways.folder, ignore_errors=True)
    pages = sum(len(unit.screens) for unit in units)
    print(f"\n{len(units)} examinations, {pages} pages, {options.repetitions} repetitions, {os.cpu_count()} cores; "
          "Tesseract: one thread, but for c; PP-OCR: two threads\n")  # fmt: skip
    print(table(units, [*ENGINES, PLAIN_PAGE, PLAIN_ONE, PLAIN_CELLS, FLOOR, READY]))
    print(start_up(max(3, options.repetitions)))


if __name__ == "__main__":
    main()

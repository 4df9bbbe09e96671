"""Does a run over thousands of screens stay as large as it was? `python -m bench.memory`.

Draws studies of one scanner a family, learns their fonts, and then converts so many screens by these fonts in one run
of one process: the drawn ones again and again, each time as other studies of other days. Prints the resident memory
on the way. Exit 1 where it grows by more than the bar between the second and the last of these places.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import encode
from pydicom import dcmread
from pydicom.uid import generate_uid

from bench import running, scanners
from bench.consoles import FAMILIES
from ocr_service.cli import EMITTED
from ocr_service.work import archive
from ocr_service.work.lines import outcome_name

AT = (100, 500, 1000, 2000)
MOST_GROWTH = 0.05  # of the memory at the second place
FIRST_DAY = date(2010, 1, 1)


def resident() -> float:
    """MB of memory that this process holds now."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def many(drawn: Sequence[scanners.Drawn], wanted: int, folder: Path) -> None:
    """So many screens below the folder, compressed without loss; each round is of other studies and another day."""
    written = turn = 0
    while written < wanted:
        for number, study in enumerate(drawn):
            uids = [
                generate_uid(entropy_srcs=[study.study_instance_uid, str(turn), kind]) for kind in ("study", "series")
            ]
            day = (FIRST_DAY + timedelta(days=turn)).strftime("%Y%m%d")
            for page, path in enumerate(study.files):
                ds = dcmread(path)
                ds.StudyInstanceUID, ds.SeriesInstanceUID = uids
                ds.SOPInstanceUID = generate_uid(entropy_srcs=[study.study_instance_uid, str(turn), str(page)])
                ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
                for element in ds:
                    if element.VR == "DA" and element.keyword != "PatientBirthDate":
                        element.value = day
                (folder / f"{turn:04d}-{number:03d}-{page}.dcm").write_bytes(encode.rle(ds))
                written += 1
            if written >= wanted:
                return
        turn += 1


def run(folder: Path, site: Path, out: Path, places: Sequence[int]) -> Iterator[tuple[int, float, Counter[str]]]:
    """Convert all; after so many screens: how many, the memory, and how the units ended so far."""
    readers = scanners.by_fonts(site)
    _, endings = archive.convert(
        [folder], running.library(), readers, out, frozenset(EMITTED), None, scanners.NO_AUDIT, archive.SiteLetters()
    )
    left, screens = list(places), 0
    ended: Counter[str] = Counter()
    for done in endings:
        screens += len(done.files)
        ended[outcome_name(done.outcome)] += 1
        if left and screens >= left[0]:
            yield left.pop(0), resident(), ended


def read_alone(drawn: Sequence[scanners.Drawn], site: Path, out: Path) -> list[scanners.Drawn]:
    """The studies that letters alone read."""
    kept, readers = [], scanners.by_fonts(site)
    for study in drawn:
        try:
            scanners.convert(study.files, readers, out)
        except scanners.EngineAsked:
            continue
        kept.append(study)
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--screens", type=int, default=AT[-1], help="how many are converted")
    parser.add_argument("--drawn", type=int, default=8, help="examinations drawn for each scanner")
    options = parser.parse_args()
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")
    places = [*(place for place in AT if place < options.screens), options.screens]
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        drawn = scanners.draw_scanners(list(FAMILIES), 1, options.drawn, folder / "drawn")
        scanners.learn([folder / "drawn"], folder / "site", folder / "learned")
        alone = read_alone(drawn, folder / "site", folder / "tried")
        print(f"{len(alone)} of {len(drawn)} drawn studies are read by letters alone; these are repeated")
        many(alone, options.screens, _made(folder / "many"))
        seen: dict[int, float] = {}
        for place, memory, ended in run(folder / "many", folder / "site", folder / "out", places):
            seen[place] = memory
            print(f"{place:6} screens  {memory:8.1f} MB resident  {dict(ended)}", flush=True)
    base = places[min(1, len(places) - 1)]
    growth = seen[places[-1]] - seen[base]
    kept = growth <= MOST_GROWTH * seen[base]
    print(f"growth from {base} to {places[-1]}: {growth:+.1f} MB ({100 * growth / seen[base]:+.1f} %), "
          f"bar {100 * MOST_GROWTH:.0f} %: {'yes' if kept else 'no'}")  # fmt: skip
    sys.exit(not kept)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    main()

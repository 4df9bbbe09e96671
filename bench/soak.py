"""The running service under all faults, in full: `python -m bench.soak` prints a table; it ends with 1 where one fails.

Killed a hundred times at random moments under load, and ten times over at every step of the durable path; PostgreSQL
and the PACS restarted, the disk filled to its last byte, each twenty times. Each trial ends with the same question: is
every object that was acknowledged accounted for, has every study ended, is each report at the PACS exactly once?
`--tenth` does a tenth of it. Needs Orthanc; PostgreSQL and the right to mount a file system, or those two are left out.
"""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.service import trials
from tests.service.living import POSTGRESQL
from tests.service.trials import Counted

MOST = 100_000  # studies: as many as are sent meanwhile
SEED = 20261126


@contextmanager
def small_file_system(folder: Path) -> Iterator[Path]:
    """A file system of 64 MB. CalledProcessError where none may be mounted."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(folder)], check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def steps(folder: Path, times: int) -> Counted:
    """All steps of the durable path, so many times."""
    told: Counted = {}
    for number in range(times):
        (folder / str(number)).mkdir()
        for key, value in trials.dies_at(folder / str(number), trials.STEPS).items():
            told[key] = told.get(key, 0) + value
    return told


def disk(folder: Path, times: int) -> Counted:
    """The disk is filled so many times."""
    with small_file_system(folder / "small") as small:
        return trials.disk_fills(folder, small, times, SEED, MOST)


def kinds() -> dict[str, tuple[int, Callable[[Path, int], Counted]]]:
    """Each trial by its name: how many times, and what."""
    told: dict[str, tuple[int, Callable[[Path, int], Counted]]] = {
        "killed at random": (100, lambda folder, times: trials.killed_at_random(folder, times, SEED, MOST)),
        "killed at every step": (10, steps),
        "PACS restarted": (20, lambda folder, times: trials.pacs_restarts(folder, times, SEED, MOST)),
        "disk full": (20, disk),
    }
    if POSTGRESQL:
        told["PostgreSQL restarted"] = 20, lambda folder, times: trials.database_restarts(folder, times, SEED, MOST)
    return told


def main() -> None:
    """Print a line a trial."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenth", action="store_true", help="a tenth of all counts")
    parser.add_argument("--only", choices=sorted(kinds()), help="one trial")
    options = parser.parse_args()
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
    warnings.simplefilter("ignore", ResourceWarning)
    failed = 0
    for name, (times, trial) in kinds().items():
        if options.only in (None, name):
            failed += not told(name, trial, max(1, times // 10) if options.tenth else times)
    sys.exit(1 if failed else 0)


def told(name: str, trial: Callable[[Path, int], Counted], times: int) -> bool:
    """Do one trial, and print what came of it; did it go well?"""
    started = time.monotonic()
    with TemporaryDirectory(prefix="soak-") as folder:
        try:
            counts = ", ".join(f"{value} {key}" for key, value in trial(Path(folder), times).items())
            ending = "0 lost, 0 doubled"
        except subprocess.CalledProcessError:
            counts, ending = "no file system may be mounted here", "left out"
        except AssertionError as error:
            counts, ending = str(error), "FAILED"
    print(f"{name:<22}{time.monotonic() - started:>7.0f} s  {ending:<18} {counts}", flush=True)
    return ending != "FAILED"


if __name__ == "__main__":
    main()

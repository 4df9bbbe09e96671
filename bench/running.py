"""One study through the real `convert`: files in a folder, both engines, RDSRs out.

Knows the product's front door; must not know what is expected.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.scoring import Answer, answer_of
from ocr_service.cli import EMITTED
from ocr_service.screen.ppocr import PPOCR
from ocr_service.screen.readers import Reader, Readers
from ocr_service.screen.tesseract import VOTES, tesseract
from ocr_service.templates.library import Library, load_templates
from ocr_service.templates.shipped import shipped_templates
from ocr_service.work import archive


@cache
def library() -> Library:
    """The shipped templates."""
    return load_templates(shipped_templates())


@cache
def engines() -> tuple[Reader, Reader]:
    """PP-OCR and Tesseract, loaded once a process; two processes share two cores, so each takes one thread."""
    logging.getLogger("pydicom").setLevel(logging.ERROR)
    return PPOCR(threads=1), tesseract()


def fresh_readers() -> Readers:
    """Readers without memory: every page is read as the first one."""
    ppocr, second = engines()
    return Readers(ppocr, second, VOTES)


def convert(paths: Sequence[Path], out: Path) -> list[archive.Converted]:
    """All units below the paths."""
    return list(archive.convert(paths, library(), fresh_readers(), out, frozenset(EMITTED))[1])


def read(files: Sequence[bytes]) -> list[Answer]:
    """What the product makes of some objects: one answer a unit."""
    with TemporaryDirectory(prefix="bench-") as folder:
        place, out = Path(folder, "in"), Path(folder, "out")
        place.mkdir()
        for number, content in enumerate(files, start=1):
            (place / f"{number:02d}.dcm").write_bytes(content)
        return [answer_of(done, out) for done in convert([place], out)]

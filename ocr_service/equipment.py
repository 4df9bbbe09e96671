"""What commands work with: the templates, both OCR engines, and what of it is installed.

Knows how things are built; must not know commands, screens or what is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ocr_service.errors import EngineError
from ocr_service.screen.running import Engine

if TYPE_CHECKING:
    from ocr_service.screen.fonts import Fonts
    from ocr_service.screen.readers import Reader, Readers
    from ocr_service.templates.library import Library

SAYS = "12.34"  # the built-in cell of screen/engines.py
_HOW = {
    "PPOCR": "in this process (onnxruntime)",
    "TesseractLibrary": "in this process (tesserocr)",
    "TesseractCommand": "as a command (pytesseract)",
}
PACKAGES = (
    "pydicom", "highdicom", "numpy", "opencv-python-headless", "rapidocr", "onnxruntime", "pytesseract", "tesserocr",
)  # fmt: skip


def folders(templates: Path | None) -> tuple[Path, ...]:
    """The folders of templates, the site's own last: it replaces a shipped one of the same name."""
    from ocr_service.templates.shipped import shipped_templates

    return (shipped_templates(), *([templates] if templates else []))


def library(templates: Path | None) -> Library:
    """The shipped templates and the site's own. TemplateError, UsageError."""
    from ocr_service.templates.library import load_templates

    return load_templates(*folders(templates))


def ppocr(threads: int = 2) -> Reader:
    """PP-OCR; its models are loaded when the first crop is read. threads: crops at once."""
    from ocr_service.screen.ppocr import PPOCR

    return PPOCR(threads)


def tesseract(engine: Engine = Engine.AUTO) -> Reader:
    """Tesseract. EngineMissing names the command that installs it."""
    from ocr_service.screen.tesseract import tesseract as installed

    return installed(engine)


@cache
def readers(engine: Engine = Engine.AUTO, threads: int = 2) -> Readers:
    """Both engines, built once a process: models are heavy, and equal crops need not be read twice. EngineMissing."""
    from ocr_service.screen.readers import Readers
    from ocr_service.screen.tesseract import VOTES

    return Readers(ppocr(threads), tesseract(engine), VOTES)


def fonts(templates: Path | None) -> Fonts:
    """What is known of consoles' letters: what ships, and what the site has learned. TemplateError."""
    from ocr_service.screen.font_files import load_fonts

    return load_fonts(*folders(templates))


def both(templates: Path | None, engine: Engine = Engine.AUTO, threads: int = 2) -> tuple[Library, Readers]:
    """Templates, engines and known letters, as the main process and each worker of `convert` builds them for itself."""
    engines = readers(engine, threads)
    engines.use(fonts(templates))
    return library(templates), engines


@dataclass(frozen=True, slots=True)
class Trial:
    """How an engine fared: which class of ours runs it, and what it made of the built-in cell, or why nothing."""

    engine: str
    runs_as: str
    said: str
    why: str = ""

    @property
    def passed(self) -> bool:
        """Did the engine read the cell?"""
        return not self.why and self.said == SAYS

    @property
    def sentence(self) -> str:
        """What `doctor` says of it."""
        if self.why:
            return f"does not work: {self.why}"
        how = _HOW.get(self.runs_as, self.runs_as)
        wrong = "" if self.passed else ", which is wrong"
        return f"{how}: reads the built-in cell {SAYS} as {self.said!r}{wrong}"


def try_engines(engines: tuple[tuple[str, Callable[[], Reader]], ...]) -> Iterator[Trial]:
    """Try each engine on a cell that says 12.34; one that is missing or broken stops none of the others."""
    from ocr_service.screen.engines import trial_cell

    for name, build in engines:
        runs_as = ""
        try:
            engine = build()
            runs_as = type(engine).__name__
            yield Trial(name, runs_as, engine.read([trial_cell()])[0])
        except EngineError as error:
            yield Trial(name, runs_as, "", str(error))


def engines() -> tuple[tuple[str, Callable[[], Reader]], ...]:
    """Both engines by name, not yet built."""
    return (("ppocr", ppocr), ("tesseract", tesseract))


def versions() -> Iterator[tuple[str, str]]:
    """Name and version of what matters to a reading; "not installed" where it is not."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    import ocr_service
    from ocr_service.screen.tesseract import versions as of_tesseract

    yield "ocr_service", ocr_service.__version__
    yield "Python", platform.python_version()
    for name in PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, "not installed"
    yield from of_tesseract().items()

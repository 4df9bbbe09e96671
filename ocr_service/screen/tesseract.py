"""The only module that starts Tesseract: as a process over all crops of a page, or as a library in this process.

Knows crops and texts; must not know what they mean.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np

from ocr_service.errors import EngineError, EngineMissing
from ocr_service.screen.engines import read_inked
from ocr_service.screen.preprocess import Crop
from ocr_service.screen.running import Engine

# One line a crop; dictionaries off, for numbers and units are no words.
_DICTIONARIES = ("system", "freq", "punc", "number", "unambig", "bigram")
DPI = 200
# Signs that no console prints: Tesseract sees `§2.25` in the fives of some, and gives its next best reading without.
_NEVER_PRINTED = "§¢£€¥©®™«»~`{}"
_VARIABLES = {**{f"load_{name}_dawg": "0" for name in _DICTIONARIES}, "tessedit_char_blacklist": _NEVER_PRINTED}
# Where Debian, Fedora and those who build it themselves keep the language data; the library does not know.
_DATA = ("/usr/share/tesseract-ocr/*/tessdata", "/usr/share/tessdata", "/usr/local/share/tessdata")
# The first asking, and the preparations that vote where its text is no witness. Chosen by search over 23 of them on
# dose cells of 5 console layouts and 16 free bitmap fonts; the last one is there for headings such as CTDIvol.
VOTES: tuple[tuple[str, ...], ...] = (
    ("trim", "stretch", "close_points", "margin_2", "enlarge_2", "soften"),
    ("trim", "stretch", "close_points", "margin_4", "enlarge_3", "smooth"),
    ("trim", "stretch", "close_points", "margin_2", "bold", "enlarge_2", "soften_little"),
    ("trim", "stretch", "close_points", "margin_2", "enlarge_3", "smooth", "threshold"),
    ("trim", "stretch", "close_points", "margin_8", "enlarge_3", "soften"),
)


def tesseract(engine: Engine = Engine.AUTO) -> TesseractCommand | TesseractLibrary:
    """Tesseract as asked for. EngineMissing names the command that installs it."""
    if engine is Engine.TESSEROCR:
        return TesseractLibrary()
    if engine is Engine.AUTO and find_spec("tesserocr") is not None and language_data() is not None:
        return TesseractLibrary()
    return TesseractCommand()


def language_data() -> Path | None:
    """The folder that holds the English language data; None where there is none."""
    folders = [found for pattern in _DATA for found in sorted(Path("/").glob(pattern[1:]), reverse=True)]
    return next((folder for folder in folders if (folder / "eng.traineddata").is_file()), None)


def versions() -> dict[str, str]:
    """The version of each Tesseract there is: the library brings its own, which need not be the command's."""
    import pytesseract

    told = {}
    if shutil.which("tesseract") is not None:
        told["Tesseract, command"] = str(pytesseract.get_tesseract_version())
    if find_spec("tesserocr") is not None:
        import tesserocr

        told["Tesseract, library"] = str(tesserocr.tesseract_version()).split()[1]
    return told


class TesseractLibrary:
    """Tesseract in this process by tesserocr: no start of a process a page, 3 to 4 ms a crop.

    timeout: s a crop. The library stops a crop that takes longer; a crash takes the process along, which is why
    `convert --jobs` has workers.
    """

    def __init__(self, timeout: float = 10) -> None:
        data = language_data()
        if find_spec("tesserocr") is None or data is None:
            raise EngineMissing(
                "tesserocr or its language data is not installed; install both with: "
                "pip install 'ocr_service[fast]' and sudo apt-get install tesseract-ocr"
            )
        self._data = data
        self._timeout = timeout
        self._api: Any = None

    def read(self, crops: Sequence[Crop], preparations: Sequence[Sequence[str]] | None = None) -> list[str]:
        """One stripped text a crop (uint8, bright on dark, with its margin); "" for a crop that breaks the engine."""
        return read_inked(crops, preparations or [VOTES[0]] * len(crops), self._run)

    def _run(self, crops: Sequence[Crop]) -> list[str]:
        return [self._line(np.subtract(255, crop).astype(np.uint8)) for crop in crops]

    def _line(self, dark_on_light: Crop) -> str:
        api = self._loaded()
        height, width = dark_on_light.shape
        try:
            api.SetImageBytes(dark_on_light.tobytes(), width, height, 1, width)
            api.SetSourceResolution(DPI)
            if not api.Recognize(round(self._timeout * 1000)):
                raise EngineError(f"Tesseract gave no answer in {self._timeout:g} s over a crop")
            return " ".join(str(api.GetUTF8Text()).split())
        except RuntimeError as error:
            raise EngineError("Tesseract failed over a crop") from error

    def _loaded(self) -> Any:
        if self._api is None:
            import tesserocr  # some 0.1 s: loaded where used

            try:
                self._api = tesserocr.PyTessBaseAPI(
                    path=str(self._data), lang="eng", psm=tesserocr.PSM.SINGLE_LINE, variables=_VARIABLES
                )
            except RuntimeError as error:
                raise EngineMissing(f"the language data in {self._data} cannot be used by tesserocr") from error
        return self._api


class TesseractCommand:
    """Tesseract as a process. timeout: s a run; a run that hangs is killed."""

    def __init__(self, timeout: float = 60) -> None:
        if shutil.which("tesseract") is None:
            raise EngineMissing("Tesseract is not installed; install it with: sudo apt-get install tesseract-ocr")
        self._timeout = timeout
        self._asked = False  # for its version

    def read(self, crops: Sequence[Crop], preparations: Sequence[Sequence[str]] | None = None) -> list[str]:
        """One stripped text a crop (uint8, bright on dark, with its margin); "" for a crop that breaks the engine.

        EngineError where the engine itself crashes, hangs or answers garbage.
        """
        return read_inked(crops, preparations or [VOTES[0]] * len(crops), self._run)

    def _run(self, crops: Sequence[Crop]) -> list[str]:
        with TemporaryDirectory(prefix="ocr_service-") as folder:
            names = [Path(folder) / f"{number:05d}.pgm" for number in range(len(crops))]
            for name, crop in zip(names, crops, strict=True):
                cv2.imwrite(str(name), np.subtract(255, crop).astype(np.uint8))
            listing = Path(folder) / "crops.txt"
            listing.write_text("".join(f"{name}\n" for name in names))
            variables = Path(folder) / "variables"  # a file, for the command line would need quoting twice
            variables.write_text("".join(f"{name} {value}\n" for name, value in _VARIABLES.items()), "utf-8")
            return _by_page(self._ask(str(listing), str(variables), len(crops)), len(crops))

    def _ask(self, listing: str, variables: str, crops: int) -> Mapping[str, Sequence[object]]:
        import pytesseract

        self._has_a_version()
        try:
            words: Mapping[str, Sequence[object]] = pytesseract.image_to_data(
                listing,
                config=f"--psm 7 --dpi {DPI} {variables}",
                timeout=self._timeout,
                output_type=pytesseract.Output.DICT,
            )
        except pytesseract.TesseractError as error:
            if "eng.traineddata" in str(error.message):
                raise EngineMissing(
                    "Tesseract has no English language data; install it with: sudo apt-get install tesseract-ocr-eng"
                ) from error
            raise EngineError(f"Tesseract crashed over {crops} crops (status {error.status})") from error
        except RuntimeError as error:
            raise EngineError(f"Tesseract gave no answer in {self._timeout:g} s over {crops} crops") from error
        except (UnicodeDecodeError, ValueError) as error:
            raise EngineError("Tesseract answered something that is no table of words") from error
        return words

    def _has_a_version(self) -> None:
        """pytesseract asks for it once, without a time limit, and ends the program where it cannot read the answer."""
        import pytesseract

        if self._asked:
            return
        try:
            command = [pytesseract.pytesseract.tesseract_cmd, "--version"]
            subprocess.run(command, timeout=self._timeout, check=True, capture_output=True)
            pytesseract.get_tesseract_version()
        except subprocess.TimeoutExpired as error:
            raise EngineError(f"Tesseract gave no answer in {self._timeout:g} s to what its version is") from error
        except (OSError, subprocess.SubprocessError) as error:
            raise EngineError("Tesseract crashed over what its version is") from error
        except SystemExit as error:
            raise EngineError("Tesseract says no version that can be read") from error
        self._asked = True


def _by_page(words: Mapping[str, Sequence[object]], crops: int) -> list[str]:
    """The words of each page, by its number: plain text has no place for a page without any."""
    texts: list[list[str]] = [[] for _ in range(crops)]
    try:
        pages = [int(str(number)) for number in words["page_num"]]
        told = [str(word).strip() for word in words["text"]]
    except (KeyError, ValueError) as error:
        raise EngineError("Tesseract answered something that is no table of words") from error
    if sorted(set(pages)) != list(range(1, crops + 1)):
        raise EngineError(f"Tesseract gave {len(set(pages))} pages for {crops} crops")
    for page, word in zip(pages, told, strict=True):
        if word:
            texts[page - 1].append(word)
    return [" ".join(text) for text in texts]

"""The only module that starts Tesseract: all crops of a page in one run, by a list file.

Knows crops and texts; must not know what they mean.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pytesseract

from ocr_service.errors import EngineError, EngineMissing
from ocr_service.screen.engines import read_inked
from ocr_service.screen.preprocess import Crop

# One line a crop; dictionaries off, for numbers and units are no words.
_DICTIONARIES = ("system", "freq", "punc", "number", "unambig", "bigram")
CONFIG = " ".join(["--psm 7 --dpi 200", *(f"-c load_{name}_dawg=0" for name in _DICTIONARIES)])
# The first asking, and the preparations that vote where its text is no witness. Chosen by search over 23 of them on
# dose cells of 5 console layouts and 16 free bitmap fonts; the last one is there for headings such as CTDIvol.
VOTES: tuple[tuple[str, ...], ...] = (
    ("trim", "stretch", "close_points", "margin_2", "enlarge_2", "soften"),
    ("trim", "stretch", "close_points", "margin_4", "enlarge_3", "smooth"),
    ("trim", "stretch", "close_points", "margin_2", "bold", "enlarge_2", "soften_little"),
    ("trim", "stretch", "close_points", "margin_2", "enlarge_3", "smooth", "threshold"),
    ("trim", "stretch", "close_points", "margin_8", "enlarge_3", "soften"),
)


class TesseractCommand:
    """Tesseract as a process. timeout: s a run; a run that hangs is killed."""

    def __init__(self, timeout: float = 60) -> None:
        if shutil.which("tesseract") is None:
            raise EngineMissing("Tesseract is not installed; install it with: sudo apt-get install tesseract-ocr")
        self._timeout = timeout

    def read(self, crops: Sequence[Crop], preparation: Sequence[str] | None = None) -> list[str]:
        """One stripped text a crop (uint8, bright on dark, with its margin); "" for a crop that breaks the engine.

        EngineError where the engine itself crashes, hangs or answers garbage.
        """
        return read_inked(crops, preparation or VOTES[0], self._run)

    def _run(self, crops: Sequence[Crop]) -> list[str]:
        with TemporaryDirectory(prefix="ocr_service-") as folder:
            names = [Path(folder) / f"{number:05d}.pgm" for number in range(len(crops))]
            for name, crop in zip(names, crops, strict=True):
                cv2.imwrite(str(name), np.subtract(255, crop).astype(np.uint8))
            listing = Path(folder) / "crops.txt"
            listing.write_text("".join(f"{name}\n" for name in names))
            return _by_page(self._ask(str(listing), len(crops)), len(crops))

    def _ask(self, listing: str, crops: int) -> Mapping[str, Sequence[object]]:
        try:
            words: Mapping[str, Sequence[object]] = pytesseract.image_to_data(
                listing, config=CONFIG, timeout=self._timeout, output_type=pytesseract.Output.DICT
            )
        except pytesseract.TesseractError as error:
            raise EngineError(f"Tesseract crashed over {crops} crops (status {error.status})") from error
        except RuntimeError as error:
            raise EngineError(f"Tesseract gave no answer in {self._timeout:g} s over {crops} crops") from error
        except (UnicodeDecodeError, ValueError) as error:
            raise EngineError("Tesseract answered something that is no table of words") from error
        return words


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

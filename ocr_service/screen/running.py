"""How Tesseract is run: words for command lines, which load nothing.

Knows names only.
"""

from enum import Enum


class Engine(Enum):
    """How Tesseract is run."""

    AUTO = "auto"  # the library where it and its language data are installed, else the command
    TESSEROCR = "tesserocr"
    PYTESSERACT = "pytesseract"

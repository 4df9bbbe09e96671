"""Does an object's header speak of dose? Then it is a dose screen, whether a template knows it or not.

Knows the words that consoles write; must not know templates or pixels.
"""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.tag import Tag

WORDS = ("DOSE", "SUMMARY", "PROTOCOL", "SCREEN SAVE")
_EXPOSURE_DOSE_SEQUENCE, _COMMENTS_ON_RADIATION_DOSE = Tag(0x0040, 0x030E), Tag(0x0040, 0x0310)


def speaks_of_dose(ds: Dataset) -> bool:
    """By Series Description, Image Type or Image Comments, or by stating a dose itself."""
    if _EXPOSURE_DOSE_SEQUENCE in ds or _COMMENTS_ON_RADIATION_DOSE in ds:
        return True
    told = " ".join(str(ds.get(key, "")) for key in ("SeriesDescription", "ImageType", "ImageComments")).upper()
    return any(word in told for word in WORDS)

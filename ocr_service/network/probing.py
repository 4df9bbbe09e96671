"""One object of a series of which nothing is known is looked into as it comes.

Knows headers; must not know peers. It decodes no pixels, and what cannot be read tells nothing.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from dataclasses import dataclass
from io import BytesIO

from pydicom import Dataset, dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError

from ocr_service.network.arrivals import Arrival, Committed, Inbox, Step
from ocr_service.network.dose_series import plain
from ocr_service.network.wanted_classes import SECONDARY_CAPTURES
from ocr_service.study.dose_words import speaks_of_dose
from ocr_service.templates.library import Library

# What pydicom raises over damaged bytes.
_UNREADABLE = (
    ArithmeticError, AttributeError, BytesLengthException, EOFError, InvalidDicomError, LookupError, MemoryError,
    NotImplementedError, OSError, RecursionError, TypeError, ValueError, struct.error, zlib.error,
)  # fmt: skip


@dataclass(slots=True)
class Probe:
    """An inbox that looks at what it hands on.

    shows_screens: may what came be a dose screen? None: nothing came, or it cannot be read.
    """

    inbox: Inbox
    library: Library
    shows_screens: bool | None = None

    def keep(self, arrival: Arrival) -> None:
        """Keep it, then look at it."""
        self.inbox.keep(arrival)
        self.shows_screens = _may_be_screen(arrival, self.library)

    def keep_step(self, step: Step) -> None:
        """Hand it on."""
        self.inbox.keep_step(step)

    def committed(self, told: Committed) -> None:
        """Hand it on."""
        self.inbox.committed(told)

    def full(self) -> str | None:
        """What the inbox says."""
        return self.inbox.full()


def _may_be_screen(arrival: Arrival, library: Library) -> bool | None:
    if arrival.sop_class_uid not in SECONDARY_CAPTURES:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header: Dataset = plain(dcmread(BytesIO(b"".join(arrival.encoded)), stop_before_pixels=True))
    except _UNREADABLE:
        return None
    return speaks_of_dose(header) or bool(library.by_appearance(header))

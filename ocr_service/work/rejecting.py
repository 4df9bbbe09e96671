"""Rejection notes of documents in the outbox (IHE IOCM), put there beside them.

Knows which document is rejected and when; must not know destinations.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal, cast

from ocr_service.rdsr.rejection import rejection_note
from ocr_service.work.deliveries import Document
from ocr_service.work.objects import read_object
from ocr_service.work.outbox import Outbox

Code = Literal["113001", "113037"]


class Rejecting:
    """Makes rejection notes. clock: the moment of the recall, in local time."""

    def __init__(self, outbox: Outbox, clock: Callable[[], datetime]) -> None:
        self._outbox, self._clock = outbox, clock

    def note(self, document: Document, code: str) -> Document:
        """The note that rejects a document. OutputError, BrokenObject where the document cannot be read."""
        ds = read_object(self._outbox.path(document.file), pixels=False)
        encoded, uid = rejection_note(ds, cast(Code, code), self._clock())
        return Document(self._outbox.add(encoded, str(ds.StudyInstanceUID), uid), uid)

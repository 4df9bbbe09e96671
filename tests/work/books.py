"""The ledger, asked at once."""

from __future__ import annotations

import time

from ocr_service.work.ledger import Ledger, close_books
from tests.work.hospital import Hospital


def books(hospital: Hospital, *, day: str = "", contents: bool = False) -> Ledger:
    """Nothing moves in these tests: the second look follows at once."""
    return close_books(hospital.config, hospital.desk.store, time.time, lambda _: None, day=day, contents=contents)


def told(hospital: Hospital, *, contents: bool = False) -> list[str]:
    """What is wrong, without the one thing that nothing here carries out: the workflows."""
    found = books(hospital, contents=contents).faults
    return [f"{fault.row}: {fault.sentence}" for fault in found if "nobody sends it" not in fault.sentence]

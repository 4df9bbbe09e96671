"""How gently an archive is asked: so many requests a second, and only in some hours of the day.

Knows a clock and how to wait, which are handed in; must not know what is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ocr_service.config import Pacs
from ocr_service.spoken import spoken_hours

_MIDNIGHT_TO_MIDNIGHT = timedelta(days=1)


class Stopped(Exception):
    """Whoever waits for the sweep wants it to end. It never leaves `network`."""


@dataclass(slots=True)
class Pace:
    """When the next request may go out.

    rate: requests a second. now: the local time of the day, by which `hours` are meant. monotonic: seconds. wait:
    waits so many seconds, and returns true where the sweep should end (`threading.Event.wait` does both).
    """

    rate: float
    hours: str
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    wait: Callable[[float], object]
    _next: float = field(default=float("-inf"), init=False)

    @classmethod
    def of(
        cls,
        pacs: Pacs,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        wait: Callable[[float], object],
    ) -> Pace:
        """The pace that the configuration asks for."""
        return cls(pacs.rate, pacs.hours, now, monotonic, wait)

    def due(self) -> float:
        """How many seconds to wait until the next request may go out; 0 where it may at once."""
        return max(_until_open(self.hours, self.now()), self._next - self.monotonic(), 0.0)

    def take(self) -> None:
        """Wait until a request may go out, and count it. Stopped."""
        while (seconds := self.due()) > 0:
            if self.wait(min(seconds, 60.0)):
                raise Stopped
        self._next = max(self.monotonic(), self._next) + 1 / self.rate


def _until_open(hours: str, now: datetime) -> float:
    """How many seconds until the hours begin; 0 within them. The same time twice is the whole day."""
    first, last = spoken_hours(hours)
    at = now.time()
    if first == last or (first <= at < last if first < last else at >= first or at < last):
        return 0.0
    opens = datetime.combine(now.date(), first, now.tzinfo)
    return ((opens - now) % _MIDNIGHT_TO_MIDNIGHT).total_seconds()

"""A sweep: an archive is gone through day by day, or study by study, for dose screens that never came to us.

Knows days, studies and when to give up; must not know how a study is looked at. Nothing that an archive answers of one
study stops the sweep for the others: faults are counted, told, and looked at again next time. What ends it is an
archive that is not there, one that serves us nothing at all, and a full disk or lost database of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from typing import Final, Literal, Protocol

import structlog

from ocr_service.config import Pacs
from ocr_service.errors import NetworkError, OutputError, PeerUnavailable
from ocr_service.network.arrivals import Inbox
from ocr_service.network.asking import LARGEST, Line, NoLine, NoService
from ocr_service.network.pace import Pace, Stopped
from ocr_service.network.querying import Study, knows_any, studies_by, studies_by_patient, studies_of_day
from ocr_service.network.retriever import Fault, StudyLooked, look_at
from ocr_service.network.retriever import Memory as StudyMemory
from ocr_service.templates.library import Library

_GIVE_UP: Final = 3  # times in a row that no association could be opened, or no question was answered

log = structlog.get_logger()


class Memory(StudyMemory, Protocol):
    """What sweeps had before. StoreError."""

    def is_done(self, pacs: str, day: date) -> bool:
        """Was this study date gone through without a fault?"""

    def done(self, pacs: str, day: date) -> None:
        """Record that."""


@dataclass(frozen=True, slots=True)
class Days:
    """Study dates, both included. again: also those that are done, as `watch` does with the last days."""

    first: date
    last: date
    again: bool = False


@dataclass(frozen=True, slots=True)
class Accessions:
    """Accession numbers; they are asked for and never told."""

    numbers: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Studies:
    """Study Instance UIDs."""

    uids: tuple[str, ...]


Period = Days | Accessions | Studies


@dataclass(frozen=True, slots=True)
class PartLooked:
    """A day, an accession number or a UID is through. place: the day, or the number's place in the list, from 1.

    studies: how many the archive has. faults: those of the question itself. done: nothing of it is left for next time.
    """

    place: date | int
    studies: int = 0
    faults: tuple[Fault, ...] = ()
    done: bool = True


@dataclass(frozen=True, slots=True)
class Swept:
    """The sum of a sweep. Counts are of studies, of objects (kept, had, undecided), of faults and of parts not done."""

    studies: int = 0
    unchanged: int = 0
    with_dose: int = 0
    kept: int = 0
    had: int = 0
    undecided: int = 0
    faults: int = 0
    not_done: int = 0

    def plus(self, looked: StudyLooked | PartLooked) -> Swept:
        """The sum with one more."""
        if isinstance(looked, PartLooked):
            return replace(self, faults=self.faults + len(looked.faults), not_done=self.not_done + (not looked.done))
        return Swept(
            self.studies + 1,
            self.unchanged + looked.unchanged,
            self.with_dose + (looked.dose_series > 0),
            self.kept + looked.kept,
            self.had + looked.had,
            self.undecided + looked.undecided,
            self.faults + len(looked.faults),
            self.not_done,
        )


def swept(looked: Iterable[StudyLooked | PartLooked]) -> Swept:
    """Go through a sweep to its end, and sum it up."""
    total = Swept()
    for one in looked:
        total = total.plus(one)
    return total


def sweep(
    pacs: Pacs,
    our_ae: str,
    library: Library,
    inbox: Inbox,
    memory: Memory,
    period: Period,
    pace: Pace,
    *,
    without_screens: bool = False,
    largest: int = LARGEST,
) -> Iterator[StudyLooked | PartLooked]:
    """Look at each study of the period, and tell of each, and of each part of the period, as it is through.

    without_screens: bring a few images of studies that have neither screens nor dose reports. largest: bytes of an
    object that is taken; one that is larger is a fault of its study. A day counts as done
    where it had no fault and lies before the days that `pacs.look_back` goes back: studies are sent late. Ends early
    where `pace` says so. PeerUnavailable where the archive is not there, PeerRefused where it serves us nothing;
    OutputError, StoreError of our own. What was brought until then is recorded; the rest is looked at next time.
    """
    line = Line(pacs, our_ae, before=pace.take, wait_ahead=pace.due, largest=largest)
    going = _Sweep(line, library, inbox, memory, pace, without_screens)
    try:
        yield from going.days(period) if isinstance(period, Days) else going.listed(period)
    except Stopped:
        log.info("sweep_stopped", pacs=pacs.name)
    finally:
        going.line.close()


@dataclass(slots=True)
class _Sweep:
    line: Line
    library: Library
    inbox: Inbox
    memory: Memory
    pace: Pace
    without_screens: bool
    unreachable: int = 0
    walked: dict[date, list[Study]] | None = None

    def days(self, days: Days) -> Iterator[StudyLooked | PartLooked]:
        name = self.line.pacs.name
        settled = self.pace.now().date() - self.line.pacs.look_back
        for day in (days.first + timedelta(days=n) for n in range((days.last - days.first).days + 1)):
            if days.again or not self.memory.is_done(name, day):
                part = yield from self._part(day, partial(self._of_day, day, days))
                if part.done and day < settled:
                    self.memory.done(name, day)
                yield part

    def listed(self, listed: Accessions | Studies) -> Iterator[StudyLooked | PartLooked]:
        match listed:
            case Accessions(told):
                keyword: Literal["AccessionNumber", "StudyInstanceUID"] = "AccessionNumber"
            case Studies(told):
                keyword = "StudyInstanceUID"
        for place, value in enumerate(told, 1):
            yield (yield from self._part(place, partial(studies_by, self.line, keyword, value)))

    def _part(
        self, place: date | int, ask: Callable[[], tuple[Study, ...]]
    ) -> Generator[StudyLooked | PartLooked, None, PartLooked]:
        """Ask which studies there are, and look at each."""
        faults: list[Fault] = []
        studies: tuple[Study, ...] = ()
        try:
            studies = ask()
            self.unreachable = 0
        except NoService:
            raise
        except NetworkError as error:
            faults.append(self._fault(error))
        done = not faults
        for study in studies:
            if (why := self.inbox.full()) is not None:
                raise OutputError(f"the sweep of {self.line.pacs.name} ended, and goes on where it was: {why}")
            looked = self._look(study)
            done = done and not looked.faults
            yield looked
        log.info(
            "part_swept", pacs=self.line.pacs.name, part=str(place), studies=len(studies), done=done,
            why=[fault.what for fault in faults],
        )  # fmt: skip
        return PartLooked(place, len(studies), tuple(faults), done)

    def _look(self, study: Study) -> StudyLooked:
        try:
            looked = look_at(
                self.line, study, self.library, self.inbox, self.memory, without_screens=self.without_screens
            )
            self.unreachable = 0
        except NoLine as error:
            looked = StudyLooked(study.study_instance_uid, faults=(self._fault(error, study.study_instance_uid),))
        if looked.kept or looked.faults:
            log.info(
                "study_swept", pacs=self.line.pacs.name, study=study.study_instance_uid, series=looked.series,
                dose_series=looked.dose_series, kept=looked.kept, had=looked.had,
                faults=[(fault.series_instance_uid, fault.what) for fault in looked.faults],
            )  # fmt: skip
        return looked

    def _fault(self, error: NetworkError, study: str = "") -> Fault:
        """The fault; or the end, where the archive is not there, or leaves a question unanswered, three times in a row.

        NoLine, PeerUnavailable.
        """
        if isinstance(error, NoLine) or (not study and isinstance(error, PeerUnavailable)):
            self.unreachable += 1
            if self.unreachable >= _GIVE_UP:
                raise error
        return Fault(str(error), study)

    def _of_day(self, day: date, days: Days) -> tuple[Study, ...]:
        """The studies of a day, in Patient Root by way of all patients where the archive knows no other."""
        line = self.line
        if line.pacs.root == "patient" and line.manners.relational is None:
            line.manners.relational = knows_any(line, days.first, days.last)
        if line.pacs.root == "study" or line.manners.relational:
            return studies_of_day(line, day)
        if self.walked is None:
            self.walked = {}
            for study in studies_by_patient(line, days.first, days.last):
                self.walked.setdefault(study.day or days.first, []).append(study)
        return tuple(self.walked.get(day, ()))

"""One study of an archive: its dose screens and dose reports are found and brought, or what a unit needs beside them.

Knows the order of the questions; must not know pixels, or what becomes of an object. What an archive does wrong is a
Fault, a value: the study is looked at again next time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Protocol

import structlog
from pydicom import Dataset

from ocr_service.config import Pacs
from ocr_service.errors import ConfigError, NetworkError
from ocr_service.network import dose_series as dose
from ocr_service.network.arrivals import Inbox
from ocr_service.network.asking import LARGEST, Line, NoLine, NoService
from ocr_service.network.dose_series import Use
from ocr_service.network.fetching import Fetched, Wanted, fetch
from ocr_service.network.probing import Probe
from ocr_service.network.querying import Study, count, images_of, series_of
from ocr_service.network.wanted_classes import DOSE_REPORTS, OTHER_REPORTS, SECONDARY_CAPTURES
from ocr_service.study import attributes
from ocr_service.templates.library import Library

MOST_PAGES: Final = 60  # objects: a longer series is asked for its Secondary Captures only
_MOST_PROBED = 10  # objects of an unknown kind that are just taken; of more, one is looked at first
_IMAGES = 3  # of a series: enough to see that CTDIvol is constant (study/images.py)

log = structlog.get_logger()


class Memory(Protocol):
    """What was had of archives before, kept by whoever sweeps. StoreError.

    `uid` is a Study or Series Instance UID; with it goes the number of objects that the archive counted there when
    everything of use was brought.
    """

    def had(self, sop_instance_uid: str) -> bool:
        """Did this object ever arrive, by whichever way, whatever became of it?"""

    def seen(self, pacs: str, uid: str) -> int | None:
        """How many objects it had when it was last looked at without a fault; None where it never was."""

    def saw(self, pacs: str, uid: str, instances: int) -> None:
        """Record that."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What an archive did wrong, in one sentence without a patient's data, and of which study or series."""

    what: str
    study_instance_uid: str = ""
    series_instance_uid: str = ""


@dataclass(frozen=True, slots=True)
class StudyLooked:
    """What became of one study. Counts are of series, and of objects.

    kept: brought now. had: of use, and here before. undecided: nothing tells whether they are dose screens. unchanged:
    the archive has as many objects of it as when nothing was left to bring.
    """

    study_instance_uid: str
    series: int = 0
    dose_series: int = 0
    kept: int = 0
    had: int = 0
    undecided: int = 0
    faults: tuple[Fault, ...] = ()
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class StudyContext:
    """What an archive gave for one unit.

    kept: SOP Instance UIDs of objects brought into the inbox. headers: CT images as the archive's own answers tell
    them, all of a series, without pixels; they were not kept. why: a sentence on whatever is left out.
    """

    kept: tuple[str, ...] = ()
    headers: tuple[Dataset, ...] = ()
    why: tuple[str, ...] = ()


@dataclass(slots=True)
class _Looking:
    """One look at one study."""

    line: Line
    study: Study
    library: Library
    inbox: Inbox
    memory: Memory
    dose_series: int = 0
    kept: int = 0
    had: int = 0
    undecided: int = 0
    faults: list[Fault] = field(default_factory=list)

    def fault(self, what: str, series: str = "") -> None:
        self.faults.append(Fault(what, self.study.study_instance_uid, series))

    def bring(self, inbox: Inbox, series: str, wanted: list[str], whole: bool) -> None:
        """Bring those of the objects that are not here."""
        new = [one for one in wanted if not self.memory.had(one)]
        self.had += len(wanted) - len(new)
        if new or (whole and not wanted):
            came = fetch(
                self.line,
                inbox,
                self.memory.had,
                Wanted(self.study, series, tuple(new), whole and len(new) == len(wanted)),
            )
            self.kept += len(came.kept)
            for why in came.why if came.missing or not wanted else ():
                self.fault(why, series)


def look_at(
    line: Line, study: Study, library: Library, inbox: Inbox, memory: Memory, *, without_screens: bool = False
) -> StudyLooked:
    """Bring the dose reports and dose screens of a study that are not here yet.

    A few images of each CT series come with them, unless `pacs.context` brings those before a unit is read;
    without_screens: they come where the study has neither screens nor reports too. NoLine, NoService; StoreError.
    """
    uid, name = study.study_instance_uid, line.pacs.name
    if study.instances is not None and memory.seen(name, uid) == study.instances:
        return StudyLooked(uid, unchanged=True)
    looking = _Looking(line, study, library, inbox, memory)
    answers: tuple[Dataset, ...] = ()
    try:
        found = series_of(line, study)
        answers = found.found
        if found.cut or found.junk:
            looking.fault(f"{name} did not tell all series of the study, or told some without a usable UID")
    except (NoLine, NoService):
        raise
    except NetworkError as error:
        looking.fault(str(error))
    for series in sorted(answers, key=lambda one: not dose.may_hold_dose_reports(one)):
        if dose.may_hold_dose_reports(series) or dose.may_hold_dose_screens(series, library):
            _guarded(looking, series, _look_at_series)
    has_dose = bool(looking.kept or looking.had)
    if (has_dose and not line.pacs.context) or (without_screens and not looking.dose_series):
        for series in filter(dose.is_ct, answers):
            _guarded(looking, series, _bring_images)
    if not looking.faults and study.instances is not None:
        memory.saw(name, uid, study.instances)
    return StudyLooked(
        uid, len(answers), looking.dose_series, looking.kept, looking.had, looking.undecided, tuple(looking.faults)
    )


def _guarded(looking: _Looking, series: Dataset, look: Callable[[_Looking, Dataset], None]) -> None:
    """One series; what goes wrong with it hinders no other."""
    try:
        look(looking, series)
    except (NoLine, NoService):
        raise
    except NetworkError as error:
        looking.fault(str(error), attributes.text(series, "SeriesInstanceUID"))


def _look_at_series(looking: _Looking, series: Dataset) -> None:
    line, memory, library = looking.line, looking.memory, looking.library
    uid, name = attributes.text(series, "SeriesInstanceUID"), line.pacs.name
    instances = count(series, "NumberOfSeriesRelatedInstances")
    if instances is not None and memory.seen(name, uid) == instances:
        looking.dose_series += _shows_dose(series, library)
        return
    before = len(looking.faults)
    long = instances is not None and instances > MOST_PAGES
    classes = SECONDARY_CAPTURES | DOSE_REPORTS | OTHER_REPORTS if long else ()
    answers = images_of(line, looking.study, uid, dose.page_keys(library), classes)
    if answers.cut or answers.junk:
        looking.fault(f"{name} did not tell all objects of the series, or told some without a usable UID", uid)
    if instances is None and memory.seen(name, uid) == len(answers.found):
        looking.dose_series += _shows_dose(series, library)
        return
    uses: dict[Use, list[str]] = {use: [] for use in Use}
    for image in answers.found:
        uses[dose.use_of(image, series, library)].append(attributes.text(image, "SOPInstanceUID"))
    sure = uses[Use.REPORT] + uses[Use.SCREEN]
    if uses[Use.SCREEN] or len(uses[Use.PERHAPS]) <= _just_taken(line, series, answers.found, library):
        sure, uses[Use.PERHAPS] = sure + uses[Use.PERHAPS], []
    decided = bool(sure)
    if sure:
        looking.dose_series += 1
        looking.bring(looking.inbox, uid, sure, whole=len(sure) == len(answers.found) and not long)
    elif uses[Use.PERHAPS]:
        decided = _probe(looking, uid, uses[Use.PERHAPS])
    elif not answers.found and not long and instances != 0:
        _bring_unnamed(looking, uid)
    if decided and len(looking.faults) == before:
        memory.saw(name, uid, len(answers.found) if instances is None else instances)


def _shows_dose(series: Dataset, library: Library) -> bool:
    return dose.names_dose(series, library) or not dose.is_ct(series)


def _just_taken(line: Line, series: Dataset, images: tuple[Dataset, ...], library: Library) -> int:
    """So many objects that may be anything are taken unseen: none where one can be looked at first."""
    if line.pacs.retrieve == "move":
        return MOST_PAGES if dose.names_dose(series, library) else _MOST_PROBED
    classes_told = all(attributes.uid(image, "SOPClassUID") for image in images)
    return _MOST_PROBED if classes_told else 0


def _probe(looking: _Looking, series: str, perhaps: list[str]) -> bool:
    """One object of many that may be anything tells what the others are. Did it? Else they are undecided.

    What an archive moves comes to the receiver, where nobody here can look at it.
    """
    new = [one for one in perhaps if not looking.memory.had(one)]
    if looking.line.pacs.retrieve == "move":
        looking.undecided += len(new)
        return False
    probe = Probe(looking.inbox, looking.library)
    if new:
        looking.bring(probe, series, new[:1], whole=False)
    if probe.shows_screens and len(perhaps) <= MOST_PAGES:
        looking.dose_series += 1
        looking.bring(looking.inbox, series, new[1:], whole=False)
    elif probe.shows_screens is not False:
        looking.undecided += len(new[1:])
        return False
    return True


def _bring_unnamed(looking: _Looking, series: str) -> None:
    """A series whose objects the archive does not name comes as a whole, if it is short."""
    if looking.line.pacs.retrieve == "move":
        looking.fault(f"{looking.line.pacs.name} names no objects of the series at IMAGE level", series)
        return
    kept = looking.kept
    looking.bring(looking.inbox, series, [], whole=True)
    looking.dose_series += looking.kept > kept


def _bring_images(looking: _Looking, series: Dataset) -> None:
    """A few images of a CT series, first, middle and last, for the witnesses and TID 10013."""
    originals, _ = _originals(looking.line, looking.study, series, looking.library)
    looking.bring(looking.inbox, attributes.text(series, "SeriesInstanceUID"), _some(originals), whole=False)


def _originals(line: Line, study: Study, series: Dataset, library: Library) -> tuple[list[Dataset], bool]:
    """The original images of a CT series as answers, and whether these tell as much as headers would."""
    answers = images_of(line, study, attributes.text(series, "SeriesInstanceUID"), dose.CT_KEYS)
    uses = (Use.IMAGE,) if dose.names_dose(series, library) else (Use.IMAGE, Use.PERHAPS)
    images = [one for one in answers.found if dose.use_of(one, series, library) in uses]
    originals = dose.original_images(images)
    return originals, dose.tells_enough(originals) and not answers.cut and not answers.junk


def _some(originals: list[Dataset]) -> list[str]:
    return [attributes.text(one, "SOPInstanceUID") for one in dose.samples(originals, _IMAGES)]


def context_of_study(
    pacs: Pacs,
    our_ae: str,
    study_instance_uid: str,
    library: Library,
    inbox: Inbox,
    had: Callable[[str], bool],
    *,
    patient_id: str = "",
    seconds: float = 60.0,
    most_series: int = 24,
    largest: int = LARGEST,
    clock: Callable[[], float] = monotonic,
) -> StudyContext:
    """What a unit needs beside its screens: the study's dose reports, and what its CT images say.

    Takes no longer than `seconds` plus the end of one request, and looks at `most_series` series of each kind; whatever
    goes wrong is told in the value. patient_id: for Patient Root. largest: bytes of an object that is taken. Where the
    archive's own answers tell of each image what its header would, no image moves. StoreError, OutputError.
    """
    line = Line(pacs, our_ae, seconds=seconds, clock=clock, largest=largest)
    asked = _Asked(line, Study(study_instance_uid, patient_id), library, inbox, had)
    try:
        answers = series_of(line, asked.study).found
        for look, wanted in ((asked.reports, dose.may_hold_dose_reports), (asked.images, dose.is_ct)):
            several = [one for one in answers if wanted(one)]
            if len(several) > most_series:
                asked.why[f"{pacs.name} has more series of the study than are looked at"] = None
            for series in several[:most_series]:
                look(series)
    except (NetworkError, ConfigError) as error:
        asked.why[str(error)] = None
    finally:
        line.close()
    told = StudyContext(tuple(asked.kept), tuple(asked.headers), tuple(asked.why))
    say = log.warning if told.why else log.info
    say(
        "context_asked", pacs=pacs.name, study=study_instance_uid, kept=len(told.kept), headers=len(told.headers),
        why=list(told.why),
    )  # fmt: skip
    return told


@dataclass(slots=True)
class _Asked:
    """What is asked for one unit."""

    line: Line
    study: Study
    library: Library
    inbox: Inbox
    had: Callable[[str], bool]
    kept: list[str] = field(default_factory=list)
    headers: list[Dataset] = field(default_factory=list)
    why: dict[str, None] = field(default_factory=dict)

    def reports(self, series: Dataset) -> None:
        """Bring the dose reports of a series."""
        answers = images_of(self.line, self.study, attributes.text(series, "SeriesInstanceUID"), dose.REPORT_KEYS)
        wanted = [one for one in answers.found if dose.use_of(one, series, self.library) is Use.REPORT]
        self._bring(series, [attributes.text(one, "SOPInstanceUID") for one in wanted[:_MOST_PROBED]])

    def images(self, series: Dataset) -> None:
        """Hear what the images of a series say, or bring a few of them."""
        originals, enough = _originals(self.line, self.study, series, self.library)
        if enough:
            self.headers += originals
        else:
            self._bring(series, _some(originals))

    def _bring(self, series: Dataset, wanted: list[str]) -> None:
        new = tuple(one for one in wanted if not self.had(one))
        if new:
            uid = attributes.text(series, "SeriesInstanceUID")
            came: Fetched = fetch(self.line, self.inbox, self.had, Wanted(self.study, uid, new))
            self.kept += came.kept
            self.why |= dict.fromkeys(came.why if came.missing else ())

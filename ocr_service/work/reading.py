"""One study read: the job of a reading process. Files in, each unit's ending and its drafted RDSR out.

Knows files, templates and engines, in a process that may die of them; must not know databases or destinations. What
a console's letters taught is kept before the job ends, so that every worker reads by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b, sha256
from pathlib import Path
from time import perf_counter

from ocr_service import equipment
from ocr_service.dose.corrections import Act, printed_digest
from ocr_service.dose.proof import NeedsReview, Unreadable
from ocr_service.pipeline import Outcome, console_of
from ocr_service.rdsr.native import AlreadyOurs, NativeVerdict, Worthier
from ocr_service.screen.font_files import keep_fonts, load_fonts
from ocr_service.screen.fonts import Fonts, OwnGlyph
from ocr_service.screen.lettering import lettering
from ocr_service.screen.readers import Readers
from ocr_service.study import attributes
from ocr_service.templates.library import Library
from ocr_service.templates.schema import Template
from ocr_service.work import unit
from ocr_service.work.inventory import Broken, UnitFiles, take_stock
from ocr_service.work.objects import Headers, quiet
from ocr_service.work.unit import Converted, ReadUnit, SiteRules, Workplace


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a reading process builds for itself once. letters: the folder of what this site has learned."""

    templates: Path | None
    letters: Path
    outbox: Path
    emit: frozenset[str]
    rules: SiteRules


@dataclass(frozen=True, slots=True)
class UnitActs:
    """What persons decided about a unit, oldest first. objects: the SOP Instance UIDs that it was last read from."""

    scanner: str
    objects: frozenset[str]
    acts: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class ReadJob:
    """A study to read. lost: objects that are not opened, since they cost a process its life or are gone.

    drafts: a folder for this job's RDSRs. acts: what persons decided. uids: the SOP Instance UIDs of the files.
    read_today: scanners that were read today, the others are audited. salt: of the digests that patients are compared
    by. steps: the requests of its procedure steps, in the order they came. unsent: reports of ours that no destination
    has, and that a person's decision may take the place of without a trace. taken_back: those that destinations were
    told to take back, and that none of them has: one that says the same has a UID of its own.
    """

    files: tuple[Path, ...]
    lost: tuple[Broken, ...]
    drafts: Path
    acts: tuple[UnitActs, ...] = ()
    disbelieved: frozenset[str] = frozenset()
    read_today: frozenset[str] = frozenset()
    salt: bytes = b""
    steps: tuple[Path, ...] = ()
    uids: Mapping[Path, str] = field(default_factory=dict)
    unsent: frozenset[str] = frozenset()
    taken_back: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class UnitRead:
    """One unit's ending, and what the records keep of it.

    scanner: its normalised identity as text. rows: digest of what the report says. examination, patient: digests;
    units of one examination, in several studies, are linked orders. whole: does the page say that the examination is
    complete? waiting: may better known letters prove more? rests: digests of the registered glyphs that the report
    rests on. standing: the SOP Instance UID of an earlier report of ours that the new one does not take the place of.
    as_standing: does that say what this reading says, no more and no less?
    """

    converted: Converted
    scanner: str
    template: str = ""
    console: str = ""
    rows: str = ""
    examination: str = ""
    patient: str = ""
    whole: bool = False
    waiting: bool = False
    rests: frozenset[str] = frozenset()
    audited: int = 0
    disagreed: int = 0
    standing: str = ""
    by_person: bool = False
    station: str = ""
    manufacturer: str = ""
    as_standing: bool = False


@dataclass(frozen=True, slots=True)
class StudyRead:
    """A study's units, its objects that cannot be read, and how its consoles' letters stand now.

    withdrawn: digests of glyphs that prove nothing any more. registered: how many glyphs are registered, by template
    and console. others: SOP Instance UIDs of objects whose pages are no dose screens.
    """

    units: tuple[UnitRead, ...]
    broken: tuple[Converted, ...]
    withdrawn: frozenset[str]
    registered: Mapping[tuple[str, str], int]
    others: frozenset[str] = frozenset()


class _Desk:
    """A reading process's place of work."""

    def __init__(self, told: Equipment) -> None:
        self.told = told
        self.library: Library
        self.readers: Readers
        self.library, self.readers = equipment.both(told.templates, threads=1)
        self._shipped = self.readers.fonts
        self._seen: object = None
        self.withdrawn: frozenset[str] = frozenset()  # digests of glyphs that prove nothing any more
        self.headers = Headers()

    def refresh(self) -> None:
        """Read by what any worker has learned meanwhile."""
        seen = _stamps(self.told.letters)
        if seen != self._seen:
            self.readers.use(self._shipped.merged(load_fonts(self.told.letters)))
            self._seen = seen
            self.withdrawn = frozenset(_glyph(one) for one in self.readers.fonts.withdrawn())


_equipment: Equipment | None = None  # of a reading process
_desk: _Desk | None = None


def begin(told: Equipment) -> None:
    """What a reading process does first: nothing that can fail, for a process that cannot begin cannot say why."""
    global _equipment  # noqa: PLW0603 (what a process is told once has no other place to stay)
    _equipment = told


def _at_the_desk() -> _Desk:
    """The process's place of work, with what any worker has learned. TemplateError, EngineMissing."""
    global _desk  # noqa: PLW0603 (as above)
    assert _equipment is not None
    if _desk is None:
        _desk = _Desk(_equipment)
    _desk.refresh()
    return _desk


def read_study(job: ReadJob) -> StudyRead:
    """All units of one study. OutputError where drafts or letters cannot be written."""
    desk = _at_the_desk()
    told = desk.told
    with quiet():
        stock = take_stock(job.files, desk.library, job.lost, desk.headers.read)
        workplace = Workplace(
            desk.library,
            desk.readers,
            told.outbox,
            told.emit,
            perf_counter,
            told.rules,
            job.drafts,
            job.unsent,
            desk.headers,
            job.taken_back,
        )
        read = []
        here = {_column(" / ".join(files.scanner)) for files in stock.units}
        for files in stock.units:
            scanner = _column(" / ".join(files.scanner))
            acts = _acts_of(files, scanner, here, job)
            first = scanner not in job.read_today
            files = replace(files, steps=job.steps)
            read.append(unit.read(files, workplace, first=first, acts=acts, disbelieved=job.disbelieved))
        broken = [unit.broken_line(one) for one in stock.broken]
        units = []
        for one in read:
            lines = list(unit.written(one, workplace))
            if one.ending is not None:
                units.append(_told(one, lines.pop(), desk.library, job))
            broken += lines
        taught = Fonts().merged(*(one.ending.letters.fonts for one in read if one.ending is not None))
    keep_fonts(taught, told.letters)
    desk.refresh()
    fonts = desk.readers.fonts
    return StudyRead(
        tuple(units),
        tuple(broken),
        desk.withdrawn,
        _registered(fonts, read, desk.library),
        frozenset(uid for one in read if one.ending is not None for uid in one.ending.others),
    )


def _acts_of(files: UnitFiles, scanner: str, here: set[str], job: ReadJob) -> tuple[Act, ...]:
    """The decisions about this unit, also where its scanner is better known now; in the order of the records' own rule.

    here: the scanners of all units of this reading.
    """
    mine = {job.uids.get(path, "") for path in files.screens or files.images}
    same = next((one for one in job.acts if one.scanner == scanner), None)
    shared = next((one for one in job.acts if one.scanner not in here and mine & one.objects), None)
    found = same or shared
    return found.acts if found is not None else ()


def _told(read: ReadUnit, converted: Converted, library: Library, job: ReadJob) -> UnitRead:
    """What the records keep of a unit."""
    assert read.ending is not None
    letters, outcome = read.ending.letters, converted.outcome
    newest = read.objects[-1] if read.objects else None
    scanner = _column(" / ".join(read.files.scanner))
    if isinstance(outcome, Unreadable) or newest is None:
        return UnitRead(converted, scanner)
    report, native = outcome.report, read.ending.native
    template = _template(library, report.template)
    by_page = template is not None and template.complete_by != "quiet"
    patient = attributes.text(newest, "PatientID") + "\n" + attributes.text(newest, "IssuerOfPatientID")
    return UnitRead(
        converted,
        scanner,
        report.template,
        _column(console_of(newest).name) if report.template else "",
        printed_digest(report),
        _examination(read),
        blake2b(patient.encode(), digest_size=16, key=job.salt[:64]).hexdigest(),
        by_page and _is_whole(outcome),
        isinstance(outcome, NeedsReview) and letters.waiting,
        frozenset(_glyph(one) for one in letters.trusted | letters.leant),
        int(read.audit is not None),
        read.audit.different if read.audit is not None else 0,
        _standing(native, job.taken_back),
        read.act is not None,
        _column(report.scanner.station_name),
        _column(report.scanner.manufacturer),
        isinstance(native, AlreadyOurs),
    )


def _standing(native: NativeVerdict, taken_back: frozenset[str]) -> str:
    """The report of ours that the new one does not take the place of; "" for none."""
    if not isinstance(native, AlreadyOurs | Worthier) or native.parsed.sop_instance_uid in taken_back:
        return ""
    return native.parsed.sop_instance_uid


def _column(told: str) -> str:
    """What a header says, as a column takes it: it may be longer than its VR allows, and PostgreSQL has no NUL."""
    return told.replace("\0", "")[:200]


def _examination(read: ReadUnit) -> str:
    """What makes two units the same examination: scanner, times and rows, before any person's act; "" without dose.

    The scanner is named as the pages do it: images that name it better may lie beside one of the two alone.
    """
    assert read.ending is not None
    outcome = read.ending.outcome
    timed = bool(read.files.moments) and all(read.files.moments)
    if isinstance(outcome, Unreadable) or not timed or not any(event.has_dose for event in outcome.report.events):
        return ""
    told = (*map(repr, sorted(read.files.named)), *sorted(set(read.files.moments)), read.printed)
    return sha256("\n".join(told).encode()).hexdigest()


def _is_whole(outcome: Outcome) -> bool:
    """Does nothing say that a page may be missing?"""
    return not isinstance(outcome, NeedsReview) or not any(finding.where == "pages" for finding in outcome.findings)


def _glyph(one: OwnGlyph) -> str:
    """A short name of a glyph, for the records."""
    console = one.console
    told = (one.template, console.manufacturer, console.model_name, console.software_versions, one.glyph.place)
    size = f"{one.glyph.rows}x{one.glyph.columns}"
    return blake2b("\n".join((*told, size)).encode() + one.glyph.ink, digest_size=16).hexdigest()


def _registered(fonts: Fonts, read: Sequence[ReadUnit], library: Library) -> dict[tuple[str, str], int]:
    """How many glyphs are registered on the pages that were read, by the template with its revision and the console."""
    found = {}
    for one in read:
        if one.ending is None or isinstance(one.ending.outcome, Unreadable) or not one.objects:
            continue
        versioned, console = one.ending.outcome.report.template, console_of(one.objects[-1])
        template = _template(library, versioned)
        if template is not None:
            own = lettering(fonts, template.name, console).own
            found[(versioned, _column(console.name))] = sum(bool(known.registered) for known in own.values())
    return found


def _template(library: Library, versioned: str) -> Template | None:
    return next((one for one in library.templates if one.versioned == versioned), None)


def _stamps(folder: Path) -> object:
    """What tells that a font file was written: its name, time and size."""
    found = []
    for path in sorted(folder.rglob("*.font")):
        try:
            stat = path.stat()
        except OSError:  # it is being replaced
            continue
        found.append((path.name, stat.st_mtime_ns, stat.st_size))
    return found

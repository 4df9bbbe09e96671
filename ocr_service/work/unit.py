"""One unit: its files read, its ending, its RDSR.

Knows the files of one unit and the output folder; must not know other units. A file that cannot be read is a line
of its own, and a doubt about what the rest of its unit says.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from traceback import extract_tb

from pydicom import Dataset

from ocr_service.dose.corrections import Act, ActKind
from ocr_service.dose.identity import IdentityRule, contradicts
from ocr_service.dose.proof import NeedsReview, Unreadable, Verified
from ocr_service.dose.report import Finding, doubt, note
from ocr_service.errors import InputError, OcrServiceError
from ocr_service.pipeline import Context, Ending, FromHeader, Outcome, Skipped, doubted, read_headers, read_unit
from ocr_service.rdsr.document import VerifyingObserver, rdsr
from ocr_service.rdsr.native import AlreadyOurs, Predecessor, Worthier
from ocr_service.rdsr.source import SourceStudy
from ocr_service.screen.readers import Readers
from ocr_service.study import attributes
from ocr_service.study.mpps import merged_steps
from ocr_service.templates.library import Library
from ocr_service.work import output, standing
from ocr_service.work.auditing import Audit, audited, is_sampled
from ocr_service.work.decisions import decided, printed_in
from ocr_service.work.encodings import say_the_same
from ocr_service.work.inventory import Broken, UnitFiles
from ocr_service.work.objects import Headers, identity_of, read_object, read_request, salvaged

MOST_UNIT_BYTES = 2**30  # of all screens of a unit: a hundred times what a long examination has
BROKEN_PAGE = doubt("objects", "an object of this study could not be read: what is on it is not known")
BROKEN_OTHER = note("objects", "an object of this study, no dose screen by its header, could not be read")
BROKEN_STEP = note("procedure step", "a request of a procedure step of this study could not be read: it is not used")
TWO_PATIENTS = doubt("identity", "the objects of this study name two patients in their headers")
REJECTED = (
    "an earlier report of ours came back from an archive, and so did a note that rejects it: decide about it anew"
)
TWICE = doubt("objects", "two objects with the same SOP Instance UID differ; the first one was read")

_PIXELS = 0x7FE0  # the group
_EMITTED_AS = {Verified: "verified", FromHeader: "header", NeedsReview: "review"}


@dataclass(frozen=True, slots=True)
class Converted:
    """One unit's ending: its objects, what was read, the RDSR's path relative to the output folder."""

    study_instance_uid: str | None
    series_instance_uids: tuple[str, ...]
    sop_instance_uids: tuple[str, ...]
    outcome: Outcome
    rdsr: str | None
    milliseconds: int
    files: tuple[Path, ...] = ()
    is_new: bool = False  # did this run write the RDSR?
    again: bool = False  # does the line take the place of an earlier one of this run?


@dataclass(frozen=True, slots=True)
class SiteRules:
    """What a site decides: of burnt-in identifiers, and whether an RDSR states what is unknown as unknown.

    state_unknown: False leaves such numbers out, for importers that stop at the first one. audit_one_in: of the units
    that letters read, the engines read one in so many too; 0 for none.
    """

    identity: IdentityRule = IdentityRule.COMPARE
    state_unknown: bool = True
    audit_one_in: int = 50


AS_SHIPPED = SiteRules()


@dataclass(frozen=True, slots=True)
class Workplace:
    """What units are converted with, where their RDSRs go, and which outcomes are written. clock: in seconds.

    out: where earlier RDSRs lie. passed_over: SOP Instance UIDs of those among them that never left the house, and are
    not looked at. drafts: where new ones are written, where that is another folder. headers: what remembers those of
    images. taken_back: SOP Instance UIDs of earlier RDSRs that destinations were told to take back.
    """

    library: Library
    readers: Readers
    out: Path
    emit: frozenset[str]
    clock: Callable[[], float]
    rules: SiteRules = AS_SHIPPED
    drafts: Path | None = None
    passed_over: frozenset[str] = frozenset()
    headers: Headers = field(default_factory=lambda: Headers(0))
    taken_back: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ReadUnit:
    """A unit that was read and not written yet.

    ending: None where nothing of it could be read. broken: its objects that could not, each a line of its own.
    audit: how the engines' second reading went, where there was one. act: what a person decided about it, where that
    decided. printed: the digest of what was read, before any person's act; "" where nothing was.
    """

    files: UnitFiles
    objects: tuple[Dataset, ...]
    ending: Ending | None
    broken: tuple[Broken, ...]
    seconds: float
    audit: Audit | None = None
    act: Act | None = None
    printed: str = ""


@dataclass(slots=True)
class _Loaded:
    objects: list[Dataset] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    differs: bool = False


def broken_line(broken: Broken) -> Converted:
    """The line of an object that cannot be read."""
    told = broken.identity
    series = (told.series_instance_uid,) if told.series_instance_uid else ()
    instances = (told.sop_instance_uid,) if told.sop_instance_uid else ()
    return Converted(
        told.study_instance_uid,
        series,
        instances,
        Unreadable(broken.why),
        None,
        0,
        (broken.file,) if broken.file else (),
    )


def read(
    files: UnitFiles,
    workplace: Workplace,
    *,
    first: bool = False,
    acts: Sequence[Act] = (),
    disbelieved: frozenset[str] = frozenset(),
) -> ReadUnit:
    """Read one unit. Whatever its files hold, this gives an ending. first: it is audited where any are.

    acts: what persons decided about it, oldest first. disbelieved: SOP Instance UIDs of reports of ours that are not
    believed any more.
    """
    began = workplace.clock()
    context = Context(disbelieved=disbelieved)
    try:
        told, context = _read(files, workplace, context, first=first)
    except OcrServiceError:
        raise
    except Exception as error:  # noqa: BLE001 (the job boundary: one bad unit never stops the rest)
        told = ReadUnit(files, (), Ending(Unreadable(fault_in_words(error))), (), 0.0)
    if told.ending is not None:
        ending, act = decided(told.ending, acts, context, files.study_instance_uid)
        told = replace(told, ending=ending, act=act, printed=printed_in(told.ending.outcome))
    return replace(told, seconds=workplace.clock() - began)


def read_again(read: ReadUnit) -> ReadUnit:
    """The same, saying that an earlier report of the unit was taken back."""
    if read.ending is None:
        return read
    told = note("letters", "letters that an earlier report of this run rested on were withdrawn: it was read again")
    return replace(read, ending=replace(read.ending, outcome=doubted(read.ending.outcome, [told])))


def written(read: ReadUnit, workplace: Workplace) -> tuple[Converted, ...]:
    """Write the unit's RDSR where its outcome is to be emitted: the lines of its report. OutputError."""
    began = workplace.clock()
    lines = [broken_line(broken) for broken in read.broken]
    if read.ending is not None:
        outcome = read.ending.outcome
        before = output.names_of(read.files.study_instance_uid, workplace.out)
        try:
            name = _emitted(read, read.ending, workplace)
        except InputError as error:  # the header cannot be cited, for example by its UIDs: what was read is kept
            outcome, name = doubted(outcome, [doubt("header", str(error))]), None
        except OcrServiceError:
            raise
        except Exception as error:  # noqa: BLE001 (as above: a header that nobody foresaw costs its own unit)
            outcome, name = Unreadable(fault_in_words(error)), None
        told = [identity_of(ds) for ds in read.objects]
        series = tuple(dict.fromkeys(one.series_instance_uid for one in told if one.series_instance_uid))
        instances = tuple(dict.fromkeys(one.sop_instance_uid for one in told if one.sop_instance_uid))
        spent = round((read.seconds + workplace.clock() - began) * 1000)
        files = read.files.screens or read.files.images
        study, is_new = read.files.study_instance_uid, name not in before
        lines.append(Converted(study, series, instances, outcome, name, spent, files, is_new))
    return tuple(lines)


def _read(files: UnitFiles, workplace: Workplace, context: Context, *, first: bool) -> tuple[ReadUnit, Context]:
    """The unit as it is read, and what else was found of its study."""
    screens = _load(files.screens, lambda path: read_object(path, pixels=True), MOST_UNIT_BYTES)
    images = _load(files.images, workplace.headers.read)
    reports = _load(files.dose_reports, workplace.headers.read)
    ours = output.earlier(files.study_instance_uid, workplace.out)
    others = (*reports.objects, *(ds for ds in ours if str(ds.SOPInstanceUID) not in workplace.passed_over))
    steps, told = _steps(files.steps)
    context = replace(context, images=tuple(images.objects), dose_reports=others, steps=steps)
    ending: Ending | None = None
    audit: Audit | None = None
    if screens.objects:
        ending, audit = _read_screens(screens.objects, workplace, context, first=first)
        screens = _with_pictures(screens, dict(ending.without_picture), ending.others)
    objects = screens.objects
    if not objects:  # no screen shows anything: what the images state is all there is
        objects = images.objects
        ending = read_headers(objects, context) if objects else None
    strangers = dict(ending.strangers) if ending is not None else {}
    apart = [Broken(identity_of(ds), why) for ds in objects if (why := strangers.get(str(ds.SOPInstanceUID)))]
    objects = [ds for ds in objects if str(ds.SOPInstanceUID) not in strangers]
    broken = [*screens.broken, *images.broken, *reports.broken, *apart]
    if ending is None or (files.screens and not screens.objects and isinstance(ending.outcome, Unreadable)):
        return ReadUnit(files, (), None, tuple(broken), 0.0, audit), context  # their lines say all there is to say
    found = [*_doubts(screens, images, reports, files), *told]
    if workplace.rules.identity is not IdentityRule.OFF and _of_two_patients(
        [*screens.objects, *images.objects, *reports.objects]
    ):
        found.append(TWO_PATIENTS)
    ending = replace(ending, outcome=doubted(ending.outcome, found))
    return ReadUnit(files, tuple(objects), ending, tuple(broken), 0.0, audit), context


def _read_screens(
    objects: Sequence[Dataset], workplace: Workplace, context: Context, *, first: bool
) -> tuple[Ending, Audit | None]:
    """Read by letters where they are known, and by the engines alone where an audit asks for it."""
    readers, rules = workplace.readers, workplace.rules

    def by(its: Readers) -> Ending:
        return read_unit(objects, workplace.library, its, context, rules.identity)

    drawn = is_sampled(" ".join(str(ds.SOPInstanceUID) for ds in objects), rules.audit_one_in)
    sampled = drawn or (first and rules.audit_one_in > 0)
    return audited(by(readers), lambda: by(readers.without_fonts()), sampled=sampled)


def _with_pictures(screens: _Loaded, without: Mapping[str, str], others: Collection[str]) -> _Loaded:
    """The same without the objects that have no picture, which are broken too, and those that are no dose screens."""
    lost = [ds for ds in screens.objects if str(ds.SOPInstanceUID) in without]
    broken = [Broken(identity_of(ds), without[str(ds.SOPInstanceUID)]) for ds in lost]
    kept = [ds for ds in screens.objects if str(ds.SOPInstanceUID) not in {*without, *others}]
    return _Loaded(kept, [*screens.broken, *broken], screens.differs)


def _load(paths: Iterable[Path], read: Callable[[Path], Dataset], left: int | None = None) -> _Loaded:
    """The objects that can be read, each SOP Instance UID once. left: how many bytes all of them may have."""
    loaded = _Loaded()
    first: dict[str, Dataset] = {}
    for path in paths:
        try:
            ds = read(path)
            if left is not None:
                left -= sum(len(element.value) for element in ds if isinstance(element.value, bytes))
                if left < 0:
                    raise InputError("the dose screens of this unit need more memory than any examination's")
        except (InputError, OSError) as error:
            loaded.broken.append(_broken(path, error))
            continue
        known = first.setdefault(str(ds.SOPInstanceUID), ds)
        if known is ds:
            loaded.objects.append(ds)
        elif not say_the_same(known, ds):
            loaded.differs = True
    return loaded


def _steps(paths: Sequence[Path]) -> tuple[tuple[Dataset, ...], list[Finding]]:
    """The study's procedure steps, each merged from its requests; a broken one only says less."""
    requests, found = [], []
    for path in paths:
        try:
            requests.append(read_request(path))
        except (InputError, OSError):
            found.append(BROKEN_STEP)
    return merged_steps(requests), found[:1]


def _broken(path: Path, error: InputError | OSError) -> Broken:
    why = str(error) if isinstance(error, InputError) else f"the file cannot be read: {output.reason(error)}"
    return Broken(salvaged(path), why, path)


def _doubts(screens: _Loaded, images: _Loaded, reports: _Loaded, files: UnitFiles) -> list[Finding]:
    """What broken and differing objects of the study leave open."""
    whole = {str(ds.SOPInstanceUID) for part in (screens, images, reports) for ds in part.objects}
    found = []
    for broken in (*screens.broken, *images.broken, *reports.broken, *files.broken):
        if broken.identity.sop_instance_uid in whole:
            continue  # another copy of it was read
        counts = broken.may_be_a_page or (not files.screens and broken.may_be_an_image)
        found.append(BROKEN_PAGE if counts else BROKEN_OTHER)
    if screens.differs or images.differs or reports.differs:
        found.append(TWICE)
    return list(dict.fromkeys(found))


def _of_two_patients(objects: Sequence[Dataset]) -> bool:
    """Do headers that came under one Study Instance UID name two patients?"""
    told = sorted({identifier for ds in objects if (identifier := attributes.text(ds, "PatientID"))})
    return any(contradicts(one, other) and contradicts(other, one) for one, other in combinations(told, 2))


def _emitted(read: ReadUnit, ending: Ending, workplace: Workplace) -> str | None:
    """Write what is to be emitted; one of ours that says the same stands, another one becomes the predecessor."""
    outcome = ending.outcome
    if isinstance(outcome, Unreadable | Skipped) or not outcome.report.events:
        return None
    if _EMITTED_AS[type(outcome)] not in workplace.emit:
        return None
    study = outcome.report.study_instance_uid
    predecessor = None
    match ending.native:
        case AlreadyOurs(parsed) | Worthier(parsed) if not _is_hidden(read, parsed.sop_instance_uid, workplace):
            return _stands(read.files.dose_reports, study, parsed.sop_instance_uid, workplace)
        case AlreadyOurs(parsed) | Worthier(parsed) | Predecessor(parsed):  # what was rejected is hidden for good
            predecessor = parsed.prior
        case _:
            pass
    document = rdsr(
        outcome.report,
        SourceStudy(tuple(_without_pixels(ds) for ds in read.objects)),
        verified=isinstance(outcome, Verified),
        findings=outcome.findings,
        predecessor=predecessor,
        verifying_observer=_observer(outcome, read.act),
        state_unknown=workplace.rules.state_unknown,
    )
    return output.write(document.encoded, study, str(document.SOPInstanceUID), workplace.drafts or workplace.out)


def _is_hidden(read: ReadUnit, sop_instance_uid: str, workplace: Workplace) -> bool:
    """Was the report taken back, so that one that says the same needs a UID of its own?

    Of one that came from an archive, and that the records do not know, a rejection note beside it tells that. Why it
    was rejected nobody knows then: InputError, until a person decides.
    """
    if sop_instance_uid in workplace.taken_back:
        return True
    name = f"{output.folder_of(read.files.study_instance_uid)}/{sop_instance_uid}.dcm"
    if workplace.drafts is None or (workplace.out / name).is_file():
        return False
    if not standing.is_rejected(read.files.dose_reports, sop_instance_uid):
        return False
    if read.act is None:
        raise InputError(REJECTED)
    return True


def _stands(reports: Sequence[Path], study: str, sop_instance_uid: str, workplace: Workplace) -> str | None:
    """The name of an earlier report of ours, written again where the outbox does not have it. InputError, OutputError.

    reports: the study's, from which it is taken as it was received. Without drafts it stays where it is: nobody sends
    what lies in an output folder, and the archive that it came from has it.
    """
    name = f"{output.folder_of(study)}/{sop_instance_uid}.dcm"
    if (workplace.out / name).is_file():
        return name
    encoded = standing.received(reports, sop_instance_uid) if workplace.drafts is not None else None
    if encoded is None or workplace.drafts is None:
        return None
    return output.write(encoded, study, sop_instance_uid, workplace.drafts)


def _observer(outcome: Outcome, act: Act | None) -> VerifyingObserver | None:
    """The person who answers for the report, where one confirmed it."""
    if act is None or act.kind is ActKind.REJECT or not isinstance(outcome, Verified):
        return None
    return VerifyingObserver(act.person, act.organization, act.moment)


def _without_pixels(ds: Dataset) -> Dataset:
    header = Dataset()
    header.update({tag: ds[tag] for tag in [*ds.keys()] if not tag.is_private and tag.group != _PIXELS})
    return header


def fault_in_words(error: Exception) -> str:
    """An unforeseen fault in words: its kind and place, never its text, which may quote a header."""
    all_frames = list(extract_tb(error.__traceback__))
    frames = [frame for frame in all_frames if "ocr_service" in Path(frame.filename).parts] or all_frames
    place = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else "an unknown place"
    return f"a fault nobody foresaw stopped this unit ({type(error).__name__} in {place}); please report it"

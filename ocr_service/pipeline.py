"""The story: the dose screens of one unit in, a proven report or the reason why not out.

A unit is all dose screens of one study from one scanner. Knows the order of the steps; must not know files,
networks or command lines, and asks neither the clock nor the environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import assert_never

from pydicom import Dataset

from ocr_service.dose.checks import does_not_increase, findings_of, lies_outside, product_differs
from ocr_service.dose.identity import IdentityRule, contradicts
from ocr_service.dose.proof import NeedsReview, Unreadable, Verified, prove
from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import CTDoseReport, Finding, FindingKind, PageRef, doubt, note
from ocr_service.errors import InputError
from ocr_service.rdsr.native import (
    AlreadyOurs,
    CoversAll,
    NativeVerdict,
    NoNative,
    OtherValue,
    Partial,
    Predecessor,
    Worthier,
    compare_native,
)
from ocr_service.screen.assemble import assemble
from ocr_service.screen.extract import anchor_findings, read_page
from ocr_service.screen.fitting import fitting_pages, found_in_size
from ocr_service.screen.fonts import Console
from ocr_service.screen.lessons import Lettered, LettersTold, School, letters_told, vouched
from ocr_service.screen.pixels import DoseScreen, dose_screens
from ocr_service.screen.readers import Readers
from ocr_service.screen.readings import CellReading, PageReading
from ocr_service.screen.words import canonical, meaning
from ocr_service.study.acquisition import scanner_of
from ocr_service.study.alignment import align
from ocr_service.study.console_text import console_text
from ocr_service.study.dose_words import speaks_of_dose
from ocr_service.study.header import NoHeaderDose
from ocr_service.study.images import image_events
from ocr_service.study.mpps import step_texts
from ocr_service.study.regions import with_target_regions
from ocr_service.study.step_report import study_report
from ocr_service.study.witnesses import with_witnesses
from ocr_service.templates.checks import Between, Check, CloseTo, Increasing, Sums
from ocr_service.templates.library import Library
from ocr_service.templates.schema import Template

WORTHIER = note("native", "a report of ours that says more stands: this one does not take its place")
IDENTIFYING = {"identity", *(q.value for q in (Quantity.PATIENT_ID, Quantity.ACCESSION_NUMBER, Quantity.STUDY_ID))}
FRAMES_LOOKED_AT = 4  # of an object whose pages fit no template


@dataclass(frozen=True, slots=True)
class FromHeader:
    """No dose screen could be had: the report copies and computes what image headers state."""

    report: CTDoseReport
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Skipped:
    """The scanner itself has reported this dose; `sop_instance_uids` are its reports."""

    report: CTDoseReport
    sop_instance_uids: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


Outcome = Verified | NeedsReview | Unreadable | FromHeader | Skipped


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a unit, and how it compares with the study's dose reports, ours and others'."""

    outcome: Outcome
    native: NativeVerdict = field(default_factory=NoNative)
    letters: LettersTold = field(default_factory=LettersTold)
    without_picture: tuple[tuple[str, str], ...] = ()  # SOP Instance UIDs of objects that show nothing, and why
    strangers: tuple[tuple[str, str], ...] = ()  # those that speak of dose and that no template is for, and why
    others: tuple[str, ...] = ()  # those whose headers tell nothing and whose pages are no dose screens
    checks: tuple[Check, ...] = ()  # what the template says that the report's numbers keep


@dataclass(frozen=True, slots=True)
class Context:
    """What else is known of the study: headers of its images, its dose reports, ours and others', and its procedure
    steps (MPPS), each merged from its requests (`study.mpps.merged`).

    disbelieved: SOP Instance UIDs of reports of ours that are not believed any more.
    """

    images: tuple[Dataset, ...] = ()
    dose_reports: tuple[Dataset, ...] = ()
    disbelieved: frozenset[str] = frozenset()
    steps: tuple[Dataset, ...] = ()


@dataclass(frozen=True, slots=True)
class _Read:
    template: Template
    page: PageReading
    school: School
    header: Dataset

    @property
    def lettered(self) -> Lettered:
        return self.school, self.page

    def anchor_findings(self) -> list[Finding]:
        return anchor_findings(self.template.pages[self.page.kind], self.page.anchors)


@dataclass(slots=True)
class _Found:
    """What the objects of a unit show: pages that were read, and what is none."""

    pages: list[_Read] = field(default_factory=list)
    known: list[Dataset] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    without: list[tuple[str, str]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    strangers: list[tuple[str, list[Finding]]] = field(default_factory=list)


def read_unit(
    objects: Sequence[Dataset],
    library: Library,
    readers: Readers,
    context: Context = Context(),
    identity: IdentityRule = IdentityRule.COMPARE,
) -> Ending:
    """Read, merge and prove the dose screens of one unit: objects with pixels, oldest first."""
    found = _look_at(objects, library, readers)
    apart = _apart(found.strangers, found.findings, alone=not found.pages)
    found.findings += [note("engines", fault) for fault in dict.fromkeys(readers.take_faults())]
    if found.pages:
        ending = replace(_prove(found, readers, context, identity), strangers=apart)
    else:
        why = found.findings[0].sentence if found.findings else "no dose screen"
        ending = Ending(Unreadable(why, tuple(found.findings)))
    return replace(ending, without_picture=tuple(found.without), others=tuple(found.others))


def _look_at(objects: Sequence[Dataset], library: Library, readers: Readers) -> _Found:
    found = _Found()
    for ds in objects:
        try:
            screens = dose_screens(ds)
        except InputError as error:
            found.without.append((str(ds.SOPInstanceUID), str(error)))
            found.findings.append(doubt("pixels", f"an object of the unit has no readable picture: {error}"))
            continue
        shown = _shown(ds, screens, library, readers)
        more = [finding for _, told in shown for finding in told]
        if not any(read for read, _ in shown) and not library.candidates(ds):
            if speaks_of_dose(ds):
                found.strangers.append((str(ds.SOPInstanceUID), more))
            else:
                found.others.append(str(ds.SOPInstanceUID))
            continue
        found.known.append(ds)
        found.findings += more
        found.pages += [read for read, _ in shown if read is not None]
    return found


def _prove(found: _Found, readers: Readers, context: Context, identity: IdentityRule) -> Ending:
    template, known, findings = found.pages[-1].template, found.known, found.findings
    if any(read.template.name != template.name for read in found.pages):
        findings.append(doubt("template", "the pages of the unit are of different templates"))
    heard = vouched([read.lettered for read in found.pages], readers.fonts)
    pages = [replace(before, page=page) for before, page in zip(found.pages, heard, strict=True)]
    for read in pages:
        findings += [*read.anchor_findings(), *_identity(read.header, read.page, identity)]
    whole = assemble(template, heard, str(known[0].get("StudyInstanceUID", "")), scanner_of(known[-1]))
    report, beside = _beside(whole.report, template, known, context)
    told = (*findings, *whole.findings, *beside, *findings_of(report, rounding_of(template)))
    told = (*told, *broken_checks(template.checks, report))
    ending = native_first(prove(report, told), context)
    letters = letters_told([read.lettered for read in pages], whole.cells)
    return replace(ending, letters=letters, checks=tuple(template.checks))


def _apart(
    strangers: Sequence[tuple[str, list[Finding]]], findings: list[Finding], *, alone: bool
) -> tuple[tuple[str, str], ...]:
    """Objects that speak of dose and that no template is for: beside pages that were read each is an ending of its own.

    A console's screen saves of anatomy say `SCREEN SAVE` as its dose pages do; they leave the pages verified.
    """
    if alone:
        findings += [finding for _, more in strangers for finding in more]
        return ()
    if strangers:
        findings.append(note("template", f"{len(strangers)} further objects fit no template: each has its own line"))
    return tuple((uid, more[0].sentence if more else "no template is for this object") for uid, more in strangers)


def _shown(
    ds: Dataset, screens: Sequence[DoseScreen], library: Library, readers: Readers
) -> list[tuple[_Read | None, list[Finding]]]:
    """Each frame's page; a film whose first frames are no dose screens is not looked at to its end."""
    shown: list[tuple[_Read | None, list[Finding]]] = []
    for screen in screens:
        if len(shown) == FRAMES_LOOKED_AT and not any(read for read, _ in shown):
            sentence = f"the first {FRAMES_LOOKED_AT} of {len(screens)} frames fit no template: no other was read"
            shown.append((None, [doubt("template", sentence)]))
            break
        shown.append(_read_screen(ds, screen, library, readers))
    return shown


def read_headers(images: Sequence[Dataset], context: Context = Context()) -> Ending:
    """The report of a study without any dose screen, from its procedure steps and the headers of its images."""
    made = study_report(images, context.steps)
    if isinstance(made, NoHeaderDose):
        return Ending(Unreadable(made.why))
    outcome = NeedsReview if made.needs_review else FromHeader
    return native_first(outcome(made.report, made.findings), context)


def _beside(
    report: CTDoseReport, template: Template, objects: Sequence[Dataset], context: Context
) -> tuple[CTDoseReport, tuple[Finding, ...]]:
    """Let the console's text, the objects' and the steps', and the study's images vouch and fill in."""
    texts = [*step_texts(context.steps, (*objects, *context.images)), *(console_text(ds) for ds in objects)]
    aligned = align(report, texts, image_events(context.images))
    report, told = with_witnesses(report, aligned, frozenset(template.witnesses), must_agree=template.must_agree)
    description = str(objects[-1].get("StudyDescription", "") or "") or None
    report, regions = with_target_regions(report, description, template.target_region)
    return report, (*told, *regions)


def native_first(outcome: Verified | NeedsReview | FromHeader, context: Context, *, attested: bool = False) -> Ending:
    """Where the scanner reports its dose itself nothing is emitted; where it says another thing a person looks.

    attested: a person has looked, and answers for the report.
    """
    verdict = compare_native(
        outcome.report,
        context.dose_reports,
        verified=isinstance(outcome, Verified),
        attested=attested,
        disbelieved=context.disbelieved,
    )
    return Ending(_after(outcome, verdict), verdict)


def _after(outcome: Verified | NeedsReview | FromHeader, verdict: NativeVerdict) -> Outcome:
    match verdict:
        case CoversAll(uids) if _is_the_patients(outcome) and any(event.has_dose for event in outcome.report.events):
            return Skipped(outcome.report, uids, outcome.findings)
        case CoversAll():
            # No row was read, so that none is missing says nothing; or the page may be another patient's.
            return outcome
        case Partial(_, sentences) | OtherValue(_, sentences):
            doubts = tuple(doubt("native", sentence) for sentence in sentences)
            return NeedsReview(outcome.report, (*outcome.findings, *doubts))
        case Worthier():
            return replace(outcome, findings=(*outcome.findings, WORTHIER))
        case NoNative() | AlreadyOurs() | Predecessor():
            return outcome
        case _:
            assert_never(verdict)


def doubted(outcome: Outcome, found: Sequence[Finding]) -> Outcome:
    """The outcome with more findings: with a doubt among them it waits for a person."""
    if not found:
        return outcome
    findings = (*outcome.findings, *found)
    match outcome:
        case Unreadable():
            return replace(outcome, findings=findings)
        case Verified() | NeedsReview() | FromHeader() | Skipped():
            if any(finding.kind is FindingKind.DOUBT for finding in found):
                return NeedsReview(outcome.report, findings)
            return replace(outcome, findings=findings)
        case _:
            assert_never(outcome)


def _is_the_patients(outcome: Verified | NeedsReview | FromHeader) -> bool:
    """Does no doubt say that the page may be another patient's?"""
    return not any(f.kind is FindingKind.DOUBT and f.where in IDENTIFYING for f in outcome.findings)


def console_of(ds: Dataset) -> Console:
    """Whose letters the object is written in."""
    scanner = scanner_of(ds)
    return Console(scanner.manufacturer, scanner.model_name, scanner.software_versions)


def _read_screen(
    ds: Dataset, screen: DoseScreen, library: Library, readers: Readers
) -> tuple[_Read | None, list[Finding]]:
    """Choose the template by header, then by its anchors on the page; the more specific one goes first."""
    candidates = library.candidates(ds) or library.by_appearance(ds)
    if not candidates:
        return None, [doubt("template", "no template matches this object; `template explain FILE` tells why")]
    console = console_of(ds)
    fitting = fitting_pages(candidates, screen, readers, console)
    if not fitting:
        names = ", ".join(template.name for template in candidates)
        return None, [doubt("template", f"the page does not show the words of the templates that match: {names}")]
    template = fitting[0].template
    size = found_in_size(screen, template)
    notes = (*(note("pixels", sentence) for sentence in screen.notes), *size)
    school = School(template.name, console, str(ds.get("StudyInstanceUID", "")), not screen.lossy and not size)
    read = _Read(template, read_page(fitting[0], PageRef(screen.sop_instance_uid, screen.frame)), school, ds)
    if len(fitting) > 1:
        names = ", ".join(sheet.template.name for sheet in fitting)
        notes = (*notes, doubt("template", f"two templates fit and neither extends the other: {names}"))
    return replace(read, page=replace(read.page, findings=(*read.page.findings, *notes))), []


def _identity(ds: Dataset, page: PageReading, rule: IdentityRule) -> tuple[Finding, ...]:
    """A burnt-in identifier that is not the header's: the page may be another patient's.

    Proven, or read by two witnesses who differ, and neither says what the header says.
    """
    if rule is IdentityRule.OFF:
        return ()
    found, equal = [], 0
    for quantity, cell in page.fields.items():
        keywords = cell.cell.same_as_header
        headers = [header for keyword in keywords if (header := str(ds.get(keyword, "") or ""))]
        told = {cell.text} if cell.proven else _readings(cell)
        if not headers or not told or not all(told):
            continue
        burnt_in = {meaning(cell.cell, cell.choices, text).value for text in told}
        if all(contradicts(value, header) for value in burnt_in for header in headers):
            names = " or ".join(keywords)
            found.append(doubt(quantity.value, f"the {quantity.value} on the page is not the {names} of the header"))
        else:
            equal += cell.proven
    if rule is IdentityRule.REQUIRED and not equal and not found:
        found.append(
            doubt("identity", "the site asks for a burnt-in identifier, and none is proven to be the header's")
        )
    return tuple(found)


def _readings(cell: CellReading) -> set[str]:
    """What was read in an unproven cell and fits it, where two readings differ; nothing for a single one."""
    fitting = {canonical(cell.cell, cell.choices, text) for _, text in cell.evidence.seen}
    told = {text for text in fitting if text} | {witness.text for witness in cell.evidence.witnesses}
    return told if len(told) > 1 else set()


def broken_checks(checks: Sequence[Check], report: CTDoseReport) -> list[Finding]:
    """What the report says against the checks of its template."""
    return [finding for check in checks for finding in _broken(check, report)]


def _broken(check: Check, report: CTDoseReport) -> list[Finding]:
    """What the report says against one check of its template."""
    match check:
        case Sums():
            return []  # the report's own sum is checked with or without a template's word; `within` is its rounding
        case Increasing(increasing=quantity):
            return does_not_increase(report, quantity)
        case Between(between=quantity, least=least, most=most):
            return lies_outside(report, quantity, Decimal(least), Decimal(most))
        case CloseTo(product_of=factors, close_to=product, within=within):
            return product_differs(report, factors, product, Decimal(within))
        case _:
            assert_never(check)


def rounding_of(template: Template) -> Decimal:
    """How far (mGy.cm) the template lets the rows' sum miss the total; exact where it says nothing."""
    return max((Decimal(check.within) for check in template.checks if isinstance(check, Sums)), default=Decimal(0))

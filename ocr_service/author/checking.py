"""A template against its examples and refusals: is each screen read as its author says?

Knows endings and expectations; must not know terminals, nor how a file is opened: that is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import Dataset

from ocr_service.author.reading import best_page, screens_of
from ocr_service.author.scoring import Score
from ocr_service.author.telling import doubts_of, name_of
from ocr_service.dose.proof import NeedsReview, Verified
from ocr_service.dose.report import CTDoseReport, Evidence, IrradiationEvent, Reading
from ocr_service.errors import InputError
from ocr_service.pipeline import Outcome, read_unit
from ocr_service.screen.readers import Readers
from ocr_service.study.acquisition import scanner_of
from ocr_service.templates.examples import NOTHING, Example
from ocr_service.templates.library import Library, suits
from ocr_service.templates.schema import Template

OpenObject = Callable[[Path], Dataset]
SAMPLES = "sample_sc"


@dataclass(frozen=True, slots=True)
class Said:
    """What a report says of one value, in the words of an example, and what vouches for it."""

    text: str
    proven: bool
    evidence: Evidence


Told = Mapping[str, Said]
PAGE = "page"  # where a value stands that is in no row
UNSAID = Said(NOTHING, proven=False, evidence=Evidence())


@dataclass(frozen=True, slots=True)
class Compared:
    """One value of an example beside what was read: where it stands, which quantity, what should be read."""

    where: str
    key: str
    wanted: str
    said: Said


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of one example or refusal; `differences` are sentences, none where all is as expected.

    `at_hand` is false where the file is nowhere and need not be: shipped templates without their samples.
    """

    template: str
    about: str
    differences: tuple[str, ...] = ()
    score: Score | None = None
    at_hand: bool = True


@dataclass(frozen=True, slots=True)
class Case:
    """Objects of one examination, and what must be read from them."""

    objects: tuple[Dataset, ...]
    expected: Example


def prove_template(
    template: Template, library: Library, folders: Sequence[Path], readers: Readers, open_object: OpenObject
) -> Iterator[Proof]:
    """Try each example and each refusal of the template. folders: as they were loaded, the shipped one first."""
    if not template.examples:
        yield Proof(template.name, "examples", ("no example proves this template: add one with file and rows",))
    for example in template.examples:
        paths = [find_screen(template, name, folders) for name in example.file]
        about = f"example {', '.join(example.file)}"
        if any(path is None for path in paths):
            yield _absent(template, about, folders)
            continue
        try:
            objects = [open_object(path) for path in paths if path is not None]
        except InputError as error:
            yield Proof(template.name, about, (str(error),))
            continue
        yield _tried(template, example, about, objects, library, readers)
    for name in template.refuses:
        yield _refused(template, name, folders, readers, open_object)


def cases_of(template: Template, folders: Sequence[Path], open_object: OpenObject) -> list[Case]:
    """The template's examples whose files are at hand, opened. InputError for a file that cannot be read."""
    cases = []
    for example in template.examples:
        paths = [find_screen(template, name, folders) for name in example.file]
        if example.rows and all(path is not None for path in paths):
            cases.append(Case(tuple(open_object(path) for path in paths if path is not None), example))
    return cases


def find_screen(template: Template, name: str, folders: Sequence[Path]) -> Path | None:
    """The file of an example: beside its template, else in the folder of samples beside the templates' folder."""
    home = _home(template, folders)
    if home is None:
        return None
    places = ((home / template.name).parent / name, home.parent / SAMPLES / name)
    return next((path for path in places if path.is_file()), None)


def _home(template: Template, folders: Sequence[Path]) -> Path | None:
    return next((home for home in reversed(folders) if (home / f"{template.name}.yaml").is_file()), None)


def _absent(template: Template, about: str, folders: Sequence[Path]) -> Proof:
    home = _home(template, folders)
    if home == folders[0] and not (home.parent / SAMPLES).is_dir():
        return Proof(template.name, f"{about}: the samples do not come with the package", at_hand=False)
    sentence = f"the file lies neither beside the template nor in the folder {SAMPLES} beside the templates"
    return Proof(template.name, about, (sentence,))


def _tried(
    template: Template,
    example: Example,
    about: str,
    objects: Sequence[Dataset],
    library: Library,
    readers: Readers,
) -> Proof:
    outcome = read_unit(objects, library, readers).outcome
    scanner = "|".join(scanner_of(objects[-1]).identity)
    report = outcome.report if isinstance(outcome, Verified | NeedsReview) else None
    differences = list(_of_outcome(template, example, outcome, report))
    if report is None:
        return Proof(template.name, about, tuple(differences), Score(values_of(example), scanner=scanner))
    differences += _of_report(example, report)
    return Proof(template.name, about, tuple(differences), score_of(example, report, scanner))


def _of_outcome(template: Template, example: Example, outcome: Outcome, report: CTDoseReport | None) -> Iterator[str]:
    if report is not None and report.template != f"{template.name} r{template.revision}":
        yield f"it was read by {report.template}"
    if name_of(outcome).replace(" ", "_") != example.outcome:
        doubts = [finding.sentence for finding in doubts_of(outcome)]
        why = f": {'; '.join(doubts)}" if doubts else ""
        yield f"it should end as {example.outcome}, and ends as {name_of(outcome)}{why}"


def _of_report(example: Example, report: CTDoseReport) -> Iterator[str]:
    if example.rows and len(report.events) != len(example.rows):
        yield f"{len(example.rows)} rows are expected, {len(report.events)} were read"
    for one in compared(example, report):
        got = one.said
        if got.text != one.wanted:
            state = "" if got.text == NOTHING else ", proven" if got.proven else ", not proven"
            yield f"{one.where}: {one.key} should be {one.wanted}, and {got.text} was read{state}"


def score_of(example: Example, report: CTDoseReport, scanner: str) -> Score:
    """Count the values that the example states. A lost row loses all of its values, proven or not."""
    proven = wrong = 0
    lost = {f"row {number}" for number in range(len(report.events) + 1, len(example.rows) + 1)}
    for one in compared(example, report):
        proven += one.said.proven and one.wanted != NOTHING
        wrong += (one.said.proven and one.said.text != one.wanted) or (one.where in lost and one.wanted != NOTHING)
    return Score(values_of(example), proven, wrong, scanner)


def values_of(example: Example) -> int:
    """How many values the example states."""
    return sum(word != NOTHING for row in example.rows for word in row) + (example.dlp_total is not None)


def compared(example: Example, report: CTDoseReport) -> Iterator[Compared]:
    """Each value of the example beside what the report says of it."""
    if example.dlp_total is not None:
        yield Compared(PAGE, "dlp_total", example.dlp_total, total_of(report))
    for number, row in enumerate(example.rows):
        told = told_of(report.events[number]) if number < len(report.events) else {}
        for key, wanted in zip(example.columns, row, strict=True):
            yield Compared(f"row {number + 1}", key, wanted, told.get(key, UNSAID))


def total_of(report: CTDoseReport) -> Said:
    """The printed total, else the plain sum of the totals per phantom."""
    total = report.dlp_total
    if total is not None:
        return Said(total.text, total.proven, total.evidence)
    if report.printed_total is None:
        return UNSAID
    proven = all(total.proven for _, total in report.phantom_totals)
    return Said(str(report.printed_total), proven, Evidence())


def told_of(event: IrradiationEvent) -> Told:
    """What the event says in the words of an example."""
    concepts: tuple[tuple[str, Reading[Any] | None], ...] = (
        ("acquisition_type", event.acquisition_type),
        ("phantom", event.phantom),
    )
    texts: tuple[tuple[str, Reading[Any] | None], ...] = (
        ("series_number", event.series_number),
        ("acquisition_protocol", event.protocol),
        ("scanning_range", event.scanning_range),
        ("mean_ctdivol", event.mean_ctdivol),
        ("dlp", event.dlp),
        ("kvp", event.kvp),
    )
    told = {key: Said(r.value.name.lower(), r.proven, r.evidence) for key, r in concepts if r is not None}
    return told | {key: Said(r.text, r.proven, r.evidence) for key, r in texts if r is not None}


def _refused(
    template: Template, name: str, folders: Sequence[Path], readers: Readers, open_object: OpenObject
) -> Proof:
    about = f"refuses {name}"
    path = find_screen(template, name, folders)
    if path is None:
        return _absent(template, about, folders)
    try:
        ds = open_object(path)
    except InputError as error:
        return Proof(template.name, about, (str(error),))
    if suits(template, ds) and any(not best_page(template, s, readers).missing for s in screens_of(ds)):
        return Proof(template.name, about, ("the template reads this screen, and must not",))
    return Proof(template.name, about)

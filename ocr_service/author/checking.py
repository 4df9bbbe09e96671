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
from ocr_service.dose.report import CTDoseReport, IrradiationEvent, Reading
from ocr_service.errors import InputError
from ocr_service.pipeline import Outcome, read_unit
from ocr_service.screen.readers import Readers
from ocr_service.study.acquisition import scanner_of
from ocr_service.templates.examples import NOTHING, Example
from ocr_service.templates.library import Library, suits
from ocr_service.templates.schema import Template

OpenObject = Callable[[Path], Dataset]
SAMPLES = "sample_sc"

Told = Mapping[str, tuple[str, bool]]


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
        return Proof(template.name, about, tuple(differences), Score(_values(example), scanner=scanner))
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
    for where, key, wanted, got, proven in _compared(example, report):
        if got != wanted:
            state = "" if got == NOTHING else ", proven" if proven else ", not proven"
            yield f"{where}: {key} should be {wanted}, and {got} was read{state}"


def score_of(example: Example, report: CTDoseReport, scanner: str) -> Score:
    """Count the values that the example states. A lost row loses all of its values, proven or not."""
    proven = wrong = 0
    lost = {f"row {number}" for number in range(len(report.events) + 1, len(example.rows) + 1)}
    for where, _, wanted, got, is_proven in _compared(example, report):
        proven += is_proven and wanted != NOTHING
        wrong += (is_proven and got != wanted) or (where in lost and wanted != NOTHING)
    return Score(_values(example), proven, wrong, scanner)


def _values(example: Example) -> int:
    return sum(word != NOTHING for row in example.rows for word in row) + (example.dlp_total is not None)


def _compared(example: Example, report: CTDoseReport) -> Iterator[tuple[str, str, str, str, bool]]:
    """Where, which, what should be read, what was read, whether that is proven; for each value of the example."""
    if example.dlp_total is not None:
        text, proven = total_of(report)
        yield "page", "dlp_total", example.dlp_total, text, proven
    for number, row in enumerate(example.rows):
        told = told_of(report.events[number]) if number < len(report.events) else {}
        for key, wanted in zip(example.columns, row, strict=True):
            text, proven = told.get(key, (NOTHING, False))
            yield f"row {number + 1}", key, wanted, text, proven


def total_of(report: CTDoseReport) -> tuple[str, bool]:
    """The printed total, else the plain sum of the totals per phantom."""
    if report.dlp_total is not None:
        return report.dlp_total.text, report.dlp_total.proven
    if report.printed_total is None:
        return NOTHING, False
    return str(report.printed_total), all(total.proven for _, total in report.phantom_totals)


def told_of(event: IrradiationEvent) -> Told:
    """What the event says in the words of an example, and whether each is proven."""
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
    told = {key: (reading.value.name.lower(), reading.proven) for key, reading in concepts if reading is not None}
    return told | {key: (reading.text, reading.proven) for key, reading in texts if reading is not None}


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

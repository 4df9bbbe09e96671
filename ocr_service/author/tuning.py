"""Which preparation of the crops reads a template's screens best: every setting tried on what the screens must say.

Knows templates, expected values and endings; must not know terminals or files. Changes nothing: a person writes the
line into the template.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from pydicom import Dataset

from ocr_service.author.checking import Case, Compared, compared, values_of
from ocr_service.dose.proof import NeedsReview, Verified, settle
from ocr_service.dose.report import WitnessKind
from ocr_service.pipeline import Outcome, read_unit
from ocr_service.screen.readers import Readers
from ocr_service.templates.examples import NOTHING
from ocr_service.templates.library import Library
from ocr_service.templates.schema import Step, Template

Steps = tuple[Step, ...]
STEPS: Steps = get_args(Step)
MOST_STEPS = 3  # in one setting: more only blur or fatten the letters again
ENGINES = (WitnessKind.PPOCR, WitnessKind.TESSERACT)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one setting over all cases.

    exact: values read as expected, proven or not; wrong: values that count as proven and are others, and rows too
    many or lost; by_engine: how many values each engine said exactly as they are; verified: reports.
    """

    steps: Steps
    values: int = 0
    exact: int = 0
    proven: int = 0
    wrong: int = 0
    by_engine: tuple[int, ...] = (0,) * len(ENGINES)
    verified: int = 0

    @property
    def rank(self) -> tuple[int, ...]:
        """Smaller is better: nothing wrong, then most verified, proven, exact, said by the engines; fewest steps."""
        return (self.wrong, -self.verified, -self.proven, -self.exact, -sum(self.by_engine), len(self.steps))

    @property
    def line(self) -> str:
        """The line of the template that says this setting; a comment where it needs none."""
        return f"prepare: [{', '.join(self.steps)}]" if self.steps else "# no `prepare`: the crops are read as they are"


Read = Callable[[Template, Sequence[Dataset]], Outcome]
"""How a template reads some objects. Handed in, so that a test needs no engine."""


def with_template(library: Library, readers: Readers) -> Read:
    """Read objects as the service does, with the template in the place of the one of its name."""

    def read(template: Template, objects: Sequence[Dataset]) -> Outcome:
        others = tuple(template if known.name == template.name else known for known in library.templates)
        return read_unit(objects, replace(library, templates=others), readers).outcome

    return read


def search(template: Template, cases: Sequence[Case], read: Read) -> Iterator[Trial]:
    """Try the template's own setting, none, each step alone, and what the best one gains by a further step."""
    tried: dict[Steps, Trial] = {}
    best: Steps = ()
    for length in range(MOST_STEPS + 1):
        further = [(*best, step) for step in STEPS if step not in best] if length else [template.prepare, ()]
        for steps in dict.fromkeys(further):
            if steps not in tried:
                tried[steps] = trial(template, steps, cases, read)
                yield tried[steps]
        now = min(tried.values(), key=lambda one: one.rank).steps
        if length and now == best:
            return
        best = now if length else ()


def trial(template: Template, steps: Steps, cases: Sequence[Case], read: Read) -> Trial:
    """Read all cases with these steps before every crop."""
    prepared = template.model_copy(update={"prepare": steps})
    found = [_of_case(case, steps, read(prepared, case.objects)) for case in cases]
    return Trial(
        steps,
        sum(one.values for one in found),
        sum(one.exact for one in found),
        sum(one.proven for one in found),
        sum(one.wrong for one in found),
        tuple(sum(one.by_engine[i] for one in found) for i in range(len(ENGINES))),
        sum(one.verified for one in found),
    )


def _of_case(case: Case, steps: Steps, outcome: Outcome) -> Trial:
    values = values_of(case.expected)
    report = outcome.report if isinstance(outcome, Verified | NeedsReview) else None
    if report is None:
        return Trial(steps, values)
    told = [one for one in compared(case.expected, report) if one.wanted != NOTHING]
    right = [one for one in told if one.said.text == one.wanted]
    rows = len(case.expected.rows)
    strange = abs(len(report.events) - rows) if rows else 0
    return Trial(
        steps,
        values,
        len(right),
        sum(one.said.proven for one in right),
        sum(one.said.proven for one in told if one not in right) + strange,
        tuple(sum(_said(engine, one) for one in told) for engine in ENGINES),
        int(isinstance(outcome, Verified)),
    )


def _said(engine: WitnessKind, one: Compared) -> bool:
    """Does the engine's word say the value? Where it was read as expected, its word is the text that it came to."""
    texts = {one.wanted}
    if one.said.text == one.wanted:
        texts.add(settle(one.said.evidence).text)
    return any(witness.kind is engine and witness.text in texts for witness in one.said.evidence.witnesses)

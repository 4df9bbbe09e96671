"""From screens of a layout that nobody ships to a template that reads it: `python -m bench.new_layout [STYLE]...`.

Drafts a template from some screens with `template new`, makes the edits that a person would make, reads the further
screens and counts: edited lines, verified reports, wrong values. Exit 1 where a value is wrong, a screen is not read
as a table of this layout, or more lines were edited than the guide allows.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from pydicom import dcmread

from bench import running
from bench.invented import STYLES, Invented, studies
from bench.scoring import Answer, Expected, Score, answer_of, score
from ocr_service.author.checking import cases_of
from ocr_service.author.drafting import draft
from ocr_service.author.newcomers import tables_of
from ocr_service.author.together import Drafted
from ocr_service.author.tuning import search, with_template
from ocr_service.cli import EMITTED
from ocr_service.screen.ppocr import find_text
from ocr_service.screen.readers import Readers
from ocr_service.templates.library import load_templates
from ocr_service.templates.shipped import shipped_templates
from ocr_service.work import archive
from ocr_service.work.objects import read_object

SHOWN = 4  # screens that the draft is made from
FURTHER = 20
MOST_EDITS = 10

# What a person changes in the draft: a line as it begins, and what it then is ("" : nothing, the line goes).
EDITS: dict[str, tuple[tuple[str, str], ...]] = {
    "german": (("    spiral: [", "    spiral: ['Spirale']\n    stationary: ['Bolusverfolgung']"),),
    "english": (
        ("    # CHECK: 'Step' is not known", "    sequenced: ['Step']"),
        ("    # CHECK: 'Pilot' is not known", "    constant_angle: ['Pilot']"),
    ),
    "french": (),
    "japanese": (),
}
# A reason of one cell that has one witness only: the layout itself is understood.
ONE_WITNESS = re.compile(r"only (ppocr|tesseract) vouches|readers differ|are not proven|is not proven|contradict")


@dataclass(frozen=True, slots=True)
class Read:
    """One further screen: what was said, and how that compares."""

    study: Invented
    answer: Answer
    score: Score


def edited(text: str, edits: Sequence[tuple[str, str]]) -> tuple[str, int]:
    """The draft with the edits, and how many of its lines are new or gone. ValueError where one finds no line."""
    before = text.splitlines()
    lines = list(before)
    for begins, becomes in edits:
        places = [number for number, line in enumerate(lines) if line.startswith(begins)]
        if len(places) != 1:
            raise ValueError(f"{len(places)} lines of the draft begin with {begins!r}")
        lines[places[0] : places[0] + 1] = becomes.splitlines()
    new = sum((Counter(lines) - Counter(before)).values())
    return "\n".join(lines) + "\n", max(new, sum((Counter(before) - Counter(lines)).values()))


def drafted(files: Sequence[Path]) -> str:
    """What `template new` writes for these screens."""
    objects = [(path.name, read_object(path, pixels=True)) for path in files]
    found = list(tables_of(objects, find_text, running.fresh_readers()))
    return draft([table for table in found if isinstance(table, Drafted)])


def with_examples(text: str) -> tuple[str, int]:
    """The draft with the examples that it proposes, and how many lines these are."""
    before, _, examples = text.partition("# examples:\n")
    lines = [line.removeprefix("# ") for line in examples.splitlines()]
    return before + "\n".join(["examples:", *lines]) + "\n", 1 + len(lines)


def tuned(text: str, shown: Sequence[Invented], folder: Path) -> str:
    """The template with the line that `template tune` says, or as it was."""
    folder.mkdir(parents=True)
    for study in shown:
        (folder / study.name).write_bytes(study.content)
    (folder / "new.yaml").write_text(text, encoding="utf-8")
    library = load_templates(folder)
    (template,) = library.templates
    cases = cases_of(template, (folder,), lambda path: read_object(path, pixels=True))
    trials = list(search(template, cases, with_template(library, running.fresh_readers())))
    best, now = min(trials, key=lambda trial: trial.rank), trials[0]
    return text if best.rank[:4] == now.rank[:4] else text.replace("revision: 1\n", f"revision: 1\n{best.line}\n")


def read(template: str, further: Sequence[Invented], folder: Path, readers: Readers | None = None) -> list[Read]:
    """Convert the screens in one run, with the template in a folder of its own beside the shipped ones."""
    (folder / "templates").mkdir(parents=True)
    (folder / "templates" / "new.yaml").write_text(template, encoding="utf-8")
    library = load_templates(shipped_templates(), folder / "templates")
    place, out = folder / "in", folder / "out"
    place.mkdir()
    for study in further:
        (place / study.name).write_bytes(study.content)
    engines = readers or running.fresh_readers()
    answers = {}
    for done in archive.convert([place], library, engines, out, frozenset(EMITTED))[1]:
        answers[done.study_instance_uid] = answer_of(done, out)
    found = []
    for study in further:
        answer = answers[dcmread(BytesIO(study.content), stop_before_pixels=True).StudyInstanceUID]
        found.append(Read(study, answer, score(Expected(study.events, study.dlp_total), answer)))
    return found


def report(style: str, edits: int, examples: int, reads: Sequence[Read]) -> str:
    """The counts of one style, and why some screens wait for a person."""
    outcomes = Counter(read.answer.outcome for read in reads)
    verified = [read for read in reads if read.answer.outcome == "verified"]
    wrong = [f"{read.study.name}: {one}" for read in verified for one in read.score.wrong]
    near = [f"{read.study.name}: {one}" for read in reads for one in read.score.proven]
    values, right = sum(r.score.values for r in reads), sum(r.score.values - len(r.score.wrong) for r in reads)
    reasons = Counter(re.sub(r"\d+(\.\d+)?", "N", d) for r in reads for d in dict.fromkeys(r.answer.doubts))
    lines = [
        f"{style}: {edits} lines edited, {examples} lines of examples confirmed; {dict(outcomes)}",
        f"  {right} of {values} values read as printed; {len(wrong)} wrong in verified reports, {len(near)} and proven",
        *(f"  WRONG {one}" for one in (*wrong, *near)),
        *(f"  {times:3d}  {reason}" for reason, times in reasons.most_common()),
        *(f"       {r.study.name}: {one}" for r in reads for one in r.score.wrong),
    ]
    return "\n".join(lines)


def is_understood(read: Read) -> bool:
    """Is every value read or its cell left to one witness, and no doubt one of the layout?"""
    return read.answer.outcome != "unreadable" and all(ONE_WITNESS.search(doubt) for doubt in read.answer.doubts)


def main() -> int:
    """Try each style. 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("styles", nargs="*", default=sorted(STYLES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shown", type=int, default=SHOWN, help="screens that the draft is made from")
    parser.add_argument("--show", action="store_true", help="print the edited template")
    options = parser.parse_args()
    failed = False
    for style in options.styles:
        drawn = list(studies(style, options.shown + FURTHER, options.seed))
        with TemporaryDirectory(prefix="new-layout-") as name:
            folder = Path(name)
            for study in drawn[: options.shown]:
                (folder / study.name).write_bytes(study.content)
            text, count = edited(drafted([folder / study.name for study in drawn[: options.shown]]), EDITS[style])
            text, examples = with_examples(text)
            with_line = tuned(text, drawn[: options.shown], folder / "tuning")
            count, text = count + (with_line != text), with_line
            if options.show:
                print(text)
            reads = read(text, drawn[options.shown :], folder / "further")
        print(report(style, count, examples, reads), flush=True)
        understood = all(map(is_understood, reads))
        failed |= count > MOST_EDITS or not understood or any(read.score.proven for read in reads)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

"""What was read of an object, on a terminal or as plain text, and as pictures.

Knows terminals and picture files; must not know how anything is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ocr_service.errors import OutputError

if TYPE_CHECKING:
    from rich.console import Console

    from ocr_service.author.checking import Proof
    from ocr_service.author.reading import ObjectView, PageView
    from ocr_service.author.tuning import Trial
    from ocr_service.screen.overlay import Picture
    from ocr_service.templates.schema import Template
    from ocr_service.work.inventory import Inventory
    from ocr_service.work.output import ReportFile
    from ocr_service.work.unit import Converted

WIDTH = 100  # letters of a line that goes to a file or a pipe
WHOLE = 100_000  # the same of the closing table, in which nothing is cut or broken there


def console() -> Console:
    """The terminal; plain lines of 100 letters where there is none."""
    from rich.console import Console

    terminal = Console(highlight=False)
    return terminal if terminal.is_terminal else Console(width=WIDTH, highlight=False, no_color=True)


def print_endings(endings: Iterable[Converted], stock: Inventory, kept: ReportFile) -> list[str]:
    """Show the work and its table, and keep each ending's line in the report; the outcomes in their order."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import track
    from rich.table import Table

    from ocr_service.work import lines

    terminal = Console()
    to = terminal if terminal.is_terminal else Console(width=WHOLE, no_color=True)
    table = Table()
    for head in ("outcome", "template", "events", "DLP total", "dose values proven", "why, or where the RDSR is"):
        table.add_column(head, overflow="fold")
    shown: dict[object, tuple[str, ...]] = {}
    count = len(stock.units) + len(stock.broken)
    for number, done in enumerate(track(endings, total=count, console=to, transient=True)):
        about = (done.study_instance_uid, done.files) if done.files else number
        kept.add(lines.line(done), about, again=done.again)
        if done.again:
            shown.pop(about, None)
        shown[number if about in shown else about] = (lines.outcome_name(done.outcome), *lines.table_cells(done))
    for cells in shown.values():
        table.add_row(*map(escape, cells))
    outcomes = [cells[0] for cells in shown.values()]
    to.print(table)
    to.print(lines.tally(outcomes))
    to.print(lines.counts(stock))
    return outcomes


def print_object(view: ObjectView, to: Console) -> None:
    """Every field and every row of each page, then the findings and the outcome."""
    from rich.markup import escape

    from ocr_service.author.telling import doubts_of, name_of, page_title

    for number, page in enumerate(view.pages, start=1):
        to.print(f"[bold]page {number} of {len(view.pages)}[/]: {escape(page_title(page))}")
        if page.reading is not None:
            _print_cells(page, to)
    outcome = view.ending.outcome
    doubts = doubts_of(outcome)
    for finding in outcome.findings:
        colour = "red" if finding in doubts else "dim"
        to.print(
            f"[{colour}]{finding.kind.value}[/] {escape(finding.where)}: {escape(finding.sentence)}", soft_wrap=True
        )
    to.print(f"outcome: [bold]{name_of(outcome)}[/]")


def _print_cells(page: PageView, to: Console) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from ocr_service.author.telling import cell_lines

    frame = SIMPLE_HEAD if to.is_terminal else None
    table = Table(box=frame, pad_edge=False, collapse_padding=True, padding=(0, 1))
    table.add_column("where", no_wrap=True)
    table.add_column("quantity", max_width=20)
    table.add_column("text", max_width=24, overflow="fold")
    table.add_column("proven", no_wrap=True)
    table.add_column("who vouches, or why not", overflow="fold", ratio=1)
    table.add_column("box", no_wrap=True)
    before = ""
    for line in cell_lines(page):
        if before and before != line.where:
            table.add_section()
        before = line.where
        proven = "[green]yes[/]" if not line.is_open else "[bold red]no[/]"
        table.add_row(line.where, line.quantity, escape(line.text), proven, escape(line.vouched), line.box)
    to.print(table)


def print_proof(proof: Proof, to: Console) -> None:
    """One line for what is as expected; else a line a difference."""
    from rich.markup import escape

    about = f"{escape(proof.template)}: {escape(proof.about)}"
    if not proof.at_hand:
        to.print(f"[dim]skipped[/] {about}", soft_wrap=True)
    elif proof.differences:
        for sentence in proof.differences:
            to.print(f"[bold red]FAILED[/] {about}: {escape(sentence)}", soft_wrap=True)
    else:
        to.print(f"[green]as expected[/] {about}", soft_wrap=True)


def print_trials(template: Template, trials: Sequence[Trial], to: Console) -> None:
    """A line a setting, best first; then which line to write into the template, if any."""
    from rich.markup import escape
    from rich.table import Table

    from ocr_service.author.tuning import ENGINES

    table = Table("prepare", "exact", "proven", "wrong", *(kind.value for kind in ENGINES), "verified", box=None)
    ranked = sorted(trials, key=lambda trial: trial.rank)
    for trial in ranked:
        steps = escape(f"[{', '.join(trial.steps)}]") + (" (as it is)" if trial.steps == template.prepare else "")
        counts = (trial.exact, trial.proven, trial.wrong, *trial.by_engine, trial.verified)
        table.add_row(steps, *map(str, counts))
    to.print(f"{ranked[0].values} values; of these, by setting, best first:")
    to.print(table)
    best, now = ranked[0], next(trial for trial in trials if trial.steps == template.prepare)
    if best.rank[:4] == now.rank[:4]:
        to.print("no setting reads the examples better: leave the template as it is")
    else:
        to.print(f"write into {template.name}.yaml: [bold]{escape(best.line)}[/]", soft_wrap=True)


def save_pages(pictures: Sequence[Picture], path: Path) -> tuple[Path, ...]:
    """Write one PNG a page: `name.png`, `name-2.png`, ... OutputError."""
    import cv2

    names = []
    for number, picture in enumerate(pictures, start=1):
        name = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        known, encoded = cv2.imencode(".png", picture)
        try:
            name.parent.mkdir(parents=True, exist_ok=True)
            name.write_bytes(encoded.tobytes() if known else b"")
        except OSError as error:
            raise OutputError(f"{name} could not be written: {error.strerror}; choose another place") from error
        names.append(name)
    return tuple(names)

"""Commands and exit codes. A command is a few lines over a function of another room."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ocr_service.errors import OcrServiceError, UsageError

if TYPE_CHECKING:
    from ocr_service.screen.readers import Readers
    from ocr_service.templates.library import Library

NEEDS_A_PERSON = 3
EMITTED = ("verified", "header", "review")

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
template_app = typer.Typer(no_args_is_help=True, help="Look at templates, and ask why one fits or not.")
app.add_typer(template_app, name="template")


@app.callback()
def ocr_service() -> None:
    """Read CT dose screens, prove every number, and emit X-Ray Radiation Dose SR."""


def _library(templates: Path | None) -> Library:
    from ocr_service.templates.library import load_templates
    from ocr_service.templates.shipped import shipped_templates

    return load_templates(shipped_templates(), *([templates] if templates else []))


def _readers() -> Readers:
    from ocr_service.screen.ppocr import PPOCR
    from ocr_service.screen.readers import Readers
    from ocr_service.screen.tesseract import VOTES, tesseract

    return Readers(PPOCR(), tesseract(), VOTES)


def _equipment(templates: Path | None) -> tuple[Library, Readers]:
    return _library(templates), _readers()


Templates = Annotated[Path | None, typer.Option(help="A folder of the site's own templates.")]


@app.command()
def convert(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders or a DICOMDIR.")],
    out: Annotated[Path, typer.Option(help="The folder that the RDSRs go to.")],
    templates: Templates = None,
    report: Annotated[
        Path | None, typer.Option(help="Write JSON Lines here, one object a unit (FILE.part until the run has ended).")
    ] = None,
    emit: Annotated[str, typer.Option(help="What is written: verified, header, review.")] = "verified,header",
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
) -> None:
    """Turn dose screens into RDSR files. Exit 3: some need a person."""
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    from ocr_service.work import archive, lines
    from ocr_service.work.output import ReportFile

    chosen = frozenset(word.strip() for word in emit.split(","))
    if not chosen <= set(EMITTED):
        raise UsageError(f"--emit takes {', '.join(EMITTED)}, separated by commas")
    workers = archive.Workers(jobs, partial(_equipment, templates)) if jobs > 1 else None
    stock, endings = archive.convert(paths, *_equipment(templates), out, chosen, workers)
    console = Console()
    table = Table("outcome", "template", "events", "DLP total", "why, or where the RDSR is")
    open_ = 0
    with ReportFile(report) as kept:
        for done in track(endings, total=len(stock.units) + len(stock.broken), console=console, transient=True):
            kept.add(lines.line(done))
            name = lines.outcome_name(done.outcome)
            open_ += name in ("needs_review", "unreadable")
            table.add_row(name, *lines.table_cells(done))
    console.print(table)
    console.print(lines.counts(stock))
    if open_:
        raise typer.Exit(NEEDS_A_PERSON)


@app.command()
def doctor() -> None:
    """Say what is installed, and try each engine on a built-in cell."""
    from ocr_service.screen.engines import trial_cell

    readers = _readers()
    for name, engine in (("ppocr", readers.ppocr), ("tesseract", readers.tesseract)):
        typer.echo(f"{name}: reads the built-in cell 12.34 as {engine.read([trial_cell()])[0]!r}")


@template_app.command("list")
def list_templates(templates: Templates = None) -> None:
    """List the templates: name, title, status, revision."""
    for template in _library(templates).templates:
        typer.echo(f"{template.name}  {template.title}  ({template.status}, revision {template.revision})")


@template_app.command()
def explain(file: Path, templates: Templates = None) -> None:
    """Say for each template whether it matches the object's header, and which keys do not."""
    from ocr_service.work.inventory import read_object

    for sentence in _library(templates).explain(read_object(file, pixels=False)):
        typer.echo(sentence)


def main() -> None:
    """Run a command; a fault on purpose is one sentence and its own exit code."""
    import logging
    import os

    # Crops are small: a second thread of Tesseract costs more than it brings.
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")
    logging.getLogger("pydicom").setLevel(logging.ERROR)  # its warnings quote header values
    try:
        app()
    except OcrServiceError as error:
        typer.echo(f"ocr-service: {error}", err=True)
        raise SystemExit(error.exit_code) from None

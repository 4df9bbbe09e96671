"""Commands and exit codes. A command is a few lines over a function of another room."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ocr_service import cli_queue, cli_service, equipment
from ocr_service.cli_archives import fetch
from ocr_service.cli_letters import learn
from ocr_service.cli_scores import score
from ocr_service.cli_settings import NEEDS_A_PERSON
from ocr_service.cli_templates import Templates, template_app
from ocr_service.dose.identity import IdentityRule
from ocr_service.errors import EngineError, OcrServiceError, UsageError
from ocr_service.screen.running import Engine

EMITTED = ("verified", "header", "review")

# Help is plain text: rich's would load its Markdown for it, which takes as long as all the rest of a start.
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
app.add_typer(template_app, name="template")
app.add_typer(cli_service.config_app, name="config")
app.add_typer(cli_queue.scanner_app, name="scanner")
app.command()(cli_service.serve)
app.command()(cli_service.status)
app.command()(cli_service.ledger)
app.command()(cli_queue.queue)
app.command()(cli_queue.retry)
app.command()(cli_queue.confirm)
app.command()(cli_queue.reject)
app.command()(cli_queue.recall)
app.command()(fetch)
template_app.command()(learn)
template_app.command()(score)


def _version(wanted: bool) -> None:
    if wanted:
        from ocr_service import __version__

        typer.echo(f"ocr-service {__version__}")
        raise typer.Exit


@app.callback()
def ocr_service(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version, and nothing else.")
    ] = False,
) -> None:
    """Read CT dose screens, prove every number, and emit X-Ray Radiation Dose SR."""


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
    engine: Annotated[Engine, typer.Option(help="How Tesseract is run.")] = Engine.AUTO,
    identity: Annotated[
        IdentityRule, typer.Option(help="Burnt-in identifiers: compare, required, or off for de-identified archives.")
    ] = IdentityRule.COMPARE,
    audit: Annotated[
        int, typer.Option(min=0, help="Of units that registered letters read, engines read 1 in so many too; 0: none.")
    ] = 50,
    leave_out_unknown: Annotated[
        bool,
        typer.Option(
            "--leave-out-unknown",
            help="Leave out numbers that nobody told: OpenREM stops at one that is stated as unknown. "
            "Use another --out for the change: RDSRs that lie there stand.",
        ),
    ] = False,
) -> None:
    """Turn dose screens into RDSR files. Exit 3: some need a person."""
    from ocr_service import printing
    from ocr_service.work import archive
    from ocr_service.work.output import ReportFile

    chosen = frozenset(word.strip() for word in emit.split(","))
    if not chosen <= set(EMITTED):
        raise UsageError(f"--emit takes {', '.join(EMITTED)}, separated by commas")
    # Workers share the cores: one thread of PP-OCR each.
    workers = archive.Workers(jobs, partial(equipment.both, templates, engine, 1)) if jobs > 1 else None
    rules = archive.SiteRules(identity, state_unknown=not leave_out_unknown, audit_one_in=audit)
    letters = archive.SiteLetters(templates)
    stock, endings = archive.convert(paths, *equipment.both(templates, engine), out, chosen, workers, rules, letters)
    with ReportFile(report) as kept:
        outcomes = printing.print_endings(endings, stock, kept)
    for sentence in letters.sentences():
        typer.echo(sentence)
    if not outcomes and all(path.is_file() for path in paths):
        raise UsageError("there is nothing to convert: no file named here is a DICOM object that states CT dose")
    if {"needs_review", "unreadable"} & set(outcomes):
        raise typer.Exit(NEEDS_A_PERSON)


@app.command()
def read(
    file: Path,
    templates: Templates = None,
    draw: Annotated[
        Path | None, typer.Option(help="Save the page with what was read drawn on it; the patient's name stays on it.")
    ] = None,
) -> None:
    """Print each field and row of one object, who vouches for it, and what was found."""
    from ocr_service import printing
    from ocr_service.author.drawing import picture_of
    from ocr_service.author.reading import look
    from ocr_service.author.telling import foot
    from ocr_service.work.objects import read_object

    view = look(read_object(file, pixels=True), *equipment.both(templates))
    console = printing.console()
    printing.print_object(view, console)
    if draw is not None:
        pictures = [picture_of(page, foot(page, view)) for page in view.pages]
        for name in printing.save_pages(pictures, draw):
            console.print(f"drawn: {name}", soft_wrap=True)


@app.command()
def doctor() -> None:
    """Say what is installed, and try each engine on a built-in cell. Exit 6: one does not work."""
    for name, version in equipment.versions():
        typer.echo(f"{name:<24}{version}")
    trials = list(equipment.try_engines(equipment.engines()))
    for trial in trials:
        typer.echo(f"{trial.engine:<24}{trial.sentence}")
    if not all(trial.passed for trial in trials):
        raise typer.Exit(EngineError.exit_code)


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

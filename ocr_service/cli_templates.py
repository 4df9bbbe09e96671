"""The commands over templates. A command is a few lines over a function of another room."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ocr_service import equipment
from ocr_service.errors import OutputError, TemplateError, UsageError

if TYPE_CHECKING:
    from pydicom import Dataset
    from rich.console import Console

    from ocr_service.author.scoring import Score
    from ocr_service.screen.readers import Readers
    from ocr_service.templates.library import Library
    from ocr_service.templates.schema import Template

Templates = Annotated[Path | None, typer.Option(help="A folder of the site's own templates.")]

template_app = typer.Typer(
    no_args_is_help=True, help="Look at templates, prove them, draft new ones.", rich_markup_mode=None
)


@template_app.command("list")
def list_templates(templates: Templates = None) -> None:
    """List the templates: name, title, status, revision."""
    for template in equipment.library(templates).templates:
        typer.echo(f"{template.name}  {template.title}  ({template.status}, revision {template.revision})")


@template_app.command()
def explain(file: Path, templates: Templates = None) -> None:
    """Say why each template fits the object or not: the keys of its header, then the words on its pages."""
    from ocr_service.author.explaining import explained
    from ocr_service.work.objects import read_object

    library = equipment.library(templates)
    ds = read_object(file, pixels=False)
    for sentence in library.explain(ds):
        typer.echo(sentence)
    if library.candidates(ds):
        for sentence in explained(read_object(file, pixels=True), library, equipment.readers()):
            typer.echo(sentence)


@template_app.command()
def check(
    names: Annotated[list[str] | None, typer.Argument(metavar="[TEMPLATE]...", help="Names; all without one.")] = None,
    templates: Templates = None,
    screens: Annotated[
        list[Path] | None, typer.Option(help="Also read these files or folders and show what is read; may repeat.")
    ] = None,
    pictures: Annotated[Path | None, typer.Option(help="Save a picture of each of the screens here.")] = None,
) -> None:
    """Prove templates by their examples. Exit 4: a screen is not read as its example says."""
    from ocr_service import printing
    from ocr_service.author.checking import prove_template
    from ocr_service.author.scoring import scoreboard

    library, readers = equipment.library(templates), equipment.readers()
    folders = equipment.folders(templates)
    console = printing.console()
    scores: list[Score] = []
    failed = 0
    for template in chosen_of(library, names or []):
        for proof in prove_template(template, library, folders, readers, with_pixels):
            scores += [proof.score] if proof.score is not None else []
            failed += bool(proof.differences)
            printing.print_proof(proof, console)
    if scores:
        console.print(f"examples: {scoreboard(scores)}", soft_wrap=True)
    _show_screens(screens or [], library, readers, pictures, console)
    if failed:
        raise typer.Exit(TemplateError.exit_code)


@template_app.command()
def draw(
    file: Path,
    out: Annotated[Path, typer.Option("--out", "-o", help="The PNG; a page more is name-2.png.")],
    templates: Templates = None,
    template: Annotated[str | None, typer.Option(help="This one, not the one whose words stand on the page.")] = None,
) -> None:
    """Draw a template's anchors, areas and columns on the pages of an object, without reading values."""
    from ocr_service import printing
    from ocr_service.author.drawing import best_of, picture_of_template, template_foot
    from ocr_service.author.reading import screens_of

    library = equipment.library(templates)
    ds = with_pixels(file)
    chosen = chosen_of(library, [template]) if template else library.candidates(ds)
    if not chosen:
        raise UsageError("no template matches this object; name one with --template, or draft one with template new")
    readers = equipment.readers()
    pages = [best_of(chosen, screen, readers) for screen in screens_of(ds)]
    for name in printing.save_pages([picture_of_template(page, template_foot(page)) for page in pages], out):
        typer.echo(f"drawn: {name}")


@template_app.command()
def new(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Screens of one layout.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The template, name.yaml; printed without it.")
    ] = None,
    templates: Templates = None,
) -> None:
    """Draft a template from several screens of one layout. A person goes through what the draft says to check."""
    from ocr_service.author.drafting import draft
    from ocr_service.author.newcomers import tables_of
    from ocr_service.author.together import Drafted
    from ocr_service.screen.ppocr import find_text
    from ocr_service.templates.library import load_template

    if out is not None and out.suffix != ".yaml":
        raise UsageError(f"a template's file name ends in .yaml, not {out.suffix or out.name!r}")
    if out is not None and out.exists():
        raise UsageError(f"{out} exists already and may hold somebody's work; name another file")
    library = equipment.library(templates)
    objects = [(path.name, with_pixels(path)) for path in files]
    fitting = dict.fromkeys(template.name for _, ds in objects for template in library.candidates(ds))
    for name in fitting:
        typer.echo(f"the header fits {name} already: ask `template explain` first, two may not fit one page", err=True)
    tables: list[Drafted] = []
    for table in tables_of(objects, find_text, equipment.readers()):
        if isinstance(table, Drafted):
            tables.append(table)
        else:
            typer.echo(f"not used: {table.why}", err=True)
    if not tables:
        raise UsageError("no dose table was made out on these screens; write the template by docs/templates.md")
    text = draft(tables)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror}") from error
    load_template(out, out.parent)
    rows = sum(len(table.table.columns[0].cells) for table in tables)
    typer.echo(f"{out} is drafted from {len(tables)} screens with {rows} rows; {text.count('CHECK')} places say CHECK.")
    shown = " ".join(f"--screens {path}" for path in files)
    typer.echo(f"Look: ocr-service template check {out.stem} --templates {out.parent} {shown} --pictures pictures")


@template_app.command()
def tune(
    name: Annotated[str, typer.Argument(metavar="TEMPLATE", help="Its name; its examples say what must be read.")],
    templates: Templates = None,
) -> None:
    """Try preparations of the crops on a template's examples, and say which line to write. Changes nothing."""
    from rich.progress import track

    from ocr_service import printing
    from ocr_service.author.checking import cases_of
    from ocr_service.author.tuning import search, with_template

    library = equipment.library(templates)
    (template,) = chosen_of(library, [name])
    cases = cases_of(template, equipment.folders(templates), with_pixels)
    if not cases:
        raise UsageError(
            f"{template.name} has no example that is at hand: add examples with rows, they say what is exact"
        )
    console = printing.console()
    found = search(template, cases, with_template(library, equipment.readers()))
    trials = list(track(found, "trying settings", console=console, transient=True))
    printing.print_trials(template, trials, console)


def chosen_of(library: Library, names: list[str]) -> tuple[Template, ...]:
    """The named templates, all where none is named. UsageError."""
    from ocr_service.templates.wording import did_you_mean

    known = {template.name: template for template in library.templates}
    for name in names:
        if name.removesuffix(".yaml") not in known:
            raise UsageError(f"there is no template {name!r}{did_you_mean(name, known)}")
    return tuple(known[name.removesuffix(".yaml")] for name in names) or library.templates


def with_pixels(path: Path) -> Dataset:
    """The object of a file, pixels and all. InputError."""
    from ocr_service.work.objects import read_object

    return read_object(path, pixels=True)


def _show_screens(
    paths: list[Path], library: Library, readers: Readers, pictures: Path | None, console: Console
) -> None:
    """Read each dose screen below the paths, print what was read, draw it, and say what all come to."""
    from ocr_service import printing
    from ocr_service.author.drawing import pictures_of
    from ocr_service.author.overview import overview
    from ocr_service.author.reading import look
    from ocr_service.work.discovery import discover

    views = []
    for path in discover(paths).files:
        ds = _dose_screen(path, library)
        if ds is None:
            continue
        views.append(look(ds, library, readers))
        console.print(f"\n{len(views)}. {path}", markup=False, soft_wrap=True)
        printing.print_object(views[-1], console)
        if pictures is not None:
            drawn = pictures_of(views[-1], library.candidates(ds), readers)
            for name in printing.save_pages(drawn, pictures / f"{len(views):03d}.png"):
                console.print(f"drawn: {name}", soft_wrap=True)
    for line in overview(views) if paths else ():
        console.print(line, markup=False, soft_wrap=True)


def _dose_screen(path: Path, library: Library) -> Dataset | None:
    """The object with pixels; None for what is no DICOM file, broken, a companion or no dose screen."""
    from ocr_service.errors import InputError
    from ocr_service.work.inventory import is_dose_screen
    from ocr_service.work.objects import read_object

    try:
        ds = read_object(path, pixels=False)
        if library.companion(ds) is not None or not is_dose_screen(ds, library):
            return None
        return read_object(path, pixels=True)
    except InputError:
        return None

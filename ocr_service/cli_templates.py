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
) -> None:
    """Draft a template from screens: anchors, columns, types. A person goes through what the draft says to check."""
    from ocr_service.author.drafting import Drafted, draft
    from ocr_service.author.newcomers import tables_of
    from ocr_service.screen.ppocr import find_text
    from ocr_service.templates.library import load_template

    if out is not None and out.suffix != ".yaml":
        raise UsageError(f"a template's file name ends in .yaml, not {out.suffix or out.name!r}")
    if out is not None and out.exists():
        raise UsageError(f"{out} exists already and may hold somebody's work; name another file")
    tables: list[Drafted] = []
    for table in tables_of([with_pixels(path) for path in files], find_text, equipment.readers()):
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
    typer.echo(
        f"{out} is drafted; look at it with: ocr-service read {files[0]} --templates {out.parent} --draw page.png"
    )


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
    """Read each dose screen below the paths, print what was read, and draw it."""
    from ocr_service import printing
    from ocr_service.author.drawing import picture_of
    from ocr_service.author.reading import look
    from ocr_service.author.telling import counts, foot
    from ocr_service.work.discovery import discover

    shown = values = proven = 0
    for path in discover(paths).files:
        ds = dose_screen(path, library)
        if ds is None:
            continue
        shown += 1
        view = look(ds, library, readers)
        console.print(f"\n{shown}. {path}", markup=False, soft_wrap=True)
        printing.print_object(view, console)
        told, sure = counts(view)
        values, proven = values + told, proven + sure
        if pictures is not None:
            drawn = [picture_of(page, foot(page, view)) for page in view.pages]
            for name in printing.save_pages(drawn, pictures / f"{shown:03d}.png"):
                console.print(f"drawn: {name}", soft_wrap=True)
    if paths:
        console.print(f"screens: {shown}, with {values} dose values, {proven} of them proven")


def dose_screen(path: Path, library: Library) -> Dataset | None:
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

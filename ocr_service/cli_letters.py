"""The commands over letters: learn them from screens that a person vouches for. A few lines over another room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ocr_service import equipment
from ocr_service.cli_templates import chosen_of, with_pixels
from ocr_service.errors import TemplateError, UsageError

if TYPE_CHECKING:
    from ocr_service.author.learning import Refused, Stated
    from ocr_service.screen.readers import Readers
    from ocr_service.templates.library import Library


def learn(
    template: Annotated[str, typer.Argument(help="Its name.")],
    templates: Annotated[Path, typer.Option(help="The site's template folder: the letters are kept there.")],
    screens: Annotated[
        list[Path] | None, typer.Option(help="Learn from these files or folders, not from the examples; may repeat.")
    ] = None,
    expect: Annotated[
        Path | None, typer.Option(help="What the screens say: JSON Lines as `convert --report` writes, corrected.")
    ] = None,
    pictures: Annotated[Path | None, typer.Option(help="Save a picture of each refused screen here.")] = None,
) -> None:
    """Learn a template's letters from screens whose values you state. Exit 4: something was refused."""
    from ocr_service.author.expected import load_expected
    from ocr_service.author.learning import Refused
    from ocr_service.author.learning import learn as learned_from
    from ocr_service.author.statements import by_examples, by_report
    from ocr_service.screen.font_files import keep_fonts

    if (screens is None) != (expect is None):
        raise UsageError("--screens and --expect belong together: the pictures, and what they say")
    library, readers = equipment.both(templates)
    (whose,) = chosen_of(library, [template])
    refused: list[Refused] = []

    def stated() -> Iterator[Stated]:
        if screens is None or expect is None:
            told = by_examples(whose, equipment.folders(templates), with_pixels)
        else:
            told = by_report(load_expected(expect), _by_study(screens, library), with_pixels)
        for one in told:
            if isinstance(one, Refused):
                refused.append(one)
            else:
                yield one

    learned = learned_from(whose, stated(), library, readers)
    if not learned.screens and not refused and not learned.refused:
        raise UsageError("no screen of this template is among those that are named, or none whose values are stated")
    kept = keep_fonts(learned.fonts, templates)
    for sentence in learned.sentences(whose.name, equipment.fonts(templates)):
        typer.echo(sentence)
    for path in kept:
        typer.echo(f"kept in {path}")
    refused += learned.refused
    for one in refused:
        typer.echo(f"refused: {one.about}: {one.sentence}" if one.about else f"not learned: {one.sentence}", err=True)
    if pictures is not None:
        _draw(refused, library, readers, pictures)
    if refused:
        raise typer.Exit(TemplateError.exit_code)


def _by_study(paths: Sequence[Path], library: Library) -> dict[str, list[Path]]:
    """The dose screens below the paths, oldest first, by their Study Instance UID."""
    from ocr_service.work.discovery import discover
    from ocr_service.work.inventory import take_stock

    found: dict[str, list[Path]] = {}
    for unit in take_stock(discover(paths).files, library).units:
        found.setdefault(unit.study_instance_uid, []).extend(unit.screens)
    return found


def _draw(refused: Sequence[Refused], library: Library, readers: Readers, pictures: Path) -> None:
    """A picture of each page of the refused screens, with what was read drawn on it."""
    from ocr_service import printing
    from ocr_service.author.drawing import picture_of
    from ocr_service.author.reading import look

    number = 0
    for one in refused:
        for ds in one.objects:
            number += 1
            drawn = [picture_of(page, (one.sentence,)) for page in look(ds, library, readers).pages]
            for name in printing.save_pages(drawn, pictures / f"refused-{number:03d}.png"):
                typer.echo(f"drawn: {name}")

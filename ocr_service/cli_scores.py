"""The command that prints a template's scoreboard. A few lines over another room."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ocr_service import equipment
from ocr_service.cli_templates import Templates, chosen_of
from ocr_service.errors import TemplateError, UsageError

if TYPE_CHECKING:
    from pydicom import Dataset

    from ocr_service.work.inventory import UnitFiles


def score(
    template: Annotated[str, typer.Argument(help="Its name.")],
    screens: Annotated[list[Path], typer.Option(help="Files or folders of dose screens; may repeat.")],
    expect: Annotated[Path, typer.Option(help="What they say: JSON Lines as `convert --report` writes, corrected.")],
    templates: Templates = None,
) -> None:
    """Print a template's scoreboard as Markdown that can be shared. Exit 4: a value is wrong."""
    from ocr_service import __version__
    from ocr_service.author.expected import expected_for, load_expected, must_be_at_hand
    from ocr_service.author.scoreboard import Board, compare, markdown
    from ocr_service.pipeline import Context, read_unit
    from ocr_service.work.discovery import discover
    from ocr_service.work.inventory import take_stock

    known = load_expected(expect)
    library, readers = equipment.both(templates)
    (whose,) = chosen_of(library, [template])
    units = take_stock(discover(screens).files, library).units
    must_be_at_hand(expect, known, _at_hand(units))
    board = Board(whose)
    for unit in (one for one in units if one.screens):
        objects = _opened(unit.screens, pixels=True)
        expected = expected_for(known, unit.study_instance_uid, [str(ds.SOPInstanceUID) for ds in objects])
        if expected is None:
            board.unexpected += 1
            continue
        images = _opened(unit.images, pixels=False)
        compared = compare(whose, expected, read_unit(objects, library, readers, Context(tuple(images))), objects)
        if compared is None:
            board.others += 1
        else:
            board.compared.append(compared)
    if not board.compared:
        raise UsageError(f"none of these screens is read by {whose.name}; `template explain FILE` tells why")
    typer.echo(markdown(board, __version__), nl=False)
    if board.wrong:
        raise typer.Exit(TemplateError.exit_code)


def _at_hand(units: list[UnitFiles]) -> dict[str, set[str]]:
    """The SOP Instance UIDs of each study: of its screens, or of the images that a report was made of."""
    found: dict[str, set[str]] = {}
    for unit in units:
        its = found.setdefault(unit.study_instance_uid, set())
        its.update(str(ds.SOPInstanceUID) for ds in _opened(unit.screens or unit.images, pixels=False))
    return found


def _opened(paths: tuple[Path, ...], *, pixels: bool) -> list[Dataset]:
    """The objects of the files; a broken one is left out, as `convert` gives it a line of its own."""
    from ocr_service.errors import InputError
    from ocr_service.work.objects import read_object

    objects = []
    for path in paths:
        try:
            objects.append(read_object(path, pixels=pixels))
        except InputError:
            continue
    return objects

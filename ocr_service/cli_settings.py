"""What commands of the service have in common: where the configuration is, who acts, and how answers are printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

NEEDS_A_PERSON = 3
DEFAULT = Path("ocr_service.toml")
ConfigFile = Annotated[Path, typer.Option("--config", envvar="OCR_SERVICE_CONFIG", help="The configuration file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Person = Annotated[str, typer.Option("--person", help="Who decides, as a DICOM name: Tanaka^Ichiro.")]
Why = Annotated[str, typer.Option("--why", help="The reason; it stays in the database.")]


def echo_json(told: Any) -> None:
    """One JSON document."""
    typer.echo(json.dumps(told, ensure_ascii=False, indent=2))


def echo_rows(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table, or the cells of each row on lines of their own where it is too wide for the terminal: nothing is cut.

    Plain lines of whole cells where there is no terminal.
    """
    from rich.markup import escape
    from rich.table import Table

    from ocr_service import printing

    to = printing.console()
    told = [[str(cell) for cell in row] for row in rows]
    if not to.is_terminal:
        for row in (heads, *told):
            typer.echo("\t".join(row))
    elif (widths := _widths(heads, told, to.width)) is None:
        for row in told:
            for head, cell in zip(heads, row, strict=True):
                if cell:
                    typer.echo(f"{head}: {cell}")
            typer.echo()
    else:
        table = Table(box=None)
        for head, width in zip(heads, widths, strict=True):
            table.add_column(head, width=width)
        for row in told:
            table.add_row(*map(escape, row))
        to.print(table)


def _widths(heads: Sequence[str], rows: Sequence[Sequence[str]], most: int) -> list[int] | None:
    """Of columns, a blank on each side of them left out; None where they are wider than `most` together.

    Heads may break between words; cells may not: a name or a path that is broken over lines cannot be copied.
    """
    from rich.cells import cell_len

    for pieces in ([[head] for head in heads], [head.split() for head in heads]):
        columns = zip(pieces, *rows, strict=True)
        widths = [max(map(cell_len, (*piece, *cells))) for piece, *cells in columns]
        if sum(2 + width for width in widths) <= most:
            return widths
    return None


def age(seconds: float | None) -> str:
    """So many seconds in words: 40 s, 12 min, 5 h, 3 d."""
    if seconds is None:
        return ""
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"

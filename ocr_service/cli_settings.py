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
    """A table; plain lines of whole cells where there is no terminal."""
    from rich.markup import escape
    from rich.table import Table

    from ocr_service import printing

    to = printing.console()
    if not to.is_terminal:
        for row in (heads, *rows):
            typer.echo("\t".join(str(cell) for cell in row))
        return
    table = Table(*heads, box=None)
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    to.print(table)


def age(seconds: float | None) -> str:
    """So many seconds in words: 40 s, 12 min, 5 h, 3 d."""
    if seconds is None:
        return ""
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"

"""Commands of the service: `serve`, and what its operators ask and decide."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[Path, typer.Option("--config", envvar="OCR_SERVICE_CONFIG", help="The configuration file.")]
DEFAULT = Path("ocr_service.toml")


def serve(config: ConfigFile = DEFAULT) -> None:
    """Receive, read, prove and send, until stopped."""
    from ocr_service.config import load_config
    from ocr_service.service import serve as run

    run(load_config(config))

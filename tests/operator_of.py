"""A hospital with a configuration file, and its operator at the command line."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from ocr_service.cli import app
from ocr_service.errors import OcrServiceError
from ocr_service.work import settings
from tests.work.hospital import Hospital


class Site(Hospital):
    """A hospital with a configuration file, and its operator."""

    def write(self, more: str = "") -> Path:
        path = self.folder / "ocr_service.toml"
        path.write_text(settings.as_toml(self.config) + more, encoding="utf-8")
        return path

    def does(self, *words: str, answers: str = "") -> tuple[int, str]:
        """A command's exit code, and what it says."""
        known = self.folder / "ocr_service.toml"
        path = known if known.is_file() else self.write()
        result = CliRunner().invoke(app, [*words, "--config", str(path)], input=answers)
        if isinstance(result.exception, OcrServiceError):  # `main` makes a sentence of it
            return result.exception.exit_code, f"{result.output}{result.exception}"
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

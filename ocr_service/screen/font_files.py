"""Fonts on disk: a file a template, `name.font` beside `name.yaml`, in the same folders.

Knows folders and files; must not know what a file says. What is kept is merged with what lies there: two runs that
end at once write one after the other, and lose nothing that either of them knew.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from ocr_service.errors import OutputError, TemplateError
from ocr_service.screen.font_text import parsed, written
from ocr_service.screen.fonts import Fonts

MOST_BYTES = 2**24  # of one file: a hundred scanners' letters


def load_fonts(*folders: Path) -> Fonts:
    """What all font files below the folders say together. TemplateError."""
    whole = Fonts()
    for folder in folders:
        for path in sorted(folder.rglob("*.font")):
            whole.merge(load_font(path, folder))
    return whole


def load_font(path: Path, folder: Path) -> Fonts:
    """One font file; `folder` gives the template its name. TemplateError."""
    file = path.relative_to(folder)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise TemplateError(file.as_posix(), 1, "", f"a font file has at most {MOST_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise TemplateError(file.as_posix(), 1, "", f"the file cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise TemplateError(file.as_posix(), 1, "", "the file is no UTF-8 text") from None
    return parsed(text, file.with_suffix("").as_posix(), file.as_posix())


def keep_fonts(fonts: Fonts, folder: Path) -> tuple[Path, ...]:
    """Write what is known of each template's letters into the folder, with what lies there already; the files.

    A file has its name only when it is whole. TemplateError where one that lies there cannot be read; OutputError.
    """
    kept = []
    for template in sorted({key.template for key in fonts}):
        path = folder / f"{template}.font"
        half = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _alone_in(path.parent):
                whole = load_font(path, folder) if path.exists() else Fonts()
                whole.merge(fonts.of_template(template))
                try:
                    with half.open("w", encoding="utf-8") as file:
                        file.write(written(whole, template))
                        file.flush()
                        os.fsync(file.fileno())  # else a loss of power may leave an empty file under its name
                    half.replace(path)
                finally:
                    half.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"the font file {path} could not be written: {error.strerror}") from error
        kept.append(path)
    return tuple(kept)


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """While no other run keeps fonts in this folder. OSError."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network drives have no locks: there two runs may not end at once
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)

"""Everything this package raises on purpose.

* OcrServiceError          exit 1   again: no
  x UsageError             exit 2   a path, option or combination of them makes no sense
  x ConfigError            exit 2   `ocr_service.toml` cannot be used as written; the key in the text
  x TemplateError          exit 4   a template cannot be used as written; ``file:line`` in the text
  x NetworkError           exit 5   a DICOM or DICOMweb peer did not do what was asked of it
    + PeerUnavailable               not there, hung, or out of resources; trying again can help
    + PeerRefused                   it said no: association, object or query; trying again does not help
  x EngineError            exit 6   an OCR engine is missing, crashed, hung or talked garbage
    + EngineMissing                 the text names the command that installs it
  x InputError             exit 7   an object that arrived cannot be used
    + NotDicom                      the file is no DICOM file: counted, not reported
    + BrokenObject                  a DICOM file that cannot be read
    + PixelError                    no pixels, absurd sizes, an encoding nobody can decode
  x OutputError            exit 8   a file could not be written; trying again can help
  x StoreError             exit 9   the database is away, or is not ours; trying again can help

Each class says its exit code, and whether trying again can help. Texts say what happened, where, and what to
do next; they never carry a patient's name, identifier or the text of a screen.
"""

from __future__ import annotations


class OcrServiceError(Exception):
    """The root: catch this to catch everything raised on purpose."""

    exit_code = 1
    can_retry = False


class UsageError(OcrServiceError):
    """The command line asks for something that cannot be done."""

    exit_code = 2


class ConfigError(OcrServiceError):
    """The service's configuration cannot be used as written."""

    exit_code = 2


class NetworkError(OcrServiceError):
    """A peer did not do what was asked of it."""

    exit_code = 5


class PeerUnavailable(NetworkError):
    """The peer cannot be reached, hung, or is out of resources."""

    can_retry = True


class PeerRefused(NetworkError):
    """The peer said no."""


class TemplateError(OcrServiceError):
    """A template cannot be used as written."""

    exit_code = 4

    def __init__(self, file: str, line: int, path: str, problem: str) -> None:
        where = f"{file}:{line}: {path}: " if path else f"{file}:{line}: "
        super().__init__(where + problem)
        self.file, self.line, self.path, self.problem = file, line, path, problem


class EngineError(OcrServiceError):
    """An OCR engine gave no usable answer."""

    exit_code = 6
    can_retry = True


class NotBegun(EngineError):
    """A process for jobs ended before it could begin: that is no job's fault."""


class EngineMissing(EngineError):
    """An OCR engine is not installed; the text names the command that installs it."""

    can_retry = False


class InputError(OcrServiceError):
    """An object that arrived cannot be used."""

    exit_code = 7


class NotDicom(InputError):
    """The file is no DICOM file."""


class BrokenObject(InputError):
    """A DICOM file that cannot be read to its end."""


class PixelError(InputError):
    """The object has no pixels that can be shown as a dose screen."""


class OutputError(OcrServiceError):
    """A file could not be written."""

    exit_code = 8
    can_retry = True


class StoreError(OcrServiceError):
    """The database is away, or is not ours."""

    exit_code = 9
    can_retry = True

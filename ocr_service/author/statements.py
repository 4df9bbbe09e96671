"""What persons state of screens, from where they wrote it: a template's own examples, or a corrected report.

Knows examples, expected reports and how their words are named; must not know letters, nor how a file is opened: that is
handed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ocr_service.author.checking import OpenObject, find_screen
from ocr_service.author.expected import Expected
from ocr_service.author.learning import Refused, Stated
from ocr_service.dose.report import CTAcquisitionType
from ocr_service.errors import InputError
from ocr_service.templates.examples import NOTHING
from ocr_service.templates.schema import Template

# What examples and reports can both state, types and phantoms first.
TOLD = ("acquisition_type", "phantom", "mean_ctdivol", "dlp", "series_number", "scanning_range", "kvp")
_TYPES = {kind.value: kind.name.lower() for kind in CTAcquisitionType}  # a report has the codes
Row = Mapping[str, str | None]


def by_examples(template: Template, folders: Sequence[Path], open_object: OpenObject) -> Iterator[Stated | Refused]:
    """The examples of the template whose files are at hand."""
    for example in template.examples:
        about = ", ".join(example.file)
        paths = [path for name in example.file if (path := find_screen(template, name, folders)) is not None]
        if not example.rows or len(paths) < len(example.file):
            yield Refused(about, "its file is not at hand" if example.rows else "it states no rows")
            continue
        columns: tuple[str, ...] = example.columns
        rows = [dict(zip(columns, row, strict=True)) for row in example.rows]
        yield _opened(about, paths, open_object, rows, example.dlp_total)


def by_report(
    expected: Sequence[Expected], screens: Mapping[str, Sequence[Path]], open_object: OpenObject
) -> Iterator[Stated | Refused]:
    """The examinations of a report whose screens are at hand. screens: the files of each Study Instance UID."""
    for one in expected:
        paths = screens.get(one.study_instance_uid, ())
        if paths:  # none: one without any screens, or of another folder
            about = ", ".join(map(str, paths))
            yield _opened(about, paths, open_object, one.events, one.dlp_total, one.confirmed)


def _opened(
    about: str,
    paths: Sequence[Path],
    open_object: OpenObject,
    rows: Sequence[Row],
    dlp_total: str | None,
    confirmed: tuple[bool, ...] = (),
) -> Stated | Refused:
    """confirmed: none where all is."""
    try:
        objects = tuple(open_object(path) for path in paths)
    except InputError as error:
        return Refused(about, str(error))
    return Stated(about, objects, tuple(map(_told, rows)), dlp_total, confirmed or (True,) * (len(rows) + 1))


def _told(row: Row) -> dict[str, str]:
    told = {key: text for key in TOLD if (text := row.get(key)) is not None and text != NOTHING}
    if "acquisition_type" in told:
        told["acquisition_type"] = _TYPES.get(told["acquisition_type"], told["acquisition_type"])
    return told

"""All that one dose page states as text: comment, Exposure Dose Sequence and the maker's private text.

Knows where the three stand in a data set; must not know the page's pixels, or what they are compared with.
"""

from __future__ import annotations

from pydicom.dataset import Dataset

from ocr_service.dose.report import Finding
from ocr_service.study import acquisition, attributes, private_text
from ocr_service.study.comments import MOST_LETTERS, parse_comment
from ocr_service.study.exposure import exposure_rows
from ocr_service.study.private_text import PrivateText
from ocr_service.study.stated import ConsoleText


def console_text(ds: Dataset) -> ConsoleText:
    """Read the texts of one object's header; an object without any states nothing. Never raises."""
    comment = parse_comment(attributes.text(ds, "CommentsOnRadiationDose", MOST_LETTERS))
    sequence, found = exposure_rows(ds)
    private = _private_text(ds)
    notes: tuple[Finding, ...] = (*comment.notes, *found, *private.notes)
    return ConsoleText(
        comment_rows=comment.rows,
        comment_total=comment.total,
        comment_total_is_named=comment.total_is_named,
        sequence_rows=sequence,
        private_rows=private.rows,
        private_total=private.total,
        notes=notes,
    )


def _private_text(ds: Dataset) -> PrivateText:
    """Siemens' twin of the page, else Philips' private total DLP (00E1,xx21) of the whole object."""
    element = attributes.private(ds, private_text.GROUP, private_text.CREATOR, private_text.OFFSET)
    if element is not None:
        value = element.value
        if isinstance(value, str) and "\x00" in value:  # UTF-16 that was taken for letters of one byte
            value = value[: private_text.MOST_BYTES].encode("latin-1", "replace")
        if isinstance(value, bytes | bytearray):
            return private_text.parse_private_text(private_text.decoded(bytes(value[: private_text.MOST_BYTES])))
        return private_text.parse_private_text(attributes.as_text(element, private_text.MOST_BYTES))
    total = attributes.private(ds, 0x00E1, acquisition.ELSCINT, 0x21)
    number = None if total is None else attributes.as_decimal(total)
    return PrivateText(total=number if number is not None and number > 0 else None)

"""What a console's own text states about one irradiation, whichever attribute it stands in.

Knows quantities and the names of the three attributes; must not know how any of them is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ocr_service.dose.report import AcquisitionParameters, CTAcquisitionType, Finding, Phantom

COMMENTS = "comments"  # Comments on Radiation Dose (0040,0310)
EXPOSURE_SEQUENCE = "exposure_sequence"  # Exposure Dose Sequence (0040,030E)
PRIVATE_TEXT = "private_text"  # a maker's private text element
IMAGES = "images"  # the original images of the same irradiation: a witness of another kind
TEXT_SOURCES = (COMMENTS, EXPOSURE_SEQUENCE, PRIVATE_TEXT)

NOTHING_TOLD = AcquisitionParameters()
SPOKEN = {
    COMMENTS: "Comments on Radiation Dose (0040,0310)",
    EXPOSURE_SEQUENCE: "Exposure Dose Sequence (0040,030E)",
    PRIVATE_TEXT: "the maker's private text",
}


@dataclass(frozen=True, slots=True)
class StatedDose:
    """One row of a console's text: what it states of one irradiation event. None: it does not say.

    ctdivol in mGy, dlp in mGy.cm, both as written. `order` counts from 1 within the text; `number` is what the text
    itself calls the row, which is no number of the page's.
    """

    source: str
    order: int
    number: str = ""
    label: str = ""
    ctdivol: Decimal | None = None
    dlp: Decimal | None = None
    phantom: Phantom | None = None
    acquisition_type: CTAcquisitionType | None = None
    parameters: AcquisitionParameters = NOTHING_TOLD
    irradiation_event_uid: str | None = None
    protocol: str = ""

    @property
    def states_dose(self) -> bool:
        """Does it name a dose above zero?"""
        return bool(self.ctdivol) or bool(self.dlp)


@dataclass(frozen=True, slots=True)
class ConsoleText:
    """All that one Secondary Capture object states as text. Totals in mGy.cm; `notes` on what could not be used.

    A comment that is one bare number is a total nobody has named: it can agree, but its difference means nothing.
    """

    comment_rows: tuple[StatedDose, ...] = ()
    comment_total: Decimal | None = None
    comment_total_is_named: bool = True
    sequence_rows: tuple[StatedDose, ...] = ()
    private_rows: tuple[StatedDose, ...] = ()
    private_total: Decimal | None = None
    notes: tuple[Finding, ...] = ()

    def rows(self, source: str) -> tuple[StatedDose, ...]:
        """The rows of one of the three attributes."""
        return {
            COMMENTS: self.comment_rows,
            EXPOSURE_SEQUENCE: self.sequence_rows,
            PRIVATE_TEXT: self.private_rows,
        }.get(source, ())

    def total(self, source: str) -> Decimal | None:
        """The total of one of the three attributes; a sequence has none."""
        return {COMMENTS: self.comment_total, PRIVATE_TEXT: self.private_total}.get(source)

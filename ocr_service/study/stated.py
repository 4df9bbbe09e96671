"""What a console's own text states about one irradiation, whichever attribute of which object it stands in.

Knows quantities and the names of the attributes; must not know how any of them is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from ocr_service.dose.report import AcquisitionParameters, CTAcquisitionType, Finding, Phantom

COMMENTS = "comments"  # Comments on Radiation Dose (0040,0310)
EXPOSURE_SEQUENCE = "exposure_sequence"  # Exposure Dose Sequence (0040,030E)
PRIVATE_TEXT = "private_text"  # a maker's private text element
IMAGES = "images"  # the original images of the same irradiation: a witness of another kind
STEP_COMMENTS = "step_comments"  # the comment of a Modality Performed Procedure Step (MPPS)
STEP_SEQUENCE = "step_sequence"  # and its Exposure Dose Sequence
TEXT_SOURCES = (COMMENTS, EXPOSURE_SEQUENCE, PRIVATE_TEXT, STEP_COMMENTS, STEP_SEQUENCE)
# A step states its dose in the attributes of an image's Radiation Dose module (PS3.3 C.4.16), by the same console: a
# template that has seen that console's attribute say what its page says has said it of the step's too.
OF_STEPS = MappingProxyType({STEP_COMMENTS: COMMENTS, STEP_SEQUENCE: EXPOSURE_SEQUENCE})

NOTHING_TOLD = AcquisitionParameters()
SPOKEN = {
    COMMENTS: "Comments on Radiation Dose (0040,0310)",
    EXPOSURE_SEQUENCE: "Exposure Dose Sequence (0040,030E)",
    PRIVATE_TEXT: "the maker's private text",
    STEP_COMMENTS: "the procedure step's Comments on Radiation Dose (0040,0310)",
    STEP_SEQUENCE: "the procedure step's Exposure Dose Sequence (0040,030E)",
}


@dataclass(frozen=True, slots=True)
class StatedDose:
    """One row of a console's text: what it states of one irradiation event. None: it does not say.

    ctdivol in mGy, dlp in mGy.cm, both as written. `order` counts from 1 within the text; `number` is what the text
    itself calls the row, which is no number of the page's. final: False where the text was not finished, as that of a
    procedure step in progress: it can agree, but its difference means nothing.
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
    final: bool = True

    @property
    def states_dose(self) -> bool:
        """Does it name a dose above zero?"""
        return bool(self.ctdivol) or bool(self.dlp)


@dataclass(frozen=True, slots=True)
class ConsoleText:
    """All that one Secondary Capture object, or the procedure steps of its study, state as text.

    Totals in mGy.cm; `notes` on what could not be used. of_steps: comment and sequence are those of procedure steps.

    A comment that is one bare number is a total nobody has named: it can agree, but its difference means nothing.
    """

    comment_rows: tuple[StatedDose, ...] = ()
    comment_total: Decimal | None = None
    comment_total_is_named: bool = True
    sequence_rows: tuple[StatedDose, ...] = ()
    private_rows: tuple[StatedDose, ...] = ()
    private_total: Decimal | None = None
    notes: tuple[Finding, ...] = ()
    of_steps: bool = False

    def rows(self, source: str) -> tuple[StatedDose, ...]:
        """The rows of one of the sources."""
        return {
            COMMENTS: self.comment_rows,
            EXPOSURE_SEQUENCE: self.sequence_rows,
            PRIVATE_TEXT: self.private_rows,
        }.get(self._attribute(source), ())

    def total(self, source: str) -> Decimal | None:
        """The total of one of the sources; a sequence has none."""
        return {COMMENTS: self.comment_total, PRIVATE_TEXT: self.private_total}.get(self._attribute(source))

    def _attribute(self, source: str) -> str:
        """The attribute that the source is here; "" where the text is of other objects than the source."""
        return OF_STEPS.get(source, "") if self.of_steps else source

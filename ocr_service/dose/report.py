"""The dose report of one examination on one scanner: events, totals, and the evidence for each value.

Knows TID 10011 to 10013 in the words of the domain; must not know pixels, files, DICOM data sets or OCR.
Numbers are `Decimal` as printed; enum values are the code values of their context groups.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import Enum
from typing import Generic, TypeVar

from ocr_service.dose.quantities import Quantity

T = TypeVar("T")


class CTAcquisitionType(Enum):
    """CID 10013, CT Acquisition Type."""

    SEQUENCED = "113804"
    SPIRAL = "116152004"
    CONSTANT_ANGLE = "113805"
    STATIONARY = "113806"  # not 113611, which is the stationary acquisition of projection X-ray
    FREE = "113807"
    CONE_BEAM = "702569007"


class Phantom(Enum):
    """CID 4052, the two CTDI phantoms that consoles name: 16 cm head, 32 cm body."""

    HEAD = "113690"
    BODY = "113691"


class Source(Enum):
    """CID 10021, Source of CT Dose Information; it is extensible, and MPPS Content is of its twin, CID 10020."""

    AUTOMATED = "113856"
    MANUAL = "113857"
    MPPS_CONTENT = "113858"
    COPIED_FROM_IMAGE = "113866"
    COMPUTED_FROM_IMAGE = "113867"
    READ_FROM_SCREEN = "113868"


class WitnessKind(Enum):
    """Who vouches for a value. Only witnesses of different kinds can agree."""

    PERSON = "person"
    REGISTERED_FONT = "font"
    LETTERS = "letters"  # young or near letters of the console's font
    PPOCR = "ppocr"
    TESSERACT = "tesseract"
    ARITHMETIC = "arithmetic"
    CONSOLE_TEXT = "console_text"
    IMAGES = "images"


@dataclass(frozen=True, slots=True)
class Witness:
    """One voice for one text of a cell."""

    kind: WitnessKind
    text: str


@dataclass(frozen=True, slots=True, order=True)
class Box:
    """A rectangle in pixels of the page, origin top left; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    def __post_init__(self) -> None:
        if self.right < self.left or self.bottom < self.top:
            raise ValueError(f"a box cannot end before it starts: {self}")


@dataclass(frozen=True, slots=True, order=True)
class PageRef:
    """Which page: an object and its frame, 1-based."""

    sop_instance_uid: str
    frame: int = 1


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a value stands, what was seen there, and who vouches for it.

    `broken_crop` says why no reader can be believed here (ink at the crop's edge, an unexplained shape, a
    different number of points); empty where the crop is whole.
    """

    page: PageRef | None = None
    box: Box | None = None
    seen: tuple[tuple[str, str], ...] = ()  # (reader, the characters as it gave them, before any repair)
    witnesses: tuple[Witness, ...] = ()
    broken_crop: str = ""
    repaired: bool = False  # the text stands only by a look-alike repair: a reading, never a witness
    drawn: bool = False  # told by the ink itself (a dash, a blank cell): no reader is needed
    unsteady: bool = False  # small letters that not every preparation reads alike: engines alone prove nothing

    def and_witness(self, witness: Witness) -> Evidence:
        """The same evidence with one voice more."""
        return self if witness in self.witnesses else replace(self, witnesses=(*self.witnesses, witness))


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """One value of a report: what it means, how it was printed, and what vouches for it."""

    value: T
    text: str
    source: Source = Source.READ_FROM_SCREEN
    evidence: Evidence = Evidence()
    proven: bool = False


@dataclass(frozen=True, slots=True)
class CodedConcept:
    """A code as DICOM writes it: value, scheme designator, meaning."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True)
class AcquisitionParameters:
    """What headers state about one irradiation event (TID 10013 rows 7 to 19, TID 10014). None: nobody told.

    Lengths in mm, times in s, currents in mA, voltages in kV; `start` and `end` as DICOM DT.
    """

    kvp: Decimal | None = None
    tube_current: Decimal | None = None
    maximum_tube_current: Decimal | None = None
    exposure_time: Decimal | None = None
    exposure_time_per_rotation: Decimal | None = None
    single_collimation: Decimal | None = None
    total_collimation: Decimal | None = None
    pitch: Decimal | None = None
    number_of_sources: Decimal | None = None
    scanning_length: Decimal | None = None
    reconstructable_length: Decimal | None = None
    top_z: Decimal | None = None
    bottom_z: Decimal | None = None
    frame_of_reference_uid: str | None = None
    start: str | None = None
    end: str | None = None
    body_part: str | None = None
    protocol: str | None = None


@dataclass(frozen=True, slots=True)
class IrradiationEvent:
    """TID 10013: one row of the dose table, or one event that only headers know.

    None means that the layout or header does not tell it. A localizer is an event too, mostly without dose.
    """

    acquisition_type: Reading[CTAcquisitionType] | None = None
    mean_ctdivol: Reading[Decimal] | None = None
    dlp: Reading[Decimal] | None = None
    phantom: Reading[Phantom] | None = None
    series_number: Reading[str] | None = None
    protocol: Reading[str] | None = None
    scanning_range: Reading[str] | None = None
    kvp: Reading[Decimal] | None = None
    others: tuple[tuple[Quantity, Reading[str]], ...] = ()
    parameters: AcquisitionParameters = AcquisitionParameters()
    irradiation_event_uid: str | None = None
    target_region: CodedConcept | None = None

    @property
    def has_dose(self) -> bool:
        """Does the event state any dose?"""
        return self.mean_ctdivol is not None or self.dlp is not None


@dataclass(frozen=True, slots=True)
class Scanner:
    """The irradiating device as headers name it."""

    manufacturer: str
    model_name: str
    serial_number: str = ""
    station_name: str = ""
    software_versions: str = ""
    device_uid: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """Normalised maker, model, and serial number (else station name): what makes it this scanner."""
        return (
            " ".join(self.manufacturer.upper().split()),
            " ".join(self.model_name.split()),
            self.serial_number.strip() or self.station_name.strip(),
        )

    def may_be(self, other: Scanner) -> bool:
        """Does nothing that both state say that they are two scanners?

        A maker's name is spelled in many ways and changes with its owner: its first word is enough. What one of
        them lacks says nothing; station names count only where neither states a serial number.
        """
        make, other_make = self.identity[0].split(), other.identity[0].split()
        serials = {self.serial_number.strip(), other.serial_number.strip()} - {""}
        stations = {self.station_name.strip(), other.station_name.strip()} - {""}
        models = {" ".join(name.split()).casefold() for name in (self.model_name, other.model_name)} - {""}
        return (
            (not make or not other_make or make[0] == other_make[0])
            and len(models) < 2
            and len(serials) < 2
            and (bool(serials) or len(stations) < 2)
        )


class Origin(Enum):
    """Where a report as a whole comes from."""

    SCREEN = "screen"
    HEADER = "header"


class Scope(Enum):
    """CID 10000, Scope of Accumulation: what the report's totals cover."""

    STUDY = "113014"
    IRRADIATION_EVENT = "113852"  # a single event of several: what the others were is not known


@dataclass(frozen=True, slots=True)
class CTDoseReport:
    """TID 10011 in the domain's words: all events of one study on one scanner, in the order of the page."""

    study_instance_uid: str
    scanner: Scanner
    events: tuple[IrradiationEvent, ...]
    dlp_total: Reading[Decimal] | None = None
    phantom_totals: tuple[tuple[Phantom, Reading[Decimal]], ...] = ()
    origin: Origin = Origin.SCREEN
    template: str = ""
    missing: tuple[str, ...] = field(default=())  # what is known to be missing, one sentence each
    scope: Scope = Scope.STUDY

    @property
    def printed_total(self) -> Decimal | None:
        """The total of the page: the printed one, else the plain sum of its totals per phantom."""
        if self.dlp_total is not None:
            return self.dlp_total.value
        if self.phantom_totals:
            return sum((total.value for _, total in self.phantom_totals), Decimal(0))
        return None


class FindingKind(Enum):
    """A note leaves a report verified; a doubt sends it to a person."""

    NOTE = "note"
    DOUBT = "doubt"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence that a physicist understands, and the value it is about.

    The sentence names fields, never a patient's values.
    """

    kind: FindingKind
    where: str
    sentence: str


def note(where: str, sentence: str) -> Finding:
    """A finding that does not stop the report."""
    return Finding(FindingKind.NOTE, where, sentence)


def doubt(where: str, sentence: str) -> Finding:
    """A finding that sends the report to a person."""
    return Finding(FindingKind.DOUBT, where, sentence)

"""What a column or field of a dose screen can tell, and in which unit.

Knows names and units; must not know where on a screen a quantity stands or how it was read. The names are
those of TID 10013 and of the DICOM keywords, and they are the words that template authors write.
"""

from __future__ import annotations

from enum import Enum


class Quantity(Enum):
    """One quantity of a dose screen; the value is its name in templates and reports.

    CTDIw, expected, effective, air and size-specific values have names of their own, so that none of them can
    be mistaken for Mean CTDIvol or DLP (TID 10013 rows 22 and 26).
    """

    SERIES_NUMBER = "series_number"
    ACQUISITION_TYPE = "acquisition_type"
    ACQUISITION_PROTOCOL = "acquisition_protocol"
    SCANNING_RANGE = "scanning_range"
    MEAN_CTDIVOL = "mean_ctdivol"
    DLP = "dlp"
    DLP_TOTAL = "dlp_total"
    DLP_TOTAL_HEAD = "dlp_total_head"
    DLP_TOTAL_BODY = "dlp_total_body"
    CTDIVOL_HEAD = "ctdivol_head"
    CTDIVOL_BODY = "ctdivol_body"
    PHANTOM = "phantom"
    KVP = "kvp"
    TUBE_CURRENT_TIME = "tube_current_time"
    EFFECTIVE_TUBE_CURRENT_TIME = "effective_tube_current_time"
    REFERENCE_TUBE_CURRENT_TIME = "reference_tube_current_time"
    TUBE_CURRENT_TIME_TOTAL = "tube_current_time_total"
    EXPOSURE_TIME = "exposure_time"
    EXPOSURE_TIME_TOTAL = "exposure_time_total"
    ROTATION_TIME = "rotation_time"
    COLLIMATED_SLICE = "collimated_slice"
    START_POSITION = "start_position"
    END_POSITION = "end_position"
    CTDIW = "ctdiw"
    CTDI_AIR = "ctdi_air"
    DLP_AIR = "dlp_air"
    EXPECTED_CTDIVOL = "expected_ctdivol"
    EXPECTED_DLP = "expected_dlp"
    EFFECTIVE_CTDIVOL = "effective_ctdivol"
    EFFECTIVE_DLP = "effective_dlp"
    SSDE = "ssde"
    WATER_EQUIVALENT_DIAMETER = "water_equivalent_diameter"
    IMAGE_QUALITY = "image_quality"
    STANDARD_DEVIATION = "standard_deviation"
    DOSE_REDUCTION = "dose_reduction"
    DOSE_REDUCTION_MODE = "dose_reduction_mode"
    BOOST = "boost"
    DENOISING = "denoising"
    MODULATION = "modulation"
    IMAGES = "images"
    PAGE_MARKER = "page_marker"
    PATIENT_ID = "patient_id"
    ACCESSION_NUMBER = "accession_number"
    STUDY_ID = "study_id"
    EXAM_DESCRIPTION = "exam_description"
    MODEL_NAME = "model_name"
    ACQUISITION_TIME = "acquisition_time"
    OTHER = "other"
    # A console prints more columns than the report has words for (pitch, field of view); each needs a place.
    OTHER_2 = "other_2"
    OTHER_3 = "other_3"
    OTHER_4 = "other_4"

    @property
    def unit(self) -> str | None:
        """The unit (UCUM) a template may name for it, or None where it has none."""
        return UNITS.get(self)


_DOSE = {
    Quantity.MEAN_CTDIVOL, Quantity.CTDIVOL_HEAD, Quantity.CTDIVOL_BODY, Quantity.CTDIW, Quantity.CTDI_AIR,
    Quantity.EXPECTED_CTDIVOL, Quantity.EFFECTIVE_CTDIVOL, Quantity.SSDE,
}  # fmt: skip
_DLP = {
    Quantity.DLP, Quantity.DLP_TOTAL, Quantity.DLP_TOTAL_HEAD, Quantity.DLP_TOTAL_BODY, Quantity.DLP_AIR,
    Quantity.EXPECTED_DLP, Quantity.EFFECTIVE_DLP,
}  # fmt: skip
_MAS = {
    Quantity.TUBE_CURRENT_TIME, Quantity.EFFECTIVE_TUBE_CURRENT_TIME, Quantity.REFERENCE_TUBE_CURRENT_TIME,
    Quantity.TUBE_CURRENT_TIME_TOTAL,
}  # fmt: skip
UNITS: dict[Quantity, str] = {
    **dict.fromkeys(_DOSE, "mGy"),
    **dict.fromkeys(_DLP, "mGy.cm"),
    **dict.fromkeys(_MAS, "mA.s"),
    Quantity.KVP: "kV",
    Quantity.EXPOSURE_TIME: "s",
    Quantity.EXPOSURE_TIME_TOTAL: "s",
    Quantity.ROTATION_TIME: "s",
    Quantity.COLLIMATED_SLICE: "mm",
    Quantity.START_POSITION: "mm",
    Quantity.END_POSITION: "mm",
    Quantity.SCANNING_RANGE: "mm",
    Quantity.WATER_EQUIVALENT_DIAMETER: "cm",
    Quantity.STANDARD_DEVIATION: "[hnsf'U]",
    Quantity.DOSE_REDUCTION: "%",
}

# The two numbers of dose that each row of a dose table is about.
DOSES = (Quantity.MEAN_CTDIVOL, Quantity.DLP)

# A report is not verified while one of these is printed and unproven (DESIGN of the proof: doubt, not note).
MUST_BE_PROVEN = frozenset({
    Quantity.MEAN_CTDIVOL, Quantity.DLP, Quantity.DLP_TOTAL, Quantity.DLP_TOTAL_HEAD, Quantity.DLP_TOTAL_BODY,
    Quantity.PHANTOM, Quantity.ACQUISITION_TYPE, Quantity.PAGE_MARKER,
})  # fmt: skip

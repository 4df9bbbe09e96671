"""A GE sample of a rarer page: no page marker, and a series without a telling name.

Knows this page and what stands on it.
"""

from __future__ import annotations

from dataclasses import replace

import encode
from ge import DOSE_REPORT, Row, page
from ge_studies import BRIGHT, CLARA, added, events, exam
from headers import dose_screen
from samples import Sample


def no_marker() -> Sample:
    """The total alone says that nothing is missing."""
    it = exam("no_marker", CLARA, BRIGHT, 23, "CT NECK CHEST")
    rows = (
        Row("1"),
        Row("2", "Helical", "I12.500-I214.500", "14.62", "361.85", "Body32"),
        Row("3", "Helical", "S35.250-I301.750", "10.27", "402.48", "Body32"),
    )
    total = added(rows)
    ds = encode.signed(dose_screen(it, replace(DOSE_REPORT, description="")), page(it, rows, total, "").pixels)
    return Sample(
        it.key,
        "No page marker: the total says that no page is missing; found by image type and series number",
        "Deflated, signed 16 bit, window 1 wide",
        "verified",
        (encode.deflated(ds),),
        it.study_instance_uid,
        total,
        events(rows),
    )

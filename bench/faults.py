"""The named faults of dose screens, each with the outcome that is allowed.

Knows which faults there are; must not know how a page with one is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from random import Random

from bench import damage, misprints
from bench.damage import Change
from bench.studies import Study


class Allowed(Enum):
    """What may become of a page with this fault."""

    RIGHT = "verified only with every value right"
    REFUSED = "never verified"
    NOTICED = "verified where the changed text was not proven; counted, no failure"


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault."""

    allowed: Allowed
    change: Change


def none(_rng: Random, _study: Study) -> bool:
    return True


FAULTS: dict[str, Fault] = {
    "none": Fault(Allowed.RIGHT, none),
    "pixel_out": Fault(Allowed.RIGHT, misprints.pixel_out),
    "stroke_broken": Fault(Allowed.RIGHT, misprints.stroke_broken),
    "point_out": Fault(Allowed.RIGHT, misprints.point_out),
    "total_digit": Fault(Allowed.REFUSED, misprints.total_digit),
    "headings_swapped": Fault(Allowed.REFUSED, misprints.headings_swapped),
    "ctdivol_renamed": Fault(Allowed.REFUSED, misprints.ctdivol_renamed),
    "dlp_renamed": Fault(Allowed.REFUSED, misprints.dlp_renamed),
    "unit_changed": Fault(Allowed.REFUSED, misprints.unit_changed),
    "cell_shifted": Fault(Allowed.RIGHT, misprints.cell_shifted),
    "other_patient": Fault(Allowed.NOTICED, misprints.other_patient),
    "word_in_row": Fault(Allowed.REFUSED, misprints.word_in_row),
    "line_added": Fault(Allowed.RIGHT, misprints.line_added),
    "column_added": Fault(Allowed.REFUSED, misprints.column_added),
    "rows_overlap": Fault(Allowed.RIGHT, damage.rows_overlap),
    "dim_row": Fault(Allowed.RIGHT, damage.dim_row),
    "bar_through_row": Fault(Allowed.RIGHT, damage.bar_through_row),
    "cut_below": Fault(Allowed.RIGHT, damage.cut_below),
    "cut_right": Fault(Allowed.RIGHT, damage.cut_right),
    **{f"scaled_{factor:g}": Fault(Allowed.RIGHT, damage.scaled(factor)) for factor in (0.9, 1.1, 1.25, 1.5, 2)},
    **{f"jpeg_{quality}": Fault(Allowed.RIGHT, damage.jpeg(quality)) for quality in (60, 75, 95)},
    "noise": Fault(Allowed.RIGHT, damage.noise),
    "specks": Fault(Allowed.RIGHT, damage.specks),
    "dark_on_light": Fault(Allowed.RIGHT, damage.dark_on_light),
    "page_missing": Fault(Allowed.REFUSED, damage.page_missing),
    "saved_twice": Fault(Allowed.RIGHT, damage.saved_twice),
}

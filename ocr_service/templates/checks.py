"""The checks an author may write: a closed list, each a rule that the numbers of a page must keep.

Knows their words and numbers; must not know how a check is carried out.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Tag

from ocr_service.dose.quantities import Quantity
from ocr_service.templates.wording import Allowance, Model, Number


class Sums(Model):
    """The rows of `sum_of` add up to the field `equals`, within a rounding (mGy.cm)."""

    sum_of: Quantity
    equals: Quantity
    within: Allowance = "0"


class Increasing(Model):
    """The column's numbers grow from row to row."""

    increasing: Quantity


class Between(Model):
    """Each number of the column lies between the two, both allowed."""

    between: Quantity
    least: Number
    most: Number


class CloseTo(Model):
    """The product of two columns is close to a third, within a part of it (0.1 is 10 %)."""

    product_of: tuple[Quantity, Quantity]
    close_to: Quantity
    within: Allowance


_CHECKS: dict[str, type[Model]] = {
    "sum_of": Sums,
    "increasing": Increasing,
    "between": Between,
    "product_of": CloseTo,
}


def _check_kind(given: Any) -> str | None:
    """Which check the keys say; a check that is made already tells it itself."""
    if isinstance(given, dict):
        return next((check.__name__ for key, check in _CHECKS.items() if key in given), None)
    return type(given).__name__


Check = Annotated[
    Annotated[Sums, Tag("Sums")]
    | Annotated[Increasing, Tag("Increasing")]
    | Annotated[Between, Tag("Between")]
    | Annotated[CloseTo, Tag("CloseTo")],
    Discriminator(
        _check_kind,
        custom_error_type="template",
        custom_error_message=f"there is no such check; one has a key {', '.join(_CHECKS)}",
    ),
]

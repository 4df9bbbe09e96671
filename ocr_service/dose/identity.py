"""Is the identifier burnt into the page the one of the header?

Knows normalisation only; must not know where either comes from, and repeats neither in any text.
"""

from __future__ import annotations

from enum import Enum

_ALIKE = str.maketrans("IL|OS", "11105")
LEAST_OF_A_TRUNCATED = 8  # letters: a shorter beginning says too little


class IdentityRule(Enum):
    """What a site asks of the identifiers that are burnt into a page."""

    COMPARE = "compare"  # where one is proven it must be the header's
    REQUIRED = "required"  # and at least one must be proven
    OFF = "off"  # for archives whose headers were de-identified


def contradicts(burnt_in: str, header: str) -> bool:
    """Do the two name different patients or orders, leading zeros, look-alikes and truncation apart?

    An empty header contradicts nothing: de-identified archives have none.
    """
    page, told = _normal(burnt_in), _normal(header)
    if not page or not told or page == told:
        return False
    return not (len(page) >= LEAST_OF_A_TRUNCATED and told.startswith(page))


def _normal(identifier: str) -> str:
    return "".join(identifier.split()).upper().translate(_ALIKE).lstrip("0")

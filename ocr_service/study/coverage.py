"""How much of the patient the slices of one event cover: extents, their union, its gaps, and the dose over it.

Pure geometry along the direction in which slices are stacked, in mm. Knows positions, thicknesses and a number a
slice; must not know what may be concluded from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ocr_service.study.slices import Slice

_TOLERANCE = Decimal("0.1")  # mm: positions are rounded
_PARALLEL = Decimal("0.98")
_MOST_HOLES = 50  # beyond it nothing is worth adding up


@dataclass(frozen=True, slots=True)
class Piece:
    """From low to high (mm) one slice stands for the tissue; `ctdivol` in mGy, None where it states none."""

    low: Decimal
    high: Decimal
    ctdivol: Decimal | None


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """The slices of one series: pieces in order, without overlap, and whether a place comes twice."""

    series_instance_uid: str
    slices: tuple[Slice, ...]
    pieces: tuple[Piece, ...]
    repeated: bool

    @property
    def length(self) -> Decimal:
        """What the pieces cover, mm."""
        return sum((piece.high - piece.low for piece in self.pieces), Decimal(0))


@dataclass(frozen=True, slots=True)
class Coverage:
    """What all reconstructions of one event cover together. Lengths and places in mm, dose in mGy.mm.

    placed: every slice states where it is, and all are stacked in one direction; else the rest says nothing.
    """

    reconstructions: tuple[Reconstruction, ...]
    placed: bool = False
    one_direction: bool = True
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    length: Decimal = Decimal(0)
    holes: int = 0
    dose: Decimal | None = None

    @property
    def moved(self) -> bool:
        """Was there more than one place, and each only once?"""
        several = any(len({one.position for one in made.slices}) > 1 for made in self.reconstructions)
        return several and not any(made.repeated for made in self.reconstructions)


def coverage_of(slices: Sequence[Slice]) -> Coverage:
    """Put the slices of one event side by side; where series overlap, the one that covers most goes first."""
    series: dict[str, list[Slice]] = {}
    for one in slices:
        series.setdefault(one.series_instance_uid, []).append(one)
    placed = all(one.position is not None and one.thickness is not None for one in slices)
    one_direction = _one_direction(slices)
    made = [_reconstruction(uid, members, placed and one_direction) for uid, members in series.items()]
    made.sort(key=lambda one: (-one.length, -len(one.slices), one.series_instance_uid))
    if not placed or not one_direction:
        return Coverage(tuple(made), False, one_direction)
    union: list[Piece] = []
    for reconstruction in made:
        union = _joined(union, reconstruction.pieces)
        if len(union) > 1 and _holes(union) > _MOST_HOLES:
            break
    low, high = union[0].low, max(piece.high for piece in union)
    length = sum((piece.high - piece.low for piece in union), Decimal(0))
    return Coverage(tuple(made), True, True, low, high, length, _holes(union), _dose(union))


def _one_direction(slices: Sequence[Slice]) -> bool:
    """Reformatted images that call themselves original lie across the others."""
    directions = {one.normal for one in slices if one.normal is not None}
    if not directions:
        return True
    first = min(directions)
    return all(abs(sum((a * b for a, b in zip(first, o, strict=True)), Decimal(0))) > _PARALLEL for o in directions)


def _reconstruction(series_instance_uid: str, slices: Sequence[Slice], placed: bool) -> Reconstruction:
    places = [one.position for one in slices if one.position is not None]
    pieces = tuple(_pieces(slices)) if placed else ()
    return Reconstruction(series_instance_uid, tuple(slices), pieces, len(set(places)) < len(places))


def _pieces(slices: Iterable[Slice]) -> Iterator[Piece]:
    """One piece a place; overlapping neighbours meet in the middle of their overlap."""
    spans: list[list[Decimal]] = []
    values: list[Decimal | None] = []
    for one in sorted(slices, key=lambda one: (one.position or Decimal(0), one.sop_instance_uid)):
        assert one.position is not None
        assert one.thickness is not None
        low, high = one.position - one.thickness / 2, one.position + one.thickness / 2
        if spans and spans[-1][1] > low:
            middle = min(max((spans[-1][1] + low) / 2, spans[-1][0]), high)
            spans[-1][1] = low = middle
        spans.append([low, high])
        values.append(one.ctdivol)
    for (low, high), value in zip(spans, values, strict=True):
        if high > low:
            yield Piece(low, high, value)


def _joined(union: Sequence[Piece], more: Sequence[Piece]) -> list[Piece]:
    """The union, and of the others what lies outside of it."""
    spans = _spans(union)
    outside = [part for piece in more for part in _outside(piece, spans)]
    return sorted((*union, *outside), key=lambda piece: piece.low)


def _spans(union: Sequence[Piece]) -> list[tuple[Decimal, Decimal]]:
    """What the pieces cover, as few intervals."""
    spans: list[tuple[Decimal, Decimal]] = []
    for piece in union:
        if spans and piece.low - spans[-1][1] <= _TOLERANCE:
            spans[-1] = spans[-1][0], max(spans[-1][1], piece.high)
        else:
            spans.append((piece.low, piece.high))
    return spans


def _outside(piece: Piece, spans: Sequence[tuple[Decimal, Decimal]]) -> Iterator[Piece]:
    low = piece.low
    for start, end in spans:
        if end <= low or start >= piece.high:
            continue
        if start > low:
            yield Piece(low, start, piece.ctdivol)
        low = end
    if low < piece.high:
        yield Piece(low, piece.high, piece.ctdivol)


def _holes(union: Sequence[Piece]) -> int:
    return max(len(_spans(union)) - 1, 0)


def _dose(union: Sequence[Piece]) -> Decimal | None:
    """CTDIvol times extent, added up over the union; None where a piece states none."""
    total = Decimal(0)
    for piece in union:
        if piece.ctdivol is None:
            return None
        total += piece.ctdivol * (piece.high - piece.low)
    return total

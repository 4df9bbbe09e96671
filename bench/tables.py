"""The figures of a run as text: by family, by fault, by font, with the bound that follows.

Knows finished readings; must not know how they were made.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bench import faces

if TYPE_CHECKING:
    from bench.accuracy import Read

_HEAD = ("", "reports", "verified", "review", "unreadable", "values verified", "wrong", "rows exact", "s/report")


def report(reads: Sequence[Read]) -> str:
    """Everything that was counted."""
    plain = [read for read in reads if read.fault == "none"]
    parts = [
        "Without a fault, by family", _table(plain, lambda read: read.family),
        "By fault, all families", _table(reads, lambda read: read.fault),
        "Without a fault, by font", _table(plain, lambda read: faces.family(read.font)),
        "Why plain reports were not verified", _reasons(plain),
        bound(reads), _faults(reads),
    ]  # fmt: skip
    return "\n\n".join(parts)


def bound(reads: Sequence[Read]) -> str:
    """How often a verified report may be wrong at most, with 95 % confidence: 3/n where none of n was."""
    verified = [read for read in reads if read.outcome == "verified"]
    fonts = {faces.family(read.font) for read in verified}
    wrong_fonts = {faces.family(read.font) for read in verified if read.bad}
    counts = (
        ("font families", len(wrong_fonts), len(fonts)),
        ("screens", sum(bool(read.bad) for read in verified), len(verified)),
        ("values", sum(len(read.bad) for read in verified), sum(read.values for read in verified)),
    )
    lines = [f"  {name}: {wrong} wrong of {n}{_upper(wrong, n)}" for name, wrong, n in counts]
    return "\n".join(["In verified reports, faults included:", *lines])


def _upper(wrong: int, n: int) -> str:
    return f", at most {min(100, 100 * 3 / n):.2g} % (95 %)" if n and not wrong else ""


def _table(reads: Sequence[Read], key: Callable[[Read], str]) -> str:
    groups: dict[str, list[Read]] = defaultdict(list)
    for read in reads:
        groups[key(read)].append(read)
    if len(groups) > 1:
        groups["all"] = list(reads)
    rows = [_HEAD, *(_row(name, group) for name, group in groups.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _row(name: str, group: Sequence[Read]) -> tuple[str, ...]:
    count = Counter(read.outcome for read in group)
    verified = [read for read in group if read.outcome == "verified"]
    rows = sum(read.rows for read in group)
    return (
        name, str(len(group)), _share(count["verified"], len(group)), str(count["needs_review"]),
        str(count["unreadable"]), str(sum(read.values for read in verified)),
        str(sum(len(read.bad) for read in verified)), _share(sum(read.exact for read in group), rows),
        f"{sum(read.seconds for read in group) / len(group):.2f}",
    )  # fmt: skip


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / whole:.1f} %)" if whole else "-"


def _reasons(reads: Sequence[Read]) -> str:
    """Each reason once a report, numbers and places left out."""
    lines = []
    for family in sorted({read.family for read in reads}):
        group = [read for read in reads if read.family == family and read.outcome != "verified"]
        count: Counter[str] = Counter()
        for read in group:
            count.update({re.sub(r"\d+(\.\d+)?", "N", reason) for reason in read.doubts})
        lines.append(f"  {family}: {len(group)} reports")
        lines += [f"    {times:4d}  {reason}" for reason, times in count.most_common(12)]
    return "\n".join(lines)


def _faults(reads: Sequence[Read]) -> str:
    bad = [read for read in reads if read.bad]
    noticed = [read for read in reads if read.noticed]
    lines = [f"  {read.key} ({read.font}): {'; '.join(read.bad)}" for read in bad]
    lines += [f"  {read.key} ({read.font}): verified, the changed text was not proven" for read in noticed]
    near = [read for read in reads if read.near]
    lines += [
        f"  {read.key} ({read.font}): waits for a person, but counts as proven: {'; '.join(read.near)}" for read in near
    ]
    return "\n".join([f"{len(bad)} reports with a wrong verified value or a page that never may be verified:", *lines])

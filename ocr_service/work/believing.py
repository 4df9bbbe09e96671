"""What reports rest on: letters that are withdrawn, or better known, and what is read again because of it.

Knows rows; must not know how letters are learned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

from sqlalchemy import Connection, Row, insert, or_, select, update

from ocr_service.work import studies
from ocr_service.work.tables import deliveries as sent
from ocr_service.work.tables import disbelieved, rests, scanners, units, withdrawn


def withdraw(connection: Connection, glyphs: frozenset[str], now: float) -> None:
    """What rests on a letter that was withdrawn is not believed any more, and read again."""
    known = set(connection.execute(select(withdrawn.c.glyph)).scalars())
    new = sorted(glyphs - known)
    if new:
        connection.execute(insert(withdrawn), [{"glyph": glyph, "at": now} for glyph in new])
        resting = connection.execute(
            select(units.c.study, units.c.sop_instance_uid)
            .join(rests, rests.c.unit == units.c.id)
            .where(rests.c.glyph.in_(new))
            .distinct()
        ).all()
        _disbelieve(connection, [row.sop_instance_uid for row in resting])
        name = sha256("\n".join(new).encode()).hexdigest()[:16]
        studies.read_again(connection, [row.study for row in resting], f"withdrawn:{name}", now)


def withdrawn_of(connection: Connection, glyphs: frozenset[str]) -> frozenset[str]:
    """Which of these glyphs were withdrawn."""
    known = frozenset(connection.execute(select(withdrawn.c.glyph)).scalars()) if glyphs else frozenset()
    return glyphs & known


def grown(connection: Connection, registered: Mapping[tuple[str, str], int], now: float) -> None:
    """What waits is read again where a console's letters are better known. registered: how many are, by its name."""
    for (template, console), count in registered.items():
        _grown(connection, template, console, count, now)


def _grown(connection: Connection, template: str, console: str, count: int, now: float) -> None:
    scanner = scanner_of(connection, template, console, now)
    if count == scanner.letters:
        return
    which = (scanners.c.template == template, scanners.c.console == console)
    connection.execute(update(scanners).where(*which).values(letters=count))
    if count < scanner.letters:  # some were withdrawn, or this reading began before others: the next one tells
        return
    waiting = connection.execute(
        select(units.c.study).where(
            units.c.template == template,
            units.c.console == console,
            units.c.outcome == "needs_review",
            units.c.waiting.is_(True),
        )
    ).scalars()
    studies.read_again(connection, list(waiting), f"letters:{count}", now)


def scanner_of(connection: Connection, template: str, console: str, now: float) -> Row[tuple[object, ...]]:
    """The row of a template on a console, made where it is the first time."""
    which = (scanners.c.template == template, scanners.c.console == console)
    row = connection.execute(select(scanners).where(*which)).one_or_none()
    if row is None:
        connection.execute(insert(scanners).values(template=template, console=console, first_at=now))
        row = connection.execute(select(scanners).where(*which)).one()
    return row


def _disbelieve(connection: Connection, uids: Sequence[str]) -> None:
    known = set(connection.execute(select(disbelieved.c.sop_instance_uid)).scalars())
    new = sorted(set(uids) - known - {""})
    if new:
        connection.execute(insert(disbelieved), [{"sop_instance_uid": uid} for uid in new])


def disbelieved_of(connection: Connection, study: str) -> frozenset[str]:
    """Our reports of this study that are not believed any more: units' own, and what ever went out of them."""
    uid = disbelieved.c.sop_instance_uid
    now = select(units.c.sop_instance_uid).where(units.c.study == study)
    before = select(sent.c.sop_instance_uid).join(units, units.c.id == sent.c.unit).where(units.c.study == study)
    found = select(uid).where(or_(uid.in_(now), uid.in_(before)))
    return frozenset(connection.execute(found).scalars())


def is_disbelieved(connection: Connection, unit: Row[tuple[object, ...]]) -> bool:
    """Is a unit's last report not believed any more?"""
    found = select(disbelieved).where(disbelieved.c.sop_instance_uid == unit.sop_instance_uid)
    return connection.execute(found).first() is not None

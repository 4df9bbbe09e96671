"""What reports rest on: letters that are withdrawn, or better known, and what is read again because of it.

Knows rows; must not know how letters are learned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256

from sqlalchemy import Connection, Row, insert, literal, or_, select, update
from sqlalchemy.exc import IntegrityError

from ocr_service.work import studies
from ocr_service.work.tables import deliveries as sent
from ocr_service.work.tables import disbelieved, rests, scanners, units, withdrawn

Console = tuple[str, str]  # a template with its revision, and the console's name


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


def letters_of(connection: Connection) -> dict[Console, int]:
    """How many glyphs are registered, by template and console, as far as the records know."""
    columns = (scanners.c.template, scanners.c.console, scanners.c.letters)
    return {(template, console): count for template, console, count in connection.execute(select(*columns))}


def in_turn(connection: Connection, registered: Mapping[Console, int]) -> None:
    """Readings of one console are recorded one after the other: two at the same moment see nothing of each other.

    To be asked before the study's row: who waits here keeps nobody from reading a study again.
    """
    for template, console in sorted(registered):
        which = (scanners.c.template == template, scanners.c.console == console)
        connection.execute(select(scanners.c.letters).where(*which).with_for_update()).all()


def grown(
    connection: Connection, study: str, registered: Mapping[Console, int], before: Mapping[Console, int], now: float
) -> None:
    """What waits is read again where a console's letters are better known than those that it was read with.

    study: whose reading this is. registered: how many glyphs were when it ended; before: as the records knew it when
    its job was made.
    """
    for (template, console), count in sorted(registered.items()):
        known = scanner_of(connection, template, console, now).letters
        which = (scanners.c.template == template, scanners.c.console == console)
        then = before.get((template, console), 0)
        if count > known or (count < known and known == then):  # else it is this reading that knows less
            connection.execute(update(scanners).where(*which).values(letters=count))
        if count > known:
            _read_waiting(connection, template, console, "", f"letters:{count}:{now:.0f}", now)
        elif known > then:  # who grew them looked for what waits, and did not see this study
            _read_waiting(connection, template, console, study, f"letters:{known}:{now:.0f}", now)


def _read_waiting(connection: Connection, template: str, console: str, study: str, cause: str, now: float) -> None:
    """Read again what waits for this console's letters. study: only that one; "" for all."""
    waiting = select(units.c.study).where(
        units.c.template == template,
        units.c.console == console,
        units.c.outcome == "needs_review",
        units.c.waiting.is_(True),
        units.c.study == study if study else literal(True),
    )
    studies.read_again(connection, list(connection.execute(waiting).scalars()), cause, now)


def scanner_of(connection: Connection, template: str, console: str, now: float) -> Row[tuple[object, ...]]:
    """The row of a template on a console, made where it is the first time."""
    which = (scanners.c.template == template, scanners.c.console == console)
    row = connection.execute(select(scanners).where(*which)).one_or_none()
    if row is None:
        with suppress(IntegrityError), connection.begin_nested():  # another worker may make it now
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

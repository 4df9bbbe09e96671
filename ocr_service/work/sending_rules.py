"""Since when the configuration's rules of sending hold, as the service saw them at its starts.

A destination that is new, or has new rules, is owed nothing that was read before it had them: the ledger asks here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import Connection, insert, select, update

from ocr_service.config import Config, Destination
from ocr_service.work.store import open_store
from ocr_service.work.tables import rules

EMIT = "emit"


def remember(config: Config, now: float) -> None:
    """Record rules that are new or were changed. now: seconds since 1970. StoreError."""
    store = open_store(config)
    try:
        with store.begin() as connection:
            known = _known(connection)
            for rule, told in _told(config).items():
                if rule not in known:
                    connection.execute(insert(rules).values(rule=rule, told=told, since=now))
                elif known[rule][0] != told:
                    connection.execute(update(rules).where(rules.c.rule == rule).values(told=told, since=now))
    finally:
        store.close()


def since(connection: Connection, config: Config) -> Mapping[str, float]:
    """Since when each rule of the configuration holds; one that no start of the service has seen yet is not there."""
    known, told = _known(connection), _told(config)
    return {rule: at for rule, (text, at) in known.items() if told.get(rule) == text}


def of_destination(name: str) -> str:
    """The name of a destination's rule."""
    return f"destination {name}"


def _known(connection: Connection) -> dict[str, tuple[str, float]]:
    return {row.rule: (row.told, row.since) for row in connection.execute(select(rules))}


def _told(config: Config) -> dict[str, str]:
    told = {of_destination(one.name): json.dumps(_chooses(one)) for one in config.destination}
    return told | {EMIT: json.dumps(sorted(config.reading.emit))}


def _chooses(one: Destination) -> list[list[str]]:
    return [sorted(one.calling_ae), sorted(one.station), sorted(one.manufacturer)]

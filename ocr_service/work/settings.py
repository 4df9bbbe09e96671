"""What the configuration says, as a file, and what is wrong with it that its text alone does not show.

Knows the configuration and the places it names; must not know what the service does with them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Item

from ocr_service import equipment
from ocr_service.config import Config
from ocr_service.errors import ConfigError, OcrServiceError, OutputError
from ocr_service.network.reaching import reach_pacs, reach_peer, reach_url
from ocr_service.network.tls import client_context, server_context
from ocr_service.work.audit_trail import read_trail
from ocr_service.work.spool import Spool
from ocr_service.work.store import Store, database_url

_SECRET = "**********"  # as pydantic writes one
_FALSE_IS_NONE = (("receiver", "port"), ("operation", "http_port"))  # whose absence would mean the default


def as_toml(config: Config) -> str:
    """All keys with what holds, as a file that says the same. Secrets, and keys that are not set, stand as comments."""
    told = config.model_dump(mode="json")
    document = tomlkit.document()
    _fill(document, told)
    return tomlkit.dumps(document)


def _fill(table: Any, told: Mapping[str, Any], section: str = "") -> None:
    """Plain values first: in TOML what follows a table's head belongs to it."""
    for key, value in told.items():
        if value is None and (section, key) in _FALSE_IS_NONE:
            table.add(key, False)
        elif value is None or value == "":
            table.add(tomlkit.comment(f"{key} is not set"))
        elif value == _SECRET:
            table.add(tomlkit.comment(f"{key} is set, and not shown"))
        elif not _is_table(value):
            table.add(key, value)
    for key, value in told.items():
        if isinstance(value, Mapping):
            inner = tomlkit.table()
            _fill(inner, value, key)
            table.add(key, inner)
        elif _is_table(value):
            table.add(key, _tables(value))


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and bool(value) and isinstance(value[0], Mapping))


def _tables(value: list[Mapping[str, Any]]) -> Item:
    found = tomlkit.aot()
    for one in value:
        inner = tomlkit.table()
        _fill(inner, one)
        found.append(inner)
    return found


def problems(config: Config) -> Iterator[str]:
    """A sentence on each thing that keeps the service from its work, without asking anyone else."""
    yield from _folders(config)
    try:
        equipment.library(config.templates)
    except OcrServiceError as error:
        yield f"templates: {error}"
    if config.receiver.tls is not None:
        try:
            server_context(config.receiver.tls)
        except ConfigError as error:
            yield str(error)
        if _is_open(config.receiver.tls.key):
            yield "receiver.tls.key: others than the service may read the private key: chmod 0600"
    if not config.receiver.allow:
        yield "receiver.allow: it is empty, so that nobody may send: add a [[receiver.allow]]"
    if not config.destination:
        more = ", and nothing of them is ever removed" if config.keeping.unacknowledged else ""
        yield f"destination: there is none, so that no report is sent anywhere{more}: add a [[destination]]"
    named = [(f"pacs {one.name}", one.tls) for one in config.pacs]
    named += [(f"destination {one.name}", one.tls) for one in config.destination]
    named += [("mpps.forward", config.mpps.forward.tls)] if config.mpps.forward is not None else []
    for name, tls in named:
        try:
            if tls is not None:
                client_context(tls)
        except ConfigError as error:
            yield f"{name}: tls: {error}"


def _folders(config: Config) -> Iterator[str]:
    folder = config.data
    try:
        there = next((one for one in (folder, *folder.absolute().parents) if one.exists()), folder)
    except OSError as error:
        yield f"data: the folder {folder} cannot be looked at: {error.strerror}"
        return
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield f"data: the folder {folder} cannot be written to: give it to the user that the service runs as"
        return
    try:
        full = Spool(there, config.keeping.minimum_free).full()
        if full:
            yield f"data: {full}"
        if (folder / "audit").is_dir():
            yield from (f"data: the audit trail: {sentence}" for sentence in read_trail(folder / "audit").faults)
    except OutputError as error:
        yield f"data: {error}"


def _is_open(key: Path) -> bool:
    """May everybody read it?"""
    try:
        return bool(key.stat().st_mode & 0o007)
    except OSError:
        return False


def unreachable(config: Config) -> Iterator[tuple[str, str]]:
    """Each peer and the database by name, and why it cannot be reached; "" where it can (C-ECHO, C-FIND, HTTP, SQL)."""
    yield "database", _database(config)
    ours = config.receiver.ae_title
    for pacs in config.pacs:
        yield f"pacs {pacs.name}", reach_pacs(pacs, ours)
    for one in config.destination:
        name = f"destination {one.name}"
        yield name, (reach_peer(one.peer, ours) if one.kind == "dicom" else reach_url(one))
    if config.mpps.forward is not None:
        yield "mpps.forward", reach_peer(config.mpps.forward, ours)


def _database(config: Config) -> str:
    if not config.database.get_secret_value():
        return ""  # a file below `data`
    store = Store(database_url(config))
    try:
        with store.begin(reading=True) as connection:
            connection.exec_driver_sql("SELECT 1")
    except OcrServiceError as error:
        return str(error)
    finally:
        store.close()
    return ""

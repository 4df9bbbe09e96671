"""The database: transactions that end well or not at all, and one that is away."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest
from sqlalchemy import insert, inspect

from ocr_service.config import Config
from ocr_service.errors import OutputError, StoreError
from ocr_service.work.store import Store, open_store
from ocr_service.work.tables import metadata, schema_version, withdrawn
from tests.work.stores import NOW, rows


def add(store: Store, glyph: str) -> None:
    with store.begin() as connection:
        connection.execute(insert(withdrawn).values(glyph=glyph, at=NOW))


def add_and_fail(store: Store) -> None:
    with store.begin() as connection:
        connection.execute(insert(withdrawn).values(glyph="a", at=NOW))
        raise OutputError("the disk is full")


def test_what_was_begun_and_failed_is_not_there(store):
    with pytest.raises(OutputError):
        add_and_fail(store)

    assert rows(store, withdrawn) == []


def test_who_comes_second_with_the_same_row_can_try_again(store):
    add(store, "a")

    with pytest.raises(StoreError, match="at the same time"):
        add(store, "a")


def test_a_database_that_is_away_is_a_store_error(tmp_path):
    for url in ("postgresql+psycopg://nobody@/none?host=/nonexistent", f"sqlite:///{tmp_path}/no/folder/db.sqlite"):
        store = Store(url)
        with pytest.raises(StoreError):
            add(store, "a")
        store.close()


def test_a_data_folder_that_cannot_be_made_is_a_store_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be made"):
        open_store(Config(data=tmp_path / "file"))


def test_tables_of_another_version_are_refused(store):
    with store.begin() as connection:
        connection.execute(schema_version.update().values(version=99))

    with pytest.raises(StoreError, match="version 99"):
        store.prepare()


def test_preparing_twice_keeps_what_is_there(store):
    add(store, "a")
    store.prepare()

    assert len(rows(store, withdrawn)) == 1
    assert len(rows(store, schema_version)) == 1


def test_machines_that_start_at_once_make_the_tables_once(store):
    with store.begin() as connection:
        metadata.drop_all(connection)
    several = [Store(store.engine.url.render_as_string(hide_password=False)) for _ in range(4)]
    together, faults = Barrier(len(several)), []

    def prepare(one: Store) -> None:
        together.wait()
        try:
            one.prepare()
        except StoreError as error:
            faults.append(str(error))
        one.close()

    threads = [Thread(target=prepare, args=(one,)) for one in several]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []
    assert len(rows(store, schema_version)) == 1
    with store.begin(reading=True) as connection:
        assert set(inspect(connection).get_table_names()) >= set(metadata.tables)

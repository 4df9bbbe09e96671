"""What a reading tells the records, whatever its headers say."""

from __future__ import annotations

from pathlib import Path

from ocr_service.work import reading, records, studies
from ocr_service.work.studies import Due
from ocr_service.work.tables import rests, scanners, units
from tests.work.stores import NOW, STUDY, add_object, add_study, desk, draft, row, rows, study_read, unit_read


def test_a_header_longer_than_its_vr_allows_fits_into_its_column(store, tmp_path: Path):
    long = reading._column("A\0" * 300)
    add_study(store)
    add_object(store, "1.1")
    its = desk(store, tmp_path, commissioning=1)
    with store.begin(reading=True) as connection:
        due = Due(STUDY, studies.digest_of(connection, STUDY), "quiet")
    told = unit_read(
        rdsr=draft(tmp_path / "drafts", "7.1"), scanner=long, console=long, station=long, manufacturer=long,
        rests=frozenset({"a" * 32}),
    )  # fmt: skip
    records.record(
        its, due, study_read(told, registered={("acme@1", long): 1}), tmp_path / "drafts", NOW, records.Before()
    )

    assert row(store, units).scanner == long == "A" * 200
    assert row(store, scanners).letters == 1
    assert len(rows(store, rests)) == 1


def test_letters_that_another_worker_writes_now_are_seen_the_next_time(tmp_path: Path):
    before = reading._stamps(tmp_path)
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "dose.font").write_text("a")
    (tmp_path / "acme" / "gone.font").symlink_to(tmp_path / "none")

    assert reading._stamps(tmp_path) != before

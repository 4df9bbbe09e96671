"""By whatever way a dose series comes to us, its RDSR is what `convert` makes of the same objects."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pydicom import Dataset

from ocr_service.work.tables import objects
from tests.service.hospital import converted, plain, run, saved, study_of, uid
from tests.service.town import Town, a_town
from tests.service.waiting import ENVIRONMENT, OURS

pytestmark = pytest.mark.dicom_tools


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with a_town(tmp_path_factory.mktemp("routes")) as told:
        yield told


@pytest.mark.parametrize("how", ["get", "move"])
@pytest.mark.parametrize("name", ["orthanc", "dcmqrscp"])
def test_a_sweep_brings_a_dose_series_that_never_came_to_us(name: str, how: str, town: Town, tmp_path: Path) -> None:
    told = plain(study_of("ge/two_pages", tmp_path))
    study = uid(told)
    town.archives(name, told)

    assert town.swept(f"{name}-{how}", study).kept == 2
    town.unit(study, "verified")
    assert town.reports(study) == [converted(told, tmp_path)]
    rows = town.service.objects(objects.c.study == study, objects.c.role == "screen")
    assert [row.state for row in rows] == ["in_use", "in_use"]

    again = town.swept(f"{name}-{how}", study)
    town.unit(study, "verified")
    assert again.kept == (1 if name == "orthanc" else 0), "our own report, which lies in that archive now"
    assert len(town.reports(study)) == 1
    assert town.swept(f"{name}-{how}", study).kept == 0


def storescu(town: Town, told: Sequence[Dataset], folder: Path, *options: str | Path) -> int:
    """Send by TLS; the exit code of DCMTK's storescu."""
    command = ["storescu", *options, "-aec", OURS, "127.0.0.1", town.tls, *saved(plain(told), folder / "tls")]
    return subprocess.run(
        [str(word) for word in command], capture_output=True, timeout=60, check=False, env=ENVIRONMENT
    ).returncode


def test_a_dose_series_comes_by_tls_from_whoever_has_a_certificate_of_ours(town: Town, tmp_path: Path) -> None:
    told = study_of("ge/comments_and_sequence", tmp_path)
    key, certificate = town.certificates.callers
    assert storescu(town, told, tmp_path, "+tls", key, certificate, "+cf", town.certificates.authority) == 0
    town.unit(uid(told), "verified")

    assert town.reports(uid(told)) == [converted(told, tmp_path)]


def test_nobody_without_such_a_certificate_gets_in(town: Town, tmp_path: Path) -> None:
    told, authority = study_of("ge/comments_and_sequence", tmp_path), town.certificates.authority
    key, certificate = town.certificates.strangers

    assert storescu(town, told, tmp_path, "+tla", "+cf", authority) != 0
    assert storescu(town, told, tmp_path, "+tls", key, certificate, "+cf", authority) != 0
    assert storescu(town, told, tmp_path) != 0
    sop_instance_uid = str(told[0].SOPInstanceUID)
    assert town.service.objects(objects.c.sop_instance_uid == sop_instance_uid) == []


def test_images_that_lie_in_the_archive_alone_are_asked_for_when_they_are_needed(town: Town, tmp_path: Path) -> None:
    told = study_of("ge/with_images", tmp_path)
    town.archives("orthanc", plain(told[1:]))
    study = town.takes(told[:1])
    town.unit(study, "verified")

    rows = town.service.objects(objects.c.study == study)
    assert any(row.via.startswith("context:") and row.role == "image" for row in rows)
    (ours,), wanted = town.reports(study), converted(told, tmp_path)
    assert ours.event_uids == wanted.event_uids
    assert ours.report == wanted.report


def test_the_scanners_own_report_that_lies_in_the_archive_alone_is_enough(town: Town, tmp_path: Path) -> None:
    page, native = study_of("ge/native_report", tmp_path)
    town.archives("orthanc", [native])
    study = town.takes([page])
    town.unit(study, "skipped")

    assert [one.ours for one in town.reports(study)] == [False]
    assert town.deliveries(study) == []


def test_storescu_sends_a_series_page_after_page(town: Town, tmp_path: Path) -> None:
    told = plain(study_of("ge/two_series", tmp_path))
    run("storescu", "-aec", OURS, "127.0.0.1", str(town.service.port), *saved(told, tmp_path / "pages"))
    town.unit(uid(told), "verified")

    assert town.reports(uid(told)) == [converted(told, tmp_path)]

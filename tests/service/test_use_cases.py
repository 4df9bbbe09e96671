"""The guideline's use cases, each with the whole service: exactly one dose report, whoever sends what and where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, build_context

from ocr_service.dose.report import Source
from ocr_service.study.mpps import MPPS
from tests.connections import socket_of
from tests.service.hospital import plain, sent, study_of, uid, uid_of
from tests.service.town import Town, a_town
from tests.service.waiting import OURS, until
from tests.study.steps import n_create, n_set, spiral_of

pytestmark = pytest.mark.dicom_tools


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with a_town(tmp_path_factory.mktemp("use-cases"), reading={"header_after": "2s"}) as told:
        yield told


def fetched_later(town: Town, told: list[Dataset], dose: list[Dataset]) -> None:
    """(1) Everything waits in the PACS, and a sweep finds it."""
    town.archives("orthanc", plain(told))
    town.swept("orthanc-get", uid(told))


def sent_to_both(town: Town, told: list[Dataset], dose: list[Dataset]) -> None:
    """(2) The modality sends to the PACS and to us."""
    town.archives("orthanc", plain(told))
    town.takes(told)


def by_a_gateway(town: Town, told: list[Dataset], dose: list[Dataset]) -> None:
    """(2') The modality sends to a gateway, and that one sends to the PACS, and to us in an encoding of its own."""
    town.archives("orthanc", plain(told))
    sent(town.service.port, plain(told), town.folder, "-aet", "GATEWAY")


def images_to_the_archive(town: Town, told: list[Dataset], dose: list[Dataset]) -> None:
    """(3) Images go to the PACS and dose objects to us."""
    images = [ds for ds in told if ds not in dose]
    if images:
        town.archives("orthanc", plain(images))
    town.takes(dose)


@pytest.mark.parametrize(
    ("folder", "ours", "natives"),
    [("ge/with_images", 1, 0), ("ge/native_report", 0, 1)],
    ids=["screens", "screens and the scanner's own report"],
)
@pytest.mark.parametrize("case", [fetched_later, sent_to_both, by_a_gateway, images_to_the_archive])
def test_each_use_case_ends_with_exactly_one_dose_report(
    case: Callable[..., None], folder: str, ours: int, natives: int, town: Town, tmp_path: Path
) -> None:
    told = study_of(folder, tmp_path)
    dose = [ds for ds in told if ds.Modality == "SR" or str(ds.SOPClassUID).startswith("1.2.840.10008.5.1.4.1.1.7")]
    if case is not images_to_the_archive or not natives:
        case(town, told, dose)
    else:  # the scanner's report goes to the PACS with the images
        case(town, told, dose[:1])
    study = uid(told)
    town.unit(study, "verified" if ours else "skipped")

    held = town.reports(study)
    assert [one.ours for one in held] == [True] * ours + [False] * natives
    assert all(one.predecessors == () for one in held)
    assert len(town.deliveries(study)) == ours


# Linked orders ---------------------------------------------------------------------------------------------


def of_another_study(told: list[Dataset], **header: Any) -> list[Dataset]:
    """The same pages once more, under the study of a linked order."""
    linked = deepcopy(told)
    for ds in linked:
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            setattr(ds, keyword, uid_of(getattr(ds, keyword), "linked"))
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        for keyword, value in header.items():
            setattr(ds, keyword, value)
    return linked


def test_an_examination_under_two_linked_orders_is_reported_once(town: Town, tmp_path: Path) -> None:
    told = study_of("ge/scout_and_helical", tmp_path)
    first, second = town.takes(told), uid(linked := of_another_study(told, AccessionNumber="9"))
    town.unit(first, "verified")
    town.takes(linked)
    unit = town.unit(second, "skipped")

    assert len(town.reports(first)) == 1
    assert town.reports(second) == []
    assert first in unit.report


def test_the_same_page_under_two_patients_needs_a_person_in_both_studies(town: Town, tmp_path: Path) -> None:
    told = study_of("ge/scout_and_helical", tmp_path)
    first = town.takes(told)
    town.unit(first, "verified")
    second = town.takes(of_another_study(told, IssuerOfPatientID="another hospital"))

    town.unit(second, "needs_review")
    town.unit(first, "needs_review")
    assert town.reports(second) == []


# Procedure steps -------------------------------------------------------------------------------------------


def step(town: Town, *requests: Dataset, step: str) -> None:
    """The console tells us of a procedure step: an N-CREATE first, then N-SETs."""
    contexts = [build_context(MPPS, ImplicitVRLittleEndian)]
    assoc = AE("CT1").associate("127.0.0.1", town.service.port, contexts=contexts, ae_title=OURS)
    assert assoc.is_established
    connection = socket_of(assoc)
    for number, request in enumerate(requests):
        request = deepcopy(request)
        del request.file_meta
        status, _ = (assoc.send_n_set if number else assoc.send_n_create)(request, MPPS, step)
        assert status.Status == 0x0000
    assoc.release()
    connection.close()


def test_a_procedure_step_supplies_what_a_report_of_images_lacks(town: Town, tmp_path: Path) -> None:
    told = study_of("ge/header_only", tmp_path)
    study, name = uid(told), uid_of("step", tmp_path)
    (exposure,) = {str(ds.CTDIvol) for ds in told if "CTDIvol" in ds and ds.ImageType[2] == "AXIAL"}
    town.takes(told)
    first = town.unit(study, "header")
    last = n_set(spiral_of(float(exposure), "321.0"), step=name)
    step(town, n_create(step=name, study=study), last, step=name)
    until(lambda: town.units(study)[0].read_at > first.read_at, "another reading")
    town.unit(study, "header")

    images, both = town.reports(study)
    assert Source.MPPS_CONTENT not in images.sources
    assert Source.MPPS_CONTENT in both.sources
    assert [event.dlp.value for event in both.report.events if event.dlp] == [Decimal("321.0")]
    assert both.predecessors == (images.sop_instance_uid,)
    assert both.event_uids == images.event_uids


@pytest.mark.parametrize(("ctdivol", "outcome"), [(17.96, "verified"), (33.3, "needs_review")])
def test_a_finished_procedure_step_speaks_for_or_against_a_page_that_came_before_it(
    ctdivol: float, outcome: str, town: Town, tmp_path: Path
) -> None:
    study, name = town.takes(study_of("ge/scout_and_helical", tmp_path)), uid_of("step", tmp_path)
    first = town.unit(study, "verified")
    last = n_set(spiral_of(ctdivol, "742.38"), step=name)
    step(town, n_create(step=name, study=study), last, step=name)
    until(lambda: town.units(study)[0].read_at > first.read_at, "another reading")

    town.unit(study, outcome)
    assert len(town.reports(study)) == 1


def test_a_procedure_step_that_came_before_its_page_is_known_when_the_page_comes(town: Town, tmp_path: Path) -> None:
    told, name = study_of("ge/scout_and_helical", tmp_path), uid_of("step", tmp_path)
    last = n_set(spiral_of(33.3, "742.38"), step=name)
    step(town, n_create(step=name, study=uid(told)), last, step=name)
    town.takes(told)

    town.unit(uid(told), "needs_review")
    assert town.reports(uid(told)) == []

"""The guideline's use cases, as far as they fetch: which objects come from a real archive, by C-GET and by C-MOVE.

(1) dose reports and dose screens wait in the archive and are fetched later; (2) the modality sends to the archive and
to us, or (2') a gateway does; (3) images go to the archive, dose objects to us, and images are fetched when needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from ocr_service.config import Pacs
from ocr_service.network.arrivals import Arrival
from ocr_service.network.retriever import context_of_study
from ocr_service.network.sweep import Accessions, Days, sweep, swept
from ocr_service.templates.library import Library
from tests.network import archives
from tests.network.archives import OURS, Archive, Kept, at_once, plainly, receiving, samples, sent, shipped

pytestmark = pytest.mark.dicom_tools
SCREEN_AND_IMAGES = "ge/with_images"
SCREEN_AND_REPORT = "ge/native_report"
TWO_PAGES = "ge/two_pages"
OF_OTHER_MAKERS = ("siemens/no_total", "philips/exam_summary", "toshiba/stacked", "other/unknown_maker")
IMAGES_ONLY = "ge/header_only"
EVERYTHING = (SCREEN_AND_IMAGES, SCREEN_AND_REPORT, TWO_PAGES, *OF_OTHER_MAKERS, IMAGES_ONLY)
SR, SC, CT = "1.2.840.10008.5.1.4.1.1.88.67", "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.2"


@dataclass(frozen=True)
class Real:
    """A real archive with all objects in it, and which it is."""

    name: str
    archive: Archive
    library: Library

    def pacs(self, retrieve: str, **told: object) -> Pacs:
        return self.archive.pacs(retrieve=retrieve, **told)


@pytest.fixture(scope="module", params=["orthanc", "dcmqrscp"])
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    folder = tmp_path_factory.mktemp(request.param)
    files = samples(*EVERYTHING)
    with getattr(archives, request.param)(folder) as archive:
        # dcmqrscp takes no compressed objects by its shipped configuration
        sent(archive.port, files if request.param == "orthanc" else plainly(files, folder))
        yield Real(request.param, archive, shipped())


def headers(folder: str) -> list[Dataset]:
    return [dcmread(file, stop_before_pixels=True) for file in samples(folder)]


def of(folder: str, *classes: str) -> set[str]:
    return {str(ds.SOPInstanceUID) for ds in headers(folder) if not classes or ds.SOPClassUID in classes}


def day(folder: str) -> Days:
    on = date.fromisoformat(headers(folder)[0].StudyDate)
    return Days(on, on)


def arrived(files: list[Path], calling_ae: str) -> Kept:
    """What a modality or a gateway sent to our receiver."""
    kept = Kept()
    for file in files:
        ds = dcmread(file, stop_before_pixels=True)
        syntax = str(ds.file_meta.TransferSyntaxUID)
        kept.keep(Arrival((file.read_bytes(),), ds.SOPClassUID, ds.SOPInstanceUID, syntax, calling_ae, "10.0.0.7"))
    return kept


both = pytest.mark.parametrize("retrieve", ["get", "move"])


@both
def test_1_reports_and_screens_that_wait_in_the_archive_are_fetched_later(real: Real, retrieve: str) -> None:
    kept = Kept()
    with receiving(real.archive.our_port, kept):
        pacs = real.pacs(retrieve, context=True)
        for folder in (SCREEN_AND_REPORT, TWO_PAGES):
            total = swept(sweep(pacs, OURS, real.library, kept, kept, day(folder), at_once()))
            assert (total.studies, total.faults, total.not_done) == (1, 0, 0)
    assert set(kept.arrivals) == of(SCREEN_AND_REPORT) | of(TWO_PAGES)
    assert kept.again == []
    assert {one.via for one in kept.arrivals.values()} == {"fetch:archive" if retrieve == "get" else "c-store"}


@pytest.mark.parametrize("folder", OF_OTHER_MAKERS)
def test_1_the_screens_of_every_maker_are_found(real: Real, folder: str) -> None:
    kept = Kept()
    wanted = {str(ds.SOPInstanceUID) for ds in headers(folder) if real.library.companion(ds) is None}
    total = swept(sweep(real.pacs("get"), OURS, real.library, kept, kept, day(folder), at_once()))
    assert wanted <= set(kept.arrivals) <= of(folder)
    assert total.faults == 0


@both
def test_1_what_is_fetched_is_the_object_as_it_was_sent(real: Real, retrieve: str) -> None:
    kept = Kept()
    with receiving(real.archive.our_port, kept):
        swept(sweep(real.pacs(retrieve), OURS, real.library, kept, kept, day(TWO_PAGES), at_once()))
    for file in samples(TWO_PAGES):
        ds = dcmread(file)
        arrival = kept.arrivals[ds.SOPInstanceUID]
        came = dcmread(BytesIO(b"".join(arrival.encoded)))
        assert came.file_meta.TransferSyntaxUID == arrival.transfer_syntax_uid
        if real.name == "orthanc":  # the other one was given them without compression
            assert came == ds
        assert (came.pixel_array == ds.pixel_array).all()


@pytest.mark.parametrize("sender", ["CT01", "GATEWAY"], ids=["2 modality", "2' gateway"])
def test_2_what_was_sent_to_us_too_is_not_fetched_again_and_what_was_lost_is(real: Real, sender: str) -> None:
    kept = arrived(samples(TWO_PAGES)[:1] + samples(SCREEN_AND_REPORT), sender)
    lost = of(TWO_PAGES) - set(kept.arrivals)
    for folder in (TWO_PAGES, SCREEN_AND_REPORT):
        swept(sweep(real.pacs("get", context=True), OURS, real.library, kept, kept, day(folder), at_once()))
    assert {uid for uid, one in kept.arrivals.items() if one.via == "fetch:archive"} == lost
    assert kept.again == []


@both
def test_3_images_are_fetched_when_a_unit_needs_them(real: Real, retrieve: str) -> None:
    screens = [file for file in samples(SCREEN_AND_IMAGES) if dcmread(file, stop_before_pixels=True).SOPClassUID == SC]
    kept = arrived(screens, "CT01")
    study = headers(SCREEN_AND_IMAGES)[0].StudyInstanceUID
    with receiving(real.archive.our_port, kept):
        told = context_of_study(real.pacs(retrieve), OURS, study, real.library, kept, kept.had)
    assert told.why == ()
    if real.name == "orthanc":  # its answers tell what the headers would: no image moves
        assert {str(ds.SOPInstanceUID) for ds in told.headers} == of(SCREEN_AND_IMAGES, CT)
        assert told.kept == ()
    else:
        assert len(told.kept) == 3
        assert set(told.kept) <= of(SCREEN_AND_IMAGES, CT)
        assert set(told.kept) <= set(kept.arrivals)


@both
def test_3_a_unit_hears_of_the_native_report_in_the_archive(real: Real, retrieve: str) -> None:
    screens = [file for file in samples(SCREEN_AND_REPORT) if dcmread(file, stop_before_pixels=True).SOPClassUID == SC]
    kept = arrived(screens, "CT01")
    study = headers(SCREEN_AND_REPORT)[0].StudyInstanceUID
    with receiving(real.archive.our_port, kept):
        told = context_of_study(real.pacs(retrieve), OURS, study, real.library, kept, kept.had)
    assert (set(told.kept), told.why) == (of(SCREEN_AND_REPORT, SR), ())


def test_studies_without_any_screen_give_a_few_images_where_that_is_asked(real: Real) -> None:
    kept = Kept()
    asked = sweep(
        real.pacs("get", context=True), OURS, real.library, kept, kept, day(IMAGES_ONLY), at_once(),
        without_screens=True,
    )  # fmt: skip
    assert swept(asked).faults == 0
    assert {3} <= {len(set(kept.arrivals) & series) for series in _series(IMAGES_ONLY)}


def _series(folder: str) -> list[set[str]]:
    told = headers(folder)
    return [
        {str(ds.SOPInstanceUID) for ds in told if ds.SeriesInstanceUID == series}
        for series in {ds.SeriesInstanceUID for ds in told}
    ]


@pytest.mark.parametrize("root", ["study", "patient"])
@both
def test_both_information_models_find_a_study_by_its_accession_number(real: Real, retrieve: str, root: str) -> None:
    kept = Kept()
    number = str(headers(TWO_PAGES)[0].AccessionNumber)
    with receiving(real.archive.our_port, kept):
        pacs = real.pacs(retrieve, root=root, context=True)
        swept(sweep(pacs, OURS, real.library, kept, kept, Accessions((number,)), at_once()))
    assert set(kept.arrivals) == of(TWO_PAGES)

"""What a person decided, as a document: who answers for it, what was typed, and later than the one before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydicom.dataset import Dataset

from ocr_service.dose.corrections import confirmed, corrected, parse_correction
from ocr_service.dose.report import CTAcquisitionType, Source
from ocr_service.rdsr import codes
from ocr_service.rdsr.document import VerifyingObserver, rdsr
from ocr_service.rdsr.identity import PriorReport, identified
from ocr_service.rdsr.parse import decode, parse
from ocr_service.rdsr.sop import encode
from ocr_service.rdsr.tree import Node
from tests.rdsr.reports import FROM_HEADERS, ONE_SPIRAL, STUDY, TO_REVIEW, TWO_PHANTOMS, source
from tests.rdsr.test_consumers import JUDGED, run, tool

PERSON = VerifyingObserver("Tanaka^Ichiro", "not stated", "20200312081500")
TYPED = tuple(
    parse_correction(text)
    for text in ("2.dlp=130.1", "3.phantom=body", "3.dlp=12.0", "1.acquisition_type=sequenced", "dlp_total=142.1")
)
DECIDED = confirmed(corrected(replace(TO_REVIEW, missing=()), TYPED))


def after(moment: str, *, person: VerifyingObserver | None = None, **header: object) -> Dataset:
    """A report that takes the place of one whose content is of this moment."""
    prior = PriorReport(STUDY, "1.2.3", "1.2.3.4", 1, (), moment)
    return rdsr(ONE_SPIRAL, source(**header), verified=True, predecessor=prior, verifying_observer=person)


def content(ds: Dataset) -> tuple[str, str]:
    return ds.ContentDate, ds.ContentTime


def test_the_person_who_decided_answers_for_the_report():
    ds = rdsr(DECIDED, source(), verified=True, verifying_observer=PERSON)
    (observer,) = ds.VerifyingObserverSequence

    assert (ds.CompletionFlag, ds.VerificationFlag) == ("COMPLETE", "VERIFIED")
    assert (observer.VerifyingObserverName, observer.VerifyingOrganization) == ("Tanaka^Ichiro", "not stated")
    assert observer.VerificationDateTime == "20200312081500"
    assert content(ds) == ("20200312", "081500")


def test_what_was_typed_is_read_back_as_typed_and_what_was_confirmed_as_read():
    ds = decode(encode(rdsr(DECIDED, source(), verified=True, verifying_observer=PERSON)))
    told = parse(ds)
    _, spiral, axial = told.report.events

    assert (told.verified, told.complete, told.sources) == (True, True, (Source.MANUAL, Source.READ_FROM_SCREEN))
    for reading, text, source_of in (
        (spiral.mean_ctdivol, "17.20", Source.READ_FROM_SCREEN),
        (spiral.dlp, "130.1", Source.MANUAL),
        (axial.dlp, "12.0", Source.MANUAL),
        (axial.phantom, "113691", Source.MANUAL),
        (told.report.dlp_total, "142.1", Source.MANUAL),
    ):
        assert reading is not None
        assert (reading.text, reading.source, reading.proven) == (text, source_of, True)
    assert "Unproven" not in "".join(node.text(codes.COMMENT) for node in Node(ds).all(codes.CT_ACQUISITION))


@pytest.mark.dicom_tools
@pytest.mark.parametrize(("report", "partial"), [(DECIDED, False), (confirmed(FROM_HEADERS), True)])
def test_validators_accept_a_corrected_report(report, partial, tmp_path):
    first = rdsr(TO_REVIEW, source(), verified=False)
    ds = rdsr(report, source(), verified=True, verifying_observer=PERSON, predecessor=parse(first).prior)
    file = tmp_path / "document.dcm"
    file.write_bytes(encode(ds))
    verified, dumped = run([tool("dciodvfy"), "-new", str(file)]), run([tool("dsrdump"), str(file)])
    lines = (verified.stdout + verified.stderr).splitlines()

    assert "XRayRadiationDoseSR" in lines
    assert [line for line in lines if line.startswith(("Error", "Warning"))] == []
    assert dumped.returncode == 0
    assert [line for line in dumped.stderr.splitlines() if line not in JUDGED] == []
    assert (ds.VerificationFlag, parse(ds).attested) == ("UNVERIFIED" if partial else "VERIFIED", True)


def test_who_confirms_a_partial_report_attests_to_it_and_verifies_nothing():
    """Only a complete document can be VERIFIED."""
    ds = rdsr(confirmed(FROM_HEADERS), source(), verified=True, verifying_observer=PERSON)
    (person,) = ds.ParticipantSequence

    assert (ds.CompletionFlag, ds.VerificationFlag) == ("PARTIAL", "UNVERIFIED")
    assert "VerifyingObserverSequence" not in ds
    assert (person.ParticipationType, person.PersonName) == ("ATTEST", "Tanaka^Ichiro")
    assert person.ParticipationDateTime == "20200312081500"
    assert not parse(rdsr(FROM_HEADERS, source(), verified=False)).attested


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("20200310103000", ("20200310", "103001")),  # as old as the source
        ("20200310102959", ("20200310", "103000")),  # a second older: the source's own
        ("20200310102959.5", ("20200310", "103000.500000")),
        ("20200310235959", ("20200311", "000000")),
        ("202003101031", ("20200310", "103101")),
        ("20200310", ("20200310", "103000")),
        ("20191231235959", ("20200310", "103000")),
        ("99991231235959", ("20200310", "103000")),  # nothing is later
        ("", ("20200310", "103000")),
        ("yesterday", ("20200310", "103000")),
    ],
)
def test_a_corrected_report_is_at_least_a_second_later_than_the_one_before(before, now):
    ds = after(before)

    assert content(ds) == now
    assert (ds.SeriesDate, ds.SeriesTime) == now


def test_a_persons_moment_counts_unless_the_report_before_is_later():
    assert content(after("20200310103000", person=PERSON)) == ("20200312", "081500")
    assert content(after("20200312081500", person=PERSON)) == ("20200312", "081501")


def test_a_persons_moment_is_written_in_the_time_zone_of_the_document():
    person = replace(PERSON, moment="20200312001500+0100")
    told = rdsr(ONE_SPIRAL, source(TimezoneOffsetFromUTC="-0500"), verified=True, verifying_observer=person)

    assert content(told) == ("20200311", "181500")
    assert told.VerifyingObserverSequence[0].VerificationDateTime == "20200312001500+0100"
    assert content(rdsr(ONE_SPIRAL, source(), verified=True, verifying_observer=person)) == ("20200312", "001500")


def test_reports_that_correct_each_other_get_later_and_later():
    first = rdsr(TO_REVIEW, source(), verified=False)
    second = rdsr(TWO_PHANTOMS, source(), verified=True, predecessor=parse(first).prior)
    third = rdsr(DECIDED, source(), verified=True, predecessor=parse(second).prior)

    assert [content(ds)[1] for ds in (first, second, third)] == ["103000", "103001", "103002"]
    assert "SeriesDate" not in first
    assert len({ds.SeriesInstanceUID for ds in (first, second, third)}) == 1


def test_an_event_whose_type_a_person_mended_stays_the_same_event():
    """Else an importer counts it twice. Two types that the screen told are two events."""
    first = parse(rdsr(TWO_PHANTOMS, source(), verified=True))
    mended = corrected(TWO_PHANTOMS, [parse_correction("2.acquisition_type=sequenced")])
    read = mended.events[1].acquisition_type
    assert read is not None
    other = replace(mended.events[1], acquisition_type=replace(read, source=Source.READ_FROM_SCREEN))
    otherwise = replace(mended, events=(mended.events[0], other, mended.events[2]))

    def uids(report):
        return [event.irradiation_event_uid for event in identified(report, known=first.known_events).events]

    assert read.value is CTAcquisitionType.SEQUENCED
    assert uids(mended) == list(first.event_uids)
    assert uids(otherwise)[1] != first.event_uids[1]

"""Coded concepts are those of PS3.16."""

from __future__ import annotations

from pydicom.sr.codedict import codes as dictionary

from ocr_service.dose.report import CodedConcept, CTAcquisitionType, Phantom, Source
from ocr_service.rdsr import codes


def all_concepts() -> set[CodedConcept]:
    found = {value for value in vars(codes).values() if isinstance(value, CodedConcept)}
    for group in (codes.ACQUISITION_TYPES, codes.PHANTOMS, codes.SOURCES):
        found |= set(group.values())
    return found | {concept for pair in codes.SCOPES.values() for concept in pair}


def of_dictionary(scheme: str) -> dict[str, str]:
    collection = getattr(dictionary, scheme)
    return {concept.value: concept.meaning for concept in map(collection.__getattr__, collection.dir())}


def test_every_dicom_code_has_the_meaning_that_the_standard_gives_it():
    known = of_dictionary("DCM")
    ours = {concept.value: concept.meaning for concept in all_concepts() if concept.scheme == "DCM"}

    assert ours == {value: known.get(value) for value in ours}


def test_every_snomed_code_is_known_to_the_dictionary_and_none_is_srt():
    known = of_dictionary("SCT")
    ours = {concept.value for concept in all_concepts() if concept.scheme == "SCT"}

    assert ours <= set(known)
    assert {concept.scheme for concept in all_concepts()} == {"DCM", "SCT", "UCUM"}


def test_the_values_of_the_domain_are_the_code_values_of_their_context_groups():
    for values, concepts in (
        (CTAcquisitionType, codes.ACQUISITION_TYPES),
        (Phantom, codes.PHANTOMS),
        (Source, codes.SOURCES),
    ):
        assert {value.value: value for value in values} == {c.value: value for value, c in concepts.items()}


def test_a_stationary_ct_acquisition_is_not_the_one_of_projection_xray():
    assert codes.ACQUISITION_TYPES[CTAcquisitionType.STATIONARY].value == "113806"
    assert dictionary.DCM.StationaryAcquisition.value == "113611"

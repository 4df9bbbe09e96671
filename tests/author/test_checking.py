"""A template proves itself: its examples are read as their author says, and what it refuses it does not read."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import Dataset

from ocr_service.author.checking import Proof, prove_template
from ocr_service.errors import NotDicom, TemplateError
from ocr_service.templates.library import Library
from tests.author.typed import EXAMPLE, PAGE, TEMPLATE, library, readers, screen


def proofs(
    folder: Path, more: str, blind: tuple[str, ...] = (), words=PAGE, made: Library | None = None
) -> list[Proof]:
    """Prove the template by a page that lies beside it."""
    home = folder / "templates"
    loaded = made or library(home, TEMPLATE + more)
    (home / "page.dcm").touch()
    template = next(template for template in loaded.templates if template.name == "acme")
    return list(prove_template(template, loaded, (home,), readers(words, blind), lambda path: screen(words)))


def differences(folder: Path, more: str, **how) -> tuple[str, ...]:
    (proof,) = proofs(folder, more, **how)
    return proof.differences


def test_an_example_that_is_read_as_expected_proves_its_template(tmp_path):
    (proof,) = proofs(tmp_path, EXAMPLE)

    assert proof.differences == ()
    assert proof.score is not None
    assert (proof.score.values, proof.score.proven, proof.score.wrong) == (9, 9, 0)


def test_each_difference_is_one_sentence(tmp_path):
    more = EXAMPLE.replace("[spiral, 12, 345, body]", "[sequenced, 13, 345, body]").replace("1024", "1025")
    (proof,) = proofs(tmp_path, more)

    assert proof.differences == (
        "page: dlp_total should be 1025, and 1024 was read, proven",
        "row 1: acquisition_type should be sequenced, and spiral was read, proven",
        "row 1: mean_ctdivol should be 13, and 12 was read, proven",
    )
    assert proof.score is not None
    assert proof.score.wrong == 3


def test_a_wrong_value_that_nobody_proved_is_no_wrong_value_of_the_promise(tmp_path):
    (proof,) = proofs(
        tmp_path, EXAMPLE.replace("48", "49").replace("file:", "outcome: needs_review\n    file:"), ("48",)
    )

    assert proof.differences == ("row 2: mean_ctdivol should be 49, and 48 was read, not proven",)
    assert proof.score is not None
    assert (proof.score.proven, proof.score.wrong) == (8, 0)


def test_a_lost_row_counts_with_all_of_its_values(tmp_path):
    (proof,) = proofs(tmp_path, EXAMPLE + "      - [spiral, 5, 55, -]\n")

    assert proof.differences[0] == "3 rows are expected, 2 were read"
    assert "row 3: dlp should be 55, and - was read" in proof.differences
    assert proof.score is not None
    assert (proof.score.values, proof.score.wrong) == (12, 3)


def test_a_page_that_ends_otherwise_says_how_and_why(tmp_path):
    (sentence,) = differences(tmp_path, EXAMPLE, blind=("48",))

    assert sentence.startswith("it should end as verified, and ends as needs review: mean_ctdivol of row 2")


def test_an_example_read_by_another_template_is_no_proof(tmp_path):
    special = TEMPLATE.replace("revision: 1", "revision: 2").replace("match: {", "match: {Rows: '256', ")
    library(tmp_path / "templates", special, "other")
    made = library(tmp_path / "templates", TEMPLATE + EXAMPLE)
    (proof,) = proofs(tmp_path, "", made=made)

    assert proof.differences[0] == "it was read by other r2"


def test_a_template_without_an_example_is_not_proven(tmp_path):
    assert differences(tmp_path, "") == ("no example proves this template: add one with file and rows",)


def test_the_file_of_an_example_may_lie_in_the_folder_of_samples(tmp_path):
    (tmp_path / "sample_sc" / "acme").mkdir(parents=True)
    (tmp_path / "sample_sc" / "acme" / "one.dcm").touch()

    assert differences(tmp_path, EXAMPLE.replace("page.dcm", "acme/one.dcm")) == ()


def test_without_the_folder_of_samples_shipped_templates_are_skipped_and_a_sites_own_fail(tmp_path):
    more = EXAMPLE.replace("page.dcm", "acme/one.dcm")
    (shipped,) = proofs(tmp_path, more)
    (tmp_path / "sample_sc").mkdir()
    (own,) = proofs(tmp_path, more)

    assert (shipped.at_hand, shipped.differences) == (False, ())
    assert own.differences == (
        "the file lies neither beside the template nor in the folder sample_sc beside the templates",
    )


def test_a_screen_that_a_template_refuses_and_reads_is_a_difference(tmp_path):
    refused = proofs(tmp_path, EXAMPLE + "refuses: page.dcm\n")[1]
    without_total = tuple(word for word in PAGE if word[2] != "Total")
    kept = proofs(tmp_path, "refuses: page.dcm\n", words=without_total)[1]

    assert refused.differences == ("the template reads this screen, and must not",)
    assert kept.differences == ()


def test_a_file_that_is_no_dicom_is_a_difference_and_no_traceback(tmp_path):
    def refuse(path: Path) -> Dataset:
        raise NotDicom("the file is no DICOM file")

    home = tmp_path / "templates"
    loaded = library(home, TEMPLATE + EXAMPLE + "refuses: page.dcm\n")
    (home / "page.dcm").touch()
    found = list(prove_template(loaded.templates[0], loaded, (home,), readers(), refuse))

    assert [proof.differences for proof in found] == [("the file is no DICOM file",)] * 2


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("[spiral, 12, 345]", "the row has 3 texts; it needs 4 texts: acquisition_type, mean_ctdivol, dlp, phantom"),
        ("[spiral, 12, 345, body, 120]", "the row has 5 texts"),
    ],
)
def test_a_row_that_does_not_fill_the_columns_is_refused_with_its_line(tmp_path, wrong, sentence):
    text = TEMPLATE + EXAMPLE.replace("[spiral, 12, 345, body]", wrong)
    line = next(number for number, words in enumerate(text.splitlines(), 1) if wrong in words)
    with pytest.raises(TemplateError) as raised:
        library(tmp_path, text)

    assert raised.value.line == line
    assert sentence in str(raised.value)


def test_an_example_may_name_the_columns_it_states(tmp_path):
    more = """examples:
  - file: [page.dcm, page.dcm]
    columns: [dlp, acquisition_type]
    rows: [[345, spiral], [679, sequenced]]
"""
    assert differences(tmp_path, more) == ()

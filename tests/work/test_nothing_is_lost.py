"""Whatever lies in a folder ends in a line or a count, and what is broken costs only itself."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import UID, ExplicitVRLittleEndian, MediaStorageDirectoryStorage, RLELossless

from ocr_service.errors import UsageError
from ocr_service.templates.library import Library
from ocr_service.work import archive, lines
from ocr_service.work.inventory import Inventory
from tests.study.headers import spiral
from tests.work import consoles

EVERYTHING = frozenset({"verified", "header", "review"})
LOST = "an object of this study could not be read: what is on it is not known"
FIRST = (("2", "Helical", "11.20", "498.4", "Body"),)
MORE = (*FIRST, ("3", "Axial", "4.10", "61.3", "Head"))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return consoles.library(tmp_path_factory.mktemp("templates"))


def converted(paths: list[Path], library: Library, out: Path) -> tuple[Inventory, list[dict[str, Any]]]:
    stock, endings = archive.convert(paths, library, consoles.readers(), out, EVERYTHING)
    return stock, [lines.as_json(ending) for ending in endings]


def outcomes(told: list[dict[str, Any]]) -> list[str]:
    return [one["outcome"] for one in told]


def doubts(one: dict[str, Any]) -> list[str]:
    return [finding["sentence"] for finding in one["findings"] if finding["kind"] == "doubt"]


def cut(path: Path, share: float = 0.7) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


# Broken objects --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_a_page_cut_off_is_a_line_of_its_own_and_a_doubt_of_the_others(syntax, library, tmp_path):
    for number, rows, total in ((1, FIRST, ""), (2, MORE, "559.7"), (3, MORE, "559.7")):
        page = consoles.screen(number, pixels=consoles.drawn(rows, total))
        consoles.saved(page, tmp_path / "in" / f"{number}.dcm", syntax)
    cut(tmp_path / "in" / "1.dcm")
    _, told = converted([tmp_path / "in"], library, tmp_path / "out")

    assert outcomes(told) == ["unreadable", "needs_review"]
    assert told[0]["sop_instance_uids"] == [f"{consoles.ROOT}.1.1.1"]
    assert told[0]["study_instance_uid"] == told[1]["study_instance_uid"] == f"{consoles.ROOT}.1"
    assert told[1]["sop_instance_uids"] == [f"{consoles.ROOT}.1.1.2", f"{consoles.ROOT}.1.1.3"]
    assert LOST in doubts(told[1])
    assert [event["dlp"] for event in told[1]["events"]] == ["498.4", "61.3"]


def test_a_header_cut_off_never_gives_a_shorter_uid(library, tmp_path):
    consoles.saved(consoles.screen(), tmp_path / "in" / "1.dcm")
    content = (tmp_path / "in" / "1.dcm").read_bytes()
    study = content.index(f"{consoles.ROOT}.1".encode(), content.index(b"\x20\x00\x0d\x00"))
    (tmp_path / "in" / "1.dcm").write_bytes(content[: study + len(consoles.ROOT)])
    _, told = converted([tmp_path / "in"], library, tmp_path / "out")

    assert outcomes(told) == ["unreadable"]
    assert told[0]["study_instance_uid"] is None
    assert told[0]["sop_instance_uids"] == [f"{consoles.ROOT}.1.1.1"]
    assert doubts(told[0]) == ["the file ends in the middle of the object"]


def test_a_damaged_frame_is_a_line_of_its_own_too(library, tmp_path):
    for number in (1, 2):
        consoles.saved(consoles.screen(number), tmp_path / "in" / f"{number}.dcm")
    absurd = consoles.screen(3, Rows=65535, Columns=65535)
    consoles.saved(absurd, tmp_path / "in" / "3.dcm")
    _, told = converted([tmp_path / "in"], library, tmp_path / "out")

    assert outcomes(told) == ["unreadable", "needs_review"]
    assert told[0]["sop_instance_uids"] == [f"{consoles.ROOT}.1.1.3"]


def test_a_broken_image_leaves_the_page_verified_for_it_is_no_page(library, tmp_path):
    consoles.saved(consoles.screen(), tmp_path / "in" / "page.dcm")
    image = spiral(places=range(1))[0]
    image.StudyInstanceUID = f"{consoles.ROOT}.1"
    consoles.saved(image, tmp_path / "in" / "image.dcm")
    content = (tmp_path / "in" / "image.dcm").read_bytes()
    at = content.index(b"\x20\x00\x52\x00UI")
    (tmp_path / "in" / "image.dcm").write_bytes(content[: at + 12])
    _, told = converted([tmp_path / "in"], library, tmp_path / "out")

    assert outcomes(told) == ["unreadable", "verified"]
    assert "an object of this study, no dose screen by its header, could not be read" in [
        finding["sentence"] for finding in told[1]["findings"]
    ]


def test_a_page_that_names_no_study_is_nobodys(library, tmp_path):
    for number, uid in enumerate(("", "../../x", "Doe^Jane")):
        consoles.saved(consoles.screen(number), tmp_path / "in" / f"{number}.dcm")
        content = (tmp_path / "in" / f"{number}.dcm").read_bytes()
        old = f"{consoles.ROOT}.1".encode()
        at = content.index(old, content.index(b"\x20\x00\x0d\x00"))
        content = content[:at] + uid.encode().ljust(len(old), b"\0") + content[at + len(old) :]
        (tmp_path / "in" / f"{number}.dcm").write_bytes(content)
    _, told = converted([tmp_path / "in"], library, tmp_path / "out")

    assert outcomes(told) == ["unreadable"] * 3
    assert {one["study_instance_uid"] for one in told} == {None}
    assert list((tmp_path / "out").rglob("*")) == []


# Copies ----------------------------------------------------------------------------------------------------


def test_a_file_given_twice_counts_once(library, tmp_path):
    page = consoles.saved(consoles.screen(), tmp_path / "in" / "1.dcm")
    (tmp_path / "in" / "sub").mkdir()
    (tmp_path / "in" / "sub" / "copy.dcm").write_bytes(page.read_bytes())
    (tmp_path / "in" / "link.dcm").symlink_to(page)
    stock, told = converted([tmp_path / "in", page, tmp_path / "in" / "sub"], library, tmp_path / "out")

    assert outcomes(told) == ["verified"]
    assert told[0]["sop_instance_uids"] == [f"{consoles.ROOT}.1.1.1"]
    assert (stock.copies, stock.found.repeated) == (1, 2)
    assert "3 copies of a file that counts once" in lines.counts(stock)


def test_the_same_object_in_another_encoding_is_the_same(library, tmp_path):
    consoles.saved(consoles.screen(), tmp_path / "in" / "1.dcm")
    consoles.saved(consoles.screen(), tmp_path / "in" / "2.dcm", "1.2.840.10008.1.2.1.99")
    _, told = converted([tmp_path / "in"], library, tmp_path / "out")

    assert outcomes(told) == ["verified"]


def test_one_sop_instance_uid_with_two_contents_is_a_doubt(library, tmp_path):
    consoles.saved(consoles.screen(), tmp_path / "in" / "1.dcm")
    consoles.saved(consoles.screen(pixels=consoles.drawn(FIRST, "498.4")), tmp_path / "in" / "2.dcm")
    _, told = converted([tmp_path / "in"], library, tmp_path / "out")

    assert outcomes(told) == ["needs_review"]
    assert doubts(told[0]) == ["two objects with the same SOP Instance UID differ; the first one was read"]


def test_a_whole_copy_makes_good_for_a_broken_one(library, tmp_path):
    page = consoles.saved(consoles.screen(), tmp_path / "in" / "2.dcm")
    (tmp_path / "in" / "1.dcm").write_bytes(page.read_bytes())
    cut(tmp_path / "in" / "1.dcm")
    _, told = converted([tmp_path / "in"], library, tmp_path / "out")

    assert outcomes(told) == ["unreadable", "verified"]


# Folders ---------------------------------------------------------------------------------------------------


def test_what_is_no_file_does_no_harm(library, tmp_path):
    source = tmp_path / "in"
    consoles.saved(consoles.screen(), source / "folder.dcm" / "1.dcm")
    os.mkfifo(source / "pipe.dcm")
    (source / "loop").symlink_to(source)
    (source / "itself.dcm").symlink_to(source / "itself.dcm")
    (source / "nowhere.dcm").symlink_to(tmp_path / "nowhere")
    (source / "device.dcm").symlink_to("/dev/zero")
    (source / "empty.dcm").touch()
    place = os.getcwd()
    os.chdir(source)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.dcm")
        os.chdir(place)
        stock, told = converted([source], library, tmp_path / "out")

    assert outcomes(told) == ["verified"]
    assert (stock.found.special, stock.not_dicom, stock.broken) == (5, 1, [])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
def test_what_may_not_be_opened_is_a_line_of_its_own(library, tmp_path):
    page = consoles.saved(consoles.screen(), tmp_path / "in" / "1.dcm")
    (tmp_path / "in" / "closed").mkdir(mode=0)
    page.chmod(0)
    _, told = converted([tmp_path / "in"], library, tmp_path / "out")

    assert outcomes(told) == ["unreadable", "unreadable"]


def test_a_linked_folder_is_read(library, tmp_path):
    consoles.saved(consoles.screen(), tmp_path / "elsewhere" / "1.dcm")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "elsewhere")
    _, told = converted([tmp_path / "in"], library, tmp_path / "out")

    assert outcomes(told) == ["verified"]


@pytest.mark.parametrize("place", ["in/out", "in"])
def test_what_was_written_is_no_input_of_the_next_run(place, library, tmp_path):
    consoles.saved(consoles.screen(), tmp_path / "in" / "1.dcm")
    first, told = converted([tmp_path / "in"], library, tmp_path / place)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    second, again = converted([tmp_path / "in"], library, tmp_path / place)

    assert outcomes(told) == outcomes(again) == ["verified"]
    assert told[0]["rdsr"] == again[0]["rdsr"]
    assert (first.context, second.context) == (0, 0)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_path_that_is_not_there_is_a_mistake_of_the_command(library, tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        converted([tmp_path / "nothing"], library, tmp_path / "out")


# DICOMDIR --------------------------------------------------------------------------------------------------


def dicomdir(folder: Path, *file_ids: list[str]) -> Path:
    """A DICOMDIR whose records name these files."""
    ds = Dataset()
    ds.DirectoryRecordSequence = []
    for file_id in file_ids:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        record.add(DataElement(Tag("ReferencedFileID"), "CS", file_id, validation_mode=pydicom.config.IGNORE))
        ds.DirectoryRecordSequence.append(record)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    ds.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.save_as(folder / "DICOMDIR", enforce_file_format=True)
    return folder / "DICOMDIR"


def test_a_dicomdir_names_its_files_and_no_others(library, tmp_path):
    disc = tmp_path / "disc"
    consoles.saved(consoles.screen(study=1), disc / "A" / "1")
    consoles.saved(consoles.screen(study=2), disc / "A" / "not_named")
    consoles.saved(consoles.screen(study=3), tmp_path / "x")
    consoles.saved(consoles.screen(study=4), tmp_path / "linked")
    (disc / "L").symlink_to(tmp_path / "linked")
    named = dicomdir(disc, ["A", "1"], ["..", "x"], ["A", "gone"], ["L"], [".."], ["A", "..", "..", "x"])
    stock, told = converted([named], library, tmp_path / "out")

    assert [one["study_instance_uid"] for one in told] == [f"{consoles.ROOT}.1"]
    assert "1 DICOMDIR whose files were taken" in lines.counts(stock)
    assert "1 files that a DICOMDIR names and that are not there" in lines.counts(stock)


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "none"])
def test_of_a_broken_dicomdir_the_folder_is_walked(damage, library, tmp_path):
    consoles.saved(consoles.screen(), tmp_path / "disc" / "A" / "1")
    named = dicomdir(tmp_path / "disc", ["A", "1"] if damage != "none" else ["A", "2"])
    if damage == "cut":
        cut(named, 0.9)
    elif damage != "none":
        named.write_bytes(b"" if damage == "empty" else b"\0" * 128 + b"DICM" + bytes(range(256)))
    stock, told = converted([named], library, tmp_path / "out")

    assert outcomes(told) == ["verified"]
    assert "1 DICOMDIR that cannot be read: its folder was walked" in lines.counts(stock)


def test_a_dicomdir_in_a_folder_that_is_walked_is_no_broken_object(library, tmp_path):
    consoles.saved(consoles.screen(), tmp_path / "disc" / "A" / "1")
    dicomdir(tmp_path / "disc", ["A", "1"])
    (tmp_path / "disc" / "OTHER").write_bytes((tmp_path / "disc" / "DICOMDIR").read_bytes())
    stock, told = converted([tmp_path / "disc"], library, tmp_path / "out")

    assert (outcomes(told), stock.not_dicom) == (["verified"], 1)

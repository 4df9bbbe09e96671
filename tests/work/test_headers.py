"""Headers of images: read once, however often their study is read, and never in the place of a changed file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset

from ocr_service.errors import BrokenObject
from ocr_service.work import archive, lines, objects, sorting, unit
from ocr_service.work.inventory import take_stock
from ocr_service.work.objects import Headers
from tests.study.headers import spiral
from tests.work import consoles

PRIVATE = 0x00431010


def image(path: Path, number: int = 0, change: Callable[[Dataset], None] = lambda _: None) -> Path:
    (ds,) = spiral(places=range(number, number + 1))
    ds.StudyInstanceUID, ds.SOPInstanceUID = f"{consoles.ROOT}.1", f"{consoles.ROOT}.1.2.{number + 1}"
    ds.Manufacturer, ds.ManufacturerModelName, ds.DeviceSerialNumber = "ACME", "Roadrunner", "77"
    ds.PatientID, ds.PatientName = "P1", "Doe^Jane"
    change(ds)
    return consoles.saved(ds, path)


def with_private(ds: Dataset, vr: str = "LO", value: object = "b") -> None:
    ds.private_block(0x43, "MAKER", create=True).add_new(0x10, vr, value)


def damaged(path: Path) -> Path:
    """An image whose maker's element is no number although it should be one."""
    image(path, change=lambda ds: with_private(ds, "DS", "123456"))
    content = path.read_bytes()
    assert content.count(b"123456") == 1
    path.write_bytes(content.replace(b"123456", b"x^^y^^"))
    return path


def test_a_header_is_read_once(tmp_path: Path):
    headers, path = Headers(), image(tmp_path / "1.dcm")

    assert headers.read(path) is headers.read(path)


def test_a_file_that_has_changed_is_read_anew(tmp_path: Path):
    headers, path = Headers(), image(tmp_path / "1.dcm")
    before = headers.read(path)
    stat = path.stat()
    image(path, change=lambda ds: setattr(ds, "CTDIvol", 77.5))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))  # the same size, a moment later

    assert (before.CTDIvol, headers.read(path).CTDIvol) != (77.5, before.CTDIvol)
    assert headers.read(path).CTDIvol == 77.5


def test_a_file_that_is_gone_is_not_remembered(tmp_path: Path):
    headers, path = Headers(), image(tmp_path / "1.dcm")
    headers.read(path)
    path.unlink()

    with pytest.raises(BrokenObject):
        headers.read(path)


def test_what_is_remembered_is_bounded(tmp_path: Path):
    headers = Headers(2)
    paths = [image(tmp_path / f"{number}.dcm", number) for number in range(3)]
    first, second, third = map(headers.read, paths)

    assert headers.read(paths[2]) is third
    assert headers.read(paths[1]) is second
    assert headers.read(paths[0]) is not first


@pytest.mark.parametrize("where", ["of its own", "in a sequence"])
def test_what_is_large_is_not_remembered(where: str, tmp_path: Path):
    def large(ds: Dataset) -> None:
        item = Dataset()
        ds.private_block(0x43, "MAKER", create=True).add_new(0x11, "SQ", [item])
        with_private(ds if where == "of its own" else item, "OB", bytes(objects.MOST_REMEMBERED + 2))

    headers, path = Headers(), image(tmp_path / "1.dcm", change=large)

    assert headers.read(path) is not headers.read(path)


def many_values(ds: Dataset) -> None:
    ds.ContourData = ["1.5"] * 1000


def many_items(ds: Dataset) -> None:
    ds.SourceImageSequence = [Dataset() for _ in range(100)]
    for item in ds.SourceImageSequence:
        item.ReferencedSOPInstanceUID = "1.2.3"


@pytest.mark.parametrize("large", [many_values, many_items])
def test_what_is_small_in_a_file_and_large_in_memory_is_not_remembered(large, tmp_path: Path):
    headers, path = Headers(), image(tmp_path / "1.dcm", change=large)

    assert path.stat().st_size < objects.MOST_REMEMBERED
    assert headers.read(path) is not headers.read(path)


def test_screens_are_not_remembered(tmp_path: Path):
    headers, path = Headers(), consoles.saved(consoles.screen(), tmp_path / "1.dcm")

    assert headers.read(path) is not headers.read(path)


def test_a_study_that_is_read_again_says_the_same_and_no_header_is_read_again(tmp_path: Path):
    page = consoles.saved(consoles.screen(), tmp_path / "page.dcm")
    paths = [page, *(image(tmp_path / f"{number}.dcm", number, with_private) for number in range(3))]
    library, headers = consoles.library(tmp_path / "templates"), Headers()
    told, known = [], []
    for out in ("first", "second"):
        clock = iter(range(100)).__next__
        place = unit.Workplace(
            library, consoles.readers(), tmp_path / out, frozenset({"verified", "review"}), clock, headers=headers
        )
        (files,) = take_stock(paths, library, (), headers.read).units
        (line,) = unit.written(unit.read(files, place), place)
        told.append((lines.as_json(line), (tmp_path / out / str(line.rdsr)).read_bytes()))
        known.append([headers.read(path).to_json() for path in paths[1:]])

    assert len(files.images) == 3
    assert told[0] == told[1]
    assert known[0] == known[1]
    assert {path for path, *_ in headers._known} == set(paths[1:])


def test_a_makers_damaged_element_costs_no_image(tmp_path: Path):
    """It is nothing that an image is asked for: a study of images alone is reported, and the file can be stripped."""
    path = damaged(tmp_path / "in" / "1.dcm")
    library = consoles.library(tmp_path / "templates")
    emit = frozenset({"header", "review"})
    _, (ending,) = archive.convert([path.parent], library, consoles.readers(), tmp_path / "out", emit)
    told = lines.as_json(ending)
    sorting.strip(path)

    assert [one["where"] for one in told["findings"] if "could not be read" in one["sentence"]] == []
    assert told["rdsr"] is not None
    assert objects.read_object(path, pixels=False).get_item(PRIVATE).value == b"x^^y^^"

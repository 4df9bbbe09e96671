"""What can be wrong with a file: each damage makes hostile bytes from a seed, the same for the same seed."""

from __future__ import annotations

import io
import random
import struct
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.tag import Tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from ocr_service.work import archive
from tests.study.headers import spiral
from tests.work import consoles

PREAMBLE = bytes(128) + b"DICM"
STUDY = 500_000  # of the base objects; a case has its own number of as many digits
COMPRESSED = (RLELossless, JPEGLSLossless, JPEG2000Lossless)


def _bytes(ds: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return consoles.saved(ds, Path(folder) / "x.dcm", syntax).read_bytes()


def _image() -> Dataset:
    ds = spiral(places=range(1))[0]
    ds.StudyInstanceUID = f"{consoles.ROOT}.{STUDY}"
    ds.SOPInstanceUID = f"{consoles.ROOT}.{STUDY}.2.1"
    ds.Manufacturer = "ACME"
    return ds


def _own_report() -> bytes:
    """One of our own RDSRs of the page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        consoles.saved(consoles.screen(study=STUDY), folder / "in" / "1.dcm")
        library = consoles.library(folder / "templates")
        _, endings = archive.convert(
            [folder / "in"], library, consoles.readers(), folder / "out", frozenset({"verified"})
        )
        (ending,) = endings
        return (folder / "out" / str(ending.rdsr)).read_bytes()


@lru_cache
def bases() -> tuple[bytes, ...]:
    """A dose screen, plain and compressed, an image that states CTDIvol, and an RDSR of ours."""
    page = consoles.screen(study=STUDY)
    return (_bytes(page), _bytes(page.copy(), RLELossless), _bytes(_image()), _own_report())


def _of_case(content: bytes, case: int) -> bytes:
    """The same object in a study of its own."""
    return content.replace(f"{consoles.ROOT}.{STUDY}".encode(), f"{consoles.ROOT}.{STUDY + case}".encode())


def _changed(case: int, change: Callable[[Dataset], None], syntax: str = ExplicitVRLittleEndian) -> bytes:
    ds = consoles.screen(study=STUDY + case)
    change(ds)
    return _bytes(ds, syntax)


def cut_off(rng: random.Random, case: int) -> bytes:
    content = _of_case(rng.choice(bases()), case)
    header = min(len(content), 2200)
    return content[: rng.randrange(header if rng.random() < 0.8 else len(content))]


def flipped_bits(rng: random.Random, case: int) -> bytes:
    content = bytearray(_of_case(rng.choice(bases()), case))
    for _ in range(rng.randint(1, 6)):
        content[rng.randrange(132, min(len(content), 2200))] ^= 1 << rng.randrange(8)
    return bytes(content)


def overwritten(rng: random.Random, case: int) -> bytes:
    content = bytearray(_of_case(rng.choice(bases()), case))
    start = rng.randrange(132, min(len(content), 2200))
    part = rng.randbytes(rng.choice((1, 2, 4, 8, 40)))
    content[start : start + len(part)] = part
    return bytes(content)


def wrong_lengths(rng: random.Random, case: int) -> bytes:
    """The length of an element, short or long, is another one."""
    content = bytearray(_of_case(rng.choice(bases()), case))
    ds = dcmread(io.BytesIO(bytes(content)), defer_size=0)
    raw = rng.choice([e for e in ds.values() if isinstance(e, RawDataElement) and e.value_tell > 132])
    length = rng.choice((0, 1, 3, 7, 255, 65535, 2**24, 2**31, 0xFFFFFFFE, 0xFFFFFFFF, rng.randrange(2**32)))
    if raw.VR in ("OB", "OW", "SQ", "UN", "UT", "UC"):
        content[raw.value_tell - 4 : raw.value_tell] = struct.pack("<L", length)
    else:
        content[raw.value_tell - 2 : raw.value_tell] = struct.pack("<H", length & 0xFFFF)
    return bytes(content)


def noise(rng: random.Random, case: int) -> bytes:
    start = rng.choice((b"", PREAMBLE, PREAMBLE + bases()[0][132:400]))
    return start + rng.randbytes(rng.choice((0, 1, 7, 200, 5000)))


def absurd_sizes(rng: random.Random, case: int) -> bytes:
    def change(ds: Dataset) -> None:
        for keyword in rng.sample(["Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel"], 2):
            setattr(ds, keyword, rng.choice((0, 1, 7, 33, 64, 65535)))
        if rng.random() < 0.3:
            ds.Rows = ds.Columns = 65535
        if rng.random() < 0.5:
            ds.NumberOfFrames = rng.choice(("0", "-1", "2", "65", "2147483647", "99999999999"))
        ds.PlanarConfiguration = rng.choice((0, 1, 2))
        ds.PhotometricInterpretation = rng.choice(("MONOCHROME1", "RGB", "PALETTE COLOR", "YBR_FULL_422", "X"))

    return _changed(case, change)


def hostile_uids(rng: random.Random, case: int) -> bytes:
    bad = ("../../x", "", "/etc/passwd", "1.2.3/../../..", "1." * 40, "1..2", "x\\y", "\0", "Doe^Jane", "~", "1.2.3\n4")
    tags = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "FrameOfReferenceUID")

    def change(ds: Dataset) -> None:
        for keyword in rng.sample(tags, rng.randint(1, 3)):
            _raw(ds, keyword, "UI", rng.choice(bad).encode())

    return _rewritten(rng, case, change)


def _raw(ds: Dataset, keyword: str, vr: str, value: bytes) -> None:
    tag = Tag(keyword)
    value += b" " * (len(value) % 2)
    ds._dict[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)  # as no writer would check it


def _rewritten(rng: random.Random, case: int, change: Callable[[Dataset], None]) -> bytes:
    ds = dcmread(io.BytesIO(_of_case(rng.choice(bases()[::2]), case)))
    change(ds)
    buffer = io.BytesIO()
    buffer.write(PREAMBLE)
    meta = io.BytesIO(bases()[0])
    length = struct.unpack_from("<L", bases()[0], 140)[0]
    buffer.write(meta.getvalue()[132 : 144 + length])
    for element in ds.values():
        raw = element if isinstance(element, RawDataElement) else None
        if raw is None or raw.value is None:
            continue
        vr = (raw.VR or "UN").encode()
        long = raw.VR in ("OB", "OW", "SQ", "UN", "UT", "UC")
        head = struct.pack("<HH2s", raw.tag.group, raw.tag.elem, vr)
        buffer.write(head + (struct.pack("<HL", 0, len(raw.value)) if long else struct.pack("<H", len(raw.value))))
        buffer.write(raw.value)
    return buffer.getvalue()


def absurd_values(rng: random.Random, case: int) -> bytes:
    """Values that are none of their kind, in the elements that somebody reads."""
    keywords = (
        "ContentDate", "ContentTime", "InstanceNumber", "StudyDate", "StudyTime", "PatientName", "PatientID",
        "CTDIvol", "KVP", "ImageType", "SpecificCharacterSet", "SeriesNumber", "AcquisitionTime", "SliceThickness",
        "ImagePositionPatient", "ManufacturerModelName", "DeviceSerialNumber", "SeriesDescription", "AccessionNumber",
        "PatientAge", "TimezoneOffsetFromUTC", "CommentsOnRadiationDose", "ReferringPhysicianName", "Modality",
    )  # fmt: skip
    values = (
        b"1E99999999", b"-1E-9999999", b"NaN", b"Infinity", b"\\" * 30, b"\xff" * 16, b"9" * 500, b"\x1b$B\x1b(J",
        b"ISO 2022 IR 87\\X\\Y", b"..", b"\0\0", b"a\nb\rc\x0cd", b"20241399", b"256161.9999999999", b"1\\2\\3\\4",
    )  # fmt: skip

    def change(ds: Dataset) -> None:
        for keyword in rng.sample(keywords, rng.randint(1, 6)):
            _raw(ds, keyword, rng.choice(("LO", "DS", "IS", "FD", "UI", "CS", "PN", "UN", "AT")), rng.choice(values))

    return _rewritten(rng, case, change)


def deep_sequences(rng: random.Random, case: int) -> bytes:
    """Sequences in sequences, of defined or undefined length, ended or not."""
    depth = rng.choice((3, 50, 900, 5000))
    undefined = rng.random() < 0.5
    inner = b""
    if undefined:
        opening = struct.pack("<HH2sHL", 0x0040, 0x0275, b"SQ", 0, 0xFFFFFFFF) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
        closing = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
        inner = opening * depth + (closing * depth if rng.random() < 0.7 else b"")
    else:
        for _ in range(min(depth, 900)):
            item = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(inner)) + inner
            inner = struct.pack("<HH2sHL", 0x0040, 0x0275, b"SQ", 0, len(item)) + item
    content = _of_case(rng.choice(bases()[::2]), case)
    at = content.find(b"\x28\x00\x02\x00US")
    return content[:at] + inner + content[at:] if at > 0 else content + inner


def enormous_private(rng: random.Random, case: int) -> bytes:
    stated = rng.choice((2**20, 2**26, 2**31, 0xFFFFFFF0))
    there = rng.choice((0, 1000, 2**20))
    element = struct.pack("<HH2sHL", 0x0029, 0x1010, b"OB", 0, stated) + bytes(there)
    creator = struct.pack("<HH2sH", 0x0029, 0x0010, b"LO", 4) + b"ACME"
    content = _of_case(rng.choice(bases()[::2]), case)
    at = (
        content.find(b"\x40\x00\x30\xa7")
        if b"\x28\x00\x02\x00US" not in content
        else content.find(b"\x28\x00\x02\x00US")
    )
    return content[:at] + creator + element + content[at:] if at > 0 else content + creator + element


def wrong_syntax(rng: random.Random, case: int) -> bytes:
    """The file meta information names another transfer syntax than the object has."""
    content = _of_case(rng.choice(bases()), case)
    stated = b"1.2.840.10008.1.2.5\0" if b"1.2.840.10008.1.2.5\0" in content else b"1.2.840.10008.1.2.1\0"
    others = (
        b"1.2.840.10008.1.2\0\0\0", b"1.2.840.10008.1.2.2\0", b"1.2.840.10008.1.2.5\0", b"1.2.3.4.5.6.7.8.9.10",
        b"1.2.840.10008.1.2.1\0", b"../../../../../../..", b"1.2.840.10008.1.2.4.", b"1.2.840.10008.1.2.1.",
    )  # fmt: skip
    return content.replace(stated, rng.choice(others), 1)


@lru_cache
def _frame(syntax: str) -> bytes:
    ds = consoles.screen()
    ds.compress(syntax, generate_instance_uid=False) if hasattr(ds, "file_meta") else _bytes(ds, syntax)
    return next(generate_frames(ds.PixelData, number_of_frames=1))


def damaged_frames(rng: random.Random, case: int) -> bytes:
    syntax = rng.choice(COMPRESSED)
    frame = bytearray(_frame(syntax))
    for _ in range(rng.randint(1, 8)):
        frame[rng.randrange(min(len(frame), rng.choice((40, 10**6))))] = rng.randrange(256)
    if rng.random() < 0.3:
        del frame[rng.randrange(len(frame)) :]
    ds = consoles.screen(study=STUDY + case)
    _bytes(ds)  # gives it its file meta information
    ds.PixelData = encapsulate([bytes(frame)])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    ds.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def damaged_stream(rng: random.Random, case: int) -> bytes:
    """A deflated object with changed bytes, or one that inflates to much more than it is."""
    zeros = rng.random() < 0.1
    change = (lambda ds: setattr(ds, "PixelData", bytes(30 * 2**20))) if zeros else (lambda ds: None)
    content = bytearray(_changed(case, change, DeflatedExplicitVRLittleEndian))
    for _ in range(0 if zeros else rng.randint(1, 4)):
        content[rng.randrange(330, len(content))] = rng.randrange(256)
    return bytes(content)


def no_pixels(rng: random.Random, case: int) -> bytes:
    def change(ds: Dataset) -> None:
        kept = rng.choice(("none", "empty", "short", "odd"))
        if kept == "none":
            del ds.PixelData
        else:
            ds.PixelData = {"empty": b"", "short": b"\0" * 10, "odd": consoles.drawn().tobytes()[:-1]}[kept]

    return _changed(case, change)


Damage = Callable[[random.Random, int], bytes]
# How many cases of each: the dearer ones, which reach the readers or a decoder, are fewer.
DAMAGES: dict[Damage, int] = {
    cut_off: 400, flipped_bits: 300, overwritten: 240, wrong_lengths: 240, noise: 160, absurd_sizes: 120,
    hostile_uids: 120, absurd_values: 160, deep_sequences: 60, enormous_private: 60, wrong_syntax: 80,
    damaged_frames: 120, damaged_stream: 40, no_pixels: 40,
}  # fmt: skip

"""An archive in this process that is odd in just the way a test asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from ssl import SSLContext
from threading import Event as Flag
from typing import Any, Literal

from pydicom import Dataset
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, SecondaryCaptureImageStorage, XRayRadiationDoseSRStorage
from pynetdicom import AE, evt
from pynetdicom.dsutils import create_file_meta
from pynetdicom.events import Event

from ocr_service.network.asking import FIND
from ocr_service.network.retriever import StudyLooked
from ocr_service.network.sweep import Accessions, Days, PartLooked, Studies, sweep
from ocr_service.network.wanted_classes import CT_IMAGES, DOSE_REPORTS, OTHER_REPORTS, SECONDARY_CAPTURES
from tests.network.archives import OURS, Kept, at_once, pacs_at, shipped, started

ROOT = "1.2.826.0.1.3680043.8.498.77"
LIBRARY = shipped()
DAY = date(2020, 1, 2)
STUDY = f"{ROOT}.1"
_LEVELS = {
    "PATIENT": "PatientID", "STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID",
}  # fmt: skip
_RANGES = ("StudyDate", "StudyTime")
# What an archive must know at each level; one that refuses the rest knows no more.
_KNOWN = {
    "PATIENT": {"PatientID"}, "STUDY": {"StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "PatientID"},
    "SERIES": {"PatientID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "SeriesNumber"},
    "IMAGE": {"PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "InstanceNumber"},
}  # fmt: skip
Answer = tuple[int, Dataset | None]


def made(kind: str, study: int, series: int, number: int, **told: object) -> Dataset:
    """An object as small as one can be: its header, and no pixels."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = kind, f"{ROOT}.{study}.{series}.{number}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{ROOT}.{study}", f"{ROOT}.{study}.{series}"
    ds.PatientID, ds.PatientName, ds.AccessionNumber = f"SECRET{study}", "SECRET^NAME", f"ACCESSION{study}"
    ds.StudyDate, ds.StudyTime, ds.Modality = "20200102", f"{study % 24:02d}0000", "CT"
    ds.SeriesNumber, ds.InstanceNumber, ds.Manufacturer = series, number, "GE MEDICAL SYSTEMS"
    for keyword, value in told.items():
        setattr(ds, keyword, value)
    ds.file_meta = create_file_meta(
        sop_class_uid=ds.SOPClassUID, sop_instance_uid=ds.SOPInstanceUID, transfer_syntax=ExplicitVRLittleEndian
    )
    return ds


def page(study: int = 1, series: int = 999, number: int = 1, **told: object) -> Dataset:
    """A dose screen by its header."""
    return made(SecondaryCaptureImageStorage, study, series, number, **{"SeriesDescription": "Dose Report", **told})


def image(study: int = 1, series: int = 2, number: int = 1, **told: object) -> Dataset:
    """An axial image."""
    told = {"SeriesDescription": "ABDOMEN 5 mm", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], **told}
    return made(CTImageStorage, study, series, number, **told)


def report(study: int = 1, series: int = 997, number: int = 1, **told: object) -> Dataset:
    """A native dose report by its header."""
    return made(XRayRadiationDoseSRStorage, study, series, number, **{"Modality": "SR", **told})


@dataclass
class OddPacs:
    """What it has, and how it is odd. Nothing is odd unless it is said.

    lacks: keywords it never returns; lacks_at: the level at which it returns no Study UID. cannot_match: keys it
    ignores. refuses: levels at which it knows required keys only. at: what it does at a level when asked for a study:
    "abort", "hang", or a status to end with. asked: the levels of all requests, in their order. sends: which objects a
    retrieval brings, of those that are asked for.
    """

    objects: list[Dataset] = field(default_factory=list)
    lacks: Set[str] = frozenset()
    lacks_at: str = ""
    cannot_match: Set[str] = frozenset()
    refuses: Set[str] = frozenset()
    modalities: Literal["known", "ignored", "refused", "finds nothing"] = "known"
    pending: int = 0xFF00
    twice: bool = False
    blank: bool = False
    junk: tuple[str, ...] = ()
    most: int | None = None
    most_status: int = 0x0000
    strict_patient: bool = False
    at: dict[tuple[str, str], str | int] = field(default_factory=dict)
    sends: Callable[[list[Dataset], int], list[Dataset]] = lambda wanted, request: wanted
    get: bool = True
    get_status: int | None = None
    aborts_after: int | None = None
    move_to: tuple[str, int] | None = None
    asked: list[str] = field(default_factory=list)
    identifiers: list[Dataset] = field(default_factory=list)
    associations: int = 0
    retrievals: int = 0
    over: Flag = field(default_factory=Flag)

    def find(self, event: Event) -> Iterator[Answer]:
        wanted = event.identifier
        level = str(wanted.QueryRetrieveLevel)
        self.asked.append(level)
        self.identifiers.append(wanted)
        keys = {element.keyword for element in wanted} - {"QueryRetrieveLevel", "SpecificCharacterSet"}
        odd = self.at.get((level, str(wanted.get("StudyInstanceUID", "") or "")))
        if level in self.refuses and keys - _KNOWN[level]:
            yield 0xA900, None
            return
        if self.strict_patient and level == "STUDY" and not wanted.get("PatientID"):
            yield 0xA900, None
            return
        if wanted.get("ModalitiesInStudy") and self.modalities in ("refused", "finds nothing"):
            if self.modalities == "refused":
                yield 0xA900, None
            return
        if odd is not None:
            yield from self.does(odd, event)
            return
        answers = list(self.matching(wanted, level))
        if self.most is not None and level == "STUDY" and len(answers) > self.most:
            answers = answers[: self.most]
            last = self.most_status
        else:
            last = 0x0000
        for number, answer in enumerate(answers):
            for _ in range(2 if self.twice else 1):
                yield self.pending, answer
            if self.blank and number == 0:
                nothing = Dataset()
                nothing.QueryRetrieveLevel = level
                yield self.pending, nothing
        for uid in self.junk:
            broken = Dataset()
            broken.add(DataElement(_LEVELS[level], "UI", uid, validation_mode=IGNORE))
            yield self.pending, broken
        if last:
            yield last, None

    def does(self, odd: str | int, event: Event) -> Iterator[Answer]:
        if odd == "abort":
            event.assoc.abort()
        elif odd == "hang":
            self.over.wait(20)
        elif odd == "dribble":
            for number in range(200):
                self.over.wait(0.1)
                dribbled = Dataset()
                dribbled.SeriesInstanceUID = f"{ROOT}.9.{number}"
                yield 0xFF00, dribbled
        else:
            assert isinstance(odd, int)
            yield odd, None

    def matching(self, wanted: Dataset, level: str) -> Iterator[Dataset]:
        found: dict[str, list[Dataset]] = {}
        for ds in self.objects:
            if all(self.fits(ds, element) for element in wanted):
                found.setdefault(str(ds[_LEVELS[level]].value), []).append(ds)
        for several in found.values():
            answer = Dataset()
            answer.QueryRetrieveLevel = level
            for element in wanted:
                value = self.value(element.keyword, several)
                vr = dictionary_VR(element.tag).split()[0]
                if value is not None and not self.lacking(element.keyword, level):
                    answer.add(DataElement(element.tag, vr, value, validation_mode=IGNORE))
            yield answer

    def lacking(self, keyword: str, level: str) -> bool:
        return keyword in self.lacks or (level == self.lacks_at and keyword == "StudyInstanceUID")

    def value(self, keyword: str, several: list[Dataset]) -> object:
        if keyword.startswith("NumberOf"):
            uid = several[0].StudyInstanceUID if "Study" in keyword else several[0].SeriesInstanceUID
            return str(sum(uid in (ds.StudyInstanceUID, ds.SeriesInstanceUID) for ds in self.objects))
        if keyword == "ModalitiesInStudy":
            return sorted({ds.Modality for ds in self.objects if ds.StudyInstanceUID == several[0].StudyInstanceUID})
        return several[0].get(keyword)

    def fits(self, ds: Dataset, element: DataElement) -> bool:
        keyword, wanted = element.keyword, element.value
        if (
            keyword in self.cannot_match
            or keyword == "QueryRetrieveLevel"
            or wanted in (None, "")
            or element.VR == "SQ"
        ):
            return True
        if keyword == "ModalitiesInStudy":
            alike = [one for one in self.objects if one.StudyInstanceUID == ds.StudyInstanceUID]
            return self.modalities == "ignored" or any(one.Modality == wanted for one in alike)
        told = str(ds.get(keyword, ""))
        if keyword in _RANGES and "-" in str(wanted):
            first, last = str(wanted).split("-")
            return first <= told <= last
        return told in ([str(one) for one in wanted] if element.VM > 1 else [str(wanted)])

    def to_send(self, event: Event) -> list[Dataset]:
        wanted = event.identifier
        self.asked.append(f"{'GET' if self.move_to is None else 'MOVE'} {wanted.QueryRetrieveLevel}")
        self.identifiers.append(wanted)
        self.retrievals += 1
        alike = [ds for ds in self.objects if all(self.fits(ds, element) for element in wanted)]
        return self.sends(alike, self.retrievals)

    def send(self, event: Event) -> Iterator[object]:
        several = self.to_send(event)
        if self.get_status is not None:
            yield 1
            yield self.get_status, None
            return
        yield len(several)
        for number, ds in enumerate(several):
            if number == self.aborts_after:
                event.assoc.abort()
                return
            yield 0xFF00, ds

    def move(self, event: Event) -> Iterator[object]:
        several = self.to_send(event)
        if self.move_to is None:
            yield None, None
            return
        yield self.move_to
        yield len(several)
        for ds in several:
            yield 0xFF00, ds

    @contextmanager
    def running(self, tls: SSLContext | None = None) -> Iterator[int]:
        """It answers at this port while the block lasts."""

        def came(event: Event) -> None:
            self.associations += 1

        ae = AE(ae_title="ARCHIVE")
        ae.maximum_associations = 20
        for model in FIND.values():
            ae.add_supported_context(model)
            ae.add_supported_context(model[:-1] + "2")
            if self.get:
                ae.add_supported_context(model[:-1] + "3")
        for kind in SECONDARY_CAPTURES | CT_IMAGES | DOSE_REPORTS | OTHER_REPORTS:
            ae.add_supported_context(kind, scu_role=self.get, scp_role=self.get)
            ae.add_requested_context(kind)
        handlers: list[tuple[Any, ...]] = [
            (evt.EVT_C_FIND, self.find), (evt.EVT_C_GET, self.send), (evt.EVT_C_MOVE, self.move),
            (evt.EVT_ACCEPTED, came),
        ]  # fmt: skip
        with started(ae, 0, handlers, tls) as port:
            try:
                yield port
            finally:
                self.over.set()


def objects() -> list[Dataset]:
    """A study with a dose screen, a report and some images, and another with a dose screen of two pages."""
    images = [image(number=number) for number in range(1, 13)]
    return [page(), report(), *images, page(study=2, number=1), page(study=2, number=2), image(study=2)]


def swept(
    pacs: OddPacs, kept: Kept, period: Days | Accessions | Studies | None = None, **told: object
) -> tuple[list[StudyLooked], list[PartLooked]]:
    """Sweep it, by default the day on which all its studies were made: what became of studies and of days."""
    with pacs.running() as port:
        asked = sweep(
            pacs_at(port, **{"timeout": "15s", "context": True, **told}),
            OURS, LIBRARY, kept, kept, period or Days(DAY, DAY), at_once(),
        )  # fmt: skip
        looked = list(asked)
    return [one for one in looked if isinstance(one, StudyLooked)], [
        one for one in looked if isinstance(one, PartLooked)
    ]


def uids(several: Sequence[Dataset]) -> set[str]:
    return {str(ds.SOPInstanceUID) for ds in several}


def of_dose(several: Sequence[Dataset]) -> set[str]:
    return uids([ds for ds in several if ds.get("SeriesDescription") == "Dose Report" or ds.Modality == "SR"])

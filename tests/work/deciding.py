"""A desk: the page of one study, what is read of it, and what a person decides about that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from pydicom import Dataset

from ocr_service.dose.corrections import Act, ActKind, parse_correction
from ocr_service.dose.report import FindingKind
from ocr_service.screen.readers import Readers
from ocr_service.work import output, unit
from ocr_service.work.decisions import printed_in
from ocr_service.work.inventory import UnitFiles
from ocr_service.work.unit import Converted, ReadUnit, Workplace
from tests.rdsr.reports import SPIRAL, dose
from tests.screen import typed
from tests.screen.typed import TypedReader
from tests.work import consoles

EVERYTHING = frozenset({"verified", "header", "review"})
MISREAD = {"498.4": "493.4"}  # by one of the two engines: a contradiction
MISREAD_SPIRAL = replace(SPIRAL, dlp=dose("408.42", proven=False))
FIRST, SECOND = "20260301101500", "20260301111500"


@dataclass
class Desk:
    """A folder with the typed page of one study, its workplace, and what was decided about it so far."""

    folder: Path
    mistakes: dict[str, str]
    page: Any = None
    study: str = "1.2.3"
    patient: str = "P1"
    template: str = typed.TEMPLATE
    emit: frozenset[str] = frozenset({"verified"})
    drafts: Path | None = None
    acts: tuple[Act, ...] = ()
    disbelieved: frozenset[str] = frozenset()

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def workplace(self) -> Workplace:
        (self.folder / "templates").mkdir(parents=True, exist_ok=True)
        its = Readers(TypedReader(self.mistakes), TypedReader(), (("none",),))
        library, clock = typed.library(self.folder / "templates", self.template), count().__next__
        return Workplace(library, its, self.out, self.emit, clock, drafts=self.drafts)

    def files(self) -> UnitFiles:
        page = typed.dose_page() if self.page is None else self.page
        ds = typed.dose_object(page, StudyInstanceUID=self.study, PatientID=self.patient)
        path = consoles.saved(ds, self.folder / "in" / f"{self.study}.dcm")
        return UnitFiles(self.study, (path,))

    def read(self) -> ReadUnit:
        return unit.read(self.files(), self.workplace(), acts=self.acts, disbelieved=self.disbelieved)

    def decide(self, *corrections: str, kind: ActKind | None = None, moment: str = FIRST, **more: Any) -> ReadUnit:
        """A person looks at what stands now, and decides."""
        set_ = tuple(map(parse_correction, corrections))
        chosen = kind or (ActKind.CORRECT if set_ else ActKind.CONFIRM)
        ending = self.read().ending
        assert ending is not None
        act = Act(chosen, "Tanaka^Ichiro", moment, printed_in(ending.outcome), set_, **more)
        self.acts = (*self.acts, act)
        return self.read()

    def written(self, read: ReadUnit | None = None) -> Converted:
        (line,) = unit.written(read or self.read(), self.workplace())
        return line

    def document(self, name: str | None, folder: Path | None = None) -> Dataset:
        assert name is not None
        (found,) = (ds for ds in output.earlier(self.study, folder or self.out) if ds.SOPInstanceUID == Path(name).stem)
        return found


def outcome(read: ReadUnit) -> Any:
    assert read.ending is not None
    return read.ending.outcome


def doubts(read: ReadUnit) -> list[str]:
    return [finding.where for finding in outcome(read).findings if finding.kind is FindingKind.DOUBT]


def dlp(read: ReadUnit, row: int) -> Any:
    return outcome(read).report.events[row - 1].dlp

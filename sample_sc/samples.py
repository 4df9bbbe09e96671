"""What one sample is: its files, why it is there, and what must be made of it.

Values are texts as printed. Knows the words of truth.json; must not know how anything is drawn.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

SCOUT, HELICAL, AXIAL, STATIONARY = "113805", "116152004", "113804", "113806"
"""CID 10013: Constant Angle, Spiral, Sequenced and Stationary Acquisition."""


@dataclass(frozen=True, slots=True)
class Event:
    """One row of a page; None where the page has a dash or nothing, or does not tell it at all."""

    series_number: str | None = None
    acquisition_type: str | None = None
    mean_ctdivol: str | None = None
    dlp: str | None = None
    phantom: str | None = None
    scanning_range: str | None = None
    kvp: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One study in a folder of its own. `files` are the bytes of 01.dcm, 02.dcm, ... in page order."""

    folder: str
    purpose: str
    encoding: str
    outcome: str
    files: tuple[bytes, ...]
    study_instance_uid: str | None
    dlp_total: str | None = None
    events: tuple[Event, ...] = ()

    @property
    def file_names(self) -> list[str]:
        """Names inside the folder."""
        return [f"{number:02d}.dcm" for number in range(1, len(self.files) + 1)]

    def truth(self) -> dict[str, Any]:
        """The entry of truth.json."""
        return {
            "folder": self.folder,
            "files": self.file_names,
            "purpose": self.purpose,
            "encoding": self.encoding,
            "study_instance_uid": self.study_instance_uid,
            "outcome": self.outcome,
            "dlp_total": self.dlp_total,
            "events": [asdict(event) for event in self.events],
        }

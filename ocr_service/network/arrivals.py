"""What arrives over the network, and where it is kept: the contract between this room and the work behind it.

Knows what one request brought; must not know files, databases or what becomes of an object.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Arrival:
    """One object as it came. encoded: its parts, which together are a DICOM file (PS3.10): preamble, meta, data set.

    via: "c-store", or "fetch:NAME" where we asked that archive for it. The UIDs are the request's words, not checked:
    they name no file.
    """

    encoded: tuple[bytes | memoryview, ...]
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    calling_ae: str
    address: str
    via: str = "c-store"


@dataclass(frozen=True, slots=True)
class Step:
    """One N-CREATE or N-SET of a Modality Performed Procedure Step (PS3.4 F.7), as it came.

    encoded: the DICOM file of its attribute list, as in `Arrival`. created: N-CREATE, else N-SET.
    """

    sop_instance_uid: str
    encoded: tuple[bytes | memoryview, ...]
    created: bool
    calling_ae: str
    address: str


@dataclass(frozen=True, slots=True)
class Committed:
    """What a peer's N-EVENT-REPORT says of a storage commitment transaction (PS3.4 J.3.3).

    failed: SOP Instance UIDs with their Failure Reason (0008,1197).
    """

    transaction_uid: str
    kept: tuple[str, ...]
    failed: tuple[tuple[str, int], ...]
    calling_ae: str


class Inbox(Protocol):
    """Where the receiver and the retriever leave what came. Called from many threads at once.

    Each method returns when what it was given cannot be lost any more. OutputError (disk), StoreError (database).
    """

    def keep(self, arrival: Arrival) -> None:
        """Keep an object: file and folder synced, record committed. One that is here already is recorded too."""

    def keep_step(self, step: Step) -> None:
        """Keep a request of a procedure step."""

    def committed(self, told: Committed) -> None:
        """Record what a peer says of a storage commitment."""

    def full(self) -> str | None:
        """Why nothing can be taken now (too little free space), as a sentence; None where something can."""

"""Objects to a destination: C-STORE (PS3.4 annex B), or STOW-RS (`stow.py`), one ending for both.

Knows destinations; must not know what an object states, nor when to try again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from pydicom.dataset import Dataset
from pydicom.uid import KeyObjectSelectionDocumentStorage, XRayRadiationDoseSRStorage
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import A_ABORT

from ocr_service.config import Destination, Peer
from ocr_service.errors import PeerRefused, PeerUnavailable
from ocr_service.network.calling import both_syntaxes, bounded, hang_up, named, opened, seconds
from ocr_service.network.encoded import decoded
from ocr_service.network.sent import Accepted, Refused, Sent, Unavailable, Warned, judged
from ocr_service.network.stow import StowLane

__all__ = ["Accepted", "Lane", "Refused", "Sent", "Unavailable", "Warned", "lane", "send"]


class Lane(Protocol):
    """The way to one destination, for one object after the other; used by one thread at a time."""

    def send(self, encoded: bytes) -> Sent:
        """Send a DICOM file (PS3.10, Explicit VR Little Endian). BrokenObject: it is none."""

    def close(self) -> None:
        """End what is open. Raises nothing."""


def send(encoded: bytes, destination: Destination, our_ae_title: str) -> Sent:
    """Send one DICOM file (PS3.10, Explicit VR Little Endian) over a connection of its own.

    It ends in time, whatever the destination does. BrokenObject: `encoded` is no DICOM file.
    """
    with lane(destination, our_ae_title) as way:
        return way.send(encoded)


@contextmanager
def lane(destination: Destination, our_ae_title: str) -> Iterator[Lane]:
    """Several objects over one connection, which is opened by the first."""
    way: Lane = StoreLane(destination.peer, our_ae_title) if destination.kind == "dicom" else StowLane(destination)
    try:
        yield way
    finally:
        way.close()


class StoreLane:
    """C-STORE over one association.

    One that ended while nothing was sent, or that ends under an object that is not its first, is opened once more:
    peers close what was idle. Nothing is waited for twice.
    """

    def __init__(self, peer: Peer, our_ae_title: str) -> None:
        self._peer, self._our_ae_title = peer, our_ae_title
        self._assoc: Association | None = None
        # What we send to anyone; another class is added with its first object.
        self._sop_classes = [str(XRayRadiationDoseSRStorage), str(KeyObjectSelectionDocumentStorage)]
        self._gave_up = False

    def send(self, encoded: bytes) -> Sent:
        """See `Lane`."""
        ds = decoded(encoded)
        if ds.SOPClassUID not in self._sop_classes:
            self.close()
            self._sop_classes.append(str(ds.SOPClassUID))
        used = self._assoc is not None and self._assoc.is_established
        try:
            status = self._stored(ds)
            if status is None and used and not self._gave_up:
                status = self._stored(ds)
        except PeerUnavailable as error:
            return Unavailable(str(error))
        except PeerRefused as error:
            return Refused(None, str(error))
        if status is not None:
            return judged(status, named(self._peer))
        if self._gave_up:
            return Unavailable(
                f"{named(self._peer)} gave no usable answer within {seconds(self._peer):g} s", begun=True
            )
        return Unavailable(f"{named(self._peer)} broke the association off while it was sent an object", begun=True)

    def close(self) -> None:
        """See `Lane`."""
        if self._assoc is not None:
            hang_up(self._assoc)
        self._assoc = None

    def _stored(self, ds: Dataset) -> int | None:
        """The peer's status; None where the association ended without one. PeerUnavailable, PeerRefused."""
        if self._assoc is None or not self._assoc.is_established:
            self.close()
            self._gave_up = False
            contexts = both_syntaxes(self._sop_classes)
            self._assoc = opened(self._peer, self._our_ae_title, contexts, [(evt.EVT_ACSE_SENT, self._note_abort)])
        assoc = self._assoc
        if ds.SOPClassUID not in {context.abstract_syntax for context in assoc.accepted_contexts}:
            raise PeerRefused(f"{named(self._peer)} does not take the SOP class {ds.SOPClassUID.name}")
        try:
            with bounded(assoc, self._peer):
                answer = assoc.send_c_store(ds)
        except RuntimeError:  # the association ended between the two lines
            answer = Dataset()
        except ValueError as error:
            raise PeerRefused(f"{named(self._peer)} takes the object in no transfer syntax that it can have") from error
        if "Status" in answer:
            return int(answer.Status)
        assoc.join(seconds(self._peer))  # it is established until its thread has noticed
        self.close()
        return None

    def _note_abort(self, event: evt.Event) -> None:
        """Our own A-ABORT: pynetdicom sends it where an answer stays away or cannot be understood."""
        if isinstance(getattr(event, "primitive", None), A_ABORT):
            self._gave_up = True

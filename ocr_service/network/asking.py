"""One line to an archive: an association that is opened when something is asked, and again where it broke.

Knows what goes wrong between two AEs that ask each other; must not know what is asked or what comes of it. Every
fault of the peer becomes PeerUnavailable or PeerRefused here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from pydicom import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation
from pynetdicom.presentation import PresentationContext

from ocr_service.config import Pacs, Receiver
from ocr_service.errors import PeerRefused, PeerUnavailable
from ocr_service.network.calling import Manner, UnknownName, break_off, hang_up, opened
from ocr_service.network.reactor import hold
from ocr_service.network.wanted_classes import taken

# The Query/Retrieve information models (PS3.4 C.6): FIND, MOVE and GET below the root's own.
_ROOTS: Final = {"patient": "1.2.840.10008.5.1.4.1.2.1", "study": "1.2.840.10008.5.1.4.1.2.2"}
FIND: Final = {root: f"{uid}.1" for root, uid in _ROOTS.items()}
_MOVE: Final = {root: f"{uid}.2" for root, uid in _ROOTS.items()}
_GET: Final = {root: f"{uid}.3" for root, uid in _ROOTS.items()}
NOT_AUTHORIZED: Final = 0x0124  # PS3.7 C.5.7: what nobody asked for is not taken
LARGEST: Final[int] = Receiver().max_object  # where nobody says another
_MAX_PDU = 2**18
_IDLE = 5.0  # seconds: while we wait longer than this, the archive need not hold an association for us

Take = Callable[[Event], int]


class NoLine(PeerUnavailable):
    """No association can be opened now, whatever is to be asked."""


class NoService(PeerRefused):
    """The peer does not serve us, whatever is asked: only an administrator can mend that."""


@dataclass(slots=True)
class Manners:
    """What the archive was found to be able to do; None: not known yet.

    plain: the levels at which it refuses all but the keys that every archive must know. relational: does it answer
    at STUDY level in Patient Root without a Patient ID?
    """

    plain: set[str] = field(default_factory=set)
    matches_modality: bool | None = None
    relational: bool | None = None


@dataclass(slots=True)
class Line:
    """An archive that is asked, in one association after the other; used by one thread.

    before: called before each request (it may wait; its own faults go up). wait_ahead: seconds it is going to wait.
    seconds: how long all of it may take; None where that does not matter. largest: bytes of an object that is taken,
    as many as our receiver takes.
    """

    pacs: Pacs
    our_ae: str
    before: Callable[[], None] = lambda: None
    wait_ahead: Callable[[], float] = lambda: 0.0
    seconds: float | None = None
    clock: Callable[[], float] = monotonic
    largest: int = LARGEST
    manners: Manners = field(default_factory=Manners)
    take: Take | None = field(default=None, init=False)
    _assoc: Association | None = field(default=None, init=False)
    _begun: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._begun = self.clock()

    @property
    def retrieve_model(self) -> UID:
        """The information model by which this archive is asked to send."""
        return UID((_GET if self.pacs.retrieve == "get" else _MOVE)[self.pacs.root])

    def ready(self) -> Association:
        """An association for one request, opened where there is none. NoLine, NoService, PeerUnavailable."""
        if self.wait_ahead() > _IDLE:
            self.close()
        self.before()
        left = self.left()
        if left <= 0:
            raise PeerUnavailable(f"{self.pacs.name} takes too long; what it was to bring is left out")
        if self._assoc is None or not hold(self._assoc):
            self.abort()
            self._assoc = self._opened(left)
            if not hold(self._assoc):
                raise self.broke("anything")
        self._assoc.dimse_timeout = left
        return self._assoc

    def left(self) -> float:
        """Seconds until the next answer must be there."""
        timeout = max(self.pacs.timeout.total_seconds(), 0.1)
        if self.seconds is None:
            return timeout
        return min(timeout, self.seconds - (self.clock() - self._begun))

    def close(self) -> None:
        """Release the association, if there is one."""
        assoc, self._assoc = self._assoc, None
        if assoc is not None:
            hang_up(assoc)

    def abort(self) -> None:
        """End the association in the middle of an operation."""
        assoc, self._assoc = self._assoc, None
        if assoc is not None:
            break_off(assoc)

    def broke(self, what: str) -> PeerUnavailable:
        """The fault of a request that got no proper answer; the association is over."""
        assoc = self._assoc
        hung = assoc is not None and assoc.is_established
        self.abort()
        why = "gave no answer" if hung else "ended the association, or answered what is no answer"
        return PeerUnavailable(
            f"{self.pacs.name} {why} when asked for {what} (does it let {self.our_ae} ask?); asked again next time"
        )

    def _opened(self, timeout: float) -> Association:
        roles = [build_role(name, scp_role=True) for name in dict.fromkeys(name for name, _ in taken())]
        manner = Manner(
            within=timeout,
            rests=True,
            negotiation=[*(roles if self.pacs.retrieve == "get" else ()), *_relational(self.pacs)],
            max_pdu=_MAX_PDU,
            largest=self.largest,
        )
        try:
            return opened(self.pacs, self.our_ae, _contexts(self.pacs), [(evt.EVT_C_STORE, self._take)], manner)
        except (PeerRefused, UnknownName) as error:
            raise NoService(str(error)) from error
        except PeerUnavailable as error:
            raise NoLine(str(error)) from error

    def _take(self, event: Event) -> int:
        return NOT_AUTHORIZED if self.take is None else self.take(event)


def is_accepted(assoc: Association, model: UID) -> bool:
    """May the model be used in this association?"""
    return any(context.abstract_syntax == model for context in assoc.accepted_contexts)


def takes_anything(assoc: Association) -> bool:
    """Did the peer agree that we are the SCP of any storage class in this association (PS3.7 D.3.3.4)?"""
    return any(context.as_scp for context in assoc.accepted_contexts)


def status_of(answer: Dataset) -> int | None:
    """The status; None where the peer gave none: it hung, aborted or answered something else."""
    return int(answer.Status) if "Status" in answer else None


@contextmanager
def taking(line: Line, take: Take) -> Iterator[None]:
    """While this lasts, objects that come on the line's association go to `take`, which gives the status."""
    line.take = take
    try:
        yield
    finally:
        line.take = None


def _contexts(pacs: Pacs) -> list[PresentationContext]:
    plain: list[str | UID] = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
    contexts = [build_context(FIND[pacs.root], list(plain))]
    if pacs.retrieve == "move":
        return [*contexts, build_context(_MOVE[pacs.root], list(plain))]
    contexts.append(build_context(_GET[pacs.root], list(plain)))
    return [*contexts, *(build_context(name, list(syntaxes)) for name, syntaxes in taken())]


def _relational(pacs: Pacs) -> list[SOPClassExtendedNegotiation]:
    """In Patient Root we would like to ask for studies without knowing the patient (PS3.4 C.5.1.1, C.5.2.1)."""
    if pacs.root == "study":
        return []
    wishes = []
    for model in (FIND["patient"], (_GET if pacs.retrieve == "get" else _MOVE)["patient"]):
        wish = SOPClassExtendedNegotiation()
        wish.sop_class_uid = UID(model)
        wish.service_class_application_information = b"\x01"
        wishes.append(wish)
    return wishes

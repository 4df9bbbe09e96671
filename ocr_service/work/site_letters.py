"""What one run learns of consoles' letters: kept beside the site's templates, and told when the run has ended.

Knows fonts, folders and how units ended; must not know how units are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ocr_service.errors import OutputError, TemplateError
from ocr_service.screen.font_files import keep_fonts
from ocr_service.screen.fonts import Fonts, OwnGlyph, contradictory
from ocr_service.screen.lessons import Trusted
from ocr_service.screen.lettering import lettering
from ocr_service.work.auditing import Audit


@dataclass(frozen=True, slots=True)
class GroupLetters:
    """What the units of one group taught, what they rest on, and how they were audited.

    waiting: may better known letters prove more of a unit that is not verified? lettered: units with registered ones.
    """

    fonts: Fonts = field(default_factory=Fonts)
    trusted: Trusted = frozenset()
    waiting: bool = False
    lettered: int = 0
    audits: tuple[Audit, ...] = ()


@dataclass(slots=True)
class SiteLetters:
    """The letters of a run. folder: the site's templates, where they are kept; None: for this run only."""

    folder: Path | None = None
    known: Fonts = field(default_factory=Fonts)  # when the run began
    learned: Fonts = field(default_factory=Fonts)
    lettered: int = 0
    audited: int = 0
    read_twice: int = 0
    alarms: int = 0
    taken_back: int = 0
    fault: str = ""  # why the letters could not be kept

    def take(self, told: GroupLetters, *, counts: bool = True) -> None:
        """Take in what one group of units told. counts: False for one that was, or will be, read again."""
        self.learned.merge(told.fonts)
        if counts:
            self.lettered += told.lettered
            self.audited += sum(audit.sampled for audit in told.audits)
            self.read_twice += sum(not audit.sampled for audit in told.audits)
            self.alarms += sum(audit.different > 0 for audit in told.audits)

    def keep(self) -> None:
        """Write what was learned so far; where that cannot be, the run goes on and says so in the end."""
        if self.folder is None or not self.learned:
            return
        try:
            keep_fonts(self.learned, self.folder)
            self.fault = ""
        except (OutputError, TemplateError) as error:
            self.fault = str(error)

    def fonts(self) -> Fonts:
        """All that is known now."""
        return self.known.merged(self.learned)

    def withdrawn(self) -> dict[OwnGlyph, set[str]]:
        """The glyphs that were withdrawn by what this run has seen, and the signs that they were shown as."""
        known = self.known.signs()
        told = {one: signs | known.get(one, set()) for one, signs in sorted(self.learned.signs().items())}
        before = self.known.withdrawn()
        return {one: signs for one, signs in told.items() if contradictory(signs) and one not in before}

    def sentences(self) -> Iterator[str]:
        """What became of the letters, a sentence each."""
        if self.lettered:
            yield f"letters: {self.lettered} units were read by registered letters"
        if self.read_twice:
            yield f"letters: the engines read {self.read_twice} units too, which letters did not verify"
        if self.audited or self.alarms:
            disagreed = f"they disagree in {self.alarms}" if self.alarms else "they agree in all"
            yield f"audit: the engines read a sample of {self.audited} units too, and {disagreed}"
        templates = {key.template for key in self.learned}
        before = [one for one in self.known.withdrawn() if one.template in templates]
        if before:
            yield f"letters: {len(before)} glyphs of these templates were withdrawn before this run and prove nothing"
        yield from (_withdrawal(one, signs) for one, signs in self.withdrawn().items())
        if self.taken_back:
            yield f"{self.taken_back} reports rested on withdrawn letters: they were taken back and read again"
        yield from self._new()
        if self.fault:
            yield f"letters: what was learned could not be kept: {self.fault}"

    def _new(self) -> Iterator[str]:
        fonts = self.fonts()
        for template, console in dict.fromkeys((key.template, key.console) for key in self.learned):
            now, before = (
                sum(bool(known.registered) for known in lettering(some, template, console).own.values())
                for some in (fonts, self.known)
            )
            if now > before:
                is_kept = self.folder is not None and not self.fault
                where = f"; kept in {self.folder}" if is_kept else ", for this run only"
                yield f"letters: {now - before} newly registered for {template} on {console.name}{where}"


def _withdrawal(one: OwnGlyph, signs: Iterable[str]) -> str:
    told = " and ".join(repr(sign) for sign in sorted(signs))
    where = f"{one.template} on {one.console.name}"
    return f"letters: a glyph of {where} is withdrawn: proven cells show it as {told}"


class Rested:
    """Which groups rest on which registered glyphs: a few bytes a group, for archives are long."""

    def __init__(self) -> None:
        self._bits: dict[OwnGlyph, int] = {}
        self._groups: list[tuple[int, int, tuple[str, ...]]] = []

    def add(self, number: int, trusted: Trusted, written: Iterable[str | None]) -> None:
        """Remember a group and the RDSRs that were written of it."""
        mask = 0
        for one in trusted:
            mask |= 1 << self._bits.setdefault(one, len(self._bits))
        if mask:
            self._groups.append((number, mask, tuple(filter(None, written))))

    def take_out(self, withdrawn: Iterable[OwnGlyph]) -> list[tuple[int, tuple[str, ...]]]:
        """The groups that rest on any of these glyphs, and their RDSRs; they are forgotten here."""
        mask = sum(1 << self._bits[one] for one in set(withdrawn) if one in self._bits)
        found = [(number, written) for number, its, written in self._groups if its & mask]
        self._groups = [one for one in self._groups if not one[1] & mask]
        return found

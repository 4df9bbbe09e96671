"""What a reader is, and the order in which engines are asked.

Knows crops, texts and whose letters are known; must not know what a text means: the caller's `canonical` tells that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ocr_service.dose.report import Witness, WitnessKind
from ocr_service.errors import EngineError, EngineMissing
from ocr_service.screen.fonts import Console, Fonts
from ocr_service.screen.lettering import Lettering, lettering

Crop = NDArray[np.uint8]
Canonical = Callable[[str], str | None]
Preparation = tuple[str, ...]

MOST_KNOWN = 100_000  # texts kept of crops read before: some 20 MB, so that a worker's memory stays flat


class Reader(Protocol):
    """An engine: crops (uint8, bright letters on dark) in, one stripped text each out, "" for nothing.

    Raises EngineError where the engine crashed, hung or answered garbage.
    """

    def read(self, crops: Sequence[Crop], preparations: Sequence[Preparation] | None = None) -> list[str]:
        """Read each crop after its preparation, one a crop (the reader's own where None)."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """One crop to read, and what makes a text a word of it: its canonical form, or None where it does not fit.

    vote: is it worth asking Tesseract again? A value that is only described is not. small: its letters are so low
    that both engines have read an 8 as 6 in such: all preparations are asked, and whether they agree is told.
    """

    crop: Crop
    canonical: Canonical
    vote: bool = True
    small: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the readers said of one crop. steady: no preparation made a small text another one."""

    seen: tuple[tuple[str, str], ...]
    witnesses: tuple[Witness, ...]
    steady: bool = True


_Key = tuple[str, Preparation, bytes]


@dataclass(frozen=True, slots=True)
class _Texts:
    """One text a crop, those of them that are new, and why a reader gave none."""

    texts: list[str]
    fresh: Mapping[_Key, str]
    fault: str = ""


@dataclass(slots=True)
class Readers:
    """Both engines, asked in turn: PP-OCR, Tesseract, then Tesseract again where its first text is no witness.

    Equal pixels are read once a process: an engine gives the same text for the same crop. That holds over pages too:
    the headings of a scanner's second page are no work.
    """

    ppocr: Reader
    tesseract: Reader
    votes: tuple[Preparation, ...]
    second_look: Preparation = ("trim", "margin_10", "enlarge_3")  # of PP-OCR, for small letters
    fonts: Fonts = field(default_factory=Fonts)  # what is known of the consoles' letters; `use` changes them
    _letterings: dict[tuple[str, Console], Lettering] = field(default_factory=dict)
    _faults: list[str] = field(default_factory=list)
    _known: dict[_Key, str] = field(default_factory=dict)

    def use(self, fonts: Fonts) -> None:
        """Read by these fonts from now on."""
        self.fonts, self._letterings = fonts, {}

    def without_fonts(self) -> Readers:
        """The engines alone; what they have read is remembered by both."""
        return replace(self, fonts=Fonts(), _letterings={})

    def lettering(self, template: str, console: Console) -> Lettering:
        """The console's letters on the pages of this template."""
        key = template, console
        if key not in self._letterings:
            self._letterings[key] = lettering(self.fonts, template, console)
        return self._letterings[key]

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """Read every crop with both engines, which run side by side."""
        if len(self._known) > MOST_KNOWN:
            self._known.clear()
        first, second = self._both([q.crop for q in questions])
        words = [q.canonical(text) for q, text in zip(questions, first, strict=True)]
        votes: list[str | None] = [q.canonical(text) for q, text in zip(questions, second, strict=True)]
        differs = [i for i, q in enumerate(questions) if q.vote and (votes[i] is None or votes[i] != words[i])]
        for index, word in zip(differs, self._vote([questions[i] for i in differs]), strict=True):
            votes[index] = word
        steady = self._steady(questions, words, votes)
        return [
            Answer((("ppocr", a), ("tesseract", b)), _witnesses(word, vote), firm)
            for a, b, word, vote, firm in zip(first, second, words, votes, steady, strict=True)
        ]

    def take_faults(self) -> list[str]:
        """The engines' faults since they were last taken: they belong to the unit that was read meanwhile."""
        taken, self._faults = self._faults, []
        return taken

    def read_first(self, crops: Sequence[Crop]) -> list[str]:
        """PP-OCR alone: enough to find words, never to prove one."""
        return self._kept(self._read("ppocr", self.ppocr, [(crop, ()) for crop in crops]))

    def read_second(self, crops: Sequence[Crop]) -> list[str]:
        """Tesseract alone, at first asking: for what PP-OCR does not find."""
        return self._kept(self._read("tesseract", self.tesseract, [(crop, self.votes[0]) for crop in crops]))

    def _both(self, crops: Sequence[Crop]) -> tuple[list[str], list[str]]:
        with ThreadPoolExecutor(1) as beside:
            first = beside.submit(self._read, "ppocr", self.ppocr, [(crop, ()) for crop in crops])
            second = self._read("tesseract", self.tesseract, [(crop, self.votes[0]) for crop in crops])
            return self._kept(first.result()), self._kept(second)

    def _vote(self, questions: Sequence[Question]) -> list[str | None]:
        """Tesseract's word: the text that most preparations give, two more than any other."""
        asked = [(q.crop, steps) for q in questions for steps in self.votes]
        texts = iter(self._kept(self._read("tesseract", self.tesseract, asked)))
        return [_clear_winner([q.canonical(next(texts)) for _ in self.votes]) for q in questions]

    def _steady(
        self, questions: Sequence[Question], words: Sequence[str | None], votes: Sequence[str | None]
    ) -> list[bool]:
        """Of each small question on which the engines agree: do all preparations of both give that text?"""
        small = [i for i, q in enumerate(questions) if q.small and words[i] is not None and words[i] == votes[i]]
        looks = self._kept(self._read("ppocr", self.ppocr, [(questions[i].crop, self.second_look) for i in small]))
        asked = [(questions[i].crop, steps) for i in small for steps in self.votes]
        texts = iter(self._kept(self._read("tesseract", self.tesseract, asked)))
        steady = [True] * len(questions)
        for i, look in zip(small, looks, strict=True):
            said = {questions[i].canonical(text) for text in (look, *(next(texts) for _ in self.votes))}
            steady[i] = said == {words[i]}
        return steady

    def _read(self, name: str, reader: Reader, asked: Sequence[tuple[Crop, Preparation]]) -> _Texts:
        """The texts of the crops; what was read before is not read again. Preparation (): the reader's own."""
        keys = [(name, steps, _digest(crop)) for crop, steps in asked]
        fresh = {key: one for key, one in zip(keys, asked, strict=True) if key not in self._known}
        texts = {key: self._known[key] for key in keys if key in self._known}
        if fresh:
            own = all(not steps for _, steps in fresh.values())
            steps = None if own else [steps for _, steps in fresh.values()]
            try:
                texts.update(zip(fresh, reader.read([crop for crop, _ in fresh.values()], steps), strict=True))
            except EngineMissing:
                raise  # nobody can be read without it: the person at the terminal must know
            except EngineError as error:
                return _Texts([texts.get(key, "") for key in keys], {}, f"{name} gave no answer: {error}")
        return _Texts([texts[key] for key in keys], {key: texts[key] for key in fresh})

    def _kept(self, texts: _Texts) -> list[str]:
        """Remember what was read, and the fault; the two engines' threads have ended by now."""
        self._known.update(texts.fresh)
        if texts.fault:
            self._faults.append(texts.fault)
        return texts.texts


def _digest(crop: Crop) -> bytes:
    """What stands for a crop: its pixels are many, and may show a patient's name."""
    return blake2b(repr(crop.shape).encode() + crop.tobytes(), digest_size=16).digest()


def _witnesses(ppocr: str | None, tesseract: str | None) -> tuple[Witness, ...]:
    told = ((WitnessKind.PPOCR, ppocr), (WitnessKind.TESSERACT, tesseract))
    return tuple(Witness(kind, text) for kind, text in told if text is not None)


def _clear_winner(texts: Sequence[str | None]) -> str | None:
    count = Counter(text for text in texts if text is not None).most_common(2)
    if not count or count[0][1] < 2:
        return None
    if len(count) > 1 and count[0][1] - count[1][1] < 2:
        return None
    return count[0][0]

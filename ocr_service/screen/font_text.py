"""Fonts as text that people can read in a diff: each glyph drawn in rows of # and ., its signs, and who confirms them.

Knows the words of such a text; must not know where files lie. Whatever is wrong with it is a TemplateError that names
file and line. Signs stand between quotes; studies, texts and cells are digests, which say nothing of a patient.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import numpy as np

from ocr_service.errors import TemplateError
from ocr_service.screen.fonts import LARGEST, MOST_GLYPHS, Confirmation, Console, Font, FontKey, Fonts, Signs
from ocr_service.screen.glyphs import PLACES, Glyph
from ocr_service.screen.lettering import STANDINGS, standing

HEAD = """# Letters of the consoles that {template} was read from, written by ocr-service.
# Each glyph is followed by its bitmap. `is` names a sign that proven cells show it as, and each of these cells by
# digests: cell/study/text, and /p where a person stated the text. A glyph is registered when cells of three studies
# agree, or two that a person stated; one with two different signs proves nothing. `told` is a sign by one engine's
# word alone: enough to find places. Delete a glyph to forget it."""
LONGEST = 1000  # letters of a quoted text: a header may name many software versions
_CONFIRMED = re.compile(r"([0-9a-f]{8})/([0-9a-f]{8})/([0-9a-f]{8}|-)(/p)?")
_FONT = ("manufacturer", "model", "software", "height", "gaps")


def written(fonts: Fonts, template: str) -> str:
    """The text of all fonts of one template."""
    parts = [HEAD.format(template=template)]
    for key in fonts:
        if key.template == template:
            parts.append("\n".join(_font(key, fonts[key])))
    return "\n\n".join(parts) + "\n"


def _font(key: FontKey, font: Font) -> Iterator[str]:
    console = key.console
    told = (console.manufacturer, console.model_name, console.software_versions)
    yield "font"
    yield from (f"{word}: {_quotes(value)}" for word, value in zip(_FONT, told, strict=False))
    yield f"height: {key.height}"
    yield f"gaps: {font.widest_gap} {font.narrowest_blank}"
    for glyph in sorted({*font.glyphs, *font.told}):
        yield ""
        yield from _glyph(glyph, font)


def _glyph(glyph: Glyph, font: Font) -> Iterator[str]:
    proven = font.glyphs.get(glyph, {})
    yield " ".join(("glyph", standing(proven), glyph.place)).rstrip()
    yield from _signs("is", proven)
    yield from _signs("told", font.told.get(glyph, {}))
    yield from ("".join("#" if ink else "." for ink in row) for row in glyph.bitmap)


def _signs(word: str, signs: Signs) -> Iterator[str]:
    for sign, seen in sorted(signs.items()):
        cells = " ".join(f"{one.cell}/{one.study}/{one.text or '-'}{'/p' * one.by_person}" for one in sorted(seen))
        yield f"{word} {_quotes(sign)} {cells}"


def _quotes(text: str) -> str:
    """The text between quotes, on one line: what cannot be printed is escaped."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def parsed(text: str, template: str, file: str) -> Fonts:
    """The fonts of a file. TemplateError."""
    fonts = Fonts()
    reader = _Reader(file)
    font: Font | None = None
    for block in _blocks(text):
        number, first = block[0]
        word = first.split(" ", 1)[0]
        if word == "font":
            key, font = reader.font(block, template)
            fonts.font(key).merge(font)
            font = fonts.font(key)
        elif word == "glyph" and font is not None:
            reader.glyph(block, font)
        else:
            raise reader.wrong(number, "a block begins with `font` or, below one, with `glyph`")
    return fonts


Block = list[tuple[int, str]]  # lines with their numbers


def _blocks(text: str) -> Iterator[Block]:
    block: Block = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("# ") or not line.strip():
            if block and not line.strip():
                yield block
                block = []
            continue
        block.append((number, line.rstrip()))
    if block:
        yield block


class _Reader:
    """Reads the blocks of one file, and says where it cannot."""

    def __init__(self, file: str) -> None:
        self._file = file

    def wrong(self, line: int, problem: str) -> TemplateError:
        return TemplateError(self._file, line, "", problem)

    def font(self, block: Block, template: str) -> tuple[FontKey, Font]:
        told: dict[str, str] = {}
        for number, line in block[1:]:
            word, colon, value = line.partition(": ")
            if not colon or word not in _FONT or word in told:
                raise self.wrong(number, f"a font has a line for each of {', '.join(_FONT)}, once")
            told[word] = value
        number = block[0][0]
        if set(told) != set(_FONT):
            raise self.wrong(number, f"a font has a line for each of {', '.join(_FONT)}")
        maker, model, software = (self._quoted(number, told[word]) for word in _FONT[:3])
        gaps = re.fullmatch(r"(-?\d{1,5}) (\d{1,5})", told["gaps"])
        if gaps is None or re.fullmatch(r"\d{1,3}", told["height"]) is None:
            raise self.wrong(number, "height is a number of pixels, gaps are two")
        key = FontKey(template, Console(maker, model, software), int(told["height"]))
        return key, Font(widest_gap=int(gaps[1]), narrowest_blank=int(gaps[2]))

    def _quoted(self, number: int, value: str) -> str:
        try:
            text = json.loads(value)
        except (ValueError, RecursionError):
            text = None
        if not isinstance(text, str) or len(text) > LONGEST:
            raise self.wrong(number, f"a text stands between quotes and has at most {LONGEST} letters")
        return text

    def glyph(self, block: Block, font: Font) -> None:
        number, first = block[0]
        words = first.split()[1:]
        if not set(words) <= {*STANDINGS, *PLACES}:
            raise self.wrong(number, f"after `glyph` stand words of {', '.join((*STANDINGS, *PLACES))}")
        place = next((word for word in words if word in PLACES), "")
        drawn = [(n, line) for n, line in block[1:] if line.strip("#.") == ""]
        columns = len(drawn[0][1]) if drawn else 0
        if not 0 < len(drawn) <= LARGEST or not 0 < columns <= LARGEST:
            raise self.wrong(number, f"a glyph is drawn in 1 to {LARGEST} rows and columns of # and .")
        if any(len(line) != columns for _, line in drawn):
            raise self.wrong(number, "the rows of a glyph are of one length")
        bitmap = np.array([[ink == "#" for ink in line] for _, line in drawn], np.bool_)
        glyph = Glyph(len(drawn), columns, np.packbits(bitmap).tobytes(), place)
        signs = [(n, line) for n, line in block[1:] if line.strip("#.")]
        if not signs:
            raise self.wrong(number, "a glyph has at least one sign; delete its bitmap too to forget it")
        for line_number, line in signs:
            self._sign(line_number, line, glyph, font)

    def _sign(self, number: int, line: str, glyph: Glyph, font: Font) -> None:
        match = re.fullmatch(r'(is|told) ("(?:[^"\\]|\\.)*")((?: \S+)*)', line)
        seen = [_CONFIRMED.fullmatch(word) for word in match[3].split()] if match else []
        if match is None or not seen:
            raise self.wrong(number, 'write: is "8" cell/study/text ..., as ocr-service does')
        sign = self._quoted(number, match[2])
        if not sign or any(letter.isspace() for letter in sign):
            raise self.wrong(number, "a sign is one letter, or several that touch, without blanks")
        cells = []
        for one in seen:
            if one is None:
                raise self.wrong(number, "a confirmation is three digests of eight hex digits: cell/study/text")
            cells.append(Confirmation(one[1], one[2], "" if one[3] == "-" else one[3], one[4] is not None))
        glyphs = font.told if match[1] == "told" else font.glyphs
        if glyph not in glyphs and len(glyphs) >= MOST_GLYPHS:
            raise self.wrong(number, f"a font has at most {MOST_GLYPHS} glyphs")
        font.add(glyph, sign, cells, told=match[1] == "told")

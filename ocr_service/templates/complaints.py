"""What pydantic found wrong, as one sentence with file and line.

Knows pydantic's kinds of errors and the page's lines; must not know the words of the template language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ocr_service.errors import TemplateError
from ocr_service.templates.strict_yaml import Node
from ocr_service.templates.wording import Complaint, did_you_mean

_SENTENCES = {
    "missing": "the key {last!r} is missing",
    "dict_type": "keys and values are expected here",
    "model_type": "keys and values are expected here",
    "model_attributes_type": "keys and values are expected here",
    "tuple_type": "a list is expected here",
    "string_type": "one text is expected here",
    "int_type": "a whole number is expected here",
    "int_parsing": "a whole number is expected here, not {given!r}",
    "int_parsing_size": "a whole number is expected here, not so long a one",
    "int_from_float": "a whole number is expected here, not {given!r}",
    "bool_type": "true or false is expected here",
    "bool_parsing": "true or false is expected here, not {given!r}",
    "string_too_short": "an empty text is no word",
    "too_short": "at least one is expected here",
}
_FEW = 8


def complaint_of(page: Node, error: ValidationError) -> TemplateError:
    """The first complaint about the template's own file, an unknown key before all: it explains missing ones."""
    found = [(_rank(page, details), details) for details in error.errors(include_url=False)]
    details = min(found, key=lambda ranked: ranked[0])[1]
    node, path = page.nearest(_place(details))
    wanted = details["type"] == "missing"
    shown = (*path, str(details["loc"][-1])) if wanted else path
    return TemplateError(node.file, node.line, ".".join(shown), _sentence(details))


def _rank(page: Node, details: Mapping[str, Any]) -> tuple[bool, bool, int]:
    node, _ = page.nearest(_place(details))
    return node.file != page.file, details["type"] == "missing", node.line


def _place(details: Mapping[str, Any]) -> tuple[str, ...]:
    cause = details.get("ctx", {}).get("error")
    below = cause.place if isinstance(cause, Complaint) else ()
    return tuple(str(part) for part in (*details["loc"], *below) if part != "[key]")


def _sentence(details: Mapping[str, Any]) -> str:
    given: Any = details["input"]
    kind = details["type"]
    if kind in ("enum", "literal_error") and isinstance(given, str):
        return _not_of(given, details)
    if kind in _SENTENCES:
        last = details["loc"][-1] if details["loc"] else ""
        return _SENTENCES[kind].format(last=last, given=_clipped(given))
    return _clipped(details["msg"].removeprefix("Value error, "))


def _not_of(word: str, details: Mapping[str, Any]) -> str:
    allowed = re.findall(r"'([^']*)'", str(details.get("ctx", {}).get("expected", "")))
    known = f"; it may be {', '.join(allowed)}" if len(allowed) <= _FEW else ""
    said = "is no quantity" if "[key]" in details["loc"] else "is not a word that may stand here"
    return f"{_clipped(word)!r} {said}{did_you_mean(word, allowed) or known}"


def _clipped(text: Any) -> str:
    whole = str(text)
    return whole if len(whole) <= 300 else whole[:300] + "..."

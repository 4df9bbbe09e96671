"""Strict YAML: text in, a tree of words with their file and line out.

Knows YAML; must not know what a template is. Scalars stay text, so that `1.10` stays `1.10`; what would let one
page mean two things (duplicate keys, anchors, tags, merge keys, several documents) is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.reader import ReaderError

from ocr_service.errors import TemplateError

MOST_BYTES = 1_000_000
MOST_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Node:
    """A text, a list or a mapping, and where it stands; the line of a mapping's value is that of its key."""

    file: str
    line: int
    value: str | tuple[Node, ...] | dict[str, Node]

    def plain(self) -> Any:
        """The same without places: str, list and dict only."""
        match self.value:
            case str() as text:
                return text
            case tuple() as nodes:
                return [node.plain() for node in nodes]
            case mapping:
                return {key: node.plain() for key, node in mapping.items()}

    def child(self, part: str) -> Node | None:
        """The node below a key, or at a number in a list."""
        if isinstance(self.value, dict):
            return self.value.get(part)
        if isinstance(self.value, tuple) and part.isdecimal() and int(part) < len(self.value):
            return self.value[int(part)]
        return None

    def nearest(self, path: Iterable[str]) -> tuple[Node, tuple[str, ...]]:
        """Walk down the path as far as the page goes, passing over parts that it does not have."""
        node, found = self, list[str]()
        for part in path:
            below = node.child(part)
            if below is not None:
                node = below
                found.append(part)
        return node, tuple(found)


def merged(below: Node, above: Node) -> Node:
    """Mappings merge by key; everything else of `above` replaces."""
    if not isinstance(below.value, dict) or not isinstance(above.value, dict):
        return above
    both = dict(below.value)
    for key, node in above.value.items():
        both[key] = merged(both[key], node) if key in both else node
    return Node(above.file, above.line, both)


def read_page(path: Path, file: str) -> Node:
    """Read one YAML file as a tree; `file` is its name in complaints. TemplateError."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
        text = raw[:MOST_BYTES].decode("utf-8")
    except OSError as error:
        raise TemplateError(file, 1, "", f"the file cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        if len(raw) > MOST_BYTES and error.start > MOST_BYTES - 4:
            raise _too_large(file) from None
        line = raw.count(b"\n", 0, error.start) + 1
        raise TemplateError(file, line, "", "the file is not UTF-8 text; save it as UTF-8") from None
    if len(raw) > MOST_BYTES:
        raise _too_large(file)
    return parse_page(text, file)


def parse_page(text: str, file: str) -> Node:
    """Read YAML text as a tree; `file` is its name in complaints. TemplateError."""
    try:
        composed = _Loader(text).get_single_node()
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise TemplateError(file, line, "", "a character here is not allowed in YAML") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = ", ".join(filter(None, (error.context, error.problem)))
        raise TemplateError(file, mark.line + 1 if mark else 1, "", f"this is no YAML we read: {problem}") from None
    except (yaml.YAMLError, ValueError, OverflowError):
        # PyYAML lets the errors of chr() and int() through, for "\UFFFFFFFF" and absurd %YAML versions.
        raise TemplateError(file, 1, "", "this is no YAML we read: a number or an escape is out of bounds") from None
    if composed is None:
        raise TemplateError(file, 1, "", "the file is empty")
    node = _tree(file, composed, composed.start_mark.line + 1, ())
    if not isinstance(node.value, dict):
        raise TemplateError(file, node.line, "", "a template is a mapping of keys and values")
    return node


def _too_large(file: str) -> TemplateError:
    return TemplateError(file, 1, "", f"the file is larger than {MOST_BYTES} bytes")


class _Loader(yaml.SafeLoader):
    """PyYAML's composer, stopped at the first thing a template may not hold."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        problem = ""
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            problem = "anchors and aliases are not allowed; write the value out"
        elif event.tag is not None:
            problem = "tags are not allowed; every value is text"
        elif self.depth > MOST_DEPTH:
            problem = f"it is nested deeper than {MOST_DEPTH}"
        if problem:
            raise ComposerError(None, None, problem, event.start_mark)
        self.depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _tree(file: str, node: yaml.Node, line: int, path: tuple[str, ...]) -> Node:
    if isinstance(node, yaml.MappingNode):
        return Node(file, line, _mapping(file, node, path))
    if isinstance(node, yaml.SequenceNode):
        items = enumerate(node.value)
        return Node(file, line, tuple(_tree(file, n, n.start_mark.line + 1, (*path, str(i))) for i, n in items))
    text = str(node.value)
    if text == "" and node.start_mark.index == node.end_mark.index:
        raise TemplateError(file, line, ".".join(path), "there is no value; write one or leave the key out")
    return Node(file, line, _sound(file, line, path, text))


def _mapping(file: str, node: yaml.MappingNode, path: tuple[str, ...]) -> dict[str, Node]:
    values: dict[str, Node] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or not key.value:
            raise TemplateError(file, line, ".".join(path), "a key must be a word")
        name = _sound(file, line, path, key.value)
        here = (*path, name)
        if name == "<<":
            raise TemplateError(file, line, ".".join(path), "merge keys are not allowed; use `extends`")
        if name in values:
            earlier = values[name].line
            raise TemplateError(file, line, ".".join(here), f"this key stands twice; line {earlier} has it too")
        values[name] = _tree(file, value, line, here)
    return values


def _sound(file: str, line: int, path: tuple[str, ...], text: str) -> str:
    """The text, if it can be written down again: an escape can make half of a surrogate pair."""
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise TemplateError(file, line, ".".join(path), "an escape here is half of a letter")
    return text

"""Strict loading of templates, and the choice of one for a header.

Knows YAML files and header keywords; must not know pixels. Scalars stay text, so that `1.10` stays `1.10`;
duplicate keys, anchors and tags are refused; every complaint names file and line.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.multival import MultiValue

from ocr_service.dose.quantities import Quantity
from ocr_service.errors import TemplateError
from ocr_service.templates import schema
from ocr_service.templates.schema import Template

MOST_BYTES = 1_000_000
MOST_DEPTH = 40
_WORDS = sorted(
    {name for model in vars(schema).values() if hasattr(model, "model_fields") for name in model.model_fields}
    | {quantity.value for quantity in Quantity}
)

Path_ = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Page:
    """A template's text before validation: its values, and the line of each."""

    file: str
    values: dict[str, Any]
    lines: Mapping[Path_, int]


@dataclass(frozen=True, slots=True)
class Library:
    """All templates that are loaded, sorted by name."""

    templates: tuple[Template, ...]

    def candidates(self, ds: Dataset) -> tuple[Template, ...]:
        """The templates whose `match` fits the header; one that extends another comes before it."""
        fitting = [template for template in self.templates if fits(template.match, ds)]
        return tuple(sorted(fitting, key=lambda template: (template.extends is None, template.name)))

    def companion(self, ds: Dataset) -> str | None:
        """The name of the companion page that the object is; None where it is none."""
        for template in self.templates:
            maker = {k: v for k, v in template.match.items() if k == "Manufacturer"}
            for companion in template.companions:
                if fits({**maker, **companion.match}, ds):
                    return companion.name
        return None

    def explain(self, ds: Dataset) -> tuple[str, ...]:
        """A sentence a template: which keys of its `match` fit the header and which do not."""
        sentences = []
        for template in self.templates:
            missed = [key for key, patterns in template.match.items() if not _fits(patterns, _values(ds, key))]
            said = (
                "matches"
                if not missed
                else "does not match: "
                + ", ".join(f"{key} is not like {' or '.join(template.match[key])}" for key in missed)
            )
            sentences.append(f"{template.name} {said}")
        return tuple(sentences)


def load_templates(*folders: Path) -> Library:
    """All templates below the folders; a later folder's template replaces one of the same name. TemplateError."""
    found: dict[str, Template] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.yaml")):
            template = load_template(path, folders)
            found[template.name] = template
    return Library(tuple(found[name] for name in sorted(found)))


def load_template(path: Path, folders: Iterable[Path]) -> Template:
    """One template with what it extends. TemplateError with file, line and the nearest valid word."""
    known = list(folders)
    folder = next((f for f in known if path.is_relative_to(f)), path.parent)
    page = _read(path)
    parent = page.values.get("extends")
    values, lines = page.values, page.lines
    if isinstance(parent, str):
        base = next((f / f"{parent}.yaml" for f in reversed(known) if (f / f"{parent}.yaml").is_file()), None)
        if base is None or ".." in Path(parent).parts:
            raise TemplateError(page.file, lines.get(("extends",), 1), "extends", f"there is no template {parent!r}")
        below = _read(base)
        if "extends" in below.values:
            raise TemplateError(page.file, lines[("extends",)], "extends", f"{parent} itself extends another")
        values = _merged(below.values, values)
    try:
        template = Template.model_validate({**values, "name": path.relative_to(folder).with_suffix("").as_posix()})
    except ValidationError as error:
        raise _complaint(page, error) from None
    _check_keywords(page, template)
    return template


def fits(match: Mapping[str, tuple[str, ...]], ds: Dataset) -> bool:
    """Does the header fit every key of the match?"""
    return bool(match) and all(_fits(patterns, _values(ds, key)) for key, patterns in match.items())


def _fits(patterns: tuple[str, ...], values: tuple[str, ...]) -> bool:
    return any(
        re.fullmatch(fnmatch.translate(pattern), value, re.IGNORECASE) for pattern in patterns for value in values
    )


def _values(ds: Dataset, keyword: str) -> tuple[str, ...]:
    value = ds.get(keyword)
    if value is None:
        return ()
    if isinstance(value, MultiValue):
        parts = tuple(str(part).strip() for part in value)
        return (*parts, "\\".join(parts))
    return (str(value).strip(),)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _read(path: Path) -> _Page:
    file = path.name
    try:
        raw = path.read_bytes()
        if len(raw) > MOST_BYTES:
            raise TemplateError(file, 1, "", f"the file is larger than {MOST_BYTES} bytes")
        text = raw.decode("utf-8")
        _refuse_aliases(file, text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(file, 1, "", f"the file cannot be read as UTF-8 text: {type(error).__name__}") from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise TemplateError(file, line, "", f"this is no YAML: {getattr(error, 'problem', error)}") from None
    lines: dict[Path_, int] = {}
    values = _plain(file, node, (), lines)
    if not isinstance(values, dict):
        raise TemplateError(file, 1, "", "a template is a mapping of keys and values")
    return _Page(file, values, lines)


def _refuse_aliases(file: str, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise TemplateError(file, line, "", "YAML anchors and aliases are not allowed; write the value out")
        if getattr(event, "tag", None):
            raise TemplateError(file, line, "", "YAML tags are not allowed")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_DEPTH:
            raise TemplateError(file, line, "", f"nested deeper than {MOST_DEPTH}")


def _plain(file: str, node: yaml.Node | None, path: Path_, lines: dict[Path_, int]) -> Any:
    if node is None:
        return None
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        values: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise TemplateError(file, line, ".".join(path), "a key must be a word")
            name = str(key.value)
            if name in values:
                raise TemplateError(file, line, ".".join((*path, name)), "this key stands twice")
            lines[(*path, name)] = line
            values[name] = _plain(file, value, (*path, name), lines)
        return values
    if isinstance(node, yaml.SequenceNode):
        return [_plain(file, item, (*path, str(index)), lines) for index, item in enumerate(node.value)]
    return str(node.value)


def _complaint(page: _Page, error: ValidationError) -> TemplateError:
    # A misspelt key is also a missing one: the misspelling is what the author wants to hear of.
    first = min(error.errors(include_url=False), key=lambda one: one["type"] == "missing")
    place = tuple(str(part) for part in first["loc"])
    line = next((page.lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in page.lines), 1)
    word = place[-1] if place else ""
    if word == "[key]" and len(place) > 1:
        word = place[-2]
    problem = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] in ("extra_forbidden", "enum"):
        near = get_close_matches(word, _WORDS, n=1)
        problem = f"{word} is not a key here" + (f"; did you mean {near[0]}?" if near else "")
    return TemplateError(page.file, line, ".".join(place), problem)


def _check_keywords(page: _Page, template: Template) -> None:
    for keyword in template.match:
        if tag_for_keyword(keyword) is not None:
            continue
        from pydicom.datadict import keyword_dict

        near = get_close_matches(keyword, keyword_dict, n=1)
        problem = f"{keyword} is not a DICOM keyword" + (f"; did you mean {near[0]}?" if near else "")
        raise TemplateError(page.file, page.lines.get(("match", keyword), 1), f"match.{keyword}", problem)
    if all(set(patterns) <= {"*"} for patterns in template.match.values()):
        raise TemplateError(page.file, page.lines.get(("match",), 1), "match", "this matches every object")

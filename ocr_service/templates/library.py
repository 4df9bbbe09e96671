"""Templates are loaded strictly, and one is chosen for a header.

Knows template files, folders and header keywords; must not know pixels or engines. Every complaint is a
TemplateError, ``file:line: path: sentence``.
"""

from __future__ import annotations

import fnmatch
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError
from pydicom import Dataset
from pydicom.datadict import dictionary_VR, keyword_dict
from pydicom.errors import BytesLengthException
from pydicom.multival import MultiValue

from ocr_service.errors import TemplateError, UsageError
from ocr_service.templates.complaints import complaint_of
from ocr_service.templates.schema import Template
from ocr_service.templates.strict_yaml import Node, merged, read_page
from ocr_service.templates.wording import did_you_mean

# An extending template proves itself: it does not inherit what was shown of the other one.
OWN = ("examples", "refuses")
LONGEST_NAME = 200  # letters: file systems take no longer ones
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
# What pydicom raises when it turns the bytes of a broken element into a value.
_BROKEN = (
    BytesLengthException,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    NotImplementedError,
    OverflowError,
    struct.error,
)
_BINARY = {"SQ", "OB", "OD", "OF", "OL", "OV", "OW", "UN"}
# What `explain` may show of a header: equipment, kind of image, and the name of the series that templates match on.
SHOWN = frozenset({
    "BitsAllocated", "BitsStored", "Columns", "ConversionType", "ImageType", "Manufacturer", "ManufacturerModelName",
    "Modality", "NumberOfFrames", "PhotometricInterpretation", "Rows", "SOPClassUID", "SamplesPerPixel",
    "SecondaryCaptureDeviceManufacturer", "SecondaryCaptureDeviceManufacturerModelName",
    "SecondaryCaptureDeviceSoftwareVersions", "SeriesDescription", "SoftwareVersions", "SpecificCharacterSet",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Library:
    """All templates that are loaded, sorted by name."""

    templates: tuple[Template, ...]

    def candidates(self, ds: Dataset) -> tuple[Template, ...]:
        """The templates whose `match` fits the header; an extending one first, then the one with most keys."""
        return _specific_first(template for template in self.templates if suits(template, ds))

    def by_appearance(self, ds: Dataset) -> tuple[Template, ...]:
        """The templates that nothing in the header speaks against, where it lacks what they match on.

        A de-identified page names neither maker nor series: then its fixed words alone tell its layout.
        """
        return _specific_first(template for template in self.templates if suits(template, ds, absent=True))

    def companion(self, ds: Dataset) -> str | None:
        """The name of the companion page that the object is; None where it is none.

        A companion is of the template's manufacturer, whether its own `match` says so or not.
        """
        for template in self.templates:
            maker = {key: words for key, words in template.match.items() if key == "Manufacturer"}
            for companion in template.companions:
                if fits({**maker, **companion.match}, ds):
                    return companion.name
        return None

    def explain(self, ds: Dataset) -> tuple[str, ...]:
        """A sentence a template: which keys of its `match` fit the header, and which do not.

        A header's value is quoted only for keywords that say nothing of a person.
        """
        return tuple(_explained(template, ds) for template in self.templates)


def load_templates(*folders: Path) -> Library:
    """All templates below the folders; a later folder's template replaces one of the same name.

    TemplateError for the first that cannot be used; UsageError for a folder that is none.
    """
    found: dict[str, Template] = {}
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"{folder} is no folder of templates; make one with: mkdir {folder}")
        for path in sorted(folder.rglob("*.y*ml")):
            if path.suffix == ".yml":
                file = path.relative_to(folder).as_posix()
                raise TemplateError(file, 1, "", "a template's file name ends in .yaml; rename the file")
            if path.suffix == ".yaml":
                template = load_template(path, folder, *reversed(folders))
                found[template.name] = template
    return Library(tuple(found[name] for name in sorted(found)))


def load_template(path: Path, folder: Path, *others: Path) -> Template:
    """One template with what it extends. TemplateError.

    `folder` gives the template its name. What it extends is looked for in the `others` in their order, then in
    `folder`; a template may extend the one of its own name that it replaces.
    """
    file = path.relative_to(folder)
    name = file.with_suffix("").as_posix()
    if not _NAME.fullmatch(name):
        raise TemplateError(ascii(file.as_posix())[1:-1], 1, "", "a template's name has letters, digits, - _ . only")
    page = read_page(path, file.as_posix())
    given = page.child("name")
    if given is not None:
        raise TemplateError(given.file, given.line, "name", "a template is named by its file; leave this key out")
    parent = page.child("extends")
    if parent is not None:
        page = _extended(page, parent, path, (*others, folder))
    try:
        template = Template.model_validate({**page.plain(), "name": name})
    except ValidationError as error:
        raise complaint_of(page, error) from None
    _check_matches(page, template)
    _check_keywords(page, ())
    return template


def check_examples(library: Library) -> tuple[str, ...]:
    """The names of the templates that have no example which proves them."""
    return tuple(template.name for template in library.templates if not template.examples)


def fits(match: Mapping[str, tuple[str, ...]], ds: Dataset, *, absent: bool = False) -> bool:
    """Does the header fit every key of the match? absent: does a keyword that it lacks fit too?"""
    return bool(match) and all(
        _like(patterns, values) or (absent and not values)
        for key, patterns in match.items()
        for values in (_values(ds, key),)
    )


def suits(template: Template, ds: Dataset, *, absent: bool = False) -> bool:
    """Does the header fit the template's `match`, and one of its `any_of` where it has some?"""
    others = template.any_of
    return fits(template.match, ds, absent=absent) and (
        not others or any(fits(match, ds, absent=absent) for match in others)
    )


def _specific_first(templates: Iterable[Template]) -> tuple[Template, ...]:
    return tuple(sorted(templates, key=lambda t: (t.extends is None, -len(t.match), t.name)))


def _extended(page: Node, parent: Node, path: Path, folders: tuple[Path, ...]) -> Node:
    """The page merged over the one that it extends. TemplateError."""
    name = parent.value
    if not isinstance(name, str) or len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise TemplateError(
            parent.file, parent.line, "extends", "this is no template's name; write one like maker/page"
        )
    paths = [folder / f"{name}.yaml" for folder in folders]
    found = next((base for base in paths if base.is_file() and base != path), None)
    if found is None:
        known = {p.relative_to(home).with_suffix("").as_posix() for home in folders for p in home.rglob("*.yaml")}
        problem = f"there is no template {name!r}{did_you_mean(name, known)}"
        raise TemplateError(parent.file, parent.line, "extends", problem)
    below = read_page(found, f"{name}.yaml")
    if below.child("extends") is not None:
        raise TemplateError(parent.file, parent.line, "extends", f"{name} itself extends another; extend that one")
    if isinstance(below.value, dict):
        below = Node(below.file, below.line, {key: node for key, node in below.value.items() if key not in OWN})
    return merged(below, page)


def _check_matches(page: Node, template: Template) -> None:
    """A `match` must tell something: neither empty nor all wild cards."""
    matches: list[tuple[tuple[str, ...], Mapping[str, tuple[str, ...]]]] = [(("match",), template.match)]
    matches += [(("any_of", str(n)), match) for n, match in enumerate(template.any_of or ())]
    matches += [(("companions", str(n), "match"), c.match) for n, c in enumerate(template.companions)]
    for place, match in matches:
        if all(any(not pattern.strip("*? ") for pattern in patterns) for patterns in match.values()):
            node, path = page.nearest(place)
            problem = "this matches every object; name at least one keyword with a pattern that is more than *"
            raise TemplateError(node.file, node.line, ".".join(path), problem)


def _check_keywords(page: Node, path: tuple[str, ...]) -> None:
    """Every key of a `match`, and every `same_as_header`, is a DICOM keyword with a value that is text or number."""
    for place, node, keyword in _keywords(page, path):
        if not keyword or keyword not in keyword_dict:
            problem = f"{keyword[:100]!r} is not a DICOM keyword{did_you_mean(keyword, keyword_dict)}"
        elif dictionary_VR(keyword_dict[keyword]).split()[0] in _BINARY:
            problem = f"{keyword} has no value that is a text or a number"
        else:
            continue
        raise TemplateError(node.file, node.line, ".".join(place), problem)


def _keywords(node: Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Node, str]]:
    if isinstance(node.value, dict):
        is_match = path == ("match",) or (path[:1] == ("companions",) and path[2:] == ("match",))
        is_match = is_match or (path[:1] == ("any_of",) and len(path) == 2)
        for key, below in node.value.items():
            if is_match:
                yield (*path, key), below, key
            elif key == "same_as_header":
                words = below.value if isinstance(below.value, tuple) else (below,)
                yield from (((*path, key), word, word.value) for word in words if isinstance(word.value, str))
            else:
                yield from _keywords(below, (*path, key))
    elif isinstance(node.value, tuple):
        for number, below in enumerate(node.value):
            yield from _keywords(below, (*path, str(number)))


def _explained(template: Template, ds: Dataset) -> str:
    told, missed = _compared(template.match, ds)
    others = [_compared(match, ds) for match in template.any_of or ()]
    if others:
        told.append(f"and one of these: {' | '.join(', '.join(words) for words, _ in others)}")
        missed += all(count for _, count in others)
    return f"{template.name} {'does not match' if missed else 'matches'}: {'; '.join(told)}"


def _compared(match: Mapping[str, tuple[str, ...]], ds: Dataset) -> tuple[list[str], int]:
    """What to say of each keyword, and how many of them do not fit."""
    told, missed = [], 0
    for key, patterns in match.items():
        values = _values(ds, key)
        wanted = " or ".join(patterns)
        if _like(patterns, values):
            told.append(f"{key} fits")
            continue
        missed += 1
        is_value = f"is {values[-1][:80]!r}, " if key in SHOWN and values else "is "
        told.append(f"{key} {is_value}not like {wanted}" if values else f"{key} is not in the header, like {wanted}")
    return told, missed


def _like(patterns: tuple[str, ...], values: tuple[str, ...]) -> bool:
    return any(_expression(pattern).fullmatch(value) for pattern in patterns for value in values)


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern), re.IGNORECASE)


def _values(ds: Dataset, keyword: str) -> tuple[str, ...]:
    """Each value of the element, then all joined by backslashes; none where it is absent, empty or broken."""
    try:
        value = ds.get(keyword)
        several = value if isinstance(value, MultiValue) else [value]
        parts = [str(part).strip() for part in several if part is not None]
    except _BROKEN:
        return ()
    whole = "\\".join(parts)
    return tuple(dict.fromkeys((*filter(None, parts), whole))) if whole else ()

"""How a configuration says times, sizes, names and addresses, and what a wrong one is told.

Knows words; must not know what they configure.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from contextvars import ContextVar
from datetime import time, timedelta
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, PlainSerializer

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def duration(told: object) -> object:
    """A time such as `90s`, `10m`, `24h` or `90d`; anything else is left for pydantic to judge."""
    if not isinstance(told, str):
        return told
    match = re.fullmatch(r"(\d+)\s*([smhd])", told.strip())
    if match is None:
        raise ValueError("say a time as a number and a unit: 90s, 10m, 24h or 90d")
    try:
        return timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    except OverflowError:
        raise ValueError("that is longer than any hospital lives") from None


def _as_duration(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


def _size(told: object) -> object:
    if not isinstance(told, str):
        return told
    match = re.fullmatch(r"(\d+)\s*(B|KiB|MiB|GiB|TiB)", told.strip())
    if match is None:
        raise ValueError("say a size as a number and a unit: 512 MiB or 2 GiB")
    return int(match[1]) * _SIZES[match[2]]


def _as_size(value: int) -> str:
    unit = next(unit for unit in reversed(_SIZES) if value % _SIZES[unit] == 0)
    return f"{value // _SIZES[unit]} {unit}"


FOLDER: ContextVar[Path | None] = ContextVar("FOLDER", default=None)  # of the configuration that is being read


def _from_here(told: Path) -> Path:
    """A relative path is meant from the configuration's own folder, from wherever a command is called."""
    folder = FOLDER.get()
    return told if folder is None or told.is_absolute() else folder / told


def _ae_title(told: str) -> str:
    title = told.strip()
    if not 1 <= len(title) <= 16 or not title.isascii() or not title.isprintable() or "\\" in title:
        raise ValueError("an AE title has 1 to 16 printable ASCII characters and no backslash (PS3.5, AE)")
    return title


def _name(told: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", told):
        raise ValueError("a name has at most 32 of the letters a-z, 0-9, _ and -: it names a lane, a metric, a folder")
    return told


def _network(told: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(str(told), strict=False)
    except ValueError:
        raise ValueError("say an address or a network, such as 10.1.2.3 or 10.1.2.0/24") from None


def spoken_hours(told: str) -> tuple[time, time]:
    """`19:00-06:30` as two times of the day; the second may be earlier, and 24:00 is midnight. ValueError."""
    match = re.fullmatch(r"(\d\d):(\d\d)-(\d\d):(\d\d)", told.replace(" ", ""))
    if match is None:
        raise ValueError("say the hours as 19:00-06:30")
    first, second, third, fourth = (int(part) for part in match.groups())
    return time(first, second), time(0 if (third, fourth) == (24, 0) else third, fourth)


Duration = Annotated[timedelta, BeforeValidator(duration), PlainSerializer(_as_duration), Field(ge=timedelta(0))]
Size = Annotated[int, BeforeValidator(_size), PlainSerializer(_as_size), Field(ge=0)]
AETitle = Annotated[str, AfterValidator(_ae_title)]
Name = Annotated[str, AfterValidator(_name)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network), PlainSerializer(str)]
Port = Annotated[int, Field(ge=1, le=65535)]
File = Annotated[Path, AfterValidator(_from_here)]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a complaint about a word that is not known: the nearest that is, if any is near."""
    near = get_close_matches(word.lower(), sorted(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def keys_at(model: type[BaseModel], place: Sequence[int | str]) -> tuple[str, ...]:
    """The keys of the section at this place of a model; of an entry of a list, too. () where none is there."""
    for key in place:
        if isinstance(key, str):
            field = model.model_fields.get(key)
            inner = next(_sections_of(field.annotation), None) if field is not None else None
            if inner is None:
                return ()
            model = inner
    return tuple(model.model_fields)


def _sections_of(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for one in get_args(annotation):
        yield from _sections_of(one)


def variable_of(told: Any, variables: Container[str], prefix: str, place: Sequence[int | str]) -> str:
    """The environment variable that says what stands at this place of a configuration; "" where the file does.

    told: all that the environment says. variables: the names that are set, in lower case.
    """
    for part in place:
        if isinstance(told, dict):
            if part not in told:
                return ""
            told = told[part]
        elif isinstance(told, list) and isinstance(part, int):
            told = told[part]
    names = [prefix + "__".join(map(str, place[:end])) for end in range(len(place), 0, -1)]
    return next((name.upper() for name in names if name.lower() in variables), "")

"""Python imports this module at its start where this folder is on its path: it lets the service die at chosen lines.

OCR_TEST_DEATHS names the places, one a line, each as `module:name:before` or `module:name:after`. The first process
that comes to a place kills the whole service by SIGKILL, itself included, once a place: a file of that name in the
folder OCR_TEST_MARKS says that it happened. Product code has no hook for it.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

PLACES = [tuple(line.split(":")) for line in os.environ.get("OCR_TEST_DEATHS", "").splitlines()]
MARKS = Path(os.environ.get("OCR_TEST_MARKS", ""))


def die(place: str) -> None:
    """Kill the service, where it did not die here before."""
    try:
        os.close(os.open(MARKS / place, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.killpg(os.getpgrp(), signal.SIGKILL)


def deadly(work: Callable[..., Any], place: str, when: str) -> Callable[..., Any]:
    """The same function, at whose beginning or end the service dies."""

    @wraps(work)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            die(place)
        result = work(*args, **kwargs)
        if when == "after":
            die(place)
        return result

    return wrapped


def change(module: ModuleType) -> None:
    """Put the deadly functions in the place of the module's own."""
    for name, path, when in PLACES:
        if name == module.__name__:
            *above, last = path.split(".")
            owner: Any = module
            for one in above:
                owner = getattr(owner, one)
            setattr(owner, last, deadly(getattr(owner, last), f"{name}:{path}:{when}", when))


class Changing(MetaPathFinder):
    """Finds a module as it always is found, and changes it when it was loaded."""

    def __init__(self) -> None:
        self._names = {name for name, _, _ in PLACES}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._names:
            return None
        self._names.remove(fullname)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                load(module)
                change(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if PLACES:
    sys.meta_path.insert(0, Changing())

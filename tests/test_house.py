"""The rules of the house that ruff and import-linter cannot say."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
PACKAGE = CHECKOUT / "ocr_service"
OURS = [CHECKOUT / room for room in ("ocr_service", "sample_sc", "bench", "tests")]
MODULES = sorted(module for room in OURS for module in room.rglob("*.py"))
FORBIDDEN_NAMES = {"utils", "common", "helpers", "base", "manager"}
# What only one module of the package may import: an engine is replaced, and its errors are mapped, there.
ONE_DOOR = {
    "pytesseract": "screen/tesseract.py",
    "tesserocr": "screen/tesseract.py",
    "subprocess": "screen/tesseract.py",
    "rapidocr": "screen/ppocr.py",
    "onnxruntime": "screen/ppocr.py",
}
PRIVATE_FOLDERS = re.compile(rb"(?<![\w.])/(?:work|opt/venv)/")
SHARED_FOLDER = re.compile(rb"\.\./shared\b")


def place(module: Path) -> str:
    return module.relative_to(CHECKOUT).as_posix()


def imports(module: Path) -> set[str]:
    """Give the dotted names that a module imports, wherever in the module it does so."""
    nodes = list(ast.walk(ast.parse(module.read_bytes())))
    whole = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return whole | {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}


def libraries(module: Path) -> set[str]:
    """Give the top names of what a module imports and neither Python nor this package brings."""
    return {name.split(".")[0] for name in imports(module)} - sys.stdlib_module_names - {"ocr_service"}


def distribution(name: str) -> str:
    """Turn a requirement or a distribution's name into the form in which both can be compared."""
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=!~ ;\[]", name)[0]).lower()


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_a_module_is_short_and_named_after_what_it_knows(module):
    text = module.read_text(encoding="utf-8")
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]

    assert module.stem not in FORBIDDEN_NAMES
    assert len(text.splitlines()) <= 400
    assert [node.name for node in functions if (node.end_lineno or 0) - node.lineno >= 50] == []


@pytest.mark.parametrize("module", sorted((PACKAGE / "dose").glob("*.py")), ids=place)
def test_the_domain_imports_the_standard_library_only(module):
    ours = {name for name in imports(module) if name.split(".")[0] == "ocr_service"}

    assert libraries(module) == set()
    assert {".".join(name.split(".")[:2]) for name in ours} <= {"ocr_service.dose"}


@pytest.mark.parametrize("name", ONE_DOOR)
def test_an_engine_has_one_door(name):
    users = {m for m in PACKAGE.rglob("*.py") if name in {found.split(".")[0] for found in imports(m)}}

    assert users <= {PACKAGE / ONE_DOOR[name]}


def test_what_the_package_imports_is_declared_in_pyproject():
    """A library that comes only because another one needs it can go with the next release of that one."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = [*project["dependencies"], *project["optional-dependencies"]["fast"]]
    declared = {distribution(requirement) for requirement in requirements}
    known_as = packages_distributions()
    imported = {name for module in PACKAGE.rglob("*.py") for name in libraries(module)}
    undeclared = [n for n in imported if declared.isdisjoint(map(distribution, known_as.get(n, [n])))]

    assert undeclared == []


def test_no_file_names_the_folders_of_the_machine_it_was_written_on():
    rooms = [*OURS, *(CHECKOUT / room for room in ("vendor_templates", "docs", ".ci"))]
    inside = [path for room in rooms for path in room.rglob("*") if "__pycache__" not in path.parts]
    texts = {path: path.read_bytes() for path in [*inside, *CHECKOUT.iterdir()] if path.is_file()}

    assert [place(path) for path, text in texts.items() if PRIVATE_FOLDERS.search(text)] == []
    shipped = {path for path in texts if CHECKOUT / "tests" not in path.parents}
    assert [place(path) for path in shipped if SHARED_FOLDER.search(texts[path])] == []

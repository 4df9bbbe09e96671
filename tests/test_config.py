"""The configuration: every key is documented, none that is misspelled is taken, secrets do not show.

`python tests/test_config.py` prints the tables of docs/operation.md anew.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import time, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ocr_service.config import Config, load_config
from ocr_service.errors import ConfigError
from ocr_service.spoken import AETitle, Duration, Name, Network, Size, spoken_hours

CHECKOUT = Path(__file__).parents[1]
GUIDE = CHECKOUT / "docs" / "operation.md"
EXAMPLE = CHECKOUT / "docs" / "deploy" / "ocr_service.toml"
TOP = "At the top of the file:"
MINIMAL = '[receiver]\nport = 11112\n[[receiver.allow]]\nae_title = "CT1"\naddress = "10.1.2.3"\n'
DICOM = {"name": "pacs", "ae_title": "PACS", "host": "10.0.0.1", "port": 104}
STOW = {"name": "dose", "kind": "stow", "url": "https://dose.example/dicom-web"}


def models(of: FieldInfo) -> list[type[BaseModel]]:
    """The section that a key is, if it is one."""
    found: list[type[BaseModel]] = []
    waiting = [of.annotation]
    while waiting:
        one = waiting.pop()
        if isinstance(one, type) and issubclass(one, BaseModel):
            found.append(one)
        elif get_origin(one) is not None:
            waiting += get_args(one)
    return found


def sections(model: type[BaseModel] = Config, path: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Each table of the file with its model, the top first."""
    yield path, model
    for key, field in model.model_fields.items():
        for below in models(field):
            several = "tuple" in str(field.annotation)
            name = f"{path.strip('[]')}.{key}".lstrip(".")
            yield from sections(below, f"[[{name}]]" if several else f"[{name}]")


def default(model: type[BaseModel], key: str) -> str:
    """What holds where the key is not given, as the file would say it."""
    field = model.model_fields[key]
    if field.default is PydanticUndefined:
        return "must be given"
    match model.model_construct().model_dump(mode="json", include={key}, warnings=False)[key]:
        case None | "" | []:
            return "none"
        case bool(told):
            return f"`{str(told).lower()}`"
        case str(told):
            return f'`"{told}"`'
        case list(told):
            return "`[" + ", ".join(f'"{one}"' for one in told) + "]`"
        case other:
            return f"`{other}`"


def rows(model: type[BaseModel]) -> list[str]:
    """One line of Markdown a key that is no section of its own."""
    return [
        f"| `{key}` | {default(model, key)} | {field.description} |"
        for key, field in model.model_fields.items()
        if not models(field)
    ]


def tables() -> str:
    """All tables of the guide; sections of the same keys share one."""
    paths: dict[type[BaseModel], list[str]] = {}
    for path, model in sections():
        paths.setdefault(model, []).append(f"`{path}`" if path else TOP)
    told: list[str] = []
    for model, names in paths.items():
        if rows(model):
            told += [", ".join(names), "", "| key | default | meaning |", "|---|---|---|", *rows(model), ""]
    return "\n".join(told)


@pytest.mark.parametrize(("path", "model"), list(sections()), ids=lambda one: one if isinstance(one, str) else "")
def test_every_key_is_documented_in_its_own_words(path: str, model: type[BaseModel]) -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    here = "\n".join(block for block in guide.split("\n\n") if block.startswith("| key | default | meaning |"))
    headings = [block for block in guide.split("\n\n") if block.startswith("`[") or block == TOP]
    undocumented = [key for key, field in model.model_fields.items() if not models(field) and not field.description]

    assert undocumented == []
    assert not rows(model) or any(
        f"`{path}`" in heading.split(", ") or heading == (path or TOP) for heading in headings
    )
    assert [row for row in rows(model) if row not in here] == []


def test_the_guide_tells_no_key_that_is_not_there() -> None:
    head = "| key | default | meaning |\n|---|---|---|\n"
    blocks = [one for one in GUIDE.read_text(encoding="utf-8").split("\n\n") if one.startswith(head)]
    known = {row for _, model in sections() for row in rows(model)}

    assert len(blocks) >= 8
    assert [line for one in blocks for line in one.removeprefix(head).splitlines() if line not in known] == []


def test_the_example_can_be_used_and_says_what_it_says() -> None:
    config = load_config(EXAMPLE)
    told = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))

    assert config.receiver.allow
    assert {one.name for one in config.destination} == {one["name"] for one in told["destination"]}


def test_a_file_with_nothing_is_a_service_that_nobody_may_call() -> None:
    config = Config()

    assert config.receiver.allow == ()
    assert config.destination == ()
    assert config.reading.commissioning == 5


def written(folder: Path, text: str) -> Path:
    path = folder / "ocr_service.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("path", "model"), list(sections()), ids=lambda one: one if isinstance(one, str) else "")
def test_an_unknown_key_is_refused_in_every_section(path: str, model: type[BaseModel], tmp_path: Path) -> None:
    name = path.strip("[]")
    above = name.rpartition(".")[0]
    several = {"pacs", "destination"}
    header = f"[[{above}]]\n" if above in several else ""
    file = written(tmp_path, f"{header}{path}\nmisspelled = 1\n")

    with pytest.raises(ConfigError, match=r"misspelled: there is no such key"):
        load_config(file)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("data = ", "this is no TOML"),
        ('[receiver]\nae_title = "far too long a title"', "receiver.ae_title: an AE title has 1 to 16"),
        ('[receiver]\ntimeout = "5 minutes"', "receiver.timeout: say a time as a number and a unit"),
        ('[receiver]\nmax_object = "1 GB"', "receiver.max_object: say a size as a number and a unit"),
        ("[receiver]\nport = 70000", "receiver.port"),
        ("[receiver]\nport = false", "nobody could reach the service"),
        ('[[receiver.allow]]\nae_title = "*"\naddress = "ct1.hospital"', "address.0: say an address or a network"),
        ('database = "mysql://u@h/n"', "database: the database is PostgreSQL"),
        ("[reading]\nattempts = 0", "reading.attempts"),
        ('[reading]\nemit = ["everything"]', "reading.emit.0"),
        ('[[destination]]\nname = "pacs"', "destination.0: a destination of kind dicom needs"),
        ('[[destination]]\nname = "Pacs 1"', "destination.0.name: a name has at most 32"),
        ('[[pacs]]\nname = "p"\nae_title = "P"\nhost = "h"\nport = 1\nhours = "at night"', "pacs.0.hours: say the"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_file_and_key(text: str, told: str, tmp_path: Path) -> None:
    file = written(tmp_path, text)

    with pytest.raises(ConfigError) as refused:
        load_config(file)
    assert str(file) in str(refused.value)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("destination", "told"),
    [
        ({**DICOM, "url": "https://x"}, "url and token belong to kind stow"),
        ({**STOW, "url": "dose.example"}, "needs a url that begins with https"),
        ({**STOW, "ae_title": "X"}, "belong to kind dicom"),
        ({**STOW, "commitment": True}, "belong to kind dicom"),
        ({**DICOM, "tls": {"ca": "ca.pem", "key": "key.pem"}}, "certificate and key go together"),
    ],
)
def test_a_destination_says_how_it_is_reached(destination: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Config.model_validate({"destination": [destination]})


def test_two_destinations_of_one_name_would_share_a_lane() -> None:
    with pytest.raises(ValidationError, match="the same name"):
        Config.model_validate({"destination": [DICOM, DICOM]})


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCR_SERVICE_DATABASE", "postgresql://ocr:hidden@db/ocr")
    monkeypatch.setenv("OCR_SERVICE_RECEIVER__PORT", "4711")
    config = load_config(written(tmp_path, MINIMAL))

    assert config.receiver.port == 4711
    assert config.receiver.allow[0].ae_title == "CT1"  # the rest of the section is the file's
    assert config.database == SecretStr("postgresql://ocr:hidden@db/ocr")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("OCR_SERVICE_DATABSE", "1", "OCR_SERVICE_DATABSE names no setting; did you mean database?"),
        ("OCR_SERVICE_RECEIVER__PROT", "1", "_RECEIVER__PROT: receiver.prot: there is no such key; did you mean port?"),
        ("OCR_SERVICE_RECEIVER__PORT", "x", "OCR_SERVICE_RECEIVER__PORT: receiver.port: "),
        ("OCR_SERVICE_PACS", '[{"nmae": "p"}]', "_PACS: pacs.0.nmae: there is no such key; did you mean name?"),
        ("OCR_SERVICE_PACS", "hidden", 'an environment variable cannot be used: error parsing value for field "pacs"'),
    ],
)  # fmt: skip
def test_what_the_environment_says_wrong_is_not_the_fault_of_the_file(
    name: str, value: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    file = written(tmp_path, MINIMAL)

    with pytest.raises(ConfigError) as refused:
        load_config(file)
    assert told in str(refused.value)
    assert "hidden" not in str(refused.value)
    assert str(file) not in next(line for line in str(refused.value).splitlines() if told in line)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[reading]\ncomissioning = 1", "reading.comissioning: there is no such key; did you mean commissioning?"),
        ('[[receiver.allow]]\nadress = "*"', "receiver.allow.0.adress: there is no such key; did you mean address?"),
        ("[recever]", "recever: there is no such key; did you mean receiver?"),
        ("[receiver.tls]\nprot = 1", "receiver.tls.prot: there is no such key; did you mean port?"),
        ("[reading]\nzzz = 1", "reading.zzz: there is no such key"),
    ],
)
def test_a_misspelled_key_is_told_with_the_nearest_one(
    text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCR_SERVICE_READING__ATTEMPTS", "3")
    file = written(tmp_path, text)

    with pytest.raises(ConfigError) as refused:
        load_config(file)
    assert f"{file}: {told}" in str(refused.value).splitlines()


def test_secrets_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCR_SERVICE_DATABASE", "mysql://ocr:hidden@db/ocr")
    with pytest.raises(ConfigError) as refused:
        load_config(written(tmp_path, MINIMAL))
    monkeypatch.delenv("OCR_SERVICE_DATABASE")
    config = Config.model_validate({"destination": [{**STOW, "token": "hidden"}]})

    assert "hidden" not in str(refused.value)
    assert "hidden" not in repr(config) + config.model_dump_json()


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match="cannot be read: No such file or directory; --config or OCR_SERVICE_CONFIG says"
    ):
        load_config(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="no UTF-8 text"):
        load_config(tmp_path / "binary.toml")


@given(number=st.integers(0, 10_000), unit=st.sampled_from("smhd"))
def test_a_time_is_said_and_printed_in_the_same_words(number: int, unit: str) -> None:
    adapter = TypeAdapter[Any](Duration)
    told = adapter.validate_python(f"{number}{unit}")

    assert told == number * {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1),
                             "d": timedelta(days=1)}[unit]  # fmt: skip
    assert adapter.validate_python(adapter.dump_python(told)) == told


@given(number=st.integers(0, 4096), unit=st.sampled_from(["B", "KiB", "MiB", "GiB", "TiB"]))
def test_a_size_is_said_and_printed_in_the_same_words(number: int, unit: str) -> None:
    adapter = TypeAdapter[Any](Size)
    told = adapter.validate_python(f"{number} {unit}")

    assert told == number * 1024 ** ["B", "KiB", "MiB", "GiB", "TiB"].index(unit)
    assert adapter.validate_python(adapter.dump_python(told)) == told


@pytest.mark.parametrize("told", ["10", "-1s", "1.5h", "ten minutes", "10 M", "", "99999999999d"])
def test_what_is_no_time_is_refused(told: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter[Any](Duration).validate_python(told)


@pytest.mark.parametrize("told", ["10", "1 GB", "1.5 GiB", "-1 B", ""])
def test_what_is_no_size_is_refused(told: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter[Any](Size).validate_python(told)


@pytest.mark.parametrize("told", ["", " ", "SEVENTEEN_LETTERS", "B\\S", "Ä", "T\tB"])
def test_what_is_no_ae_title_is_refused(told: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter[Any](AETitle).validate_python(told)


@pytest.mark.parametrize("told", ["", "UPPER", "../up", "a" * 33, "-a", "a b"])
def test_a_name_is_fit_for_a_folder_and_a_label(told: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter[Any](Name).validate_python(told)


def test_an_address_is_one_or_a_network() -> None:
    adapter = TypeAdapter[Any](Network)

    assert adapter.validate_python("10.1.2.3") == ip_network("10.1.2.3/32")
    assert adapter.validate_python("10.1.2.3/24") == ip_network("10.1.2.0/24")
    assert adapter.validate_python("fd00::/8") == ip_network("fd00::/8")


def test_hours_may_go_over_midnight() -> None:
    assert spoken_hours("19:00-06:30") == (time(19), time(6, 30))
    assert spoken_hours("00:00-24:00") == (time(0), time(0))
    with pytest.raises(ValueError, match="19:00-06:30"):
        spoken_hours("7-8")


if __name__ == "__main__":
    print(tables())


def test_a_relative_path_is_meant_from_the_configurations_own_folder(tmp_path, monkeypatch):
    path = tmp_path / "site" / "ocr_service.toml"
    path.parent.mkdir()
    path.write_text('data = "data"\ntemplates = "/elsewhere"\n')
    monkeypatch.chdir(tmp_path)

    told = load_config(Path("site/ocr_service.toml"))

    assert (told.data, told.templates) == (tmp_path / "site" / "data", Path("/elsewhere"))

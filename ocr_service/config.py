"""The service's configuration: `ocr_service.toml` and environment variables as one frozen model.

Every key is described here once; `ocr-service config show` prints what holds. Unknown keys are refused: a setting
that is misspelled and silently does nothing is worse than one that stops the start.
"""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from ocr_service.errors import ConfigError
from ocr_service.spoken import (
    FOLDER,
    AETitle,
    Duration,
    File,
    Name,
    Network,
    Port,
    Size,
    did_you_mean,
    keys_at,
    spoken_hours,
    variable_of,
)

PREFIX = "OCR_SERVICE_"
Correction = Literal["new_only", "reject_then_new", "manual"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ServerTLS(_Section):
    """[receiver.tls]: a second port that speaks TLS 1.2 or newer and asks every caller for its certificate."""

    port: Port = 2762
    """The port of DICOM over TLS."""
    certificate: File
    """Our certificate with its chain, PEM."""
    key: File
    """Its private key, PEM, not encrypted; readable by the service only."""
    client_ca: File
    """The authority, PEM, that must have signed a caller's certificate."""


class ClientTLS(_Section):
    """[pacs.tls], [destination.tls], [mpps.tls]: we call a peer that speaks TLS."""

    ca: File
    """The authority, PEM, that must have signed the peer's certificate."""
    certificate: File | None = None
    """Our certificate, PEM, for peers that ask for one."""
    key: File | None = None
    """Its private key, PEM."""
    check_name: bool = True
    """Must the peer's certificate name its `host`?"""

    @model_validator(mode="after")
    def _key_goes_with_certificate(self) -> ClientTLS:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        return self


class Caller(_Section):
    """[[receiver.allow]]: who may send to us. Both the AE title and the address must fit one entry."""

    ae_title: AETitle
    """The calling AE title; "*" is any."""
    address: tuple[Network, ...]
    """Its addresses or networks, such as ["10.1.2.0/24"]."""

    @field_validator("address", mode="before")
    @classmethod
    def _one_or_more(cls, told: object) -> object:
        return [told] if isinstance(told, str) else told


class Receiver(_Section):
    """[receiver]: our own Application Entity."""

    ae_title: AETitle = "OCR_SERVICE"
    """Our AE title. Callers must call us by it; we call others under it."""
    host: str = "0.0.0.0"
    """The address to listen at."""
    port: Port | None = 11112
    """The port of plain DICOM; `false` is none, for a receiver that speaks TLS only."""
    tls: ServerTLS | None = None
    allow: tuple[Caller, ...] = ()
    """Who may call; nobody may where this is empty."""
    processes: Annotated[int, Field(ge=1, le=16)] = 2
    """Processes that take associations; each is bound by one core."""
    max_associations: Annotated[int, Field(ge=1, le=1000)] = 50
    """Associations at once, over all processes; more are refused for the moment (A-ASSOCIATE-RJ, local limit)."""
    max_pdu: Size = 2**20
    """The longest PDU we offer to take. A longer one ends its association."""
    max_object: Size = 512 * 2**20
    """The largest object we take; a larger one is answered 0xA700."""
    timeout: Duration = timedelta(seconds=30)
    """How long an association may be silent in the middle of something, or be half open."""
    idle: Duration = timedelta(minutes=5)
    """How long an association may stay open without a request."""

    @field_validator("port", mode="before")
    @classmethod
    def _false_is_none(cls, told: object) -> object:
        return None if told is False else told

    @model_validator(mode="after")
    def _some_port(self) -> Receiver:
        if self.port is None and self.tls is None:
            raise ValueError("neither a plain port nor [receiver.tls]: nobody could reach the service")
        return self


class Peer(_Section):
    """A DICOM Application Entity that we call."""

    ae_title: AETitle
    """Its AE title."""
    host: str
    """Its host name or address."""
    port: Port
    """Its port."""
    tls: ClientTLS | None = None
    timeout: Duration = timedelta(seconds=60)
    """How long to wait for a connection or for an answer."""


class Pacs(Peer):
    """[[pacs]]: an archive that we ask (Query/Retrieve)."""

    name: Name
    """How logs, metrics and commands call it."""
    root: Literal["study", "patient"] = "study"
    """The information model: Study Root, or Patient Root for archives that know no other."""
    retrieve: Literal["get", "move"] = "get"
    """C-GET, or C-MOVE to our own receiver (the archive must know our AE title)."""
    context: bool = True
    """Ask it, before a unit is read, for the study's own dose reports and for a few image headers."""
    watch: Duration | None = None
    """Sweep for dose series every so often; left out: only `ocr-service fetch` does."""
    look_back: Duration = timedelta(days=3)
    """How many days back a sweep of `watch` looks, for studies that are sent late."""
    hours: str = "00:00-24:00"
    """The hours of the day in which sweeps may load the archive, such as "19:00-06:30"."""
    rate: Annotated[float, Field(gt=0)] = 5.0
    """Requests a second, at most."""

    @field_validator("hours")
    @classmethod
    def _hours_of_the_day(cls, told: str) -> str:
        spoken_hours(told)
        return told


class Destination(_Section):
    """[[destination]]: where RDSRs go, each in a lane of its own."""

    name: Name
    """How logs, metrics and commands call it."""
    kind: Literal["dicom", "stow"] = "dicom"
    """C-STORE to a DICOM AE, or STOW-RS (DICOMweb)."""
    ae_title: AETitle | None = None
    """Its AE title (kind dicom)."""
    host: str | None = None
    """Its host name or address (kind dicom)."""
    port: Port | None = None
    """Its port (kind dicom)."""
    url: str | None = None
    """The DICOMweb service's address, up to before `/studies` (kind stow)."""
    token: SecretStr | None = None
    """A bearer token (kind stow); better given by environment."""
    tls: ClientTLS | None = None
    timeout: Duration = timedelta(seconds=60)
    """How long to wait for a connection or for an answer."""
    calling_ae: tuple[AETitle, ...] = ()
    """Send only what came from these AE titles; empty: from anyone."""
    station: tuple[str, ...] = ()
    """Send only reports of these Station Names."""
    manufacturer: tuple[str, ...] = ()
    """Send only reports of these manufacturers, compared by how the name begins, in any letter case."""
    correction: Correction = "new_only"
    """What a corrected report needs there: just sent; the old one rejected first (IHE IOCM); or done by a person."""
    rejection: Literal["113001", "113037"] = "113001"
    """The rejection note's code: Rejected for Quality Reasons, or Rejected for Patient Safety Reasons."""
    commitment: bool = False
    """Ask for storage commitment, and count a report as delivered only then (kind dicom)."""
    retry_first: Duration = timedelta(seconds=30)
    """How soon to try again where it cannot be reached; then twice as long each time."""
    retry_most: Duration = timedelta(hours=1)
    """The longest time between two tries."""
    give_up_after: Duration = timedelta(days=14)
    """When a report that could not be delivered goes to *failed*."""

    @model_validator(mode="after")
    def _can_be_reached(self) -> Destination:
        if self.kind == "dicom" and None in (self.ae_title, self.host, self.port):
            raise ValueError("a destination of kind dicom needs ae_title, host and port")
        if self.kind == "dicom" and (self.url or self.token):
            raise ValueError("url and token belong to kind stow")
        if self.kind == "stow" and not (self.url or "").startswith(("http://", "https://")):
            raise ValueError("a destination of kind stow needs a url that begins with https:// or http://")
        if self.kind == "stow" and (self.ae_title or self.host or self.port or self.commitment):
            raise ValueError("ae_title, host, port and commitment belong to kind dicom")
        return self

    @property
    def peer(self) -> Peer:
        """The AE to call (kind dicom)."""
        assert self.ae_title is not None
        assert self.host is not None
        assert self.port is not None
        return Peer(ae_title=self.ae_title, host=self.host, port=self.port, tls=self.tls, timeout=self.timeout)


class Mpps(_Section):
    """[mpps]: Modality Performed Procedure Steps that consoles send to us."""

    forward: Peer | None = None
    """The next SCP, which gets each step as it came; its status is what the console hears."""


class Reading(_Section):
    """[reading]: when a unit is read, and what is sent without a person."""

    emit: tuple[Literal["verified", "header", "review"], ...] = ("verified", "header")
    """Which outcomes become RDSRs that are sent."""
    identity: Literal["compare", "required", "off"] = "compare"
    """Identifiers burnt into the page: compared with the header's, required to be there, or not looked at."""
    audit_one_in: Annotated[int, Field(ge=0)] = 50
    """Of units that registered letters read, the engines read one in so many too; 0 for none."""
    leave_out_unknown: bool = False
    """Leave out numbers that nobody told, for importers that stop at one stated as unknown (OpenREM)."""
    commissioning: Annotated[int, Field(ge=0)] = 5
    """A new template, scanner and software version waits for a person, who accepts it by `scanner accept` or by confirming so many of its reports; 0 turns it off."""  # noqa: E501
    settle: Duration = timedelta(seconds=2)
    """How long after its last object a unit is first looked at, where a page says by itself that it is whole."""
    quiet: Duration = timedelta(minutes=10)
    """How long after its last object any other unit counts as whole."""
    header_after: Duration = timedelta(hours=24)
    """How long to wait for a dose screen before a report is made of image headers."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 3
    """After so many faults an object or a unit goes to *failed*."""
    time_limit: Duration = timedelta(minutes=10)
    """How long one unit may be read before that counts as a fault."""


class Keeping(_Section):
    """[keeping]: what stays on disk, and for how long."""

    retention: Duration = timedelta(days=90)
    """How long the objects of a unit stay after all its RDSRs were acknowledged; those in review or failed stay."""
    unacknowledged: bool = True
    """Keep for ever what belongs to a report that no destination has acknowledged, since none is configured or meant for it; false: its `retention` begins with its reading."""  # noqa: E501
    pixels: bool = False
    """Keep the pixels of objects that are neither dose screens nor companions."""
    minimum_free: Size = 2 * 2**30
    """Below so much free space no new association is taken."""


class Operation(_Section):
    """[operation]: processes, logs, health and metrics."""

    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that carry out workflows; each reads in a process of its own."""
    machine: Name = "machine-1"
    """This machine's name: another one for each machine that shares a database."""
    http_host: str = "127.0.0.1"
    """Where `/health` and `/metrics` are answered."""
    http_port: Port | None = 9108
    """Their port; `false` is none."""
    log_format: Literal["auto", "json", "text"] = "auto"
    """JSON lines, or text for people; auto is text at a terminal."""

    @field_validator("http_port", mode="before")
    @classmethod
    def _false_is_none(cls, told: object) -> object:
        return None if told is False else told


class Config(BaseSettings):
    """All settings of the service."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter="__", use_attribute_docstrings=True
    )

    data: File = Path("/var/lib/ocr-service")
    """The folder of everything that must not be lost: spool, outbox, letters, and the database where that is SQLite. Machines that share a database share it too."""  # noqa: E501
    database: SecretStr = SecretStr("")
    """`postgresql://user:password@host/name`; empty: SQLite files in `data`. Better given by environment."""
    templates: File | None = None
    """The site's own templates."""
    receiver: Receiver = Receiver()
    mpps: Mpps = Mpps()
    pacs: tuple[Pacs, ...] = ()
    destination: tuple[Destination, ...] = ()
    reading: Reading = Reading()
    keeping: Keeping = Keeping()
    operation: Operation = Operation()

    @field_validator("database")
    @classmethod
    def _postgresql(cls, told: SecretStr) -> SecretStr:
        url = told.get_secret_value()
        if url and not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("the database is PostgreSQL (postgresql://user@host/name), or empty for SQLite")
        return told

    @model_validator(mode="after")
    def _names_are_unlike(self) -> Config:
        for kind, named in (("pacs", self.pacs), ("destination", self.destination)):
            names = [one.name for one in named]
            if len(set(names)) < len(names):
                raise ValueError(f"two entries of [[{kind}]] have the same name")
        return self

    @classmethod
    def settings_customise_sources(  # pydantic-settings names these arguments
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment goes before the file."""
        return env_settings, init_settings


def load_config(path: Path) -> Config:
    """The file's settings, with those of the environment in their place. ConfigError."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        where = "--config or OCR_SERVICE_CONFIG says where it is"
        raise ConfigError(f"{path}: the configuration cannot be read: {error.strerror}; {where}") from error
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: the configuration is no UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: this is no TOML: {error}") from None
    _only_known_variables()
    token = FOLDER.set(path.resolve().parent)
    try:
        return Config(**told)
    except ValidationError as error:
        raise ConfigError("\n".join(_sentences(path, error))) from None
    except SettingsError as error:  # what should be JSON, since the setting is a list or a section, is none
        raise ConfigError(f"an environment variable cannot be used: {error}") from None
    finally:
        FOLDER.reset(token)


def _only_known_variables() -> None:
    """A variable with our prefix that names no key is a misspelling. ConfigError."""
    known = {*Config.model_fields, "config"}
    for name in EnvSettingsSource(Config).env_vars:
        key = name.lower().removeprefix(PREFIX.lower()).split("__")[0]
        if name.lower().startswith(PREFIX.lower()) and key not in known:
            raise ConfigError(f"the environment variable {name.upper()} names no setting{did_you_mean(key, known)}")


def _sentences(path: Path, error: ValidationError) -> list[str]:
    """Where and what, one line a fault; never the value, which may be a password."""
    environment = EnvSettingsSource(Config)
    lines = []
    for fault in error.errors(include_input=False, include_url=False):
        place = fault["loc"]
        where = ".".join(map(str, place)) or "the file"
        if fault["type"] == "extra_forbidden":
            what = f"there is no such key{did_you_mean(str(place[-1]), keys_at(Config, place[:-1]))}"
        else:
            what = fault["msg"].removeprefix("Value error, ")
        variable = variable_of(environment(), environment.env_vars, PREFIX, place)
        lines.append(f"{f'the environment variable {variable}' if variable else path}: {where}: {what}")
    return lines

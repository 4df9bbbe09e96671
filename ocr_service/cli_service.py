"""Commands that run the service and look at it: `serve`, `config`, `status` and `ledger`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ocr_service.cli_settings import DEFAULT, NEEDS_A_PERSON, AsJson, ConfigFile, age, echo_json, echo_rows
from ocr_service.errors import ConfigError, NetworkError, UsageError

if TYPE_CHECKING:
    from ocr_service.config import Config
    from ocr_service.work.ledger import Day, Ledger

config_app = typer.Typer(no_args_is_help=True, help="The configuration: what holds, and whether it can.")


def serve(config: ConfigFile = DEFAULT) -> None:
    """Receive, read, prove and send, until stopped."""
    from ocr_service.config import load_config
    from ocr_service.service import serve as run

    run(load_config(config))


@config_app.command()
def show(config: ConfigFile = DEFAULT) -> None:
    """Print all settings with what holds, as TOML; secrets are hidden."""
    from ocr_service.config import load_config
    from ocr_service.work.settings import as_toml

    typer.echo(as_toml(load_config(config)), nl=False)


@config_app.command()
def check(
    config: ConfigFile = DEFAULT,
    connect: Annotated[
        bool, typer.Option("--connect", help="Also call each archive, each destination, and the database.")
    ] = False,
) -> None:
    """Say what is wrong with the configuration. Exit 2: something is; 5: somebody cannot be reached."""
    from ocr_service.config import load_config
    from ocr_service.work.settings import problems, unreachable

    loaded = load_config(config)
    found = list(problems(loaded))
    for sentence in found:
        typer.echo(f"{config}: {sentence}")
    silent = 0
    for name, why in unreachable(loaded) if connect else ():
        typer.echo(f"{name}: {why or 'answers'}")
        silent += bool(why)
    if found:
        raise typer.Exit(ConfigError.exit_code)
    if silent:
        raise typer.Exit(NetworkError.exit_code)
    typer.echo("nothing is wrong with it")


def status(config: ConfigFile = DEFAULT, as_json: AsJson = False) -> None:
    """Say how the service stands. Exit 3: it does not answer, or something is wrong with it."""
    import time

    from ocr_service.config import load_config
    from ocr_service.work import overview
    from ocr_service.work.health import ask_health
    from ocr_service.work.store import open_store

    loaded = load_config(config)
    health = ask_health(loaded)
    told = overview.status(loaded, open_store(loaded, make=False), time.time(), health)
    if as_json:
        echo_json(told)
    else:
        _echo_status(told, loaded)
    lives = told["answers"] or (loaded.operation.http_port is None and _beats(told))
    if told["wrong"] or told["spool"]["full"] or not lives:
        raise typer.Exit(NEEDS_A_PERSON)


def _beats(told: dict[str, Any]) -> bool:
    from ocr_service.work.overview import LATE

    return any(seconds < LATE for seconds in told["workers"].values())


def _echo_status(told: dict[str, Any], config: Config) -> None:
    place = f"{config.operation.http_host}:{config.operation.http_port}"
    if config.operation.http_port is None:
        typer.echo("service: it answers nowhere (operation.http_port is false)")
    else:
        typer.echo(f"service: {'answers' if told['answers'] else 'DOES NOT ANSWER'} at {place}")
    for sentence in told["wrong"]:
        typer.echo(f"wrong: {sentence}")
    for name, lives in told["parts"].items():
        typer.echo(f"part {name}: {'runs' if lives else 'DOES NOT RUN'}")
    for name, seconds in told["workers"].items():
        typer.echo(f"worker {name}: seen {age(seconds)} ago")
    for what, counts in told["today"].items():
        told_counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(counts.items()))
        typer.echo(f"today's {what}: {told_counts or 'none'}")
    for what, one in told["waiting"].items():
        oldest = f", the oldest for {age(one['oldest_seconds'])}" if one["oldest_seconds"] else ""
        typer.echo(f"{what}: {one['count']}{oldest}")
    for name, lane in told["destinations"].items():
        counts = ", ".join(f"{lane[state]} {state}" for state in ("waiting", "refused", "failed"))
        oldest = f", the oldest for {age(lane['oldest_seconds'])}" if lane["oldest_seconds"] else ""
        typer.echo(f"destination {name}: {counts}{oldest}" + (f": {lane['why']}" if lane["why"] else ""))
    typer.echo(f"spool: {told['spool']['full'] or 'has space'}")


def ledger(
    config: ConfigFile = DEFAULT,
    day: Annotated[str, typer.Option(help="Only this day, as 2026-03-01.")] = "",
    contents: Annotated[
        bool, typer.Option("--contents", help="Also read every file of the spool, and compare its digest.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Account for every object, unit and report, against the disk too. Exit 3: something does not close."""
    import time

    from ocr_service.config import load_config
    from ocr_service.work.ledger import close_books
    from ocr_service.work.store import open_store

    loaded = load_config(config)
    if day:
        _must_be_a_day(day)
    told = close_books(loaded, open_store(loaded, make=False), time.time, time.sleep, day=day, contents=contents)
    if as_json:
        echo_json(told.as_json())
    else:
        _echo_ledger(told)
    if not told.closes:
        raise typer.Exit(NEEDS_A_PERSON)


def _must_be_a_day(day: str) -> None:
    from datetime import date

    try:
        if date.fromisoformat(day).isoformat() != day:
            raise ValueError
    except ValueError:
        raise UsageError("--day takes a day as 2026-03-01") from None


def _echo_ledger(told: Ledger) -> None:
    from ocr_service.work.ledger_objects import STATES as OBJECTS
    from ocr_service.work.ledger_reports import OUTCOMES
    from ocr_service.work.ledger_reports import STATES as SENT

    def words(names: tuple[str, ...]) -> list[str]:
        return ["to be sorted" if name == "kept" else name.replace("_", " ") for name in names]

    def closes(day: Day) -> str:
        return "yes" if day.closes else "NO"

    echo_rows(
        ["objects of", "received", *words(OBJECTS), "closes"],
        [[day.day, day.received, *(day.objects[name] for name in OBJECTS), closes(day)] for day in told.days],
    )
    echo_rows(
        ["units of", "all", *words(OUTCOMES), "closes"],
        [[day.day, day.units, *(day.outcomes[name] for name in OUTCOMES), closes(day)] for day in told.days],
    )
    echo_rows(
        ["reports of", "destination", "emitted", *words(SENT), "rejections and recalls by hand"],
        [
            [
                day.day,
                name,
                day.emitted[name],
                *(day.deliveries[name][state] if name in day.deliveries else 0 for state in SENT),
                ", ".join(f"{count} {what}" for what, count in sorted(day.notes.get(name, {}).items())),
            ]
            for day in told.days
            for name in sorted({*day.deliveries, *day.notes})
        ],
    )
    for fault in told.faults:
        typer.echo(f"{fault.row}: {fault.sentence}")
    typer.echo("every object, unit and report is accounted for" if told.closes else "THE BOOKS DO NOT CLOSE")

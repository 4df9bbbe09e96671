"""Commands for what waits for a person: the queue, and what persons decide. Each is a few lines over `work.persons`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ocr_service.cli_settings import DEFAULT, AsJson, ConfigFile, Person, Why, echo_json, echo_rows
from ocr_service.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from ocr_service.dose.corrections import Correction
    from ocr_service.work.placing import Desk

scanner_app = typer.Typer(no_args_is_help=True, help="Scanners whose first reports wait until a person accepts them.")
CAN_BE_SET = (
    "Of a row: mean_ctdivol, dlp, phantom (head, body), acquisition_type (sequenced, spiral, constant_angle, "
    "stationary, free, cone_beam); of the report: dlp_total, dlp_total_head, dlp_total_body."
)
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Unit = Annotated[str, typer.Argument(help="The unit's name, or how it begins.")]


def _desk(config: Path) -> Desk:
    from ocr_service.config import load_config
    from ocr_service.work.persons import open_desk

    return open_desk(load_config(config))


def queue(
    unit: Annotated[str, typer.Argument(help="Show all of this unit: its name, or how it begins.")] = "",
    config: ConfigFile = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Show what waits for a person or for a destination, or one unit with its rows, findings and deliveries."""
    from ocr_service.work import overview

    desk = _desk(config)
    if unit:
        told = _unit(desk, unit)
        echo_json(told) if as_json else _echo_unit(told, desk)
        return
    rows = overview.queue(desk.store)
    if as_json:
        echo_json([row.as_json() for row in rows])
        return
    cells = []
    for row in rows:
        where = f"{overview.spool_path(desk.config, row.where[0])}" if row.where else ""
        more = f" and {len(row.where) - 1} more" if len(row.where) > 1 else ""
        cells.append([row.kind, row.name, row.since, row.template, row.scanner, row.why, where + more])
    echo_rows(["what", "name", "since", "template", "scanner", "why", "screens"], cells)
    typer.echo(f"{len(rows)} wait")


def _unit(desk: Desk, name: str) -> dict[str, Any]:
    from ocr_service.work.overview import one_unit
    from ocr_service.work.persons import find_unit

    with desk.store.begin(reading=True) as connection:
        return one_unit(connection, find_unit(connection, name))


def _echo_unit(told: dict[str, Any], desk: Desk) -> None:
    from ocr_service.work.overview import acquisition_type_in_words, spool_path

    for key in ("unit", "study_instance_uid", "outcome", "held", "template", "scanner", "read_at", "dlp_total"):
        typer.echo(f"{key.replace('_', ' ')}: {told[key] or ''}")
    keys = ("series_number", "acquisition_type", "mean_ctdivol", "dlp", "phantom", "scanning_range", "kvp")
    events = [one | {"acquisition_type": acquisition_type_in_words(one["acquisition_type"])} for one in told["events"]]
    rows = [
        [number, *(event[key] or "" for key in keys), "yes" if event["proven"] else "NO"]
        for number, event in enumerate(events, start=1)
    ]
    echo_rows(["row", *(key.replace("_", " ") for key in keys), "proven"], rows)
    for finding in told["findings"]:
        typer.echo(f"{finding['kind']} {finding['where']}: {finding['sentence']}")
    for act in told["acts"]:
        typed = "".join(f" {one}" for one in act["set"])
        why = f": {act['why']}" if act["why"] else ""
        typer.echo(f"act {act['act']}: {act['at']} {act['person']} {act['kind']}{typed}{why}")
    for one in told["deliveries"]:
        typer.echo(
            f"delivery {one['delivery']}: {one['kind']} to {one['destination']} {one['state']}, "
            f"{one['attempts']} attempts {one['why']}".rstrip()
        )
    for name in told["screens"]:
        typer.echo(f"screen: {spool_path(desk.config, name)}")


def confirm(
    unit: Unit,
    person: Person,
    config: ConfigFile = DEFAULT,
    organization: Annotated[str, typer.Option(help="The person's organization, as the report states it.")] = "",
    values: Annotated[
        list[str] | None, typer.Option("--set", help=f"Correct a value, such as 2.dlp=123.4; may repeat. {CAN_BE_SET}")
    ] = None,
    yes: Yes = False,
) -> None:
    """Confirm a unit's report as it is read, or with corrections: a person answers for it."""
    import time

    from ocr_service.dose.corrections import NOT_STATED, ActKind
    from ocr_service.work import persons

    set_to = _corrections(values or [])
    desk = _desk(config)
    told = _unit(desk, unit)
    if not yes:
        _ask(told, desk, set_to)
    kind = ActKind.CORRECT if set_to else ActKind.CONFIRM
    number = persons.decide(
        desk,
        told["unit"],
        kind,
        person,
        time.time(),
        corrections=set_to,
        organization=organization or NOT_STATED,
        seen=told["rows"],
    )
    typer.echo(f"act {number}: unit {told['unit']} is read again with this decision")


def _corrections(values: list[str]) -> list[Correction]:
    from ocr_service.dose.corrections import parse_correction

    try:
        return [parse_correction(value) for value in values]
    except ValueError as error:
        raise UsageError(str(error)) from None


def _ask(told: dict[str, Any], desk: Desk, set_to: list[Correction]) -> None:
    """Show what is to be confirmed, and ask. UsageError where nobody can answer."""
    with _asked_for("Confirm this report?"):
        _echo_unit(told, desk)
        for one in set_to:
            row = f"row {one.event}" if one.event is not None else "the report"
            typer.echo(f"to be set: {row}, {one.quantity} = {one.text}")


@contextmanager
def _asked_for(question: str, look: str = "queue UNIT") -> Iterator[None]:
    """What the block shows is agreed to by a person, or the command ends. UsageError where nobody can answer."""
    if not _somebody_is_there():
        raise UsageError(f"nobody can be asked here: look at `{look}` first, then say --yes")
    yield
    if not typer.confirm(question):
        raise typer.Exit(1)


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


def reject(
    unit: Unit,
    person: Person,
    why: Why,
    config: ConfigFile = DEFAULT,
    yes: Yes = False,
) -> None:
    """Decide that a unit is not to be reported; what was sent of it is taken back."""
    import time

    from ocr_service.dose.corrections import ActKind
    from ocr_service.work import persons

    desk = _desk(config)
    told = _unit(desk, unit)
    if not yes:
        with _asked_for("Reject this unit?"):
            _echo_what_goes(told)
    number = persons.decide(desk, told["unit"], ActKind.REJECT, person, time.time(), why=why, seen=told["rows"])
    typer.echo(f"act {number}: unit {told['unit']} is read again with this decision")


def _echo_what_goes(told: dict[str, Any]) -> None:
    """What would be gone from the reports, and from where."""
    for key in ("unit", "outcome", "template", "scanner"):
        typer.echo(f"{key}: {told[key].replace('_', ' ') if key == 'outcome' else told[key]}")
    typer.echo(f"irradiation events: {len(told['events'])}")
    for one in _there(told):
        typer.echo(f"its report at {one['destination']} is taken back ({one['state']})")
    if not _there(told):
        typer.echo("no report of it was sent")


def _there(told: dict[str, Any]) -> list[dict[str, Any]]:
    """The deliveries that are taken back: reports that arrived, or are on their way."""
    return [one for one in told["deliveries"] if one["kind"] == "rdsr" and one["state"] in ("waiting", "acknowledged")]


def retry(
    name: Annotated[str, typer.Argument(help="A unit, a delivery's number, or all.")],
    config: ConfigFile = DEFAULT,
    person: Annotated[str, typer.Option(help="Who asks for it; left out: the user of the system.")] = "",
) -> None:
    """Try again what failed, was refused, or waits for a later time."""
    import getpass
    import time

    from ocr_service.work import persons

    count = persons.retry(_desk(config), name, person or getpass.getuser(), time.time())
    typer.echo(f"{count} studies and deliveries are tried again")


def recall(
    config: ConfigFile = DEFAULT,
    *,
    unit: Annotated[str, typer.Argument(help="The unit whose reports are taken back.")] = "",
    person: Person,
    why: Annotated[str, typer.Option(help="The reason; it stays in the database.")] = "",
    done: Annotated[int, typer.Option(help="Close this row of the queue: the report was taken back by hand.")] = 0,
    what: Annotated[str, typer.Option(help="What was done, for --done.")] = "",
    yes: Yes = False,
) -> None:
    """Take a unit's reports back at its destinations, or close a recall that a person has carried out."""
    import time

    from ocr_service.work import persons

    if bool(unit) == bool(done):
        raise UsageError("name a unit and --why, or --done ROW and --what")
    if (unit and not why) or (done and not what):
        raise UsageError("say --why it is taken back" if unit else "say --what was done")
    if done:
        persons.done_by_hand(_desk(config), done, person, what, time.time())
        typer.echo(f"row {done} is closed")
        return
    desk = _desk(config)
    told = _unit(desk, unit)
    if _there(told) and not yes:
        with _asked_for("Take these reports back?"):
            _echo_what_goes(told)
    count = persons.recall(desk, told["unit"], person, why, time.time())
    typer.echo(f"{count} rows were made to take its reports back; what had not been sent is not sent")


@scanner_app.command("list")
def list_scanners(config: ConfigFile = DEFAULT, as_json: AsJson = False) -> None:
    """Show each template and console: who accepted it, or how far that is, and how many units wait for a person."""
    from dataclasses import asdict

    from ocr_service.work.overview import known_scanners

    desk = _desk(config)
    found = known_scanners(desk.store, desk.config.reading.commissioning)
    if as_json:
        echo_json([asdict(one) for one in found])
        return
    rows = [
        [
            *(one.template, one.console, one.first_at, one.accepted_at, one.accepted_by),
            *(one.progress, one.held, one.in_review),
        ]
        for one in found
    ]
    heads = ["template", "console", "first read", "accepted", "by", "confirmed", "wait for acceptance", "in review"]
    echo_rows(heads, rows)


@scanner_app.command()
def accept(
    template: Annotated[str, typer.Argument(help="The template, as `scanner list` shows it, or without its revision.")],
    console: Annotated[str, typer.Argument(help="The console, as `scanner list` shows it.")],
    person: Person,
    config: ConfigFile = DEFAULT,
    yes: Yes = False,
) -> None:
    """Accept what a template reads on a scanner: reports that wait for it are sent."""
    import time

    from ocr_service.work import persons
    from ocr_service.work.overview import known_scanners

    desk = _desk(config)
    known = known_scanners(desk.store, desk.config.reading.commissioning)
    which = persons.which_scanner([(one.template, one.console) for one in known], template, console)
    if not yes:
        its = next(one for one in known if (one.template, one.console) == which)
        with _asked_for("Accept this scanner?", "scanner list"):
            typer.echo(f"template: {its.template}\nconsole: {its.console}\nunits confirmed as read: {its.confirmed}")
            typer.echo(f"reports that wait for it, and are sent: {its.held}")
    count = persons.accept(desk, *which, person, time.time())
    typer.echo(f"accepted; {count} reports that waited are sent")

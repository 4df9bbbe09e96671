"""`fetch`: look through an archive once, or again and again, for dose screens that never came to us."""

from __future__ import annotations

import logging
import sys
from datetime import date, datetime
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from ocr_service.cli_settings import DEFAULT, NEEDS_A_PERSON, ConfigFile
from ocr_service.errors import NetworkError, UsageError

if TYPE_CHECKING:
    from ocr_service.config import Config, Pacs
    from ocr_service.network.sweep import PartLooked, Period, Swept

_INTERRUPTED = 130  # as shells say of Ctrl-C
WHAT_AGAIN = (
    "With --study-date: look also at days that are done, studies may have come there later. With --study or "
    "--accession: bring also what was removed here since its time was over."
)
AGAIN = "run the same command again: it goes on where it was"


def fetch(
    config: ConfigFile = DEFAULT,
    pacs: Annotated[str, typer.Option(help="The archive, by its name; left out: the only one.")] = "",
    study_date: Annotated[str, typer.Option(help="Study dates, as 20100101-20101231 or 20100101.")] = "",
    accession: Annotated[list[str] | None, typer.Option(help="An accession number; may repeat.")] = None,
    study: Annotated[list[str] | None, typer.Option(help="A Study Instance UID; may repeat.")] = None,
    watch: Annotated[str, typer.Option(help="Look again every so often, such as 5m, until stopped.")] = "",
    again: Annotated[bool, typer.Option("--again", help=WHAT_AGAIN)] = False,
    without_screens: Annotated[
        bool, typer.Option("--without-screens", help="Bring a few images of studies without dose screens, too.")
    ] = False,
) -> None:
    """Fetch dose screens from an archive. Exit 3: some could not be looked at, and are looked at next time."""
    from ocr_service.config import load_config
    from ocr_service.logs import configure_logs
    from ocr_service.work.sweeping import last_days

    loaded = load_config(config)
    configure_logs(loaded.operation.log_format, logging.WARNING)
    its = _chosen(loaded, pacs)
    pause = _pause(watch)
    given = _period(study_date, accession or [], study or [], again=again)
    if given is None and not pause:
        raise UsageError("say --study-date, --accession or --study, or --watch for the last days again and again")
    removed_too = again and bool(accession or study)
    if removed_too and pause:
        raise UsageError("--again brings what was removed of a study or accession number once, without --watch")
    stopped = Event()
    faults = 0
    try:
        while True:
            try:
                faults = _sweep(
                    loaded, its, given or last_days(its), stopped,
                    without_screens=without_screens, removed_too=removed_too,
                )  # fmt: skip
            except NetworkError as error:
                if not pause:
                    raise
                typer.echo(f"ocr-service: {error}", err=True)
            if not pause or stopped.wait(pause):
                break
    except KeyboardInterrupt:
        stopped.set()
        typer.echo(f"stopped; {AGAIN}", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    if faults:
        raise typer.Exit(NEEDS_A_PERSON)


def _chosen(config: Config, name: str) -> Pacs:
    known = [one for one in config.pacs if name in ("", one.name)]
    if len(known) == 1:
        return known[0]
    names = ", ".join(one.name for one in config.pacs)
    raise UsageError(f"--pacs takes one of: {names}" if names else "the configuration names no [[pacs]]")


def _pause(watch: str) -> float:
    from datetime import timedelta

    from ocr_service.spoken import duration

    if not watch:
        return 0.0
    try:
        told = duration(watch)
    except ValueError as error:
        raise UsageError(f"--watch: {error}") from None
    assert isinstance(told, timedelta)
    return max(1.0, told.total_seconds())


def _period(study_date: str, accession: list[str], study: list[str], *, again: bool) -> Period | None:
    from ocr_service.network.sweep import Accessions, Days, Studies

    if sum(map(bool, (study_date, accession, study))) > 1:
        raise UsageError("--study-date, --accession and --study go one at a time")
    if accession:
        return Accessions(tuple(accession))
    if study:
        return Studies(tuple(study))
    if not study_date:
        return None
    first, _, last = study_date.partition("-")
    days = Days(_day(first), _day(last or first), again=again)
    if days.last < days.first:
        raise UsageError("--study-date: the last day is before the first")
    return days


def _day(text: str) -> date:
    try:
        if len(text) != 8:
            raise ValueError
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 (a day has no time zone)
    except ValueError:
        raise UsageError("--study-date takes days as 20100101-20101231") from None


def _sweep(
    config: Config, pacs: Pacs, period: Period, stopped: Event, *, without_screens: bool, removed_too: bool
) -> int:
    """One sweep with a line a part that had something, and its sum; how many things are left for next time."""
    from ocr_service.network.sweep import Days, PartLooked, Swept
    from ocr_service.work.sweeping import fetch as looked_through

    total = Swept()
    parts = 0
    try:
        for looked in looked_through(
            config, pacs, period, stopped.wait, without_screens=without_screens, removed_too=removed_too
        ):
            total = total.plus(looked)
            for fault in looked.faults:
                typer.echo(f"{fault.study_instance_uid or pacs.name}: {fault.what}", err=True)
            if isinstance(looked, PartLooked):
                parts += 1
                if looked.studies or not looked.done or not isinstance(period, Days):
                    typer.echo(_line(looked, total))
    except NetworkError:
        typer.echo(_sum(pacs, total))
        typer.echo(AGAIN, err=True)
        raise
    typer.echo(_sum(pacs, total))
    if isinstance(period, Days) and (before := (period.last - period.first).days + 1 - parts):
        typer.echo(f"{before} days were looked at before, and are done: --again looks at them, too")
    sys.stdout.flush()
    return total.faults + total.not_done


def _line(part: PartLooked, total: Swept) -> str:
    if not isinstance(part.place, date) and not part.studies and part.done:
        return f"number {part.place} of the list: the archive has no such study"
    what = part.place.isoformat() if isinstance(part.place, date) else f"number {part.place} of the list"
    left = "" if part.done else ", to be looked at again"
    return f"{what}: {part.studies} studies{left}; so far {total.kept} objects brought"


def _sum(pacs: Pacs, total: Swept) -> str:
    return (
        f"{pacs.name}: {total.studies} studies, {total.with_dose} with dose series, {total.unchanged} known already; "
        f"{total.kept} objects brought, {total.had} were here, {total.undecided} undecided, {total.faults} faults"
    )

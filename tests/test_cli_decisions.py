"""Commands by which persons decide: what they show first, when they ask, and what may be set."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from ocr_service import cli_queue, printing
from ocr_service.dose.proof import NeedsReview, Unreadable, Verified
from ocr_service.dose.report import CTAcquisitionType, Phantom, Reading, doubt
from ocr_service.errors import UsageError
from ocr_service.work import persons
from ocr_service.work.inventory import Inventory
from ocr_service.work.output import ReportFile
from ocr_service.work.tables import acts, studies, units
from ocr_service.work.unit import Converted
from tests.operator_of import Site
from tests.test_cli_service import PERSON, filled
from tests.work.hospital import CONSOLE, TEMPLATE
from tests.work.hospital import report as hospital_report

CAN_BE_SET_WORDS = [kind.name.lower() for kind in (*CTAcquisitionType, *Phantom)]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_what_the_queue_shows_of_a_row_can_be_set(site: Site):
    site.receive("1.1", "1.10")
    report = hospital_report("1.10", "100.0")
    kind = Reading(CTAcquisitionType.CONSTANT_ANGLE, "Axial")
    row = replace(report.events[0], acquisition_type=kind, phantom=Reading(Phantom.HEAD, "16"))
    doubted = NeedsReview(replace(report, events=(row,)), (doubt("dlp_total", "the total differs"),))
    unit = site.read("1.10", doubted)

    head, shown = (line.split("\t") for line in site.does("queue", unit)[1].splitlines() if "\t" in line)

    told = dict(zip(head, shown, strict=True))
    assert told["acquisition type"] == "Constant Angle Acquisition"
    keys = ("acquisition type", "phantom", "mean ctdivol", "dlp")
    values = [f"1.{key}={told[key]}" for key in keys]
    values += [value.replace(" ", "_") for value in values[2:]]
    values += [value.upper() for value in values[:1]]
    for value in values:
        assert site.does("confirm", unit, "--person", PERSON, "--yes", "--set", value)[0] == 0, value


def test_help_lists_all_that_can_be_set(site: Site):
    said = " ".join(site.does("confirm", "--help")[1].split())

    for word in (*CAN_BE_SET_WORDS, *("dlp", "mean_ctdivol", "phantom", "acquisition_type", "dlp_total_body")):
        assert re.search(rf"\b{word}\b", said), word


def test_a_confirmation_is_asked_for_and_shown_first(site: Site, monkeypatch: pytest.MonkeyPatch):
    unit = filled(site, monkeypatch)
    confirm = ("confirm", unit, "--person", PERSON, "--set", "1.dlp=101.5")

    code, said = site.does(*confirm)
    assert (code, "nobody can be asked here" in said) == (2, True)

    monkeypatch.setattr(cli_queue, "_somebody_is_there", lambda: True)
    code, said = site.does(*confirm, answers="n\n")
    assert code == 1
    assert "doubt dlp_total: the total differs" in said
    assert "to be set: row 1, dlp = 101.5" in said
    assert site.rows(acts) == []

    code, said = site.does(*confirm, answers="y\n")
    assert code == 0
    assert [(row.kind, row.person) for row in site.rows(acts)] == [("correct", PERSON)]


def test_a_confirmation_needs_no_question_where_yes_is_said(site: Site, monkeypatch: pytest.MonkeyPatch):
    unit = filled(site, monkeypatch)

    assert site.does("confirm", unit, "--person", PERSON, "--organization", "Example", "--yes")[0] == 0

    (row,) = site.rows(acts)
    assert (row.kind, json.loads(row.told)["organization"]) == ("confirm", "Example")
    assert [one.study for one in site.rows(studies) if one.due_at is not None and one.study == "1.30"]


def shown_and_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch, name: str, why: str
) -> tuple[str, tuple[str, ...], str]:
    """A person is asked if a report that has arrived is to go, and says no: the unit, the command, what it said."""
    site.receive("1.1", "1.10")
    unit = site.verified("1.10", "9.1")
    site.deliver(monkeypatch)
    command = (name, unit, "--person", PERSON, "--why", why)

    code, said = site.does(*command)
    assert (code, "nobody can be asked here" in said, "--yes" in said) == (2, True, True)

    monkeypatch.setattr(cli_queue, "_somebody_is_there", lambda: True)
    code, said = site.does(*command, answers="n\n")
    assert code == 1
    return unit, command, said


def test_a_rejection_is_asked_for_and_shown_first(site: Site, monkeypatch: pytest.MonkeyPatch):
    unit, reject, said = shown_and_refused(site, monkeypatch, "reject", "it is a copy")
    assert said.startswith(
        f"unit: {unit}\noutcome: verified\ntemplate: {TEMPLATE}\nscanner: {CONSOLE}\nirradiation events: 1\n"
        "its report at pacs is taken back (acknowledged)\n"
    )
    assert site.rows(acts) == []

    assert site.does(*reject, answers="y\n")[0] == 0
    assert [(row.kind, row.person) for row in site.rows(acts)] == [("reject", PERSON)]


def test_a_rejection_is_of_what_was_shown(site: Site, monkeypatch: pytest.MonkeyPatch):
    site.receive("1.1", "1.10")
    unit = site.verified("1.10", "9.1")

    def read_again() -> bool:
        site.change(units, units.c.id == unit, rows="other rows")
        return True

    monkeypatch.setattr(cli_queue, "_somebody_is_there", read_again)
    code, said = site.does("reject", unit, "--person", PERSON, "--why", "it is a copy", answers="y\n")

    assert (code, "was read again meanwhile" in said, site.rows(acts)) == (2, True, [])


@pytest.mark.parametrize(
    ("value", "told"),
    [("dlp", "'dlp' is no correction"), ("1.kvp=7", "'kvp' of a row cannot"), ("1.dlp=1,5", "'1,5' is no dlp")],
)
def test_what_cannot_be_set_is_told(site: Site, value: str, told: str):
    code, said = site.does("confirm", "abc", "--person", PERSON, "--set", value)

    assert (code, said.startswith(told)) == (2, True)


def test_a_scanner_is_listed_and_accepted(tmp_path: Path):
    site = Site(tmp_path, commissioning=2)
    site.receive("1.1", "1.10")
    site.verified("1.10", "9.1")
    (waits,) = json.loads(site.does("queue", "--json")[1])
    assert waits["kind"] == "commissioning"
    assert "\t0 of 2\t1\t0\n" in site.does("scanner", "list")[1]

    code, said = site.does("scanner", "accept", TEMPLATE, CONSOLE, "--person", PERSON, "--yes")

    assert (code, said) == (0, "accepted; 1 reports that waited are sent\n")
    (known,) = json.loads(site.does("scanner", "list", "--json")[1])
    assert (known["accepted_by"], known["held"]) == (PERSON, 0)
    assert "\taccepted\t0\t0\n" in site.does("scanner", "list")[1]


def test_a_scanner_is_listed_with_how_far_its_commissioning_is(tmp_path: Path):
    site = Site(tmp_path, commissioning=5)
    made = []
    for number in (1, 2, 3):
        site.receive(f"{number}.1", f"1.{number}0")
        made.append(site.verified(f"1.{number}0", f"9.{number}"))
    site.receive("4.1", "1.40")
    site.in_review("1.40")
    for unit in (made[0], made[1], made[1]):
        assert site.does("confirm", unit, "--person", PERSON, "--yes")[0] == 0

    assert site.does("scanner", "list")[1].endswith("\t2 of 5\t3\t1\n")

    site.config = site.config.model_copy(
        update={"reading": site.config.reading.model_copy(update={"commissioning": 0})}
    )
    site.write()
    assert "\tnot needed\t" in site.does("scanner", "list")[1]


def test_a_recall_by_hand_waits_in_the_queue_until_it_is_closed(site: Site, monkeypatch: pytest.MonkeyPatch):
    site.receive("1.1", "1.10")
    unit = site.verified("1.10", "9.1")
    site.deliver(monkeypatch)
    assert site.does("recall", unit, "--person", PERSON)[0] == 2
    assert site.does("recall", "--person", PERSON)[0] == 2
    assert site.does("recall", unit, "--done", "2", "--person", PERSON, "--what", "x")[0] == 2

    assert site.does("recall", unit, "--person", PERSON, "--why", "wrong patient", "--yes")[0] == 0
    (row,) = json.loads(site.does("queue", "--json")[1])
    assert row["kind"] == "recall"
    close = f"close this row with `ocr-service recall --done {row['name']} --person NAME --what TEXT`"
    assert close in row["why"]
    shown = site.does("queue", unit)[1]
    assert close in shown
    assert f"{PERSON} recall: wrong patient\n" in shown
    assert site.does("recall", "--done", row["name"], "--person", PERSON, "--what", "deleted there")[0] == 0

    assert json.loads(site.does("queue", "--json")[1]) == []
    assert site.does("ledger")[0] == 0


@pytest.mark.parametrize("width", [70, 132, 400])
def test_at_a_terminal_nothing_is_cut_that_the_next_command_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
):
    """Each name stands whole on one line, however narrow the terminal is."""
    site = Site(tmp_path, commissioning=2)
    site.receive("1.1", "1.10")
    unit = site.verified("1.10", "9.1")
    monkeypatch.setattr(printing, "console", lambda: Console(force_terminal=True, no_color=True, width=width))

    listed, waiting = site.does("scanner", "list")[1], site.does("queue")[1]

    (row,) = json.loads(site.does("queue", "--json")[1])
    path = str(site.folder / "data" / "spool" / row["where"][0])
    for said, words in ((listed, (TEMPLATE, CONSOLE)), (waiting, (TEMPLATE, CONSOLE, unit, path))):
        assert "…" not in said
        for word in words:
            assert any(word in line for line in said.splitlines()), word
    assert (f"template: {TEMPLATE}\n" in listed) == (width == 70)
    assert width == 70 or " review " in re.sub(r"\x1b\[[0-9;]*m", "", listed)


def test_the_closing_table_of_convert_is_whole_in_a_pipe(capsys: pytest.CaptureFixture[str]):
    why, rdsr = "it has no picture " * 30, f"{'a folder with a long name/' * 20}[1].dcm"
    endings = [
        Converted("1.1", (), ("1.2",), Unreadable(why.strip()), None, 1),
        Converted("1.3", (), ("1.4",), Verified(hospital_report("1.3", "100.0"), ()), rdsr, 1),
    ]

    with ReportFile(None) as kept:
        printing.print_endings(endings, Inventory(), kept)

    said = capsys.readouterr().out
    assert all(any(whole in line for line in said.splitlines()) for whole in (why.strip(), rdsr))


def test_a_recall_is_asked_for_and_shown_first(site: Site, monkeypatch: pytest.MonkeyPatch):
    unit, recall, said = shown_and_refused(site, monkeypatch, "recall", "wrong patient")
    assert f"unit: {unit}\n" in said
    assert "its report at pacs is taken back (acknowledged)\n" in said
    assert site.rows(acts) == []

    assert site.does(*recall, answers="y\n")[0] == 0
    assert [row.kind for row in site.rows(acts)] == ["recall"]


def test_an_acceptance_is_asked_for_and_says_what_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    site = Site(tmp_path, commissioning=2)
    site.receive("1.1", "1.10")
    site.verified("1.10", "9.1")
    accept = ("scanner", "accept", TEMPLATE, CONSOLE, "--person", PERSON)

    code, said = site.does(*accept)
    assert (code, "look at `scanner list` first, then say --yes" in said) == (2, True)

    monkeypatch.setattr(cli_queue, "_somebody_is_there", lambda: True)
    code, said = site.does(*accept, answers="n\n")
    assert (code, "reports that wait for it, and are sent: 1\n" in said, site.rows(acts)) == (1, True, [])

    assert site.does(*accept, answers="y\n")[0] == 0
    assert [row.kind for row in site.rows(acts)] == ["accept"]


def test_a_scanner_is_accepted_without_the_revision_where_one_is_known(tmp_path: Path):
    site = Site(tmp_path, commissioning=2)
    site.receive("1.1", "1.10")
    site.verified("1.10", "9.1")
    name = TEMPLATE.removesuffix(" r1")

    for words, wanted in (
        (("acme/other", CONSOLE), f"no report was read by 'acme/other' on '{CONSOLE}', but by '{TEMPLATE}'"),
        ((name, "OTHER"), f"no report was read on 'OTHER'; consoles that `scanner list` shows: '{CONSOLE}'"),
    ):
        code, said = site.does("scanner", "accept", *words, "--person", PERSON, "--yes")
        assert (code, wanted in said) == (2, True), said

    assert site.does("scanner", "accept", name, CONSOLE, "--person", PERSON, "--yes")[0] == 0
    assert json.loads(site.does("scanner", "list", "--json")[1])[0]["accepted_by"] == PERSON


def test_of_several_revisions_one_is_to_be_named():
    known = [("acme/dose r1", "CT 1"), ("acme/dose r2", "CT 1"), ("acme/dose r2", "CT 2")]

    assert persons.which_scanner(known, "acme/dose r1", "CT 1") == ("acme/dose r1", "CT 1")
    assert persons.which_scanner(known, "acme/dose", "CT 2") == ("acme/dose r2", "CT 2")
    with pytest.raises(UsageError, match="which revision of the template: 'acme/dose r1', 'acme/dose r2'"):
        persons.which_scanner(known, "acme/dose", "CT 1")

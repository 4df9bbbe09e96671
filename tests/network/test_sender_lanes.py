"""Which destinations a report goes to: those whose every rule fits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocr_service.config import Destination
from ocr_service.network.lanes import Provenance, destinations_for

CT1 = Provenance(frozenset({"CT1", "PACS"}), "CTROOM1", "GE MEDICAL SYSTEMS")
WORDS = st.sampled_from(["CT1", "CT2", "PACS", "GE", "ge medical", "SIEMENS"])
RULES = st.lists(WORDS, max_size=3).map(tuple)


def to(name: str, **rules: tuple[str, ...]) -> Destination:
    return Destination(name=name, ae_title="PACS", host="pacs", port=104, **rules)


def test_a_destination_without_rules_gets_every_report():
    assert destinations_for(CT1, [to("pacs"), to("dose")]) == ("pacs", "dose")


def test_each_rule_leaves_out_what_does_not_fit():
    rows = [
        (to("caller", calling_ae=("CT9", "CT1")), True),
        (to("caller-2", calling_ae=("CT9",)), False),
        (to("caller-3", calling_ae=("ct1",)), False),  # AE titles differ by letter case (PS3.5, AE)
        (to("station", station=("CTROOM1",)), True),
        (to("station-2", station=("CTROOM",)), False),
        (to("maker", manufacturer=("ge",)), True),
        (to("maker-2", manufacturer=("Medical",)), False),
        (to("maker-3", manufacturer=("GE Medical Systems Inc",)), False),
        (to("all", calling_ae=("CT1",), station=("CTROOM1",), manufacturer=("GE",)), True),
        (to("not-all", calling_ae=("CT1",), station=("CTROOM2",), manufacturer=("GE",)), False),
    ]

    assert destinations_for(CT1, [one for one, _ in rows]) == tuple(one.name for one, wanted in rows if wanted)


def test_a_report_of_unknown_origin_goes_only_where_no_rule_asks_for_one():
    unknown = Provenance(frozenset(), "", "")
    asking = [to("a", calling_ae=("CT1",)), to("b", station=("CTROOM1",)), to("c", manufacturer=("GE",)), to("d")]

    assert destinations_for(unknown, asking) == ("d",)


@given(st.frozensets(WORDS, max_size=3), WORDS, WORDS, RULES, RULES, RULES)
def test_a_destination_wants_what_each_of_its_rules_wants_alone(callers, station, maker, aes, stations, makers):
    of = Provenance(callers, station, maker)
    together = to("x", calling_ae=aes, station=stations, manufacturer=makers)
    alone = [to("x", calling_ae=aes), to("x", station=stations), to("x", manufacturer=makers)]

    assert bool(destinations_for(of, [together])) == all(destinations_for(of, [one]) for one in alone)


@given(RULES, WORDS, WORDS)
def test_one_more_word_in_a_rule_takes_no_report_away(rule, more, station):
    of = Provenance(frozenset({"CT1"}), station, "GE")
    if rule and destinations_for(of, [to("x", station=rule)]):
        assert destinations_for(of, [to("x", station=(*rule, more))]) == ("x",)

"""What a dose page states as text: its comment, its exposures, the maker's private text."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_service.dose.report import CTAcquisitionType, FindingKind
from ocr_service.study.comments import parse_comment
from ocr_service.study.header import ConsoleText, console_text
from ocr_service.study.private_text import decoded, parse_private_text
from tests.study.headers import BODY, HEAD, code, exposure, page, siemens_page, uid

PHILIPS = "Series #1 Average CTDIvol=0.085 DLP=2.2\r\nSeries #2 Average CTDIvol=14 DLP=274.9\r\nTotal DLP=277.1"


def rows(comment):
    return [(row.number, row.label, row.ctdivol, row.dlp) for row in comment]


def numbers(*told):
    return [None if one is None else Decimal(one) for one in told]


def test_a_page_without_text_states_nothing():
    assert console_text(page()) == ConsoleText()


def test_a_philips_comment_has_a_row_a_series_and_a_total():
    text = console_text(page(PHILIPS))

    assert rows(text.comment_rows) == [("1", "", *numbers("0.085", "2.2")), ("2", "", *numbers("14", "274.9"))]
    assert (text.comment_total, text.comment_total_is_named) == (Decimal("277.1"), True)


@pytest.mark.parametrize("between", ["\r\n", "\n", " / ", "  ", "; "])
def test_words_of_the_protocol_stand_between_number_and_values(between):
    parts = [
        "Series #3 PRE KIDNEYS Average CTDIvol=7.2 DLP=196.0",
        "Series #6 100S C/A/P Average CTDIvol=9.3 DLP=657.9",
    ]
    comment = parse_comment(between.join([*parts, "Total DLP=1102.4"]))

    assert rows(comment.rows) == [
        ("3", "PRE KIDNEYS", *numbers("7.2", "196.0")),
        ("6", "100S C/A/P", *numbers("9.3", "657.9")),
    ]
    assert comment.total == Decimal("1102.4")


def test_a_ge_comment_has_events_without_dose():
    comment = parse_comment("TotalDLP=1748.68\r\nEvent=1\r\nEvent=2\r\nEvent=3 DLP=769.67\r\nEvent=4 DLP=979.01")

    assert [(row.number, row.dlp) for row in comment.rows] == [
        ("1", None),
        ("2", None),
        ("3", Decimal("769.67")),
        ("4", Decimal("979.01")),
    ]
    assert comment.total == Decimal("1748.68")


def test_a_bare_number_is_a_total_that_nobody_has_named():
    comment = parse_comment(" 123.55 ")

    assert (comment.total, comment.total_is_named, comment.rows) == (Decimal("123.55"), False, ())


@pytest.mark.parametrize(
    "text",
    [
        "Eff. DLP=5",
        "effective DLP=5",
        "Expected CTDIvol=5",
        "CTDIw=5",
        "CTDIvol.e=5",
        "DLP.e=5",
        "DLPair=5",
        "air DLP=5",
        "SSDE=5",
        "DLP=-5",
        "DLP=",
        "DLP=five",
        "DLP=1,234",
        "DLP=1.2.3",
        "DLP 5",
        "max CTDIvol=5",
    ],
)
def test_other_quantities_and_other_writings_are_no_dose(text):
    comment = parse_comment(text)

    assert (comment.rows, comment.total) == ((), None)


def test_a_decimal_comma_is_a_point():
    assert rows(parse_comment("Event=1 DLP=769,67").rows) == [("1", "", None, Decimal("769.67"))]


def test_a_quantity_stated_twice_with_two_values_is_none():
    comment = parse_comment("Event=1 DLP=5 DLP=6 Total DLP=7 Total DLP=8")

    assert (comment.rows[0].dlp, comment.total, len(comment.notes)) == (None, None, 2)


def test_absurdly_many_rows_are_not_used():
    comment = parse_comment("Event=1 " * 1000)

    assert (comment.rows, len(comment.notes)) == ((), 1)


@given(st.text(max_size=300) | st.text("SeriesEvntDLPCTDIvol=:#0123456789., \r\n/", max_size=300))
def test_no_comment_is_misunderstood_into_an_error(text):
    for row in parse_comment(text).rows:
        assert (row.ctdivol or 0) >= 0
        assert (row.dlp or 0) >= 0


@given(
    st.lists(
        st.tuples(st.integers(1, 99), st.decimals("0.001", "9999", places=3), st.decimals("0.1", "99999", places=1)),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_a_philips_console_writes_is_read_back(told):
    text = "\r\n".join(f"Series #{n} Average CTDIvol={c} DLP={d}" for n, c, d in told)

    assert rows(parse_comment(text).rows) == [(str(n), "", c, d) for n, c, d in told]


@pytest.mark.parametrize(
    "piece", ["1", "1,1", "Series #", "DLP=", "a", "= ", "@a@ = #", "@", "&", "#", " ", "Event=1 D"]
)
def test_a_long_text_takes_no_longer_than_its_length(piece):
    start = time.perf_counter()
    parse_comment(piece * (1_000_000 // len(piece)))
    parse_private_text(piece * (1_000_000 // len(piece)))

    assert time.perf_counter() - start < 2


def test_an_exposure_states_more_than_the_comment():
    item = exposure(
        "SPIRAL",
        "274.9",
        "HEAD 16 CM",
        CTDIvol=14.0,
        KVP="120",
        XRayTubeCurrentInuA="87000",
        ScanLength="164",
        SpiralPitchFactor=0.391,
        IrradiationEventUID=uid("event"),
        SeriesNumber="200",
        BodyPartExamined="BRAIN",
        AcquisitionDateTime="20200102101500.5",
        AcquisitionDuration=6.5,
        ProtocolName="Head",
    )
    (row,) = console_text(page(exposures=[item])).sequence_rows

    assert (row.number, row.ctdivol, row.dlp, row.phantom) == ("200", 14, Decimal("274.9"), HEAD)
    assert (row.acquisition_type, row.irradiation_event_uid) == (CTAcquisitionType.SPIRAL, uid("event"))
    told = row.parameters
    assert (told.kvp, told.tube_current, told.scanning_length, told.pitch) == (120, 87, 164, Decimal("0.391"))
    assert (told.start, told.end, told.body_part) == ("20200102101500.5", "20200102101507.000", "BRAIN")


def test_an_exposure_without_a_private_dlp_may_state_it_in_its_own_comment():
    item = exposure(CTDIvol=14.0, CommentsOnRadiationDose="CTDIvol=14 DLP=274.9")

    assert console_text(page(exposures=[item])).sequence_rows[0].dlp == Decimal("274.9")


def test_the_phantom_comes_by_code_or_by_words_and_from_neither_where_they_differ():
    coded = exposure(CTDIPhantomTypeCodeSequence=[code("113691")])
    both = exposure(phantom="HEAD 16 CM", CTDIPhantomTypeCodeSequence=[code("113691")])
    told = console_text(page(exposures=[coded, exposure(phantom="BODY 32 CM"), both])).sequence_rows

    assert [row.phantom for row in told] == [BODY, BODY, None]


def test_an_exposure_time_in_seconds_is_a_doubt():
    item = exposure(ExposureTime="5", XRayTubeCurrent="200", Exposure="1000")  # 1000 mAs at 200 mA take 5 s
    text = console_text(page(exposures=[item]))

    assert text.sequence_rows[0].parameters.exposure_time is None
    assert [found.kind for found in text.notes] == [FindingKind.DOUBT]


def test_an_exposure_time_in_milliseconds_is_read_in_seconds():
    item = exposure(ExposureTime="5000", XRayTubeCurrent="200", Exposure="1000")

    assert console_text(page(exposures=[item])).sequence_rows[0].parameters.exposure_time == 5


def test_the_time_of_one_slice_is_not_that_of_the_irradiation():
    item = exposure(ExposureTime="1276", AcquisitionDuration=6.6)
    text = console_text(page(exposures=[item]))

    assert text.sequence_rows[0].parameters.exposure_time is None
    assert [found.kind for found in text.notes] == [FindingKind.NOTE]


def test_rotations_check_the_exposure_time():
    told = {"ScanLength": "400", "SpiralPitchFactor": 1.0, "TotalCollimationWidth": 40.0, "RevolutionTime": 0.5}
    good, bad = exposure(ExposureTime="5200", **told), exposure(ExposureTime="500", **told)
    text = console_text(page(exposures=[good, bad]))

    assert [row.parameters.exposure_time for row in text.sequence_rows] == [Decimal("5.2"), None]


def test_a_collimation_no_detector_has_is_left_out():
    text = console_text(page(exposures=[exposure(SingleCollimationWidth=1.25, TotalCollimationWidth=710.0)]))

    assert text.sequence_rows[0].parameters.total_collimation is None
    assert [found.kind for found in text.notes] == [FindingKind.NOTE]


def test_a_private_dlp_without_its_creator_is_nobodys():
    item = exposure()
    item.add_new(0x00E11021, "DS", "5")

    assert console_text(page(exposures=[item])).sequence_rows[0].dlp is None


SIEMENS = """&Patient Protocol&
@Total mAs@ = #4913#
@Total DLP@ = #1107#
&Entry&
@Entry Name@ = #Topogram#
@Scan@ = #1#
@kV@ = #120#
&Entry&
@Entry Name@ = #Head_Seq#
@Scan@ = #2#
@kV@ = #120#
@X-Ray Tube Current@ = #273#
@TI@ = #1.0#
@CTDIvol@ = #45.83 S#
@DLP@ = #732#
@SSDE@ = #50.1#"""


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-8", "latin-1"])
def test_siemens_text_is_read_in_whatever_letters_it_is_written(encoding):
    text = console_text(siemens_page(SIEMENS.encode(encoding)))

    assert [(row.number, row.label, row.ctdivol, row.dlp) for row in text.private_rows] == [
        ("1", "Topogram", None, None),
        ("2", "Head_Seq", Decimal("45.83"), Decimal("732")),
    ]
    assert (text.private_rows[1].phantom, text.private_total) == (HEAD, 1107)


def test_siemens_rows_without_headings_begin_where_a_name_comes_again():
    plain = "".join(line for line in SIEMENS.splitlines(keepends=True) if not line.startswith("&"))

    assert parse_private_text(plain).rows == parse_private_text(SIEMENS).rows


def test_letters_beyond_ascii_and_zero_bytes_survive():
    text = parse_private_text(decoded("@Entry Name@ = #Schädel 頭部#\0\0".encode("utf-16-le")))

    assert text.rows[0].label == "Schädel 頭部"


def test_another_makers_element_of_the_same_place_is_not_read():
    ds = page()
    ds.add_new(0x00190010, "LO", "SOMEBODY ELSE")
    ds.add_new(0x00191011, "UN", SIEMENS.encode("utf-16-le"))

    assert console_text(ds) == ConsoleText()


@given(st.binary(max_size=600) | st.text("@&#= \r\nScanDLPCTDIvol1234567890.,SL", max_size=300).map(str.encode))
def test_no_private_text_is_misunderstood_into_an_error(content):
    for row in console_text(siemens_page(content)).private_rows:
        assert (row.dlp or 0) >= 0

"""Which series are looked at, how gently, and how an association is refused or secured."""

from __future__ import annotations

import gc
import shutil
import socket
import ssl
import subprocess
from collections.abc import Generator, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_VR, keyword_dict
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pynetdicom import AE

from ocr_service.errors import OutputError, PeerRefused, PeerUnavailable
from ocr_service.network import dose_series
from ocr_service.network.asking import FIND, Line, NoLine, NoService
from ocr_service.network.dose_series import Use
from ocr_service.network.pace import Pace, Stopped
from ocr_service.network.querying import Study, series_of
from ocr_service.network.sweep import Days, PartLooked, StudyLooked, sweep, swept
from tests.network.archives import OURS, SAMPLES, Kept, at_once, free_port, pacs_at, shipped, started
from tests.network.odd_pacs import ROOT, OddPacs, image, page
from tests.network.sender_peers import raw

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # pynetdicom's socket of a refused connection
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
LIBRARY = shipped()
DAY = date(2020, 1, 2)
SERIES_KEYS = ("Modality", "SeriesNumber", "SeriesDescription", "Manufacturer", "ManufacturerModelName", "StationName")
IMAGE_KEYS = ("SOPClassUID", "ImageType", "InstanceNumber", "ImageComments", "WindowWidth")
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


@pytest.fixture(scope="module", autouse=True)
def collected() -> Iterator[None]:
    """What these tests leave to the collector is not left to those of another module."""
    yield
    gc.collect()


def screens() -> list[Dataset]:
    """The headers of all dose screens of the samples; other pages of the same series are companions."""
    headers = [dcmread(file, stop_before_pixels=True) for file in sorted(SAMPLES.rglob("*.dcm"))]
    captures = [ds for ds in headers if ds.SOPClassUID.startswith(SECONDARY_CAPTURE)]
    return [ds for ds in captures if LIBRARY.companion(ds) is None]


SCREENS = screens()


def answer(ds: Dataset, keys: set[str]) -> Dataset:
    told = Dataset()
    for key in keys:
        if key in ds:
            told.add(ds[key])
    return told


@given(ds=st.sampled_from(SCREENS), keys=st.sets(st.sampled_from(SERIES_KEYS)))
def test_whatever_keys_an_archive_leaves_out_the_series_of_a_dose_screen_is_looked_at(
    ds: Dataset, keys: set[str]
) -> None:
    assert dose_series.may_hold_dose_screens(answer(ds, keys), LIBRARY)


@given(
    ds=st.sampled_from(SCREENS),
    series=st.sets(st.sampled_from(SERIES_KEYS)),
    image=st.sets(st.sampled_from(IMAGE_KEYS)),
)
def test_whatever_keys_an_archive_leaves_out_a_dose_screen_is_never_of_no_use(
    ds: Dataset, series: set[str], image: set[str]
) -> None:
    use = dose_series.use_of(answer(ds, image), answer(ds, series), LIBRARY)
    assert use in (Use.SCREEN, Use.PERHAPS)


@given(keyword=st.sampled_from((*SERIES_KEYS, "SeriesInstanceUID")), junk=st.binary(max_size=40))
def test_junk_in_an_answer_raises_nothing(keyword: str, junk: bytes) -> None:
    tag = Tag(keyword_dict[keyword])
    told = Dataset()
    told[tag] = RawDataElement(tag, dictionary_VR(tag), len(junk), junk, 0, False, True)
    dose_series.may_hold_dose_screens(told, LIBRARY)
    dose_series.use_of(told, told, LIBRARY)


@pytest.mark.parametrize(
    ("told", "looked_at"),
    [
        ({"Modality": "CT", "SeriesDescription": "ABDOMEN 5 mm", "Manufacturer": "GE", "SeriesNumber": "2"}, False),
        ({"Modality": "CT", "SeriesDescription": "ABDOMEN 5 mm", "Manufacturer": "GE", "SeriesNumber": "999"}, True),
        ({"Modality": "CT", "SeriesDescription": "Thorax", "Manufacturer": "SIEMENS"}, True),  # by its image type
        ({"Modality": "CT", "SeriesDescription": "Thorax", "Manufacturer": "Nobody"}, False),
        ({"Modality": "MR", "Manufacturer": "SIEMENS"}, False),
        ({"Modality": "PT", "SeriesDescription": "Patient Protocol", "Manufacturer": "SIEMENS"}, True),
        ({"Modality": "OT", "SeriesDescription": "Screen Save"}, True),
        ({"Modality": "CT"}, True),
        ({}, True),
    ],
)
def test_a_series_is_looked_at_unless_its_answer_speaks_against_it(told: dict[str, str], looked_at: bool) -> None:
    series = Dataset()
    for keyword, value in told.items():
        setattr(series, keyword, value)
    assert dose_series.may_hold_dose_screens(series, LIBRARY) is looked_at


def test_images_are_sampled_at_both_ends_and_between_among_the_originals_only() -> None:
    images = [image(number=number) for number in (12, 3, 1, 7, 5)]
    images.append(image(number=0, ImageType=["DERIVED", "SECONDARY"]))
    images.append(image(number=99, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]))
    chosen = dose_series.samples(dose_series.original_images(images), 3)
    assert [int(one.InstanceNumber) for one in chosen] == [1, 5, 12]


class Clock:
    """A clock that goes on when somebody waits."""

    def __init__(self, now: datetime) -> None:
        self.at, self.waited = now, timedelta()

    def now(self) -> datetime:
        return self.at + self.waited

    def monotonic(self) -> float:
        return self.waited.total_seconds()

    def wait(self, seconds: float) -> bool:
        self.waited += timedelta(seconds=seconds)
        return False


def pace(clock: Clock, rate: float = 5.0, hours: str = "00:00-24:00") -> Pace:
    return Pace(rate, hours, clock.now, clock.monotonic, clock.wait)


def test_requests_go_out_at_the_configured_rate() -> None:
    clock = Clock(datetime(2026, 6, 1, 12))  # noqa: DTZ001 (local time)
    going = pace(clock, rate=4)
    for _ in range(41):
        going.take()
    assert clock.waited.total_seconds() == pytest.approx(10)


@pytest.mark.parametrize(
    ("hours", "now", "begins"),
    [
        ("19:00-06:30", "12:00", 7 * 3600),
        ("19:00-06:30", "23:00", 0),
        ("19:00-06:30", "06:29", 0),
        ("19:00-06:30", "06:30", 12.5 * 3600),
        ("08:00-17:00", "18:00", 14 * 3600),
        ("08:00-24:00", "23:59", 0),
        ("00:00-24:00", "03:00", 0),
    ],
)
def test_requests_go_out_in_the_configured_hours_only(hours: str, now: str, begins: float) -> None:
    hour, minute = map(int, now.split(":"))
    clock = Clock(datetime(2026, 6, 1, hour, minute))  # noqa: DTZ001 (local time)
    pace(clock, hours=hours).take()
    assert clock.waited.total_seconds() == pytest.approx(begins)


def test_a_sweep_ends_where_it_is_told_to_while_it_waits_and_goes_on_where_it_was() -> None:
    requests = 0

    def wait(seconds: float) -> bool:
        nonlocal requests
        requests += 1
        return requests > 12

    kept, pacs = Kept(), OddPacs([page(study=study) for study in range(1, 7)])
    slow = Pace(1, "00:00-24:00", lambda: datetime(2026, 6, 1, 12), lambda: 0.0, wait)  # noqa: DTZ001 (local time)
    with pacs.running() as port:
        peer = pacs_at(port)
        stopped = swept(sweep(peer, OURS, LIBRARY, kept, kept, Days(DAY, DAY), _ticking(slow)))
        assert 0 < stopped.kept < 6
        assert kept.days == set()
        rest = swept(sweep(peer, OURS, LIBRARY, kept, kept, Days(DAY, DAY), at_once()))
    assert stopped.kept + rest.kept == 6
    assert kept.again == []
    assert kept.days == {("archive", DAY)}


def _ticking(slow: Pace) -> Pace:
    """Each look at the clock is a third of a second later."""
    ticks = iter(range(10**6))
    return Pace(slow.rate, slow.hours, slow.now, lambda: next(ticks) / 3, slow.wait)


def test_a_crash_in_the_middle_of_a_day_loses_nothing_and_brings_nothing_twice() -> None:
    kept, pacs = Kept(), OddPacs([page(study=study) for study in range(1, 5)])
    with pacs.running() as port:
        crashing = sweep(pacs_at(port), OURS, LIBRARY, kept, kept, Days(DAY, DAY), at_once())
        assert isinstance(next(crashing), StudyLooked)
        assert isinstance(next(crashing), StudyLooked)
        assert isinstance(crashing, Generator)
        crashing.close()
        rest = swept(sweep(pacs_at(port), OURS, LIBRARY, kept, kept, Days(DAY, DAY), at_once()))
    assert (rest.kept, rest.unchanged, len(kept.arrivals), kept.again) == (2, 2, 4, [])


def test_an_archive_that_is_asked_slowly_holds_no_association_meanwhile() -> None:
    clock = Clock(datetime(2026, 6, 1, 12))  # noqa: DTZ001 (local time)
    kept, pacs = Kept(), OddPacs([page()])
    with pacs.running() as port:
        total = swept(sweep(pacs_at(port), OURS, LIBRARY, kept, kept, Days(DAY, DAY), pace(clock, rate=0.1)))
    assert total.kept == 1
    assert len(pacs.asked) == pacs.associations == 5
    assert clock.waited.total_seconds() == pytest.approx(40)


def test_requests_of_one_sweep_share_an_association() -> None:
    kept, pacs = Kept(), OddPacs([page(study=study) for study in range(1, 4)])
    with pacs.running() as port:
        assert swept(sweep(pacs_at(port), OURS, LIBRARY, kept, kept, Days(DAY, DAY), at_once())).kept == 3
    assert pacs.associations == 1


def test_a_full_disk_ends_the_sweep() -> None:
    kept = Kept(why_full="1 GiB free")
    with OddPacs([page()]).running() as port, pytest.raises(OutputError, match="goes on where it was: 1 GiB free"):
        swept(sweep(pacs_at(port), OURS, LIBRARY, kept, kept, Days(DAY, DAY), at_once()))


def test_an_archive_that_is_not_there_ends_the_sweep_soon() -> None:
    asked = sweep(pacs_at(free_port()), OURS, LIBRARY, Kept(), Kept(), Days(date(2010, 1, 1), DAY), at_once())
    parts: list[StudyLooked | PartLooked] = []
    with pytest.raises(PeerUnavailable, match="cannot be reached"):
        parts += asked
    assert [part.done for part in parts if isinstance(part, PartLooked)] == [False, False]


def test_an_archive_that_refuses_our_title_is_told_so_at_once() -> None:
    ae = AE(ae_title="ARCHIVE")
    ae.require_calling_aet = ["OTHER"]
    ae.add_supported_context("1.2.840.10008.1.1")
    with started(ae, 0, []) as port, pytest.raises(PeerRefused, match="does not know our AE title OCR_TEST"):
        swept(sweep(pacs_at(port), OURS, LIBRARY, Kept(), Kept(), Days(DAY, DAY), at_once()))


def test_a_peer_without_query_is_no_archive() -> None:
    ae = AE(ae_title="ARCHIVE")
    ae.add_supported_context("1.2.840.10008.1.1")
    with started(ae, 0, []) as port, pytest.raises(NoService, match="accepts none of the SOP classes"):
        series_of(Line(pacs_at(port), OURS), Study(f"{ROOT}.1"))


def test_an_archive_that_has_no_association_left_is_asked_again_later() -> None:
    ae = AE(ae_title="ARCHIVE")
    ae.maximum_associations = 1
    ae.add_supported_context(FIND["study"])
    with started(ae, 0, []) as port:
        other = AE()
        other.add_requested_context(FIND["study"])
        first = other.associate("127.0.0.1", port, ae_title="ARCHIVE")
        with pytest.raises(NoLine, match="rejected the association for now"):
            series_of(Line(pacs_at(port), OURS), Study(f"{ROOT}.1"))
        first.release()


def test_a_host_that_nobody_knows_is_not_there() -> None:
    with pytest.raises(NoLine, match="its host name is not known"):
        series_of(Line(pacs_at(104, host="no-such-host.invalid"), OURS), Study(f"{ROOT}.1"))


def _silent(connection: socket.socket) -> None:
    """Nothing is said until the other side has gone."""
    while connection.recv(4096):
        pass


def _gone(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.shutdown(socket.SHUT_RDWR)


def _aborting(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(bytes([7, 0, 0, 0, 0, 4, 0, 0, 2, 0]))  # A-ABORT (PS3.8 9.3.8)
    connection.recv(4096)


def _endless(connection: socket.socket) -> None:
    """The head of an A-ASSOCIATE-AC of 4 GB."""
    connection.recv(4096)
    connection.sendall(bytes([2, 0, 255, 255, 255, 255]) + bytes(2**16))
    connection.recv(4096)


@pytest.mark.parametrize(
    ("serve", "words"),
    [
        (_silent, "granted no association within 1 s"),
        (_gone, "broke it off before it granted an association"),
        (_aborting, "broke it off before it granted an association"),
        (_endless, "took the connection and broke it off"),
    ],
)
def test_an_archive_that_grants_no_association_is_told_from_one_that_is_not_there(serve, words: str) -> None:
    timeout = "1s" if serve is _silent else "20s"
    with raw(serve) as port, pytest.raises(NoLine, match=f"archive .ARCHIVE at 127.0.0.1:{port}. .*{words}"):
        series_of(Line(pacs_at(port, timeout=timeout), OURS), Study(f"{ROOT}.1"))
    with pytest.raises(NoLine, match="cannot be reached: connection refused"):
        series_of(Line(pacs_at(free_port(), timeout="1s"), OURS), Study(f"{ROOT}.1"))


def test_stopped_is_no_error_of_a_peer() -> None:
    assert not issubclass(Stopped, PeerUnavailable | PeerRefused)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two authorities that signed themselves for localhost."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("archive", "other"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")],
            capture_output=True, check=True,
        )  # fmt: skip
    return folder


def test_an_archive_is_asked_over_tls_and_only_with_a_certificate_that_we_trust(certificates: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates / "archive.pem", certificates / "archive.key")
    kept, pacs = Kept(), OddPacs([page()])
    with pacs.running(context) as port:
        good = pacs_at(port, tls={"ca": certificates / "archive.pem"})
        assert swept(sweep(good, OURS, LIBRARY, kept, kept, Days(DAY, DAY), at_once())).kept == 1
        for wrong, words in (
            (
                pacs_at(port, tls={"ca": certificates / "other.pem"}),
                "cannot be reached: its certificate is not accepted",
            ),
            (pacs_at(port, tls={"ca": certificates / "none.pem"}), "tls: ca, certificate or key cannot be used"),
            (pacs_at(port, timeout="2s"), "broke it off before it granted an association"),
        ):
            with pytest.raises(NoLine, match=words):
                series_of(Line(wrong, OURS), Study(f"{ROOT}.1"))

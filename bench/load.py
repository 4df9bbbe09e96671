"""How many objects a second the receiver keeps, beside Debian's Orthanc taking the same objects in the same run.

`python -m bench.load` sends the same files by DCMTK's storescu to both, over one association and over ten at once,
in turns, and prints the median of the ratios. Kept means here: file synced, renamed, folder synced, record committed.
Needs DCMTK and Orthanc. TCP_NODELAY is set for all of them: without it a loopback connection stalls 40 ms at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import structlog
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from ocr_service.config import Caller, Config, Receiver
from ocr_service.network.listening import Listening, listen, shares
from ocr_service.network.receiver import serve_receiver
from ocr_service.work.inbox import open_inbox
from ocr_service.work.store import open_store

ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}
BARS = {1: 0.5, 10: 0.3}
SIDES = {"512 x 512, 260 KB": 512, "96 x 96, 10 KB": 96}
WAIT = 20.0


def quiet() -> None:
    """Log nothing but errors: a terminal is slower than the network."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))


def receiver_process(config: Config, listening: Listening, share: int, stop: Event) -> None:
    """One process of the receiver."""
    quiet()
    receiver = serve_receiver(config, open_inbox(config), listening, share)
    stop.wait()
    receiver.stop(5)


@contextmanager
def receiving(folder: Path, processes: int) -> Iterator[int]:
    """Our receiver; its port."""
    allow = (Caller.model_validate({"ae_title": "*", "address": "127.0.0.1"}),)
    config = Config(data=folder / "data", receiver=Receiver(allow=allow, processes=processes, host="127.0.0.1"))
    open_store(config).close()
    listening = listen(config.receiver, plain_port=0)
    port = listening.ports[0]
    assert port is not None
    spawn = get_context("spawn")
    stop = spawn.Event()
    running = [
        spawn.Process(target=receiver_process, args=(config, listening, share, stop))
        for share in shares(config.receiver)
    ]
    for process in running:
        process.start()
    wait_for(port, "OCR_SERVICE")
    try:
        yield port
    finally:
        stop.set()
        for process in running:
            process.join()
        listening.close()


@contextmanager
def orthanc(folder: Path) -> Iterator[int]:
    """Debian's Orthanc with its defaults and no plugin; its DICOM port."""
    port, http = free_port(), free_port()
    configuration = {
        "StorageDirectory": str(folder / "storage"), "IndexDirectory": str(folder / "storage"), "Plugins": [],
        "DicomAet": "ORTHANC", "DicomPort": port, "HttpPort": http, "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
    }  # fmt: skip
    folder.mkdir()
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    with (folder / "log").open("w") as told:
        command = ["Orthanc", str(folder / "orthanc.json")]
        with subprocess.Popen(command, stdout=told, stderr=told, env=ENVIRONMENT) as process:
            wait_for(port, "ORTHANC")
            try:
                yield port
            finally:
                process.terminate()


def free_port() -> int:
    """One that nobody has at the moment."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def wait_for(port: int, ae: str) -> None:
    """Until it answers a C-ECHO."""
    deadline = time.monotonic() + WAIT
    command = ["echoscu", "-aec", ae, "127.0.0.1", str(port)]
    while subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False).returncode:
        if time.monotonic() > deadline:
            raise SystemExit(f"{ae} does not answer")
        time.sleep(0.1)


def drawn(folder: Path, count: int, side: int, series: int) -> list[Path]:
    """Secondary captures with a few lines of noise, each with a UID of its own."""
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(series).integers(0, 255, (side, side), np.uint8)
    files = []
    for number in range(count):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID = SecondaryCaptureImageStorage
        ds.SOPInstanceUID = f"1.2.826.0.1.3680043.10.1.{series}.{number}"
        ds.StudyInstanceUID, ds.SeriesInstanceUID = (
            f"1.2.826.0.1.3680043.10.2.{series}",
            f"1.2.826.0.1.3680043.10.3.{series}",
        )
        ds.PatientID, ds.PatientName, ds.Modality, ds.StudyID = f"P{series}", "Load^Bench", "OT", "1"
        ds.Rows = ds.Columns = side
        ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
        ds.BitsAllocated = ds.BitsStored = 8
        ds.HighBit = 7
        ds.PixelData = pixels.tobytes()
        path = folder / f"{number}.dcm"
        ds.save_as(path, enforce_file_format=True)
        files.append(path)
    return files


def sent(port: int, ae: str, files: Sequence[Path], associations: int) -> float:
    """Objects a second; all must be accepted."""
    started = time.monotonic()
    senders = [
        subprocess.Popen(
            ["storescu", "-q", "-R", "-aec", ae, "127.0.0.1", str(port), *map(str, files[number::associations])],
            env=ENVIRONMENT,
        )
        for number in range(associations)
    ]
    codes = [sender.wait() for sender in senders]
    if any(codes):
        raise SystemExit(f"{ae} refused some: {codes}")
    return len(files) / (time.monotonic() - started)


@dataclass(frozen=True, slots=True)
class Measured:
    """Objects a second of one round: ours and Orthanc's."""

    ours: float
    orthanc: float

    @property
    def ratio(self) -> float:
        """Ours in terms of Orthanc's."""
        return self.ours / self.orthanc


def measured(folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, int, list[Measured]]]:
    """Each size and number of associations, both servers in turns, with new objects each time."""
    series = 0
    with receiving(folder / "ours", options.processes) as ours, orthanc(folder / "orthanc") as theirs:
        for name, side in SIDES.items():
            for associations in BARS:
                rounds = []
                for _ in range(options.rounds):
                    series += 1
                    files = drawn(folder / f"in-{series}", options.objects, side, series)
                    first = sent(ours, "OCR_SERVICE", files, associations)
                    rounds.append(Measured(first, sent(theirs, "ORTHANC", files, associations)))
                    for file in files:
                        file.unlink()
                yield name, associations, rounds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=200, help="objects a round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each kind")
    parser.add_argument("--processes", type=int, default=2, help="receiver processes")
    options = parser.parse_args()
    print(f"load before: {os.getloadavg()[0]:.1f}; {os.cpu_count()} cores, {options.processes} receiver processes")
    print(f"{'objects':<20}{'associations':>13}{'ours /s':>10}{'Orthanc /s':>12}{'ratio':>8}{'bar':>6}")
    with TemporaryDirectory(prefix="load-") as folder:
        for name, associations, rounds in measured(Path(folder), options):
            ours, theirs = median(one.ours for one in rounds), median(one.orthanc for one in rounds)
            ratio = median(one.ratio for one in rounds)
            print(f"{name:<20}{associations:>13}{ours:>10.1f}{theirs:>12.1f}{ratio:>8.2f}{BARS[associations]:>6.1f}")
    print(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

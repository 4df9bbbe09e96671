"""A hospital whose service also asks archives: Orthanc, to which it sends, and DCMTK's dcmqrscp."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from pydicom import Dataset

from ocr_service.network.sweep import Studies, Swept, swept
from ocr_service.work import sweeping
from tests.network import archives
from tests.network.receiving import Certificates, certificates
from tests.service.hospital import Hospital, quick, running, sent, tools
from tests.service.living import orthanc
from tests.service.waiting import OURS, free_port

TITLES = {"orthanc": "ORTHANC", "dcmqrscp": "ARCHIVE"}
CONTEXT = ("orthanc", "get")  # the archive that is asked for what belongs to a study's screens


class Town(Hospital):
    """Its archives by name, each asked by C-GET and by C-MOVE; and who may call by TLS."""

    def __init__(self, hospital: Hospital, certificates: Certificates, tls: int, ports: dict[str, int]) -> None:
        super().__init__(hospital.folder, hospital.service, hospital.pacs)
        self.certificates, self.tls, self.ports = certificates, tls, ports

    def archives(self, name: str, told: Sequence[Dataset]) -> None:
        """The objects lie in an archive."""
        sent(self.ports[name], told, self.folder, to=TITLES[name])

    def swept(self, name: str, study: str) -> Swept:
        """One sweep of an archive for a study."""
        (pacs,) = [one for one in self.service.config.pacs if one.name == name]
        return swept(sweeping.fetch(self.service.config, pacs, Studies((study,)), lambda _: False))


@contextmanager
def a_town(folder: Path, **sections: Any) -> Iterator[Town]:
    """It lives while the block lasts."""
    tools("Orthanc", "dcmqrscp", "openssl", "dcmsend", "storescu")
    ours, tls, signed = free_port(), free_port(), certificates(folder)
    with ExitStack() as stack:
        known = {"DicomModalities": {"ours": [OURS, "127.0.0.1", ours]}}
        pacs = stack.enter_context(orthanc(folder / "pacs", **known))
        (folder / "dcmqrscp").mkdir()
        other = stack.enter_context(archives.dcmqrscp(folder / "dcmqrscp", OURS, ours))
        ports = {"orthanc": pacs.port, "dcmqrscp": other.port}
        asked = [
            {
                "name": f"{name}-{how}", "ae_title": TITLES[name], "host": "127.0.0.1", "port": port, "retrieve": how,
                "timeout": "20s", "rate": 1000, "context": (name, how) == CONTEXT,
            }
            for name, port in ports.items()
            for how in ("get", "move")
        ]  # fmt: skip
        receiver = {"port": ours, "tls": {**signed.server, "port": tls}}
        service = quick(folder / "service", [pacs.destination()], receiver=receiver, pacs=asked, **sections)
        stack.enter_context(running(service))
        yield Town(Hospital(folder, service, pacs), signed, tls, ports)

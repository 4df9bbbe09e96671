"""TLS: what we ask of a peer's certificate, and of a caller's, in real handshakes."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from ocr_service.config import ClientTLS, ServerTLS
from ocr_service.errors import ConfigError
from ocr_service.network.tls import client_context, server_context
from tests.network.sender_peers import PATIENCE, Certificates, certificates

pytestmark = pytest.mark.dicom_tools
HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    here = certificates(tmp_path_factory.mktemp("certificates"))
    _below_an_issuer(here.folder)
    _as_hospitals_have_them(here.folder)
    return here


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)


NEW = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
LEAF = f"subjectAltName=IP:{HOST}\nbasicConstraints=critical,CA:FALSE\n"
NO_KEY_IDENTIFIERS = "authorityKeyIdentifier=none\nsubjectKeyIdentifier=none\n"


def signed(folder: Path, name: str, by: str = "", extensions: str = "") -> None:
    """A certificate of that name, signed by another's or by itself."""
    words = f"[req]\ndistinguished_name=dn\n[dn]\n[of]\n{extensions}"
    (folder / f"{name}.cnf").write_text(words)
    named = ("-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")
    authority = ("-CA", f"{by}.crt", "-CAkey", f"{by}.key") if by else ()
    openssl(folder, *NEW, "-config", f"{name}.cnf", "-extensions", "of", *named, *authority)


def _below_an_issuer(folder: Path) -> None:
    """An authority that `ca` signed, and a server's certificate that this one signed."""
    signed(folder, "issuer", "ca", "basicConstraints=critical,CA:TRUE\n")
    signed(folder, "below", "issuer", LEAF)


def _as_hospitals_have_them(folder: Path) -> None:
    """An authority without keyUsage, its certificate without an Authority Key Identifier. RFC 5280 wants both."""
    signed(folder, "old", "", f"basicConstraints=critical,CA:TRUE\n{NO_KEY_IDENTIFIERS}")
    signed(folder, "device", "old", f"{LEAF}{NO_KEY_IDENTIFIERS}")


def shaken(client: ssl.SSLContext, server: ssl.SSLContext) -> str:
    """Shake hands over a real connection; why it failed on either side, "" where it did not."""
    faults: dict[str, str] = {}

    def side(name: str, context: ssl.SSLContext, plain: socket.socket, **told: Any) -> None:
        plain.settimeout(PATIENCE)
        try:
            with context.wrap_socket(plain, **told) as secure:
                secure.sendall(b"x")  # in TLS 1.3 a client hears of its own certificate only now
                secure.recv(1)
        except OSError as error:
            faults[name] = str(error)
        finally:
            plain.close()

    ours, theirs = socket.socketpair()
    peer = threading.Thread(target=side, args=("server", server, theirs), kwargs={"server_side": True})
    peer.start()
    side("client", client, ours, server_hostname=HOST)
    peer.join(PATIENCE)
    return faults.get("client", "") or faults.get("server", "")


def ours(made: Certificates, ca: str, *, check_name: bool = True) -> ssl.SSLContext:
    return client_context(made.client(ca=ca, check_name=check_name))


@pytest.mark.parametrize(
    ("ca", "server"),
    [("ca", "server"), pytest.param("issuer", "below", id="the issuer"), pytest.param("old", "device", id="old form")],
)
def test_a_certificate_that_the_configured_authority_signed_is_taken(made: Certificates, ca: str, server: str) -> None:
    assert shaken(ours(made, ca), made.server(server)) == ""


@pytest.mark.parametrize("check_name", [True, False])
def test_a_certificate_of_another_authority_is_refused_whatever_its_name(made: Certificates, check_name: bool) -> None:
    assert "CERTIFICATE_VERIFY_FAILED" in shaken(ours(made, "stranger", check_name=check_name), made.server())


def test_the_name_of_the_host_is_asked_for_unless_told_not_to(made: Certificates) -> None:
    assert "IP address mismatch" in shaken(ours(made, "ca"), made.server("elsewhere"))
    assert shaken(ours(made, "ca", check_name=False), made.server("elsewhere")) == ""


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_older_than_1_2_is_spoken_with_nobody(made: Certificates) -> None:
    old = made.server()
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    assert shaken(ours(made, "ca"), old)


def test_the_certificate_that_is_configured_is_shown_to_whoever_asks(made: Certificates) -> None:
    folder = made.folder
    told = ServerTLS(certificate=folder / "server.crt", key=folder / "server.key", client_ca=folder / "ca.crt")

    assert shaken(client_context(made.client(shown=True)), server_context(told)) == ""
    assert shaken(client_context(made.client()), server_context(told))


def test_no_python_is_stricter_than_another(made: Certificates) -> None:
    """From 3.13 on a default context wants the form of RFC 5280, which the old authority's certificates do not have."""
    folder = made.folder
    told = ServerTLS(certificate=folder / "server.crt", key=folder / "server.key", client_ca=folder / "ca.crt")
    for context in (ours(made, "old"), server_context(told)):
        assert not context.verify_flags & ssl.VERIFY_X509_STRICT
        assert context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN

    strict = ours(made, "old")
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    assert "CERTIFICATE_VERIFY_FAILED" in shaken(strict, made.server("device")), "else this test tells nothing"


@pytest.fixture
def locked(made: Certificates) -> Path:
    openssl(made.folder, "pkcs8", "-topk8", "-in", "client.key", "-out", "locked.key", "-passout", "pass:secret")
    return made.folder / "locked.key"


def test_an_encrypted_key_is_refused_on_either_side_and_its_password_asked_of_nobody(
    made: Certificates, locked: Path
) -> None:
    shown, ca = made.folder / "client.crt", made.folder / "ca.crt"
    with pytest.raises(ConfigError, match="the key is encrypted"):
        client_context(ClientTLS(ca=ca, certificate=shown, key=locked))
    with pytest.raises(ConfigError, match=r"receiver\.tls: .*the key is encrypted"):
        server_context(ServerTLS(certificate=shown, key=locked, client_ca=ca))


def test_a_key_of_another_certificate_is_told_without_any_path(made: Certificates) -> None:
    told = ClientTLS(ca=made.folder / "ca.crt", certificate=made.folder / "client.crt", key=made.folder / "server.key")
    with pytest.raises(ConfigError, match=r"KEY_VALUES_MISMATCH|key values mismatch") as caught:
        client_context(told)
    assert str(made.folder) not in str(caught.value)

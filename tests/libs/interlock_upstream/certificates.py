"""Throw-away authorities and certificates, made by the openssl program for one test session."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Identity:
    """An authority and a server certificate it signed for localhost and 127.0.0.1."""

    ca_file: Path
    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def make_identity(folder: Path, *, names: str = "DNS:localhost,IP:127.0.0.1") -> Identity:
    ca_key, ca_file = folder / "ca.key", folder / "ca.pem"
    key, wish, certificate = folder / "server.key", folder / "server.csr", folder / "server.pem"
    extensions = folder / "server.ext"
    extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    _openssl(
        "req",
        "-x509",
        *curve,
        "-keyout",
        ca_key,
        "-out",
        ca_file,
        "-days",
        "2",
        "-subj",
        "/CN=test authority",
    )
    _openssl("req", *curve, "-keyout", key, "-out", wish, "-subj", "/CN=localhost")
    _openssl(
        "x509", "-req", "-in", wish, "-CA", ca_file, "-CAkey", ca_key, "-CAcreateserial",
        "-out", certificate, "-days", "2", "-extfile", extensions,
    )  # fmt: skip
    return Identity(ca_file, certificate, key)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

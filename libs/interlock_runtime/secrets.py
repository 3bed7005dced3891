"""Secrets: found by reference when a process starts, never written anywhere.

Rule: a value lives in process memory only; what leaves is its fingerprint, the first 8 bytes of
HMAC-SHA256 under the cluster key. Plain SHA-256 was dropped: credentials have known prefixes and could be
tried out against a fingerprint that everybody may read. A missing secret is a value that says what to set.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from interlock_domain.catalog.provider import SecretRef

CLUSTER_KEY_BYTES: Final = 32
FINGERPRINT_BYTES: Final = 8
"""Enough to tell a few credentials per provider apart, too little to recognise one elsewhere."""


class Secret(Struct, frozen=True, repr_omit_defaults=True):
    """A resolved secret; its text never shows in logs or tracebacks."""

    value: str

    def __repr__(self) -> str:
        return "Secret(...)"

    __str__ = __repr__


class MissingSecret(Struct, frozen=True):
    """A reference that leads nowhere; the message says what to set."""

    message: str


def resolve(ref: SecretRef, environ: Mapping[str, str]) -> Secret | MissingSecret:
    """The secret behind a reference."""
    if ref.env is not None:
        value = environ.get(ref.env, "").strip()
        where = f"set the environment variable {ref.env}"
        return _checked(value, where, f"environment variable {ref.env}")
    path = Path(ref.file or "").expanduser()
    where = f"put the secret into the file {path}"
    try:
        value = path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        return MissingSecret(f"file {path} holds no text: {where}")
    except OSError as error:
        return MissingSecret(f"file {path} cannot be read ({(error.strerror or 'error').lower()}): {where}")
    return _checked(value, where, f"file {path}")


def _checked(value: str, where: str, what: str) -> Secret | MissingSecret:
    if not value:
        return MissingSecret(f"{what} is empty or not set: {where}")
    # such a value would end the header line that carries it
    if not value.isprintable() or not value.isascii():
        return MissingSecret(f"{what} holds characters that no header can carry: {where}")
    return Secret(value)


def credential_fingerprint(cluster_key: bytes, secret: str) -> str:
    """Names a credential without giving it away: 16 hex digits."""
    return hmac.digest(cluster_key, secret.encode(), hashlib.sha256)[:FINGERPRINT_BYTES].hex()


def cluster_key(data_dir: Path) -> bytes:
    """The key in DATA_DIR/cluster.key, made once; of two first starts at the same time one wins for both."""
    path = data_dir / "cluster.key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        fresh = data_dir / f".cluster.key.{os.getpid()}.{secrets.token_hex(4)}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(CLUSTER_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    key = path.read_bytes()
    if len(key) != CLUSTER_KEY_BYTES:
        raise ValueError(f"{path} is damaged: it should hold {CLUSTER_KEY_BYTES} bytes, not {len(key)}")
    return key

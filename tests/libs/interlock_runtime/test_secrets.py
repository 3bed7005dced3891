"""Secrets: found by reference, named by fingerprint, never shown."""

from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest

from interlock_domain.catalog.provider import SecretRef
from interlock_runtime.secrets import MissingSecret, Secret, cluster_key, credential_fingerprint, resolve


def test_a_secret_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-2\n")
    assert resolve(SecretRef(env="KEY"), {"KEY": "sk-1"}) == Secret("sk-1")
    assert resolve(SecretRef(file=str(file)), {}) == Secret("sk-2")


@pytest.mark.parametrize("environ", [{}, {"KEY": ""}, {"KEY": " \n"}])
def test_a_missing_variable_is_told_with_what_to_set(environ: dict[str, str]) -> None:
    assert resolve(SecretRef(env="KEY"), environ) == MissingSecret(
        "environment variable KEY is empty or not set: set the environment variable KEY"
    )


def test_a_missing_or_unreadable_file_is_told_with_its_path(tmp_path: Path) -> None:
    file, binary, empty = tmp_path / "nokey", tmp_path / "binary", tmp_path / "empty"
    binary.write_bytes(b"\xff\xfe")
    empty.write_text("\n")
    for path, told in [
        (file, "cannot be read (no such file"),
        (binary, "holds no text"),
        (empty, "is empty"),
    ]:
        missing = resolve(SecretRef(file=str(path)), {})
        assert isinstance(missing, MissingSecret)
        assert told in missing.message
        assert missing.message.endswith(f"put the secret into the file {path}")


@pytest.mark.parametrize("value", ["a\nb", "naïve", "a\x00b"])
def test_a_secret_that_no_header_can_carry_is_refused_without_showing_it(value: str) -> None:
    missing = resolve(SecretRef(env="KEY"), {"KEY": value})
    assert isinstance(missing, MissingSecret)
    assert value not in missing.message


def test_a_secret_never_shows() -> None:
    assert [f"{Secret('sk-1')}", repr(Secret("sk-1")), repr([Secret("sk-1")])] == ["Secret(...)"] * 2 + [
        "[Secret(...)]"
    ]


def test_a_fingerprint_is_sixteen_digits_of_an_hmac() -> None:
    key = bytes(32)
    assert credential_fingerprint(key, "sk-1") == "b57d26e10103885b"
    assert credential_fingerprint(key, "sk-1") != credential_fingerprint(key, "sk-2")
    assert credential_fingerprint(key, "sk-1") != credential_fingerprint(b"\x01" * 32, "sk-1")


def test_the_cluster_key_is_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    key = cluster_key(folder)
    assert len(key) == 32
    assert (folder / "cluster.key").stat().st_mode & 0o777 == 0o600
    assert cluster_key(folder) == key
    assert [path.name for path in folder.iterdir()] == ["cluster.key"]


def test_starts_at_the_same_time_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPool(8) as pool:
        keys = pool.map(cluster_key, [tmp_path] * 32)
    assert len(set(keys)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["cluster.key"]


def test_a_damaged_cluster_key_is_never_used(tmp_path: Path) -> None:
    (tmp_path / "cluster.key").write_bytes(b"short")
    with pytest.raises(ValueError, match="is damaged: it should hold 32 bytes, not 5"):
        cluster_key(tmp_path)

"""Credentials: resolved once, told by fingerprint, missing ones named."""

import asyncio
from pathlib import Path

from interlock_domain.catalog.provider import HeaderValue, Provider, SecretRef
from interlock_domain.projection.state import Catalog
from interlock_quickstart.credentials import Credentials, missing_secrets
from interlock_testing.waiting import until

KEYED = Provider(name="keyed", base_url="http://x/v1", api_key=SecretRef(env="KEY"))
KEYLESS = Provider(name="keyless", base_url="http://x/v1")


def test_given_a_secret_then_the_gateway_gets_it_and_everybody_else_a_fingerprint(tmp_path: Path) -> None:
    found = Credentials(tmp_path, {"KEY": "sk-1"})
    assert found.secret_of(SecretRef(env="KEY")) == "sk-1"
    prints = found.fingerprints([KEYED, KEYLESS])
    assert set(prints) == {"keyed"}
    assert "sk-1" not in prints["keyed"]
    assert Credentials(tmp_path, {"KEY": "sk-1"}).fingerprints([KEYED]) == prints
    assert Credentials(tmp_path, {"KEY": "sk-2"}).fingerprints([KEYED]) != prints


def test_given_a_secret_that_changes_while_we_run_then_this_boot_keeps_the_first(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("one\n")
    found = Credentials(tmp_path, {})
    ref = SecretRef(file=str(file))
    assert found.secret_of(ref) == "one"
    file.write_text("two\n")
    assert found.secret_of(ref) == "one"


def test_given_missing_secrets_then_each_provider_says_what_to_set(tmp_path: Path) -> None:
    header = HeaderValue(ref=SecretRef(env="HEADER"))
    extra = Provider(name="extra", base_url="http://x/v1", headers={"x-org": header})
    missing = Credentials(tmp_path, {}).missing([KEYED, KEYLESS, extra])
    assert set(missing) == {"keyed", "extra"}
    assert "set the environment variable KEY" in missing["keyed"]
    assert missing == missing_secrets([KEYED, KEYLESS, extra], {})


async def test_given_a_provider_of_a_later_revision_then_its_fingerprint_is_added(tmp_path: Path) -> None:
    catalog = Catalog(revision=1)
    known: dict[str, str] = {}
    credentials = Credentials(tmp_path, {"KEY": "sk-1"})
    following = asyncio.create_task(credentials.follow(lambda: catalog, known))
    await asyncio.sleep(0)
    catalog = Catalog(revision=2, providers={"keyed": KEYED})
    await until(lambda: known, what="the new provider's fingerprint")
    following.cancel()
    assert known == credentials.fingerprints([KEYED])

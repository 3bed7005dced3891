"""Which configuration a start brings: file, demo or journal."""

from typing import Any

from msgspec.structs import replace

from interlock_domain.catalog.declared import Declared
from interlock_quickstart.choice import Apply, JournalWins, choose, is_demo
from interlock_quickstart.demo.catalog import demo_config
from interlock_runtime.config_file import LoadedConfig, load_text

EMPTY = Declared()
DEMO = demo_config([1, 2, 3])


def file_of(text: str = "providers: {local: {base_url: 'http://127.0.0.1:9/v1'}}") -> LoadedConfig:
    loaded = load_text(text)
    assert isinstance(loaded, LoadedConfig)
    return loaded


def applied(found: Any) -> Apply:
    assert isinstance(found, Apply)
    return found


def test_given_an_empty_journal_and_no_file_then_the_demo_is_applied() -> None:
    found = applied(choose(EMPTY, None, DEMO))
    assert (found.origin, [pool.name for pool in found.config.pools]) == ("demo", ["chat"])
    assert is_demo(EMPTY, None)


def test_given_the_same_demo_in_the_journal_then_nothing_is_applied() -> None:
    digest = applied(choose(EMPTY, None, DEMO)).digest
    assert choose(Declared(revision=1, digest=digest, origin="demo"), None, DEMO) == JournalWins()


def test_given_a_demo_on_other_ports_then_it_is_applied_over_the_demo() -> None:
    digest = applied(choose(EMPTY, None, DEMO)).digest
    before = Declared(revision=1, digest=digest, origin="demo")
    assert applied(choose(before, None, demo_config([4, 5, 6]))).digest != digest


def test_given_any_other_journal_and_no_file_then_the_journal_wins() -> None:
    for origin in ("file", "api"):
        journal = Declared(revision=3, digest="d", origin=origin)
        assert choose(journal, None, DEMO) == JournalWins()
        assert not is_demo(journal, None)


def test_given_a_file_that_was_not_applied_last_then_it_is_applied_over_anything() -> None:
    file = file_of()
    for journal in (EMPTY, Declared(revision=1, origin="demo"), Declared(revision=2, file_digest="older")):
        found = applied(choose(journal, file, {}))
        assert (found.origin, found.digest, found.config) == ("file", file.digest, file.config)
        assert not is_demo(journal, file)


def test_given_the_file_applied_last_then_the_journal_wins_without_drift() -> None:
    digest = file_of().digest
    journal = Declared(revision=4, digest=digest, origin="file", file_digest=digest)
    assert choose(journal, file_of(), {}) == JournalWins()


def test_given_the_file_applied_last_and_a_newer_revision_then_drift_names_it() -> None:
    digest = file_of().digest
    journal = replace(Declared(revision=5, origin="api", digest="x"), file_digest=digest)
    found = choose(journal, file_of(), {})
    assert isinstance(found, JournalWins)
    assert "revision 5 came by api since" in (found.drift or "")


def test_given_only_another_comment_in_the_file_then_nothing_is_applied() -> None:
    text = "providers: {local: {base_url: 'http://127.0.0.1:9/v1'}}"
    digest = file_of(text).digest
    journal = Declared(revision=1, digest=digest, origin="file", file_digest=digest)
    assert choose(journal, file_of(f"# hello\n{text}\n"), {}) == JournalWins()

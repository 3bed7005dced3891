"""`interlock deadletters`: what is listed, and how a letter is settled from the command line."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from interlock_control.deadletters import Desk
from interlock_eventlog.adapters.memory_letters import MemoryLetters
from interlock_eventlog.codec import CODEC
from interlock_eventlog.letters import KeptLetter, LetterState
from interlock_testing.clock import FakeClock
from interlock_testing.contracts.letters import letter
from tests.services.facts import Worker
from tests.services.interlock_cli.spoken import Spoken, interlock
from tests.services.interlock_control.rig import listening, serving
from tests.services.stores import Stores

EVENTS = "cell.events.v1"


class Told:
    """A control plane with letters, and its address."""

    def __init__(self, letters: MemoryLetters, url: str) -> None:
        self.letters = letters
        self.url = url

    async def run(self, *words: str) -> Spoken:
        """`interlock deadletters WORDS` against it."""
        return await asyncio.to_thread(interlock, "deadletters", *words, "--url", self.url)


class NoCopies:
    """For topics other than the log; none here."""

    async def copy(self, letter: KeptLetter, value: bytes) -> str:
        raise AssertionError(f"{letter.topic} was not to be sent to")


@pytest.fixture
async def told(tmp_path) -> AsyncIterator[Told]:
    clock, letters = FakeClock(), MemoryLetters()
    async with serving(Stores("memory", tmp_path, clock.wall_ms), clock) as one:
        desk = Desk(letters, one.stores.log, NoCopies(), events=EVENTS, clock=clock)
        async with listening(replace(one.plane, letters=desk)) as http:
            yield Told(letters, str(http.base_url).rstrip("/"))


async def test_letters_are_listed_replayed_and_dropped(told: Told, tmp_path):
    assert "no dead letter waits" in (await told.run("list")).out
    first, second = (told.letters.keep(letter(n, topic=EVENTS)) for n in (4, 5))
    listed = await told.run("list")
    assert listed.code == 0
    assert f"{EVENTS}/0/4" in listed.out
    assert "bad_json" in listed.out

    refused = await told.run("replay", str(first))
    assert (refused.code, refused.out) == (1, "")
    assert "cannot be read" in refused.err
    mended = tmp_path / "mended.json"
    mended.write_bytes(CODEC.encode(Worker().report(), Worker().stream))
    replayed = await told.run("replay", str(first), "--value", str(mended), "--reason", "mended")
    assert (replayed.code, replayed.err) == (0, "")
    assert f"its copy stands at {EVENTS}/0/" in replayed.out
    assert (await told.run("drop", str(second), "--reason", "noise")).code == 0

    assert [one.state for one in await told.letters.page()] == [LetterState.REPLAYED, LetterState.DROPPED]
    assert "no dead letter waits" in (await told.run("list")).out
    everything = (await told.run("list", "--all", "-o", "json")).json["dead_letters"]
    assert [one["changed_because"] for one in everything] == ["mended", "noise"]
    again = await told.run("drop", str(second))
    assert again.code == 1
    assert "dropped by" in again.err


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("replay",), 2, "say which one"),
        (("drop", "1", "--value", "x.json"), 2, "--value"),
        (("replay", "1", "--value", "no-such-file.json"), 1, "no such file"),
        (("drop", "77"), 1, "does not exist"),
    ],
)
async def test_a_mistake_is_one_sentence(told: Told, words, code, sentence):
    said = await told.run(*words)
    assert (said.code, said.out) == (code, "")
    assert sentence in said.err
    assert said.err.count("\n") == 1

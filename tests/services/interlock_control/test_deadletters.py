"""Dead letters are looked at, replayed as a copy at the end of their topic, or dropped; once, by somebody."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest

from interlock_control.deadletters import Desk
from interlock_domain.events import GatewayReported
from interlock_domain.recorded import NewEvent
from interlock_eventlog.adapters.memory_letters import MemoryLetters
from interlock_eventlog.codec import CODEC
from interlock_eventlog.letters import KeptLetter, LetterState
from interlock_testing.clock import FakeClock
from interlock_testing.contracts.letters import letter
from tests.services.facts import Worker
from tests.services.interlock_control.rig import Serving, listening

EVENTS = "cell.events.v1"
ALICE = {"x-interlock-actor": "alice"}
ROOT = "/admin/v1/dead-letters"


class Copier:
    """Remembers what was sent again."""

    def __init__(self) -> None:
        self.sent: list[tuple[KeptLetter, bytes]] = []

    async def copy(self, letter: KeptLetter, value: bytes) -> str:
        self.sent.append((letter, value))
        return f"{letter.topic}/{letter.partition}/{100 + len(self.sent)}"


@pytest.fixture
def letters() -> MemoryLetters:
    return MemoryLetters()


@pytest.fixture
def copier() -> Copier:
    return Copier()


@pytest.fixture
async def http(
    one: Serving, letters: MemoryLetters, copier: Copier, clock: FakeClock
) -> AsyncIterator[httpx2.AsyncClient]:
    desk = Desk(letters, one.stores.log, copier, events=EVENTS, clock=clock)
    async with listening(replace(one.plane, letters=desk)) as client:
        yield client


def reported() -> NewEvent:
    """A fact that can be read."""
    return Worker().report()


def body_of(new: NewEvent, version: int | None = None) -> bytes:
    return CODEC.encode(new, Worker().stream, version)


async def test_letters_are_listed_with_foreign_bytes_escaped(http: httpx2.AsyncClient, letters):
    ids = [letters.keep(letter(n)) for n in range(3)]
    page = (await http.get(ROOT, params={"limit": 2})).json()
    assert [one["id"] for one in page["dead_letters"]] == ids[:2]
    assert page["next"] == ids[1]
    first = page["dead_letters"][0]
    assert (first["reason"], first["state"], first["size"]) == ("bad_json", "waiting", 3)
    assert (first["key"], first["value"]) == ("gateway/\\xff", "{\x00\\xff")
    assert first["headers"] == {"ce_id": "\\xfe"}
    rest = (await http.get(ROOT, params={"after": page["next"]})).json()
    assert [one["id"] for one in rest["dead_letters"]] == ids[2:]
    assert rest["next"] is None


async def test_a_large_record_is_shown_in_part(http: httpx2.AsyncClient, letters):
    letters.keep(letter(1, value=b"x" * 300_000))
    (shown,) = (await http.get(ROOT)).json()["dead_letters"]
    assert shown["size"] == 300_000
    assert len(shown["value"]) == 2_000


async def test_a_corrected_fact_is_appended_at_the_end_and_says_who_and_why(
    one: Serving, http: httpx2.AsyncClient, letters, clock
):
    kept_as = letters.keep(letter(4, topic=EVENTS, recorded_ms=clock.wall_ms() - 90_000))
    new = reported()
    asked = {"value": body_of(new).decode(), "reason": "a tool wrote it badly"}
    answer = await http.post(f"{ROOT}/{kept_as}/replay", json=asked, headers=ALICE)
    assert answer.status_code == 200, answer.text
    head = await one.stores.log.head()
    assert answer.json()["copy"] == f"{EVENTS}/0/{head - 1}"
    (copy,) = await one.stores.log.read(after=head - 1, limit=1)
    assert isinstance(copy.event, GatewayReported)
    assert (copy.actor, copy.reason) == ("alice", "a tool wrote it badly")
    assert copy.causation == f"dead-letter/{EVENTS}/0/4"
    assert copy.age_ms >= 90_000
    kept = await letters.get(kept_as)
    assert (kept.state, kept.changed_by) == (LetterState.REPLAYED, "alice")
    assert kept.changed_because == "a tool wrote it badly"


async def test_what_a_newer_program_can_read_is_replayed_as_it_came(one: Serving, http, letters):
    kept_as = letters.keep(letter(4, topic=EVENTS, value=body_of(reported())))
    before = await one.stores.log.head()
    assert (await http.post(f"{ROOT}/{kept_as}/replay")).status_code == 200
    assert await one.stores.log.head() == before + 1


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b"{no json", "still_unreadable"),
        (b'{"id":"a","type":"Nobody","v":1,"stream":"s","data":{}}', "still_unreadable"),
        (body_of(reported(), version=3), "decision"),
        (None, "nothing_to_replay"),
    ],
)
async def test_what_cannot_be_appended_is_refused_and_goes_on_waiting(
    one: Serving, http: httpx2.AsyncClient, letters, value, kind
):
    kept_as = letters.keep(letter(4, topic=EVENTS, value=value))
    before = await one.stores.log.head()
    answer = await http.post(f"{ROOT}/{kept_as}/replay")
    assert answer.status_code == 422
    assert answer.json()["type"].endswith(kind)
    assert await one.stores.log.head() == before
    assert (await letters.get(kept_as)).state is LetterState.WAITING


async def test_records_of_other_topics_are_sent_again_as_they_are_or_as_corrected(http, letters, copier):
    as_it_came = letters.keep(letter(1, topic="cell.requests.v1", partition=7))
    corrected = letters.keep(letter(2, topic="cell.requests.v1"))
    answer = await http.post(f"{ROOT}/{as_it_came}/replay")
    assert answer.json()["copy"] == "cell.requests.v1/7/101"
    assert (await http.post(f"{ROOT}/{corrected}/replay", json={"value": {"a": 1}})).status_code == 200
    assert [value for _, value in copier.sent] == [b"{\x00\xff", b'{"a":1}']


async def test_a_dropped_letter_stays_to_be_read_and_is_settled(http: httpx2.AsyncClient, letters):
    kept_as = letters.keep(letter(1))
    answer = await http.request("DELETE", f"{ROOT}/{kept_as}", json={"reason": "noise"}, headers=ALICE)
    assert answer.status_code == 200, answer.text
    (shown,) = (await http.get(ROOT, params={"state": "dropped"})).json()["dead_letters"]
    assert (shown["id"], shown["changed_by"], shown["changed_because"]) == (kept_as, "alice", "noise")
    assert (await http.get(ROOT, params={"state": "waiting"})).json()["dead_letters"] == []
    for again in (await http.delete(f"{ROOT}/{kept_as}"), await http.post(f"{ROOT}/{kept_as}/replay")):
        assert again.status_code == 409
        assert "dropped by alice" in again.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/99", 404),
        ("POST", "/99/replay", 404),
        ("DELETE", "/-1", 422),
        ("POST", "/99999999999999999999/replay", 422),
        ("GET", "?state=lost", 422),
        ("GET", "?after=-1", 422),
        ("DELETE", "/x", 422),
    ],
)
async def test_a_letter_that_is_not_there_is_a_problem(http: httpx2.AsyncClient, method, path, status):
    answer = await http.request(method, f"{ROOT}{path}")
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_one_process_on_a_file_keeps_none(one: Serving):
    assert await one.get("/dead-letters") == {"dead_letters": [], "next": None}
    assert (await one.send("DELETE", "/dead-letters/1")).status_code == 404

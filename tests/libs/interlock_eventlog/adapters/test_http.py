"""Facts over HTTP keep the contract; refusals name what is wrong, and nothing is taken by halves."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from interlock_domain.events import ClockTicked
from interlock_domain.recorded import NewEvent, RecordedEvent
from interlock_eventlog.adapters.http import HttpFactSink, Unaccepted
from interlock_eventlog.adapters.memory import MemoryEventLog
from interlock_eventlog.codec import CODEC
from interlock_eventlog.envelope import Envelope
from interlock_testing.clock import FakeClock
from interlock_testing.contracts.fact_sink import STREAM, Arrived, FactSinkContract
from interlock_testing.contracts.samples import decision, failure
from tests.services.over_http import TOKEN, OverHttp, over_http


class Away(Exception):
    """The brokers cannot be reached."""


class Unreliable(MemoryEventLog):
    """A log that can be away; what it was given before that may stand."""

    away = False

    async def publish(self, stream: str, facts: Sequence[NewEvent]) -> int:
        if self.away:
            raise Away("Kafka is away: check that its brokers run.")
        return await super().publish(stream, facts)


@asynccontextmanager
async def sink_of(control: OverHttp, token: str | None = TOKEN) -> AsyncIterator[HttpFactSink]:
    sink = HttpFactSink(control.url, token)
    try:
        yield sink
    finally:
        await sink.close()


async def standing(control: OverHttp) -> list[RecordedEvent]:
    found: list[RecordedEvent] = await control.log.read(after=0, limit=1_000)
    return found


class TestHttpFactSink(FactSinkContract):
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[tuple[HttpFactSink, Arrived]]:
        async with over_http() as control, sink_of(control) as sink:
            yield sink, lambda: standing(control)


async def test_with_the_log_away_it_raises_its_sentence_and_the_same_batch_goes_through_later() -> None:
    log = Unreliable(FakeClock().wall_ms)
    async with over_http(log=log, away=(Away,)) as control, sink_of(control) as sink:
        log.away = True
        with pytest.raises(Unaccepted, match="answers 503: Kafka is away"):
            await sink.publish(STREAM, [failure(1)])
        log.away = False
        await sink.publish(STREAM, [failure(1), failure(2)])
        assert [one.id for one in await standing(control)] == [failure(1).id, failure(2).id]


async def test_a_fact_that_is_never_taken_is_left_out_and_counted_and_the_others_go_on() -> None:
    tick = failure(2)
    newer = NewEvent(id=tick.id, event=ClockTicked(), source=tick.source)
    async with over_http() as control, sink_of(control) as sink:
        assert await sink.publish(STREAM, [failure(1), newer, failure(3)]) == 2
        assert [one.source.seq for one in await standing(control) if one.source] == [1, 3]
        assert sink.refused == 1


@pytest.mark.parametrize(
    ("url", "token", "said"),
    [
        ("http://127.0.0.1:9", TOKEN, "INTERLOCK_FEED is its address"),
        (None, "another", "INTERLOCK_ADMIN_TOKEN"),
    ],
)
async def test_a_mistake_in_the_settings_is_told_in_a_sentence(url, token, said) -> None:
    async with over_http() as control:
        sink = HttpFactSink(url or control.url, token)
        with pytest.raises(Unaccepted, match=said):
            await sink.publish(STREAM, [failure(1)])
        await sink.close()


def event_of(new: NewEvent) -> dict[str, Any]:
    """An event as a gateway of somebody else's writes it."""
    import msgspec

    envelope = msgspec.json.decode(CODEC.encode(new, STREAM), type=Envelope)
    return {"type": envelope.type, "v": envelope.v, "data": msgspec.json.decode(envelope.data)}


GOOD = event_of(failure(1))
WHO = {"gateway": "g1", "worker": 0, "boot": "b1", "first_seq": 1}


async def post(control: OverHttp, body: Any, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
        sent = {"authorization": f"Bearer {TOKEN}", **headers}
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await client.post(f"{control.url}/admin/v1/outcomes", headers=sent, **content)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"type": "TargetHealed", "v": 1, "data": {}}, "unknown_type"),
        ({**GOOD, "v": 99}, "future_version"),
        ({**GOOD, "data": {"target": 1}}, "bad_data"),
        ({"type": "ClockTicked", "v": 1, "data": {}}, "not_of_a_gateway"),
        (event_of(decision("d")), "not_of_a_gateway"),
    ],
)
async def test_given_one_event_that_is_not_taken_then_nothing_is_and_it_is_named(event, reason) -> None:
    async with over_http() as control:
        answer = await post(control, {**WHO, "events": [GOOD, event, GOOD]})
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        assert answer.json()["refused"] == [{"index": 1, "reason": reason}]
        assert await standing(control) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[" * 10_000,
        {},
        {**WHO, "events": []},
        {**WHO, "events": [GOOD] * 1_001},
        {**WHO, "events": GOOD},
        {**WHO, "gateway": "../g1", "events": [GOOD]},
        {**WHO, "boot": "", "events": [GOOD]},
        {**WHO, "first_seq": 0, "events": [GOOD]},
        {**WHO, "worker": -1, "events": [GOOD]},
    ],
)
async def test_a_report_that_is_none_is_refused_with_a_sentence(body) -> None:
    async with over_http() as control:
        answer = await post(control, body)
        assert answer.status_code == 422, answer.text
        assert len(answer.json()["detail"]) > 20
        assert await standing(control) == []


async def test_too_large_a_report_is_refused_unread() -> None:
    async with over_http() as control:
        assert (await post(control, b" " * (4 * 1024 * 1024 + 1))).status_code == 413


async def test_the_answer_names_the_position_at_which_the_last_one_stands() -> None:
    async with over_http() as control:
        answer = await post(control, {**WHO, "events": [GOOD, GOOD]})
        assert (answer.status_code, answer.json()) == (202, {"accepted": 2, "position": "2"})
        assert [one.id for one in await standing(control)] == ["g1/0/b1/1", "g1/0/b1/2"]

"""Facts to the log by way of a control plane: for gateways that cannot reach Kafka.

Rule: a report is acknowledged by the log or it is sent again by the caller, from its first fact on; the ids
are the same then, so that whatever arrived twice counts once. Only a run of one worker's sequence is one
report, since a report says its first number alone. A fact that the control plane will never take (it is older
than this gateway) is left out and counted, and the others go on: it would hold up everything behind it.
Dropped: several reports under way, because the order of facts is what the fold judges by.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Any, Final

import httpx2
import msgspec
from msgspec import Raw, Struct

from interlock_domain.recorded import NewEvent, Source
from interlock_eventlog.codec import CODEC
from interlock_eventlog.envelope import Envelope

_log = logging.getLogger(__name__)

PATH: Final = "/admin/v1/outcomes"
ANSWER_S: Final = 5.0
"""Longer than the control plane waits for Kafka (3 s), so that its own sentence comes and not our timeout."""
A_REPORT: Final = 500
"""Facts of one request: at a few hundred bytes each a small part of what is taken at once."""


class Unaccepted(Exception):
    """The control plane did not say that the log has them; told in a sentence."""


class _RefusedEvent(Struct, frozen=True):
    index: int
    reason: str


class _Problem(Struct, frozen=True):
    detail: str = ""
    refused: tuple[_RefusedEvent, ...] = ()


class _Accepted(Struct, frozen=True):
    position: str


_envelopes: Final = msgspec.json.Decoder(Envelope)


class HttpFactSink:
    """FactSink over `POST /admin/v1/outcomes`."""

    def __init__(self, control: str, token: str | None = None, *, timeout_s: float = ANSWER_S) -> None:
        self._url = control.rstrip("/") + PATH
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._timeout_s = timeout_s
        self._client: httpx2.AsyncClient | None = None
        self.refused = 0
        """Facts that were left out because the control plane does not take them."""

    async def publish(self, stream: str, facts: Sequence[NewEvent]) -> int:
        """See FactSink; the position of the last fact that was taken, 0 when none was. Raises Unaccepted."""
        position = 0
        for run in _runs(facts):
            position = await self._report(stream, run) or position
        return position

    async def close(self) -> None:
        """Let go of the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _report(self, stream: str, run: Sequence[NewEvent]) -> int:
        answer = await self._send(_body(stream, run))
        if answer.status_code == httpx2.codes.ACCEPTED:
            return int(_read(answer, _Accepted).position)
        problem = _read(answer, _Problem)
        if not problem.refused:
            raise Unaccepted(
                f"the control plane at {self._url} answers {answer.status_code}: {problem.detail}"
            )
        self.refused += len(problem.refused)
        _log.warning("%d facts are left out: %s", len(problem.refused), problem.detail)
        left_out = {one.index for one in problem.refused}
        return await self.publish(stream, [one for n, one in enumerate(run) if n not in left_out])

    async def _send(self, body: bytes) -> httpx2.Response:
        if self._client is None:
            self._client = httpx2.AsyncClient(
                headers={"content-type": "application/json", **self._headers},
                timeout=self._timeout_s,
                trust_env=False,
            )
        try:
            return await self._client.post(self._url, content=body)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise Unaccepted(
                f"the control plane at {self._url} does not take outcomes ({type(error).__name__}): check "
                "that it runs and that INTERLOCK_FEED is its address"
            ) from error


def _runs(facts: Sequence[NewEvent]) -> Iterator[Sequence[NewEvent]]:
    """Facts of one worker whose sequence has no hole."""
    start = 0
    for end in range(1, len(facts) + 1):
        if (
            end == len(facts)
            or end - start >= A_REPORT
            or _place(facts[end]) != (*_place(facts[end - 1])[:3], _source(facts[end - 1]).seq + 1)
        ):
            yield facts[start:end]
            start = end


def _place(fact: NewEvent) -> tuple[str, int, str, int]:
    source = _source(fact)
    return source.gateway, source.worker, source.boot, source.seq


def _source(fact: NewEvent) -> Source:
    if fact.source is None:
        raise ValueError("only facts of a gateway are reported over HTTP")
    return fact.source


def _body(stream: str, run: Sequence[NewEvent]) -> bytes:
    first = _source(run[0])
    return msgspec.json.encode(
        {
            "gateway": first.gateway,
            "worker": first.worker,
            "boot": first.boot,
            "first_seq": first.seq,
            "events": [_event(stream, fact) for fact in run],
        }
    )


def _event(stream: str, fact: NewEvent) -> dict[str, int | str | Raw]:
    envelope = _envelopes.decode(CODEC.encode(fact, stream))
    return {"type": envelope.type, "v": envelope.v, "age_ms": fact.age_ms, "data": envelope.data}


def _read(answer: httpx2.Response, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Unaccepted(
            f"whoever answers at {answer.url} is no control plane (status {answer.status_code}): "
            "INTERLOCK_FEED is the address of one"
        ) from error

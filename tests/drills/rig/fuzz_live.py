"""Bent bytes at a real gateway over sockets: as a client's request, or as an upstream's answer to a good one.

Promises: nothing is logged as an error and nothing is left to the loop's handler; each exchange ends within
its limits, however it ends; after every batch no exchange, connection or attempt is left, and a good request
gets its answer or an honest refusal. Rule: upstream and clients are raw sockets, so every byte is ours.
"""

import asyncio
import logging
import random
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic
from typing import Any, Final
from zlib import crc32

from interlock_testing.answers import steps
from interlock_testing.behaviour import Behaviour
from interlock_testing.misbehave import MisbehavingServer, Peer
from interlock_testing.running import RunningLoop, declaring, running
from interlock_testing.voices.asked import read_asked
from interlock_testing.voices.paths import api_of
from interlock_testing.waiting import until
from tests.drills.rig.fuzz_input import cut, demand
from tests.drills.rig.fuzz_upstream import RESPONSES
from tests.drills.rig.fuzz_words import HTTP_WORDS, JSON_WORDS, SSE_WORDS
from tests.drills.rig.fuzzing import Finding, Searched, bent, resident_mb

BATCH: Final = 48
"""Connections at once: some wait for as long as an attempt may take, and waiting costs nothing."""
LIMIT_S: Final = 6.0
"""Every limit of the policy is a tenth of it."""
POLICY: Final = (
    "{attempts: {retries_per_target: 0, deadline: 600ms, first_token_total: 500ms}, "
    "timeouts: {connect: 500ms, first_token: 300ms, response: 300ms, stall: 300ms}, "
    "cooldown: {strikes: 1000, consecutive: 1000, min_ratio: 1.0}, budgets: {retry_floor_per_s: 10000}}"
)
BODY: Final = (
    b'{"model":"chat","messages":[{"role":"user","content":"hi"}],"input":"hi","prompt":"hi","max_tokens":5,'
    b'"stream":%b}'
)
PATHS: Final = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/embeddings",
)
WORDS: Final = HTTP_WORDS + SSE_WORDS + JSON_WORDS


def requests() -> Iterable[bytes]:
    """Good requests of every surface and page, to be bent."""
    for path in PATHS:
        for stream in (b"true", b"false"):
            yield _request(path, BODY % stream)
    body = BODY % b"true"
    chunked = b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n"
    yield chunked + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    yield b"GET /v1/models HTTP/1.1\r\nhost: g\r\n\r\n" * 2 + b"HEAD / HTTP/1.1\r\nhost: g\r\n\r\n"
    yield b"GET /metrics HTTP/1.0\r\n\r\n"
    yield b"OPTIONS /v1/models HTTP/1.1\r\nhost: g\r\norigin: http://x\r\n\r\n"


def answers() -> Iterable[bytes]:
    """Good and bad answers of an upstream on every path, to be bent."""
    yield from RESPONSES
    for path in PATHS:
        for stream in (b"true", b"false"):
            api = api_of(path)
            assert api is not None
            asked = read_asked(1, api, path, {}, BODY % stream)
            spoken = [what for _, what in steps("atlas", asked, Behaviour(chunks=3))]
            yield b"".join(what for what in spoken if isinstance(what, bytes))


def _request(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


class Complaints(logging.Handler):
    """What was logged as an error, and what nobody caught."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        self.heard.append(self.format(record)[-600:])

    def unhandled(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """See loop.set_exception_handler."""
        self.heard.append(f"unhandled: {context.get('message')}: {context.get('exception')!r}")


class Live:
    """One gateway, its upstream, and what they are fed."""

    def __init__(self, loop: RunningLoop, upstream: MisbehavingServer) -> None:
        self._loop = loop
        self._upstream = upstream
        self._answer = b""
        self._way = 0

    async def answer(self, peer: Peer) -> None:
        """The upstream's part: whatever is to be said now, in pieces, then an end of some kind."""
        await peer.request()
        for piece in cut(self._way, self._answer)[:40]:
            await peer.send(piece)
            await asyncio.sleep(0)
        if self._way % 5 == 1:
            peer.reset()
        elif self._way % 5 == 2:
            await peer.gone()

    async def batch(self, sent: list[bytes], answer: bytes) -> None:
        """Requests at once, all answered alike. Raises WaitedInVain or TimeoutError."""
        self._answer, self._way = answer, crc32(answer) & 0xFFFF
        gateway = self._loop.gateway.service.gateway
        await asyncio.gather(*(self._ask(each) for each in sent))
        await until(lambda: not gateway.exchanges, timeout_s=LIMIT_S, what="every exchange to end")
        await until(lambda: not gateway.client.stats().in_use, timeout_s=LIMIT_S, what="every attempt to end")

    async def status(self) -> int:
        """What a good request gets. Raises Broken when that is neither its answer nor an honest refusal."""
        self._answer, self._way = WHOLE, 0
        got = await self._loop.chat()
        if got.status_code != 200:
            error = got.json()["error"]
            demand(error["message"] and error["code"] != "internal", f"a refusal that says why: {got.text}")
            demand(got.status_code in (429, 502, 503, 504), f"an honest refusal: {got.status_code}")
        return got.status_code

    async def _ask(self, request: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._loop.gateway.port, limit=1 << 22)
        number = crc32(request) & 0xFFFF
        try:
            with suppress(OSError):
                for piece in cut(number, request)[:40]:
                    writer.write(piece)
                    await writer.drain()
                if number % 3:
                    writer.write_eof()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.45):
                        await reader.read()
        finally:
            writer.transport.abort()


CHAT: Final = (
    b'{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}'
)
WHOLE: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(CHAT),
    CHAT,
)


async def search_live(*, seconds: float, seed: int) -> Searched:
    """Batch after batch until the time is over; a new gateway when one has learnt to rest its targets."""
    draw = random.Random(seed)
    searched, complaints = Searched("a gateway over sockets"), Complaints()
    logging.getLogger().addHandler(complaints)
    asyncio.get_running_loop().set_exception_handler(complaints.unhandled)
    lives: list[Live] = []

    async def script(peer: Peer) -> None:
        await lives[-1].answer(peer)

    ends, grown_from = monotonic() + seconds, 0.0
    try:
        while monotonic() < ends:
            async with MisbehavingServer(script) as upstream, running(_config(upstream)) as loop:
                lives.append(Live(loop, upstream))
                await _feed(lives[-1], searched, complaints, draw, ends)
            grown_from = grown_from or resident_mb()
    finally:
        logging.getLogger().removeHandler(complaints)
    searched.ways = len(lives)
    searched.grown_mb = round(resident_mb() - grown_from, 1)
    return searched


def _config(upstream: MisbehavingServer) -> str:
    config = declaring({"atlas": f"{upstream.url}/v1", "breeze": upstream.url}, policy=POLICY)
    first, second = "apis: [chat, completions, responses, embeddings]", "apis: [messages]"
    return config.replace("api_key: none}", f"api_key: none, {first}}}", 1).replace(
        "api_key: none}", f"api_key: none, {second}}}"
    )


async def _feed(
    live: Live, searched: Searched, complaints: Complaints, draw: random.Random, ends: float
) -> None:
    """Batches, until a good request is refused twice: what the gateway has learnt by then is right."""
    good, said = list(requests()), list(answers())
    statuses = [await live.status()]
    if statuses != [200]:
        complaints.heard.append(f"a new gateway answered {statuses[0]}")
    while monotonic() < ends and statuses[-2:] not in ([429, 429], [502, 502], [503, 503]):
        as_client = draw.random() < 0.5
        sent = [bent(draw, good, WORDS) if as_client else draw.choice(good) for _ in range(BATCH)]
        answer = draw.choice(said) if as_client else bent(draw, said, WORDS)
        began = monotonic()
        try:
            await live.batch(sent, answer)
            statuses.append(await live.status())
        except Exception as error:  # noqa: BLE001  that is what is looked for
            complaints.heard.append(repr(error))
            statuses += [0, 503, 503]
        searched.inputs += BATCH
        searched.slowest_ms = round(max(searched.slowest_ms, (monotonic() - began) * 1000), 1)
        for what in complaints.heard[:5]:
            told = f"{what} | answer {answer!r} | sent {sent!r}"
            searched.findings.append(Finding(searched.target, what[:60], told[:9000], ""))
        complaints.heard.clear()

"""One attempt at a streamed answer: hold the preamble, commit at the first content, forward, or break.

Before the commit nothing has reached the client, so every failure is an ordinary failed attempt and
another target follows unseen. After it there is never a second answer: the client gets the in-band
error of its API and then an aborted connection, because every SDK takes a clean end for success.
One upstream read is at most one downstream write.
"""

from typing import Final

from interlock_domain.words import FailureClass, Phase, Result
from interlock_gateway.answers import send_last_words, send_piece, start_stream
from interlock_gateway.attempt import (
    Broken,
    Failed,
    Limits,
    Opened,
    Relayed,
    transport_failed,
    usage_of,
)
from interlock_gateway.exchange import Exchange
from interlock_gateway.heartbeat import Heartbeat
from interlock_gateway.ledger import Attempt
from interlock_gateway.unary import MAX_REFUSAL, cut_refusal, inside_success, refused
from interlock_protocols.answers.whole_answer import is_event_stream, not_a_stream
from interlock_protocols.continuing.shown import Shown
from interlock_protocols.streams.scanner import EventScanner
from interlock_protocols.streams.verdict import End, Verdict
from interlock_upstream.errors import FailureKind, UpstreamFailed
from interlock_upstream.port import UpstreamResponse
from interlock_upstream.request import UpstreamRequest

REFUSAL_IDLE_S: Final = 10.0
LAST_WORDS_S: Final = 2.0
"""After every finish reason: usage and `[DONE]` follow within milliseconds where they follow at all."""
DRAIN_S: Final = 0.25
"""After `[DONE]` the transfer's end is awaited this long, so that the connection can be used again."""
_PASS: Final = Verdict.PASS
FORWARDED: Final = (Verdict.PASS, Verdict.COMMIT)


async def open_stream(
    x: Exchange, attempt: Attempt, request: UpstreamRequest, limits: Limits
) -> Opened | Failed:
    """Call and hold until the first content. Whoever gets the Opened releases its response: `carry` does."""
    try:
        response = await x.gw.client.send(request, limits.phases)
    except UpstreamFailed as failure:
        return transport_failed(failure)
    opened = None
    try:
        if response.status != 200 or not is_event_stream(response.header(b"content-type")):
            return await _not_a_stream(x, response, limits)
        streams = limits.policy.streams
        assert x.surface.scanner is not None
        scanner = x.surface.scanner(hold_events=streams.hold_events, hold_bytes=streams.hold_bytes)
        failed = await _hold(x, response, scanner, limits)
        if failed is not None:
            return failed
        opened = Opened(attempt, response, scanner, limits, x.gw.monotonic())
        return opened
    finally:
        if opened is None:
            response.release()


async def carry(x: Exchange, opened: Opened) -> Relayed | Broken:
    """Send the head and everything from the first content on; the client has not heard of a break yet."""
    response, scanner = opened.response, opened.scanner
    x.served = opened
    try:
        x.first_content = first = opened.first_content
        policy = opened.limits.policy
        if policy.streams.on_break != "error" and x.surface.joiner is not None:
            x.shown = Shown(x.surface.joiner())
            x.shown.sent(scanner.out)
        if await start_stream(x, response.headers, scanner.out, whole=scanner.finished):
            x.result = Result.ANSWERED
            await drain(x, response)
            return Relayed(usage_of(scanner.usage), first)
        if x.heartbeat is None:
            x.heartbeat = Heartbeat(x, policy.streams.heartbeat_ms / 1000)
        failed = await _forward(x, response, scanner, policy.timeouts.stall_ms / 1000)
        if failed is not None:
            return Broken(failed, first)
        x.heartbeat.stop()
        return Relayed(usage_of(scanner.usage), first)
    finally:
        response.release()


async def _not_a_stream(x: Exchange, response: UpstreamResponse, limits: Limits) -> Failed:
    try:
        left = max(0.001, limits.first_content_at - x.gw.monotonic())
        body = await response.read(MAX_REFUSAL, min(REFUSAL_IDLE_S, left), left)
    except UpstreamFailed as failure:
        return cut_refusal(x, response, limits) or transport_failed(failure)
    if not 200 <= response.status < 300:
        return refused(x, response, body, limits)
    judged = x.surface.check(response.status, response.header(b"content-type"), body)
    return inside_success(not_a_stream(response.status, judged), response)


async def _hold(
    x: Exchange, response: UpstreamResponse, scanner: EventScanner, limits: Limits
) -> Failed | None:
    """Read until content commits the stream; None: `scanner.out` holds what may go out.

    A model that has said that it thinks, and shows nothing of it, may take longer than the first token may:
    it is held as long as that, for the failover's sake, and then let go while signs of life come.
    """
    monotonic = x.gw.monotonic
    while True:
        try:
            chunk = await response.next(_patience_s(scanner, limits, limits.first_content_at - monotonic()))
        except UpstreamFailed as failure:
            return transport_failed(failure)
        if chunk is None:
            return _ended_early(scanner, response)
        verdict = scanner.feed(chunk)
        if verdict is Verdict.COMMIT:
            return None
        if verdict is not Verdict.HOLD:
            return failed_by(scanner, response, Phase.PREAMBLE)
        if scanner.finished:
            return _ended_early(scanner, response)
        if scanner.thinking and monotonic() >= limits.first_content_at:
            scanner.commit()
            return None


def _patience_s(scanner: EventScanner, limits: Limits, left_s: float) -> float:
    """How long the next piece before content may take."""
    if scanner.thinking:
        left_s = max(left_s, limits.policy.timeouts.stall_ms / 1000)
    return max(0.001, left_s)


def _ended_early(scanner: EventScanner, response: UpstreamResponse) -> Failed | None:
    if scanner.end() in (End.COMPLETE, End.MISSING_DONE):
        return None  # a finished answer without content is an answer all the same
    return failed_by(scanner, response, Phase.PREAMBLE)


def failed_by(scanner: EventScanner, response: UpstreamResponse, phase: Phase) -> Failed:
    """What the scanner found wrong; it always knows by the time it is asked."""
    assert scanner.error is not None
    failed = inside_success(scanner.error, response)
    failed.phase = phase
    if scanner.error.said is not None:
        failed.told = scanner.error
    return failed


async def _forward(
    x: Exchange, response: UpstreamResponse, scanner: EventScanner, stall_s: float
) -> Failed | None:
    """The hot loop: one read, one scan, one write. What committed the stream has gone out already."""
    flow = _Flow(x, scanner, stall_s)
    while not scanner.finished:
        await flow.write()
        if flow.pours():
            await response.pour(flow.take, stall_s)
        if flow.verdict is None:
            try:
                chunk = await response.next(flow.patience_s())
            except UpstreamFailed as failure:
                return await _silent(x, response, scanner, failure)
            if chunk is None:
                return await _end_of_stream(x, response, scanner)
            flow.look(chunk)
        if flow.verdict not in FORWARDED:
            await flow.write()
            return failed_by(scanner, response, Phase.CONTENT)
    await send_piece(x, flow.piece, last=True)
    x.result = Result.ANSWERED  # a client that leaves from here on has its answer
    await drain(x, response)
    return None


class _Flow:
    """Where a committed stream stands between two reads.

    What needs no thought goes from the upstream's read straight to the client's socket (`take`): to wake the
    walk for it costs more than the scan, ten frames, a future and a timer for each piece. What needs it, an
    end, a failure, half an event, a client that reads slowly, stays in `verdict` and `piece`. An event may
    stall as a whole: a byte now and then is no progress.
    """

    __slots__ = (
        "_exposed",
        "_feed",
        "_scanner",
        "_stall_s",
        "_unfinished_since",
        "_wire",
        "_x",
        "piece",
        "verdict",
    )

    def __init__(self, x: Exchange, scanner: EventScanner, stall_s: float) -> None:
        self._x = x
        self._scanner = scanner
        self._feed = scanner.feed
        self._stall_s = stall_s
        self._wire = x.wire
        self._exposed = x.exposed
        self._unfinished_since = 0.0
        self.verdict: Verdict | None = None
        self.piece = b""

    def pours(self) -> bool:
        """Whether the next piece may go straight through."""
        return self._wire is not None and not self._unfinished_since and not self._scanner.complete

    def take(self, chunk: bytes) -> bool:
        """Scan and write one piece; False: the walk has to look at it."""
        self.look(chunk)
        piece, wire = self.piece, self._wire
        if self.verdict is not _PASS or not piece or self._scanner.complete:
            return False
        if wire is None or not wire.piece(piece):
            return False
        x = self._x
        x.bytes_out += len(piece)
        if x.shown is not None:
            x.shown.sent(piece)
        self.verdict, self.piece = None, b""
        return True

    def look(self, chunk: bytes) -> None:
        """Scan what came."""
        self.verdict = self._feed(chunk)
        self.piece = piece = self._scanner.out
        if piece:
            self._unfinished_since = 0.0
            if self._exposed is not None:
                self.piece = self._exposed.piece(piece)
        elif not self._unfinished_since:
            self._unfinished_since = self._x.gw.monotonic()

    def patience_s(self) -> float:
        """How long the next read may take."""
        limit_s = LAST_WORDS_S if self._scanner.complete else self._stall_s
        if self._unfinished_since:
            limit_s -= self._x.gw.monotonic() - self._unfinished_since
        return max(0.001, limit_s)

    async def write(self) -> None:
        """What was looked at and has not gone out, at the client's pace."""
        piece, self.verdict, self.piece = self.piece, None, b""
        if piece and not _written(self._x, piece):
            await self._x.send({"type": "http.response.body", "body": piece, "more_body": True})


async def tell_broken(x: Exchange, failed: Failed) -> None:
    """The error a client reads inside a committed stream: the upstream's own, where it said one."""
    why, told = failed.failure.value, failed.told
    if told is not None:
        await send_last_words(x, told.status or 502, told.code or why, told.message, said=told.said)
        return
    message = f"the upstream answer broke off after it had begun ({why}); it is incomplete"
    await send_last_words(x, 502, why, message, type="upstream_error")


def _written(x: Exchange, piece: bytes) -> bool:
    """Write a piece without a wait, where the server and the client's pace allow it."""
    x.bytes_out += len(piece)
    if x.shown is not None:
        x.shown.sent(piece)
    wire = x.wire
    return wire is not None and wire.piece(piece)


async def _silent(
    x: Exchange, response: UpstreamResponse, scanner: EventScanner, failure: UpstreamFailed
) -> Failed | None:
    """Nothing more came: a cut, unless the answer is whole and only its sentinel is missing."""
    return await _end_of_stream(x, response, scanner) if scanner.complete else cut_off(failure)


def cut_off(failure: UpstreamFailed) -> Failed:
    """A transfer that ended, or stood still, after content."""
    failed = transport_failed(failure, committed=True)
    if failure.kind in (FailureKind.CLOSED_EARLY, FailureKind.RESET):
        failed.failure = FailureClass.TRUNCATED
    return failed


async def _end_of_stream(x: Exchange, response: UpstreamResponse, scanner: EventScanner) -> Failed | None:
    end = scanner.end()
    if end is End.COMPLETE:
        await send_piece(x, scanner.out, last=True)
        return None
    if end is End.MISSING_DONE:
        await send_piece(x, scanner.out + scanner.last_event, last=True)
        return None
    return failed_by(scanner, response, Phase.CONTENT)


async def drain(x: Exchange, response: UpstreamResponse) -> None:
    """Read what still comes after the last event, so that the connection can be used again.

    The client has its answer, and must not wait for a place until the upstream has done.
    """
    x.free_place()
    try:
        while not response.complete and await response.next(DRAIN_S) is not None:
            continue
    except UpstreamFailed:
        return

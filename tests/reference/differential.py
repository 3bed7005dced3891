"""One generated stream, through the scanner and through the reference, and what they do not agree on.

Rule: chunk by chunk the verdict and the bytes that go out, at the end what the stream was worth, and the
state that the gateway acts on. A difference is a sentence with the seed in it, so that it can be seen again.
"""

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from msgspec import Struct

from interlock_protocols.chat.scanner import ChatScanner
from interlock_protocols.completions.scanner import CompletionScanner
from interlock_protocols.errors import OwnError
from interlock_protocols.messages.scanner import MessagesScanner
from interlock_protocols.responses.scanner import ResponsesScanner
from interlock_protocols.streams.scanner import EventScanner
from interlock_protocols.streams.verdict import End, Verdict
from tests.reference.chat import PlainChat, PlainCompletion
from tests.reference.faults import with_faults
from tests.reference.grammar import Draw, Event, Stream
from tests.reference.grammar_chat import ChatGrammar, CompletionGrammar
from tests.reference.grammar_messages import MessagesGrammar
from tests.reference.grammar_responses import ResponsesGrammar
from tests.reference.judge import PlainScanner
from tests.reference.messages import PlainMessages
from tests.reference.responses import PlainResponses
from tests.reference.spelling import cut, ended, spelt

STATE: Final = ("committed", "complete", "finished", "saw_content", "saw_end", "events", "usage")
FAILED: Final = (Verdict.ERROR, Verdict.MALFORMED)
OWN: Final = OwnError(502, "truncated", "it broke off", None, "req-1", "upstream_error")


class Grammar(Protocol):
    """Makes the events of one stream."""

    def events(self) -> Iterator[Event]:
        """As meant, without faults."""
        ...


class Side(Struct, frozen=True):
    """What belongs to one client API."""

    grammar: Callable[[Draw], Grammar]
    scanner: Callable[..., EventScanner]
    reference: Callable[..., PlainScanner]


SIDES: Final = {
    "chat": Side(ChatGrammar, ChatScanner, PlainChat),
    "completions": Side(CompletionGrammar, CompletionScanner, PlainCompletion),
    "messages": Side(MessagesGrammar, MessagesScanner, PlainMessages),
    "responses": Side(ResponsesGrammar, ResponsesScanner, PlainResponses),
}


def drawn(api: str, seed: int) -> Stream:
    """The stream of a seed."""
    draw = Draw(seed)
    events = with_faults(draw, list(SIDES[api].grammar(draw).events()))
    chunks = cut(draw, ended(draw, spelt(draw, events)))
    stream = Stream(chunks)
    if draw.chance(0.12):
        draw.note("a small hold")
        stream.hold_events = draw.choice((0, 1, 3, 99))
        stream.hold_bytes = draw.choice((1, 100, 700, 65536))
    stream.kinds = draw.kinds
    return stream


class Comparison(Struct, frozen=True):
    """What the two do not agree on, nothing when all is well; and what became of the stream."""

    differences: list[str]
    worth: str


def compared(api: str, stream: Stream, scanner: EventScanner | None = None) -> Comparison:
    """The stream through both. An exception is a difference too. `scanner`: another one than the API's."""
    side = SIDES[api]
    limits = {"hold_events": stream.hold_events, "hold_bytes": stream.hold_bytes}
    plain = side.reference(**limits)
    scanner = scanner or side.scanner(**limits)
    try:
        found = _fed(scanner, plain, stream)
        if found:
            return Comparison([found], "unlike")
        last = plain.verdict
        worth, wanted = scanner.end(), plain.end()
        scanner.in_band(OWN)
    except Exception as error:  # noqa: BLE001  whatever leaves the scanner is a finding
        return Comparison([f"an exception: {error!r}"], "unlike")
    return Comparison(
        _of_the_whole(scanner, plain, worth, wanted), last.value if last in FAILED else worth.value
    )


def _fed(scanner: EventScanner, plain: PlainScanner, stream: Stream) -> str:
    """Chunk by chunk; the first difference."""
    for n, chunk in enumerate(stream.chunks):
        seen, wanted = scanner.feed(chunk), plain.feed(chunk)
        if seen is not wanted or scanner.out != plain.out:
            return f"chunk {n}: {seen}, not {wanted}; {_first_difference(scanner.out, plain.out)}"
    return ""


def _first_difference(seen: bytes, wanted: bytes) -> str:
    """Where what goes out begins to differ, with a little around it."""
    if seen == wanted:
        return "the bytes are the same"
    shorter = min(len(seen), len(wanted))
    at = next((n for n in range(shorter) if seen[n] != wanted[n]), shorter)
    near = slice(max(0, at - 80), at + 80)
    return f"{len(seen)} bytes out, not {len(wanted)}; at {at} {seen[near]!r}, not {wanted[near]!r}"


def _of_the_whole(scanner: EventScanner, plain: PlainScanner, worth: End, wanted: End) -> list[str]:
    found = [] if worth is wanted else [f"the end: {worth}, not {wanted}"]
    sent = worth in (End.COMPLETE, End.MISSING_DONE)
    if sent and scanner.out != plain.out:
        found.append(f"the last words: {scanner.out!r}, not {plain.out!r}")
    failed = scanner.error.failure if scanner.error is not None else None
    if (failed is None) is not sent:
        found.append(f"the failure: {failed} of a stream that was {worth}")
    if plain.failure is not None and failed is not plain.failure:
        found.append(f"the failure: {failed}, not {plain.failure}")
    if sent:
        states = [(name, getattr(scanner, name), getattr(plain, name)) for name in STATE]
        found += [f"{name}: {seen}, not {due}" for name, seen, due in states if seen != due]
    return found

"""What every voice of the simulated provider has, and the forms that most of them share.

Rule: what is said here in no API's name is in the words of the OpenAI API, which four of the six paths
speak; the others say where they differ. One value for each request: a stream counts its events, and a fault
in its middle has to go on with the count.
"""

import json
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from interlock_testing.behaviour import Behaviour
from interlock_testing.voices.asked import Asked
from interlock_testing.voices.parts import Part, Says, parts

CREATED: Final = 1_750_000_000
DONE: Final = b"data: [DONE]\n\n"


def to_json(value: Any) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


def data_event(value: Any) -> bytes:
    """An event of the APIs whose events have no names."""
    return b"data: " + to_json(value) + b"\n\n"


def named_event(value: dict[str, Any]) -> bytes:
    """An event that is named by its `type`."""
    return f"event: {value['type']}\n".encode() + data_event(value)


class Voice:
    """One request's answer: whole, or piece by piece. `error` may be asked for between any two pieces."""

    streamed: ClassVar[bool] = True
    """Whether this path is ever streamed."""
    sentinel: ClassVar[bytes] = b""
    """The last event, without which an answer is whole all the same."""
    broken: ClassVar[bytes] = b""
    """A content event whose JSON breaks off."""

    def __init__(self, provider: str, asked: Asked, behaviour: Behaviour) -> None:
        self._provider = provider
        self._asked = asked
        self._behaviour = behaviour

    @property
    def headers(self) -> dict[str, str]:
        """What the vendor sends with each answer."""
        return {}

    @abstractmethod
    def whole(self) -> Any:
        """The body of a whole answer."""

    def opening(self) -> Iterator[bytes]:
        """The events before content."""
        return iter(())

    @property
    def pieces(self) -> int:
        """How many pieces of content there are."""
        return 0

    def content(self) -> Iterator[bytes]:
        """Content, one piece at a time; a piece may be more than one event."""
        return iter(())

    def closing(self) -> Iterator[bytes]:
        """The events after content, up to the sentinel."""
        return iter(())

    def error(self) -> bytes:
        """What is said inside a stream when it fails."""
        return data_event(self.failed())

    def failed(self) -> Any:
        """The body of a 200 that is an error."""
        b = self._behaviour
        return {"error": {"message": "simulated error inside a 200", "type": "server_error", "code": b.code}}

    def refusal(self) -> Any:
        """The body of an error answer."""
        message = f"simulated {self._behaviour.status}"
        return {"error": {"message": message, "type": "simulated_error", "param": None, "code": None}}

    @property
    def prompt_tokens(self) -> int:
        """About what a tokeniser would count."""
        return max(1, len(self._asked.body) // 4)


class SpokenVoice(Voice):
    """An answer that is said: it has parts."""

    def __init__(self, provider: str, asked: Asked, behaviour: Behaviour) -> None:
        super().__init__(provider, asked, behaviour)
        self.parts = parts(provider, asked, behaviour)

    @property
    def pieces(self) -> int:
        """See Voice; each counts as one token."""
        return sum(len(part.pieces) for part in self.parts)

    @property
    def calls(self) -> bool:
        """Whether the answer ends in a call of a tool."""
        return self.parts[-1].says is Says.CALL

    def said(self, says: Says) -> list[Part]:
        """The parts that are such."""
        return [part for part in self.parts if part.says is says]


class BlockVoice(SpokenVoice):
    """An answer whose stream opens and closes each of its parts, which are numbered from 0.

    A call opens with its first piece: its opening names the tool, and that is content. The end of a part
    goes with the opening of the next, so that the pause is where the model's is.
    """

    @abstractmethod
    def head(self) -> Iterator[bytes]:
        """The events before the first part."""

    @abstractmethod
    def begin(self, index: int) -> bytes:
        """The events that open a part."""

    @abstractmethod
    def delta(self, index: int, piece: str) -> bytes:
        """The event of one piece."""

    @abstractmethod
    def end(self, index: int) -> bytes:
        """The events that close a part."""

    def opening(self) -> Iterator[bytes]:
        """See Voice."""
        yield from self.head()
        if self._opens_early:
            yield self.begin(0)

    def content(self) -> Iterator[bytes]:
        """See Voice."""
        for index, part in enumerate(self.parts):
            for n, piece in enumerate(part.pieces):
                before = b""
                if n == 0 and index:
                    before = self.end(index - 1) + self.begin(index)
                elif n == 0 and not self._opens_early:
                    before = self.begin(0)
                yield before + self.delta(index, piece)

    def closing(self) -> Iterator[bytes]:
        """See Voice."""
        yield self.end(len(self.parts) - 1)

    @property
    def _opens_early(self) -> bool:
        return self.parts[0].says is not Says.CALL

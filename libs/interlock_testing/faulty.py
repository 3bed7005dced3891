"""A provider that fails each request in the way its model's name asks for.

It owns which script answers what, and the books of a test matrix: requests and connections by model. Rule:
the fault is part of the model's name, so that one server plays all cells of a matrix at once, each with a
target and a health of its own. One server for each fault was dropped: hundreds of ports, a start for each.

    async with FaultyProvider("faulty") as faulty:
        target = "faulty/500.some-cell"        # what stands behind the dot is the test's own
"""

from asyncio import Event
from collections import Counter
from typing import Self

from interlock_testing.fault_line import Line
from interlock_testing.faults import FAULTS
from interlock_testing.misbehave import MisbehavingServer, Peer
from interlock_testing.voices.asked import Asked, read_asked
from interlock_testing.voices.paths import api_of


class FaultyProvider:
    """`url` is the base URL of an OpenAI-style provider, `root_url` that of a Messages one.

    `slow_s`: how long a slow upstream takes.
    """

    def __init__(self, name: str, *, slow_s: float = 1.0) -> None:
        self.name = name
        self.slow_s = slow_s
        self.requests: Counter[str] = Counter()
        """By model."""
        self.answering: Counter[str] = Counter()
        """Requests, by model, whose connection is neither idle nor closed."""
        self._server = MisbehavingServer(self._serve)
        self._lines: dict[str, Event] = {}

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._server.__aexit__(*error)

    @property
    def url(self) -> str:
        """See above."""
        return f"{self.root_url}/v1"

    @property
    def root_url(self) -> str:
        """See above."""
        return self._server.url

    def heard(self, model: str) -> None:
        """Tell the fault of this model that its client has content."""
        if model in self._lines:
            self._lines[model].set()

    async def _serve(self, peer: Peer) -> None:
        more = True
        while more:
            asked = _read(await peer.request(), sum(self.requests.values()) + 1)
            self.requests[asked.model] += 1
            self.answering[asked.model] += 1
            try:
                more = await self._answer(peer, asked)
            finally:
                self.answering[asked.model] -= 1

    async def _answer(self, peer: Peer, asked: Asked) -> bool:
        line = Line(peer, self.name, asked, slow_s=self.slow_s)
        fault = FAULTS[asked.model.partition(".")[0]]
        script = fault.stream if line.streamed else fault.whole
        if script is None:
            raise LookupError(f"no such fault of this kind of answer: {asked.model}")
        self._lines[asked.model] = line.heard
        return await script(line)


def _read(request: bytes, n: int) -> Asked:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    path = first.split(" ")[1].partition("?")[0]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    api = api_of(path)
    if api is None:
        raise LookupError(f"no such path: {path}")
    return read_asked(n, api, path, headers, body)

"""Load by the official OpenAI SDK, its retries off, and a verdict on each call as the SDK's user sees it.

Rule: a call is answered only when it ended without an exception, with a finish reason and the whole text; a
text that is short without an exception is the failure that this project exists to prevent. Dropped: judging
by HTTP statuses, which is not what an application sees.
"""

import asyncio
from collections.abc import Callable, Collection
from enum import StrEnum
from itertools import count
from time import monotonic
from typing import Final

import openai
from msgspec import Struct
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from openai.types.chat import ChatCompletionUserMessageParam

TIMEOUT_S: Final = 60.0
PROMPT: Final[ChatCompletionUserMessageParam] = {"role": "user", "content": "hi"}


class Ending(StrEnum):
    """How a call ended for the application."""

    ANSWERED = "answered"
    RAISED_BEFORE_CONTENT = "raised before content"
    RAISED_AFTER_CONTENT = "raised after content"
    LOOKS_LIKE_SUCCESS = "short or unfinished without an exception"
    RUNNING = "running"


class Call(Struct, kw_only=True):
    """One call; `target` and `attempts` as the response headers told."""

    stream: bool
    began_s: float
    ending: Ending = Ending.RUNNING
    ended_s: float = 0.0
    text: str = ""
    request_id: str = ""
    target: str = ""
    attempts: int = 0
    error: str = ""


class Load(Struct, frozen=True, kw_only=True):
    """What is sent: model, pace, how long a run; `texts`: what a whole answer may say."""

    model: str
    per_second: float
    seconds: float
    texts: Collection[str]
    max_tokens: int | None = None


class SdkLoad:
    """Sends whole and streamed calls in turn, whatever becomes of the ones before."""

    def __init__(self, url: str, load: Load) -> None:
        self._load = load
        http = DefaultAsyncHttpxClient(trust_env=False)
        self._client = AsyncOpenAI(
            base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=TIMEOUT_S, http_client=http
        )
        self.calls: list[Call] = []
        self._began: float | None = None
        self._held = False

    @property
    def version(self) -> str:
        """The SDK's own version."""
        return openai.__version__

    def elapsed_s(self) -> float:
        """Since the first call; 0 before it."""
        return 0.0 if self._began is None else monotonic() - self._began

    def streaming_from(self, target: str) -> int:
        """Streams of that target that have content and run on."""
        return sum(
            c.stream and bool(c.text) and c.ending is Ending.RUNNING and c.target == target
            for c in self.calls
        )

    def hold(self) -> None:
        """Go on past the planned calls until `release`: something is still waited for that needs requests."""
        self._held = True

    def release(self) -> None:
        """The planned calls are enough again."""
        self._held = False

    async def run(self) -> None:
        """All planned calls, more while it is held, until the last has ended."""
        self._began = monotonic()
        running: set[asyncio.Task[None]] = set()
        planned = int(self._load.per_second * self._load.seconds)
        for number in count():
            if number >= planned and not self._held:
                break
            await asyncio.sleep(max(0.0, number / self._load.per_second - self.elapsed_s()))
            call = Call(stream=number % 2 == 1, began_s=self.elapsed_s())
            self.calls.append(call)
            task = asyncio.create_task(self._one(call))
            running.add(task)
            task.add_done_callback(running.discard)
        if running:
            await asyncio.wait(running)
        await self._client.close()

    def count(self, ending: Ending, keep: Callable[[Call], bool] = lambda _: True) -> int:
        """Calls that ended so."""
        return sum(call.ending is ending and keep(call) for call in self.calls)

    async def _one(self, call: Call) -> None:
        try:
            finish = await (self._streamed(call) if call.stream else self._whole(call))
            whole = finish is not None and call.text in self._load.texts
            call.ending = Ending.ANSWERED if whole else Ending.LOOKS_LIKE_SUCCESS
            call.error = "" if whole else f"finish_reason {finish!r}, text {call.text!r}"
        except Exception as error:  # noqa: BLE001  whatever the SDK raises is what its user would see
            call.ending = Ending.RAISED_AFTER_CONTENT if call.text else Ending.RAISED_BEFORE_CONTENT
            call.error = f"{type(error).__name__}: {error}"
        call.ended_s = self.elapsed_s()

    async def _whole(self, call: Call) -> str | None:
        answer = await self._client.chat.completions.with_raw_response.create(
            model=self._load.model, messages=[PROMPT], max_tokens=self._load.max_tokens, temperature=0
        )
        self._served(call, answer.headers.get)
        parsed = answer.parse()
        call.text = parsed.choices[0].message.content or ""
        return parsed.choices[0].finish_reason

    async def _streamed(self, call: Call) -> str | None:
        answer = await self._client.chat.completions.with_raw_response.create(
            model=self._load.model,
            messages=[PROMPT],
            max_tokens=self._load.max_tokens,
            temperature=0,
            stream=True,
        )
        self._served(call, answer.headers.get)
        finish: str | None = None
        async for chunk in answer.parse():
            for choice in chunk.choices:
                call.text += choice.delta.content or ""
                finish = choice.finish_reason or finish
        return finish

    @staticmethod
    def _served(call: Call, header: Callable[[str], str | None]) -> None:
        call.request_id = header("x-request-id") or ""
        call.target = header("x-interlock-target") or ""
        call.attempts = int(header("x-interlock-attempts") or 0)

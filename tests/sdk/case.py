"""A case: one use of an SDK, written once for its synchronous and its asynchronous client.

Owns the registry of cases and `Use`, what a case has in its hands. Rule: nothing of this project's libraries
is imported here or in the modules of cases, since each generation of an SDK runs in an environment that has
nothing else; the SDK itself comes as `use.sdk`, so the names of all cases can be read without any. A twin of
each case with `await` in it was dropped: three hundred pairs would have to stay equal by hand.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

from tests.sdk.shown import raised, shown

CALLERS_KEY: Final = "sk-of-the-caller"
TIMEOUT_S: Final = 10.0
"""Of every client: longer than any answer takes, shorter than a run may hang."""

CANCELLED_AFTER_S: Final = 2.0
"""By then a call has reached the provider on a busy machine too: what arrived on both sides is compared."""

Run = Callable[["Use"], Awaitable[Any]]


class Absent(Exception):
    """This generation of the SDK cannot do it."""


class Cases:
    """The cases of one SDK by name, in the order in which they are written."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}

    def __call__(self, name: str) -> Callable[[Run], Run]:
        """Decorator: `@case("chat/unary")`."""

        def register(run: Run) -> Run:
            self.add(name, run)
            return run

        return register

    def add(self, name: str, run: Run) -> None:
        """One more."""
        if name in self.runs:
            raise ValueError(f"two cases are named {name}")
        self.runs[name] = run

    def chosen(self, names: Iterable[str]) -> "Cases":
        """These of them."""
        found = Cases()
        for name in names:
            found.add(name, self.runs[name])
        return found


def joined(*parts: Cases) -> Cases:
    """The cases of several modules."""
    whole = Cases()
    for part in parts:
        for name, run in part.runs.items():
            whole.add(name, run)
    return whole


class Use:
    """One run of a case: the SDK, a client of it, and words that read alike for both kinds of client.

    `model` is what to ask for; `made` is `OpenAI` or another client class, `http` the connections it shares.
    """

    def __init__(
        self, sdk: Any, made: Callable[..., Any], *, base_url: str, model: str, http: Any = None
    ) -> None:
        self.sdk = sdk
        self.model = model
        self._made = made
        self._always = {"base_url": base_url, "http_client": http}
        self._client: Any = None

    @property
    def asynchronous(self) -> bool:
        """Whether calls of the client are awaited."""
        return self._made.__name__.startswith("Async")

    @property
    def client(self) -> Any:
        """The usual client: a key, no retries."""
        if self._client is None:
            self._client = self.made()
        return self._client

    def made(self, **options: Any) -> Any:
        """A client with options of its own."""
        usual: dict[str, Any] = {"api_key": CALLERS_KEY, "max_retries": 0, "timeout": TIMEOUT_S}
        return self._made(**(usual | self._always | options))

    def needs(self, owner: Any, *names: str) -> None:
        """Raises Absent where an attribute is missing."""
        for name in names:
            if not hasattr(owner, name):
                raise Absent(f"{type(owner).__name__} has no `{name}`")

    async def got(self, value: Any) -> Any:
        """What a call answers."""
        return await value if inspect.isawaitable(value) else value

    async def each(self, items: Any) -> AsyncIterator[Any]:
        """The items of a stream."""
        if hasattr(items, "__aiter__"):
            async for item in items:
                yield item
        else:
            for item in items:
                yield item

    @asynccontextmanager
    async def entered(self, manager: Any) -> AsyncIterator[Any]:
        """`with`, or `async with`."""
        if hasattr(manager, "__aenter__"):
            async with manager as inner:
                yield inner
        else:
            with manager as inner:
                yield inner

    async def cancelled(self, call: Callable[[], Any]) -> Any:
        """Start a call and cancel it when it has had time to reach the provider. Raises Absent where a client
        blocks: nobody can cancel it."""
        if not self.asynchronous:
            raise Absent("a synchronous call cannot be cancelled")

        async def awaited() -> Any:
            return await self.got(call())

        return await asyncio.wait_for(awaited(), CANCELLED_AFTER_S)

    async def tried(self, call: Callable[[], Any]) -> Any:
        """What a call answers or raises."""
        try:
            return shown(await self.got(call()))
        except Exception as error:  # noqa: BLE001  what the SDK raises is what its user sees
            return {"raised": raised(error)}

    async def all(self, stream: Any) -> dict[str, Any]:
        """Everything a stream gives, and how it ends."""
        items: list[Any] = []
        try:
            async for item in self.each(stream):
                items.append(shown(item))  # noqa: PERF401  what came before an error is kept
        except Exception as error:  # noqa: BLE001  what the SDK raises is what its user sees
            return {"items": items, "raised": raised(error)}
        return {"items": items}

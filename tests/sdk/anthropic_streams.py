"""Messages that are streamed: raw events, the helper, raw responses, leaving early."""

from typing import Any, Final

from tests.sdk.asking import HELLO, TOOLS, contact
from tests.sdk.case import Cases, Use
from tests.sdk.shown import headers, shown

case: Final = Cases()


async def streamed(use: Use, **fields: Any) -> Any:
    """Every event of an answer."""
    asked = {"model": use.model, "max_tokens": 64, "messages": HELLO, "stream": True} | fields
    return await use.all(await use.got(use.client.messages.create(**asked)))


async def helped(use: Use, **fields: Any) -> Any:
    """Every event of the helper, and what it has put together."""
    asked = {"model": use.model, "max_tokens": 64, "messages": HELLO} | fields
    async with use.entered(use.client.messages.stream(**asked)) as stream:
        seen = await use.all(stream)
        return seen | {"final": await use.tried(stream.get_final_message)}


@case("messages/stream")
async def _(use: Use) -> Any:
    return await streamed(use)


for _form in (
    "empty",
    "crlf",
    "split",
    "burst",
    "pings",
    "unknown-events",
    "citations",
    "redacted-thinking",
    "server-tools",
    "cumulative-usage",
    "refusal",
    "no-sentinel",
    "long",
):

    @case(f"messages/stream-{_form}")
    async def _(use: Use) -> Any:
        return await streamed(use)


@case("messages/stream-tools")
async def _(use: Use) -> Any:
    return await streamed(use, tools=TOOLS)


@case("messages/stream-tools-parallel")
async def _(use: Use) -> Any:
    return await streamed(use, tools=TOOLS, tool_choice={"type": "any"})


@case("messages/stream-thinking")
async def _(use: Use) -> Any:
    return await streamed(use, max_tokens=4000, thinking={"type": "enabled", "budget_tokens": 1024})


@case("messages/stream-helper")
async def _(use: Use) -> Any:
    return await helped(use)


@case("messages/stream-helper-thinking")
async def _(use: Use) -> Any:
    return await helped(use, max_tokens=4000, thinking={"type": "enabled", "budget_tokens": 1024})


@case("messages/stream-helper-tools-parallel")
async def _(use: Use) -> Any:
    return await helped(use, tools=TOOLS)


@case("messages/stream-helper-structured")
async def _(use: Use) -> Any:
    use.needs(use.client.messages, "parse")
    return await helped(use, output_format=contact())


@case("messages/stream-helper-text")
async def _(use: Use) -> Any:
    async with use.entered(
        use.client.messages.stream(model=use.model, max_tokens=64, messages=HELLO)
    ) as stream:
        pieces = [piece async for piece in use.each(stream.text_stream)]
        return {"pieces": pieces, "text": await use.got(stream.get_final_text())}


@case("messages/stream-raw")
async def _(use: Use) -> Any:
    create = use.client.messages.with_raw_response.create
    raw = await use.got(create(model=use.model, max_tokens=64, messages=HELLO, stream=True))
    told = {"status": raw.status_code, "headers": headers(raw.headers), "request_id": raw.request_id}
    return told | await use.all(await use.got(raw.parse()))


@case("messages/stream-left")
async def _(use: Use) -> Any:
    stream = await use.got(
        use.client.messages.create(model=use.model, max_tokens=64, messages=HELLO, stream=True)
    )
    seen: list[Any] = []
    async for event in use.each(stream):
        seen.append(shown(event))
        if event.type == "content_block_delta":
            break
    await use.got(stream.close())
    return {"items": seen}


@case("messages/stream-left-with")
async def _(use: Use) -> Any:
    async with use.entered(
        use.client.messages.stream(model=use.model, max_tokens=64, messages=HELLO)
    ) as stream:
        async for piece in use.each(stream.text_stream):
            return {"first": piece}
    return None


@case("messages/stream-timeout")
async def _(use: Use) -> Any:
    return await streamed(use, timeout=2.0)


@case("messages/stream-stalled")
async def _(use: Use) -> Any:
    return await streamed(use, timeout=3.0)


@case("messages/stream-cancelled")
async def _(use: Use) -> Any:
    return await use.cancelled(lambda: streamed(use))

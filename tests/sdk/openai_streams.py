"""Chat completions that are streamed: raw chunks, the helper, raw responses, leaving early."""

from typing import Any, Final

from tests.sdk.asking import FUNCTIONS, HELLO, contact
from tests.sdk.case import Cases, Use
from tests.sdk.shown import headers, shown

case: Final = Cases()


async def streamed(use: Use, **fields: Any) -> Any:
    """Every chunk of an answer."""
    asked = {"model": use.model, "messages": HELLO, "stream": True} | fields
    return await use.all(await use.got(use.client.chat.completions.create(**asked)))


async def helped(use: Use, **fields: Any) -> Any:
    """Every event of the helper, and what it has put together."""
    async with use.entered(
        use.client.chat.completions.stream(model=use.model, messages=HELLO, **fields)
    ) as stream:
        seen = await use.all(stream)
        return seen | {"final": await use.tried(stream.get_final_completion)}


@case("chat/stream")
async def _(use: Use) -> Any:
    return await streamed(use)


@case("chat/stream-usage")
async def _(use: Use) -> Any:
    return await streamed(use, stream_options={"include_usage": True})


for _form in (
    "empty",
    "crlf",
    "comments",
    "split",
    "burst",
    "two-choices",
    "refusal",
    "logprobs",
    "audio",
    "vendor-fields",
    "usage-in-each-chunk",
    "two-line-data",
    "no-sentinel",
    "long",
):

    @case(f"chat/stream-{_form}")
    async def _(use: Use) -> Any:
        return await streamed(use)


@case("chat/stream-tools")
async def _(use: Use) -> Any:
    return await streamed(use, tools=FUNCTIONS)


@case("chat/stream-tools-parallel")
async def _(use: Use) -> Any:
    return await streamed(use, tools=FUNCTIONS, parallel_tool_calls=True)


@case("chat/stream-thinking")
async def _(use: Use) -> Any:
    return await streamed(use)


@case("chat/stream-helper")
async def _(use: Use) -> Any:
    return await helped(use, stream_options={"include_usage": True})


@case("chat/stream-helper-tools")
async def _(use: Use) -> Any:
    return await helped(use, tools=FUNCTIONS[1:])


@case("chat/stream-helper-structured")
async def _(use: Use) -> Any:
    return await helped(use, response_format=contact())


@case("chat/stream-helper-until-done")
async def _(use: Use) -> Any:
    async with use.entered(use.client.chat.completions.stream(model=use.model, messages=HELLO)) as stream:
        return shown(await use.got(stream.get_final_completion()))


@case("chat/stream-raw")
async def _(use: Use) -> Any:
    create = use.client.chat.completions.with_raw_response.create
    raw = await use.got(create(model=use.model, messages=HELLO, stream=True))
    told = {"status": raw.status_code, "headers": headers(raw.headers), "request_id": raw.request_id}
    return told | await use.all(await use.got(raw.parse()))


@case("chat/stream-lines")
async def _(use: Use) -> Any:
    create = use.client.chat.completions.with_streaming_response.create
    async with use.entered(create(model=use.model, messages=HELLO, stream=True)) as response:
        return {"lines": [line async for line in use.each(response.iter_lines())]}


@case("chat/stream-left")
async def _(use: Use) -> Any:
    stream = await use.got(use.client.chat.completions.create(model=use.model, messages=HELLO, stream=True))
    seen: list[Any] = []
    async for chunk in use.each(stream):
        seen.append(shown(chunk))
        if len(seen) == 3:
            break
    await use.got(stream.close())
    return {"items": seen}


@case("chat/stream-left-with")
async def _(use: Use) -> Any:
    stream = await use.got(use.client.chat.completions.create(model=use.model, messages=HELLO, stream=True))
    async with use.entered(stream) as entered:
        async for chunk in use.each(entered):
            return {"first": shown(chunk)}
    return None


@case("chat/stream-timeout")
async def _(use: Use) -> Any:
    return await streamed(use, timeout=2.0)


@case("chat/stream-stalled")
async def _(use: Use) -> Any:
    return await streamed(use, timeout=3.0)


@case("chat/stream-cancelled")
async def _(use: Use) -> Any:
    return await use.cancelled(lambda: streamed(use))

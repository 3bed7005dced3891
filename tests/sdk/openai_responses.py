"""The Responses API: whole, streamed, helped, with items of every common kind."""

from typing import Any, Final

from tests.sdk.asking import BIG, FLAT_FUNCTIONS, PDF, PNG, contact
from tests.sdk.case import Cases, Use
from tests.sdk.shown import headers, shown

case: Final = Cases()


async def respond(use: Use, **fields: Any) -> Any:
    """One whole answer."""
    asked = {"model": use.model, "input": "Say hello"} | fields
    answer = await use.got(use.client.responses.create(**asked))
    return shown(answer) | {"output_text": shown(answer.output_text)}


async def streamed(use: Use, **fields: Any) -> Any:
    """Every event of a stream."""
    asked = {"model": use.model, "input": "Say hello", "stream": True} | fields
    return await use.all(await use.got(use.client.responses.create(**asked)))


async def helped(use: Use, **fields: Any) -> Any:
    """Every event of the helper, and what it has put together."""
    asked = {"model": use.model, "input": "Say hello"} | fields
    async with use.entered(use.client.responses.stream(**asked)) as stream:
        seen = await use.all(stream)
        return seen | {"final": await use.tried(stream.get_final_response)}


@case("responses/unary")
async def _(use: Use) -> Any:
    return await respond(use)


@case("responses/parameters")
async def _(use: Use) -> Any:
    return await respond(
        use,
        instructions="Be brief — très.",
        max_output_tokens=64,
        metadata={"team": "a"},
        previous_response_id="resp_0",
        reasoning={"effort": "low", "summary": "auto"},
        include=["reasoning.encrypted_content"],
        store=False,
        temperature=0.3,
        truncation="auto",
    )


@case("responses/items")
async def _(use: Use) -> Any:
    items = [
        {"role": "developer", "content": "Use SI units."},
        {"role": "user", "content": [{"type": "input_text", "text": "何時?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA=="},
        {"type": "function_call", "call_id": "call_1", "name": "clock", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "12:00"},
    ]
    return await respond(use, input=items, tools=FLAT_FUNCTIONS)


@case("responses/image-and-file")
async def _(use: Use) -> Any:
    parts = [
        {"type": "input_text", "text": "What is it?"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "low"},
        {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
    ]
    return await respond(use, input=[{"role": "user", "content": parts}])


@case("responses/tools")
async def _(use: Use) -> Any:
    return await respond(use, tools=FLAT_FUNCTIONS, tool_choice="auto")


@case("responses/tools-parallel")
async def _(use: Use) -> Any:
    return await respond(use, tools=FLAT_FUNCTIONS, parallel_tool_calls=True)


@case("responses/tools-of-the-vendor")
async def _(use: Use) -> Any:
    return await respond(
        use, tools=[{"type": "web_search"}, {"type": "file_search", "vector_store_ids": ["v"]}]
    )


@case("responses/thinking")
async def _(use: Use) -> Any:
    return await respond(use, reasoning={"effort": "low"})


@case("responses/structured")
async def _(use: Use) -> Any:
    parse = use.client.responses.parse
    answer = await use.got(parse(model=use.model, input="Who?", text_format=contact()))
    return shown(answer) | {"output_parsed": shown(answer.output_parsed)}


@case("responses/incomplete")
async def _(use: Use) -> Any:
    return await respond(use, max_output_tokens=16)


@case("responses/raw")
async def _(use: Use) -> Any:
    create = use.client.responses.with_raw_response.create
    raw = await use.got(create(model=use.model, input="Say hello"))
    return {
        "status": raw.status_code,
        "headers": headers(raw.headers),
        "parsed": shown(await use.got(raw.parse())),
    }


@case("responses/extra-body")
async def _(use: Use) -> Any:
    extra = {"context_management": [{"type": "compaction"}], "future": {"n": 12345678901234567890}}
    return await respond(use, extra_body=extra, extra_headers={"openai-beta": "responses=v2"})


@case("responses/big-body")
async def _(use: Use) -> Any:
    return await respond(use, input="ab" * (BIG // 2))


@case("responses/stream")
async def _(use: Use) -> Any:
    return await streamed(use)


for _form in ("no-done", "split", "unknown-events", "incomplete", "empty", "server-tools"):

    @case(f"responses/stream-{_form}")
    async def _(use: Use) -> Any:
        return await streamed(use)


@case("responses/stream-tools")
async def _(use: Use) -> Any:
    return await streamed(use, tools=FLAT_FUNCTIONS)


@case("responses/stream-thinking")
async def _(use: Use) -> Any:
    return await streamed(use, reasoning={"effort": "low"})


@case("responses/stream-helper")
async def _(use: Use) -> Any:
    return await helped(use)


@case("responses/stream-helper-tools-parallel")
async def _(use: Use) -> Any:
    return await helped(use, tools=FLAT_FUNCTIONS)


@case("responses/stream-helper-structured")
async def _(use: Use) -> Any:
    return await helped(use, text_format=contact())


@case("responses/stream-raw")
async def _(use: Use) -> Any:
    create = use.client.responses.with_raw_response.create
    raw = await use.got(create(model=use.model, input="Say hello", stream=True))
    told = {"status": raw.status_code, "headers": headers(raw.headers)}
    return told | await use.all(await use.got(raw.parse()))


@case("responses/stream-left")
async def _(use: Use) -> Any:
    stream = await use.got(use.client.responses.create(model=use.model, input="Say hello", stream=True))
    seen: list[Any] = []
    async for event in use.each(stream):
        seen.append(shown(event))
        if event.type == "response.output_text.delta":
            break
    await use.got(stream.close())
    return {"items": seen}


@case("responses/timeout")
async def _(use: Use) -> Any:
    return await respond(use, timeout=2.0)

"""Chat completions that are answered whole."""

from typing import Any, Final

from tests.sdk.asking import BIG, CLOCK, FUNCTIONS, HELLO, PDF, PNG, contact
from tests.sdk.case import Cases, Use
from tests.sdk.shown import headers, shown

case: Final = Cases()


async def chat(use: Use, **fields: Any) -> Any:
    """One whole answer to a short question, or to other `messages`."""
    asked = {"model": use.model, "messages": HELLO} | fields
    return shown(await use.got(use.client.chat.completions.create(**asked)))


@case("chat/unary")
async def _(use: Use) -> Any:
    return await chat(use)


@case("chat/parameters")
async def _(use: Use) -> Any:
    return await chat(
        use,
        temperature=0.1,
        top_p=1e-7,
        seed=9_007_199_254_740_993,
        stop=["\n", "\u2028"],
        presence_penalty=-0.5,
        logit_bias={"50256": -100},
        max_completion_tokens=64,
        metadata={"team": "a"},
        user="käthe-😀",
        service_tier="auto",
    )


@case("chat/conversation")
async def _(use: Use) -> Any:
    call = {"id": "call_1", "type": "function", "function": {"name": "clock", "arguments": '{"zone": "UTC"}'}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": [{"type": "text", "text": "Use SI units."}]},
        {"role": "user", "content": "Wie spät ist es? 何時? \u2028 \U0001f552", "name": "käthe"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": '{"time": "12:00"}'},
        {"role": "user", "content": "Thanks"},
    ]
    return await chat(use, messages=messages, tools=FUNCTIONS)


for _name in ("vendor-fields", "logprobs", "refusal", "two-choices"):

    @case(f"chat/{_name}")
    async def _(use: Use) -> Any:
        return await chat(use, n=2, logprobs=True, top_logprobs=2)


@case("chat/tools")
async def _(use: Use) -> Any:
    return await chat(use, tools=FUNCTIONS, tool_choice="auto")


@case("chat/tools-parallel")
async def _(use: Use) -> Any:
    return await chat(use, tools=FUNCTIONS, parallel_tool_calls=True)


@case("chat/tools-forbidden")
async def _(use: Use) -> Any:
    return await chat(use, tools=FUNCTIONS, tool_choice="none")


@case("chat/tools-parsed")
async def _(use: Use) -> Any:
    tools = [use.sdk.pydantic_function_tool(contact())]
    return shown(
        await use.got(use.client.chat.completions.parse(model=use.model, messages=HELLO, tools=tools))
    )


@case("chat/functions")
async def _(use: Use) -> Any:
    return await chat(use, functions=[{"name": "clock", "parameters": CLOCK}], function_call="auto")


@case("chat/structured")
async def _(use: Use) -> Any:
    return shown(
        await use.got(
            use.client.chat.completions.parse(model=use.model, messages=HELLO, response_format=contact())
        )
    )


@case("chat/structured-cut-by-length")
async def _(use: Use) -> Any:
    return shown(
        await use.got(
            use.client.chat.completions.parse(model=use.model, messages=HELLO, response_format=contact())
        )
    )


@case("chat/json-object")
async def _(use: Use) -> Any:
    return await chat(use, response_format={"type": "json_object"})


@case("chat/image")
async def _(use: Use) -> Any:
    picture = {"url": f"data:image/png;base64,{PNG}", "detail": "low"}
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": picture}]
    return await chat(use, messages=[{"role": "user", "content": parts}])


@case("chat/audio-and-file")
async def _(use: Use) -> Any:
    parts = [
        {"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
    ]
    return await chat(use, messages=[{"role": "user", "content": parts}])


@case("chat/thinking")
async def _(use: Use) -> Any:
    return await chat(use, reasoning_effort="low")


@case("chat/raw")
async def _(use: Use) -> Any:
    create = use.client.chat.completions.with_raw_response.create
    raw = await use.got(create(model=use.model, messages=HELLO))
    parsed = raw.parse()
    return {
        "status": raw.status_code,
        "headers": headers(raw.headers),
        "request_id": raw.request_id,
        "parsed": shown(await use.got(parsed)),
        "parsed_request_id": parsed._request_id,
        "text": shown(raw.text if isinstance(raw.text, str) else await use.got(raw.text())),
    }


@case("chat/streaming-response")
async def _(use: Use) -> Any:
    create = use.client.chat.completions.with_streaming_response.create
    async with use.entered(create(model=use.model, messages=HELLO)) as response:
        text = "".join([piece async for piece in use.each(response.iter_text())])
        return {"status": response.status_code, "headers": headers(response.headers), "text": text}


@case("chat/big-body")
async def _(use: Use) -> Any:
    return await chat(use, messages=[{"role": "user", "content": "äb" * (BIG // 2)}])


@case("chat/big-answer")
async def _(use: Use) -> Any:
    return await chat(use)


@case("chat/extra-body")
async def _(use: Use) -> Any:
    extra = {
        "top_k": 40,
        "guided_regex": "a|b",
        "provider": {"order": ["x"], "n": 12345678901234567890},
        "stream_options_": None,
    }
    return await chat(use, extra_body=extra)


@case("chat/extra-headers")
async def _(use: Use) -> Any:
    return await chat(use, extra_headers={"X-Title": "a; b=c", "OpenAI-Beta": "x=v1", "x-empty": ""})


@case("chat/extra-query")
async def _(use: Use) -> Any:
    return await chat(use, extra_query={"api-version": "2026-10-21", "q": "a b&c=d/é", "list": ["1", "2"]})


@case("chat/organization")
async def _(use: Use) -> Any:
    client = use.made(organization="org-1", project="proj-1", default_headers={"x-team": "a"})
    return shown(await use.got(client.chat.completions.create(model=use.model, messages=HELLO)))


@case("chat/timeout")
async def _(use: Use) -> Any:
    return await chat(use, timeout=2.0)


@case("chat/cancelled")
async def _(use: Use) -> Any:
    create = use.client.chat.completions.create
    return shown(await use.cancelled(lambda: create(model=use.model, messages=HELLO)))

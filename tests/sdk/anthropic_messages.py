"""Messages that are answered whole."""

from typing import Any, Final

from tests.sdk.asking import BIG, HELLO, PDF, PNG, TOOLS, contact
from tests.sdk.case import Cases, Use
from tests.sdk.shown import headers, shown

case: Final = Cases()


async def message(use: Use, **fields: Any) -> Any:
    """One whole answer to a short question, or to other `messages`."""
    asked = {"model": use.model, "max_tokens": 64, "messages": HELLO} | fields
    return shown(await use.got(use.client.messages.create(**asked)))


@case("messages/unary")
async def _(use: Use) -> Any:
    return await message(use)


@case("messages/parameters")
async def _(use: Use) -> Any:
    return await message(
        use,
        system="Be brief — très.",
        stop_sequences=["\n\nHuman:", "\u2028"],
        metadata={"user_id": "käthe-😀"},
        service_tier="auto",
        extra_body={"temperature": 0.1, "top_k": 5, "top_p": 1e-7},
    )


@case("messages/system-blocks")
async def _(use: Use) -> Any:
    cached = {"type": "ephemeral", "ttl": "1h"}
    system = [
        {"type": "text", "text": "x-attribution: first"},
        {"type": "text", "text": "You are terse.", "cache_control": cached},
    ]
    return await message(use, system=system)


@case("messages/conversation")
async def _(use: Use) -> Any:
    messages = [
        {"role": "user", "content": "Wie spät ist es? 何時? \u2028 \U0001f552"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "EqQBCg=="},
                {"type": "redacted_thinking", "data": "EmwKAhgB"},
                {"type": "text", "text": "I will look."},
                {"type": "tool_use", "id": "toolu_1", "name": "clock", "input": {"zone": "UTC"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "12:00", "is_error": False},
                {"type": "text", "text": "Thanks"},
            ],
        },
    ]
    return await message(use, messages=messages, tools=TOOLS)


@case("messages/prefill")
async def _(use: Use) -> Any:
    return await message(use, messages=[*HELLO, {"role": "assistant", "content": "Hel"}])


for _form in ("citations", "redacted-thinking", "server-tools", "refusal", "cut-by-length", "unknown-block"):

    @case(f"messages/{_form}")
    async def _(use: Use) -> Any:
        return await message(use)


@case("messages/cache-usage")
async def _(use: Use) -> Any:
    return await message(use)


@case("messages/tools")
async def _(use: Use) -> Any:
    return await message(use, tools=TOOLS, tool_choice={"type": "auto"})


@case("messages/tools-parallel")
async def _(use: Use) -> Any:
    return await message(use, tools=TOOLS, tool_choice={"type": "any", "disable_parallel_tool_use": False})


@case("messages/tools-forbidden")
async def _(use: Use) -> Any:
    return await message(use, tools=TOOLS, tool_choice={"type": "none"})


@case("messages/tools-of-the-vendor")
async def _(use: Use) -> Any:
    tools = [{"type": "web_search_20250305", "name": "web_search", "max_uses": 1}, *TOOLS]
    return await message(use, tools=tools)


@case("messages/structured")
async def _(use: Use) -> Any:
    use.needs(use.client.messages, "parse")
    parse = use.client.messages.parse
    answer = await use.got(parse(model=use.model, max_tokens=64, messages=HELLO, output_format=contact()))
    return shown(answer) | {"parsed_output": shown(answer.parsed_output)}


@case("messages/images")
async def _(use: Use) -> Any:
    parts = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {"type": "text", "text": "What are they?"},
    ]
    return await message(use, messages=[{"role": "user", "content": parts}])


@case("messages/document")
async def _(use: Use) -> Any:
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    document = {"type": "document", "source": source, "title": "A", "citations": {"enabled": True}}
    parts = [document, {"type": "text", "text": "Sum it up"}]
    return await message(use, messages=[{"role": "user", "content": parts}])


@case("messages/thinking")
async def _(use: Use) -> Any:
    return await message(use, max_tokens=4000, thinking={"type": "enabled", "budget_tokens": 1024})


@case("messages/raw")
async def _(use: Use) -> Any:
    create = use.client.messages.with_raw_response.create
    raw = await use.got(create(model=use.model, max_tokens=64, messages=HELLO))
    parsed = await use.got(raw.parse())
    return {
        "status": raw.status_code,
        "headers": headers(raw.headers),
        "request_id": raw.request_id,
        "parsed": shown(parsed),
        "parsed_request_id": parsed._request_id,
    }


@case("messages/streaming-response")
async def _(use: Use) -> Any:
    create = use.client.messages.with_streaming_response.create
    async with use.entered(create(model=use.model, max_tokens=64, messages=HELLO)) as response:
        text = "".join([piece async for piece in use.each(response.iter_text())])
        return {"status": response.status_code, "headers": headers(response.headers), "text": text}


@case("messages/big-body")
async def _(use: Use) -> Any:
    return await message(use, messages=[{"role": "user", "content": "äb" * (BIG // 2)}])


@case("messages/big-answer")
async def _(use: Use) -> Any:
    return await message(use)


@case("messages/extra-body")
async def _(use: Use) -> Any:
    return await message(use, extra_body={"future": {"n": 12345678901234567890, "z": [1.0, None]}, "a": 1})


@case("messages/extra-headers")
async def _(use: Use) -> Any:
    return await message(
        use,
        extra_headers={
            "anthropic-beta": "context-1m-2025-08-07,interleaved-thinking-2025-05-14",
            "anthropic-version": "2023-06-01",
            "x-claude-code-session-id": "s-1",
        },
    )


@case("messages/extra-query")
async def _(use: Use) -> Any:
    return await message(use, extra_query={"beta": "true", "q": "a b&c=d/é"})


@case("messages/timeout")
async def _(use: Use) -> Any:
    return await message(use, timeout=2.0)


@case("messages/cancelled")
async def _(use: Use) -> Any:
    create = use.client.messages.create
    return shown(await use.cancelled(lambda: create(model=use.model, max_tokens=64, messages=HELLO)))

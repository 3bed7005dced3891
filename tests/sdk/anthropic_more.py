"""Counting tokens, models, betas, the tool runner, and what the client's own options do."""

from typing import Any, Final

from tests.sdk.asking import HELLO, TOOLS, contact
from tests.sdk.case import CALLERS_KEY, Cases, Use
from tests.sdk.shown import headers, shown

case: Final = Cases()


@case("count/usual")
async def _(use: Use) -> Any:
    return shown(await use.got(use.client.messages.count_tokens(model=use.model, messages=HELLO)))


@case("count/tools")
async def _(use: Use) -> Any:
    count = use.client.messages.count_tokens
    return shown(await use.got(count(model=use.model, messages=HELLO, tools=TOOLS, system="Be brief.")))


@case("count/beta")
async def _(use: Use) -> Any:
    count = use.client.beta.messages.count_tokens
    betas = ["token-counting-2024-11-01"]
    return shown(await use.got(count(model=use.model, messages=HELLO, betas=betas)))


@case("count/raw")
async def _(use: Use) -> Any:
    count = use.client.messages.with_raw_response.count_tokens
    raw = await use.got(count(model=use.model, messages=HELLO))
    return {"status": raw.status_code, "headers": headers(raw.headers)}


@case("models/list")
async def _(use: Use) -> Any:
    page = await use.got(use.client.models.list(limit=1000))
    told = {"page": type(page).__name__.replace("Async", ""), "has_more": page.has_more}
    told |= {"first_id": page.first_id, "last_id": page.last_id}
    return told | {"models": [shown(model) async for model in use.each(page)]}


@case("models/retrieve")
async def _(use: Use) -> Any:
    return shown(await use.got(use.client.models.retrieve("atlas-large")))


@case("models/missing")
async def _(use: Use) -> Any:
    return shown(await use.got(use.client.models.retrieve("no-such-model")))


@case("models/unknown-model")
async def _(use: Use) -> Any:
    create = use.client.messages.create
    return shown(await use.got(create(model="no-such-model", max_tokens=64, messages=HELLO)))


@case("beta/unary")
async def _(use: Use) -> Any:
    create = use.client.beta.messages.create
    betas = ["files-api-2025-04-14", "context-1m-2025-08-07"]
    return shown(
        await use.got(create(model=use.model, max_tokens=64, messages=HELLO, betas=betas, tools=TOOLS))
    )


@case("beta/stream")
async def _(use: Use) -> Any:
    create = use.client.beta.messages.create
    asked = {"model": use.model, "max_tokens": 64, "messages": HELLO, "betas": ["context-1m-2025-08-07"]}
    return await use.all(await use.got(create(stream=True, **asked)))


@case("beta/stream-helper")
async def _(use: Use) -> Any:
    stream = use.client.beta.messages.stream
    async with use.entered(stream(model=use.model, max_tokens=64, messages=HELLO, tools=TOOLS)) as events:
        seen = await use.all(events)
        return seen | {"final": await use.tried(events.get_final_message)}


@case("beta/structured")
async def _(use: Use) -> Any:
    use.needs(use.client.beta.messages, "parse")
    parse = use.client.beta.messages.parse
    answer = await use.got(parse(model=use.model, max_tokens=64, messages=HELLO, output_format=contact()))
    return shown(answer)


@case("beta/mcp-servers")
async def _(use: Use) -> Any:
    create = use.client.beta.messages.create
    server = {"type": "url", "url": "https://example.com/mcp", "name": "m", "authorization_token": "t"}
    asked = {"model": use.model, "max_tokens": 64, "messages": HELLO, "betas": ["mcp-client-2025-04-04"]}
    return shown(await use.got(create(mcp_servers=[server], **asked)))


@case("beta/tool-runner")
async def _(use: Use) -> Any:
    use.needs(use.client.beta.messages, "tool_runner")
    calls: list[str] = []

    def clock(zone: str) -> str:
        """The time in a zone."""
        calls.append(zone)
        return "12:00"

    async def later(zone: str) -> str:
        """The time in a zone."""
        return clock(zone)

    tool = use.sdk.beta_async_tool(later) if use.asynchronous else use.sdk.beta_tool(clock)
    runner = use.client.beta.messages.tool_runner(
        model=use.model, max_tokens=64, messages=HELLO, tools=[tool]
    )
    return {"messages": [shown(message) async for message in use.each(runner)], "calls": calls}


@case("keys/wrong")
async def _(use: Use) -> Any:
    client = use.made(api_key="sk-wrong")
    return shown(await use.got(client.messages.create(model=use.model, max_tokens=64, messages=HELLO)))


@case("keys/bearer")
async def _(use: Use) -> Any:
    client = use.made(api_key=None, auth_token=CALLERS_KEY)
    return shown(await use.got(client.messages.create(model=use.model, max_tokens=64, messages=HELLO)))


@case("client/default-headers")
async def _(use: Use) -> Any:
    client = use.made(default_headers={"x-team": "a", "cookie": "a=b"}, default_query={"tenant": "t 1"})
    return shown(await use.got(client.messages.create(model=use.model, max_tokens=64, messages=HELLO)))


@case("client/with-options")
async def _(use: Use) -> Any:
    client = use.client.with_options(timeout=5, max_retries=1)
    return shown(await use.got(client.messages.create(model=use.model, max_tokens=64, messages=HELLO)))


@case("client/raw-post")
async def _(use: Use) -> Any:
    body = {"model": use.model, "max_tokens": 64, "messages": HELLO, "b": 1.0, "a": "é"}
    return shown(await use.got(use.client.post("/v1/messages", body=body, cast_to=object)))

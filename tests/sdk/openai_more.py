"""Completions, embeddings, models, and what the client's own options do."""

from typing import Any, Final

from tests.sdk.asking import HELLO
from tests.sdk.case import Cases, Use
from tests.sdk.shown import headers, shown

case: Final = Cases()


async def complete(use: Use, **fields: Any) -> Any:
    """A completion, whole."""
    asked = {"model": use.model, "prompt": "Once"} | fields
    return shown(await use.got(use.client.completions.create(**asked)))


async def embed(use: Use, **fields: Any) -> Any:
    """Vectors."""
    asked = {"model": use.model, "input": "Once"} | fields
    return shown(await use.got(use.client.embeddings.create(**asked)))


@case("completions/unary")
async def _(use: Use) -> Any:
    return await complete(use, suffix=".", echo=False, best_of=1, max_tokens=5)


@case("completions/prompts")
async def _(use: Use) -> Any:
    return await complete(use, prompt=["Once", "Twice"], n=2)


@case("completions/tokens")
async def _(use: Use) -> Any:
    return await complete(use, prompt=[[1, 2, 3], [4]])


@case("completions/stream")
async def _(use: Use) -> Any:
    asked = {"model": use.model, "prompt": ["Once", "Twice"], "stream_options": {"include_usage": True}}
    return await use.all(await use.got(use.client.completions.create(stream=True, **asked)))


@case("completions/stream-left")
async def _(use: Use) -> Any:
    stream = await use.got(use.client.completions.create(model=use.model, prompt="Once", stream=True))
    async with use.entered(stream):
        async for chunk in use.each(stream):
            return shown(chunk)
    return None


@case("embeddings/usual")
async def _(use: Use) -> Any:
    return await embed(use)


@case("embeddings/float")
async def _(use: Use) -> Any:
    return await embed(use, encoding_format="float")


@case("embeddings/base64")
async def _(use: Use) -> Any:
    return await embed(use, encoding_format="base64")


@case("embeddings/many")
async def _(use: Use) -> Any:
    return await embed(use, input=["Once", "Deux — 二", ""], dimensions=512, user="a")


@case("embeddings/tokens")
async def _(use: Use) -> Any:
    return await embed(use, input=[[1, 2], [3]], encoding_format="float")


@case("embeddings/raw")
async def _(use: Use) -> Any:
    create = use.client.embeddings.with_raw_response.create
    raw = await use.got(create(model=use.model, input="Once"))
    return {"status": raw.status_code, "headers": headers(raw.headers)}


@case("models/list")
async def _(use: Use) -> Any:
    page = await use.got(use.client.models.list())
    return {
        "page": type(page).__name__.replace("Async", ""),
        "models": [shown(m) async for m in use.each(page)],
    }


@case("models/retrieve")
async def _(use: Use) -> Any:
    return shown(await use.got(use.client.models.retrieve("atlas-large")))


@case("models/missing")
async def _(use: Use) -> Any:
    return shown(await use.got(use.client.models.retrieve("no-such-model")))


@case("keys/wrong")
async def _(use: Use) -> Any:
    client = use.made(api_key="sk-wrong")
    return shown(await use.got(client.chat.completions.create(model=use.model, messages=HELLO)))


@case("keys/in-another-header")
async def _(use: Use) -> Any:
    # Azure's client and many others send the key beside, or instead of, a bearer token.
    client = use.made(default_headers={"x-api-key": "sk-of-the-caller", "cookie": "a=b"})
    return shown(await use.got(client.chat.completions.create(model=use.model, messages=HELLO)))


@case("models/unknown-model")
async def _(use: Use) -> Any:
    create = use.client.chat.completions.create
    return shown(await use.got(create(model="no-such-model", messages=HELLO)))


@case("client/with-options")
async def _(use: Use) -> Any:
    client = use.client.with_options(timeout=5, max_retries=1)
    return shown(await use.got(client.chat.completions.create(model=use.model, messages=HELLO)))


@case("client/raw-post")
async def _(use: Use) -> Any:
    body = {"model": use.model, "messages": HELLO, "b": 1.0, "a": "é"}
    return shown(await use.got(use.client.post("/chat/completions", body=body, cast_to=object)))

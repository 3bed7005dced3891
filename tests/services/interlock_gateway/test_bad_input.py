"""Whatever a client sends gets the client API's error shape and never a 500, and the process lives on."""

import asyncio
import json
import random
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock_domain.words import Result
from interlock_testing.behaviour import healthy
from interlock_testing.running import CHAT, RunningLoop, asking, declaring, running
from interlock_testing.waiting import until
from tests.services.interlock_gateway.wire import Json, connected, newest, request

CHAT_LINE = b"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\n"
MESSAGES = '"messages": [{"role": "user", "content": "hi"}]'

BODIES = {
    "nothing": (b"", "invalid_json"),
    "blank": (b"  \n ", "invalid_json"),
    "half": (b'{"model": "chat", "messages": [', "invalid_json"),
    "trailing comma": (b'{"model": "chat",}', "invalid_json"),
    "two values": (b'{"model": "chat"} {}', "invalid_json"),
    "an array": (b"[]", "invalid_json"),
    "a number": (b"1", "invalid_json"),
    "null": (b"null", "invalid_json"),
    "nan": (b'{"model": "chat", "messages": [], "temperature": NaN}', "invalid_json"),
    "invalid UTF-8": (b'{"model": "chat\xff", "messages": []}', "invalid_json"),
    "UTF-16": (asking().decode().encode("utf-16"), "invalid_json"),
    "half a surrogate pair": (b'{"model": "\\ud800", "messages": []}', "invalid_json"),
    "a control character": (b'{"model": "a\x01b", "messages": []}', "invalid_json"),
    "deep nesting": (
        b'{"model": "chat", "messages": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        "invalid_json",
    ),
    "deep nesting, unclosed": (b'{"a":' * 200_000, "invalid_json"),
    "a huge number": (b'{"model": "chat", "messages": ' + b"9" * 100_000 + b"}", None),
    "no model": (f"{{{MESSAGES}}}".encode(), "missing_required_parameter"),
    "an empty model": (f'{{"model": "", {MESSAGES}}}'.encode(), "missing_required_parameter"),
    "a null model": (f'{{"model": null, {MESSAGES}}}'.encode(), "missing_required_parameter"),
    "a number for a model": (f'{{"model": 7, {MESSAGES}}}'.encode(), "invalid_type"),
    "no messages": (b'{"model": "chat"}', "missing_required_parameter"),
    "messages of another type": (b'{"model": "chat", "messages": "hi"}', "invalid_type"),
    "a stream of another type": (
        f'{{"model": "chat", "stream": "yes", {MESSAGES}}}'.encode(),
        "invalid_type",
    ),
}
MODELS = {
    "unknown": "nothing",
    "of an unknown provider": "boreas/large",
    "a provider alone": "atlas",
    "a provider and a slash": "atlas/",
    "a slash": "/",
    "a line break": "atlas/x\r\nx-injected: 1",
    "a null": "atlas/x\0",
    "a bell": "chat\a",
    "very long": "atlas/" + "x" * 5_000_000,
    "other case": "CHAT",
    "spaces around": " chat ",
}


def shaped(body: Json) -> Json:
    """The error object of the client API."""
    error: Json = body["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    assert error["message"]
    return error


async def alive(loop: RunningLoop) -> None:
    """A usual request is answered, and nothing hangs on."""
    assert (await loop.chat()).status_code == 200
    await until(lambda: not loop.gateway.service.gateway.exchanges, what="every request to end")


@pytest.mark.parametrize(("body", "code"), BODIES.values(), ids=BODIES)
async def test_a_bad_body_is_400(atlas, caplog, body, code):
    async with running(declaring({"atlas": atlas.url})) as loop:
        answer = await loop.http.post(CHAT, content=body)
        await alive(loop)
    assert answer.status_code == 400
    error = shaped(answer.json())
    assert error["type"] == "invalid_request_error"
    assert code in {None, error["code"]}
    assert answer.headers["x-interlock-reason"] == error["code"]
    assert answer.headers["x-request-id"]
    assert atlas.attempts == 1
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
async def test_a_model_that_is_none_is_404(atlas, caplog, model):
    async with running(declaring({"atlas": atlas.url})) as loop:
        answer = await loop.chat(model)
        stream = await loop.chat(model, stream=True)
        await alive(loop)
    for one in (answer, stream):
        assert one.status_code == 404
        error = shaped(one.json())
        assert (error["code"], error["type"], error["param"]) == (
            "model_not_found",
            "not_found_error",
            "model",
        )
        assert "x-injected" not in one.headers
        assert len(one.content) < 2_000
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("name", ["模型", "a b", "Ünïcode", "x" * 200, "a/b/c:d@e", '"quoted"', "a\\b"])
async def test_a_model_with_an_unusual_name_is_called_by_it(atlas, name):
    async with running(declaring({"atlas": atlas.url})) as loop:
        answer = await loop.chat(f"atlas/{name}")
    assert answer.status_code == 200
    assert atlas.requests[0].model == name
    raw = {key.lower(): value for key, value in answer.headers.raw}
    assert raw[b"x-interlock-target"] == f"atlas/{name}".encode()


PATHS = {
    ("GET", "/v1/chat/completions"): 405,
    ("PUT", "/v1/chat/completions"): 405,
    ("DELETE", "/v1/models"): 405,
    ("POST", "/v1/models"): 405,
    ("POST", "/v1/chat/completions/"): 404,
    ("POST", "/chat/completions"): 404,
    ("POST", "/v1/nothing"): 404,
    ("GET", "/%ff%fe"): 404,
    ("GET", "/v1/models/%00%ff"): 404,
    ("GET", "/../../etc/passwd"): 404,
    ("OPTIONS", "/v1/chat/completions"): 405,
    ("GET", "//evil.test/"): 404,
}


@pytest.mark.parametrize(("asked", "status"), PATHS.items(), ids=[f"{m} {p}" for m, p in PATHS])
async def test_other_paths_and_methods_have_the_same_shape(atlas, asked, status):
    method, path = asked
    async with running(declaring({"atlas": atlas.url})) as loop, connected(loop.gateway.port) as client:
        await client.send(f"{method} {path} HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n\r\n".encode())
        got, body = await client.answer()
        await alive(loop)
    assert got == status
    shaped(body)


RAW = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "random": random.Random(7).randbytes(5_000),
    "an unknown method": b"BREW /v1/models HTTP/1.1\r\nHost: g\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a future version": b"GET /v1/models HTTP/9.9\r\nHost: g\r\n\r\n",
    "a space in the path": b"GET /v1/mo dels HTTP/1.1\r\nHost: g\r\n\r\n",
    "bytes in the path": b"GET /v1/\xff\xfe HTTP/1.1\r\nHost: g\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost g\r\n\r\n",
    "a space in a header's name": b"GET / HTTP/1.1\r\nHo st: g\r\n\r\n",
    "a null in a header": b"GET / HTTP/1.1\r\nHost: g\0\r\n\r\n",
    "a bare line feed in a header": b"GET / HTTP/1.1\r\nHost: g\rX: 1\r\n\r\n",
    "a folded header": b"GET /v1/nothing HTTP/1.1\r\nHost: g\r\n X: 1\r\n\r\n",
    "a length of letters": CHAT_LINE + b"Content-Length: abc\r\n\r\n{}",
    "a negative length": CHAT_LINE + b"Content-Length: -1\r\n\r\n{}",
    "two lengths": CHAT_LINE + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "an enormous length": CHAT_LINE + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "a length and chunks": CHAT_LINE + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown transfer": CHAT_LINE + b"Transfer-Encoding: gzip\r\n\r\n{}",
    "a bad chunk size": CHAT_LINE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "a bad chunk end": CHAT_LINE + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx\r\n0\r\n\r\n",
    "a tunnel": b"CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\n\r\n",
    "a huge header": b"GET / HTTP/1.1\r\nHost: g\r\nX-Big: " + b"x" * 300_000 + b"\r\n\r\n",
    "a header without end": b"GET / HTTP/1.1\r\nHost: g\r\nX-Big: " + b"x" * 300_000,
    "many headers": b"GET / HTTP/1.1\r\nHost: g\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(20_000)),
    "a huge path": b"GET /" + b"x" * 300_000 + b" HTTP/1.1\r\nHost: g\r\n\r\n",
}


@pytest.mark.parametrize("data", RAW.values(), ids=RAW)
async def test_raw_nonsense_is_400_or_404_and_then_the_connection_ends(atlas, data):
    async with running(declaring({"atlas": atlas.url})) as loop, connected(loop.gateway.port) as client:
        await client.send(data)
        client.writer.write_eof()
        got = await client.rest()
        await alive(loop)
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.split()[1] in {b"400", b"404", b"405"}, head
    length = int(head.lower().partition(b"content-length: ")[2].split()[0])
    shaped(json.loads(body[:length]))
    assert atlas.attempts == 1


async def test_nonsense_behind_a_request_ends_what_that_request_began(atlas):
    atlas.behaviour = healthy(interval_ms=20, chunks=500)
    async with running(declaring({"atlas": atlas.url})) as loop, connected(loop.gateway.port) as client:
        await client.send(request(stream=True))
        await client.until(b"word1")
        await client.send(b"\0\0\0\r\n\r\n")
        got = await client.rest()
        record = await newest(loop)
        await until(lambda: atlas.abandoned == 1, what="the upstream call to be closed")
        atlas.behaviour = healthy()
        await alive(loop)
    assert b"[DONE]" not in got
    assert record.result is Result.CLIENT_ABORT


async def test_blank_lines_before_a_request_do_no_harm(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop, connected(loop.gateway.port) as client:
        await client.send(b"\r\n\r\n")
        await client.send(b"\r\n" + request())
        status, _ = await client.answer()
    assert status == 200


async def test_a_request_that_arrives_byte_by_byte_is_a_request(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop, connected(loop.gateway.port) as client:
        for byte in request():
            await client.send(bytes([byte]))
        status, _ = await client.answer()
    assert status == 200


async def test_a_body_above_the_limit_is_413_however_it_comes(atlas):
    body = b'{"model": "chat", "x": "' + b"x" * (33 * 1024 * 1024) + b'"}'
    async with running(declaring({"atlas": atlas.url})) as loop:
        whole = await loop.http.post(CHAT, content=body)

        async def parts() -> AsyncIterator[bytes]:
            for start in range(0, len(body), 1 << 20):
                yield body[start : start + (1 << 20)]

        chunked = await loop.http.post(CHAT, content=parts())
        await alive(loop)
    for answer in (whole, chunked):
        assert answer.status_code == 413
        assert shaped(answer.json())["code"] == "body_too_large"
    assert atlas.attempts == 1


async def test_the_limits_are_the_configurations(atlas):
    config = declaring({"atlas": atlas.url}, more="server: {max_body: 1KiB, max_headers: 1KiB}")
    async with running(config) as loop, connected(loop.gateway.port) as client:
        body = await loop.chat(user="x" * 1_000)
        assert (await loop.chat()).status_code == 200
        await client.send(b"GET / HTTP/1.1\r\nHost: g\r\nX-Big: " + b"x" * 600)
        await asyncio.sleep(0.02)  # a second packet
        await client.send(b"x" * 600)
        got = await client.rest()
    assert body.status_code == 413
    assert got.startswith(b"HTTP/1.1 400")
    assert b"max_headers" in got


async def test_a_header_at_the_limit_passes(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        answer = await loop.http.post(CHAT, content=asking(), headers={"x-big": "x" * 60_000})
    assert answer.status_code == 200
    assert atlas.requests[0].headers["x-big"] == "x" * 60_000


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Latin": "caf\xe9"},
        {"X-Empty": ""},
        {"Authorization": "Bearer \xff\xfe"},
        {"Content-Type": "text/plain; charset=\xff"},
        {"Connection": "close, content-length, host, content-type"},
        {"Content-Encoding": "gzip"},
        {"Accept": "\xe2\x82\xac" * 10},
    ],
    ids=str,
)
async def test_a_strange_header_is_no_reason_to_fail(atlas, headers):
    async with running(declaring({"atlas": atlas.url})) as loop, connected(loop.gateway.port) as client:
        await client.send(request(headers=headers))
        status, _ = await client.answer()
        await alive(loop)
    assert status == 200


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.binary(max_size=300) | st.sampled_from([CHAT_LINE, b"\r\n", b"Content-Length: 5\r\n", b"{"]),
        max_size=6,
    )
)
def test_no_bytes_whatever_cause_a_500_or_take_the_process_down(parts):
    async def ask() -> bytes:
        async with running(declaring({"atlas": "http://127.0.0.1:1/v1"})) as loop:
            async with connected(loop.gateway.port) as client:
                await client.send(b"".join(parts))
                client.writer.write_eof()
                got = await client.rest() if parts else b""
            assert (await loop.http.get("/healthz")).status_code == 200
            return got

    got = asyncio.run(ask())
    assert b"HTTP/1.1 5" not in got

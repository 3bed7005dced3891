"""Answers on a server that offers no wire: the same bytes by ordinary ASGI messages."""

import httpx2

from interlock_gateway.wire import Wire, _head
from interlock_testing.running import asking, declaring, running


async def test_a_whole_answer_is_the_same_without_a_wire(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        wired = await loop.chat()
        plain = await _plainly(loop, asking())
    assert plain.status_code == wired.status_code == 200
    assert set(plain.headers) >= {"x-request-id", "x-interlock-target", "content-length"}
    assert plain.headers["content-length"] == wired.headers["content-length"]


async def test_a_stream_is_the_same_without_a_wire(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        wired = await loop.chat(stream=True)
        plain = await _plainly(loop, asking(stream=True))
    assert plain.content.count(b"data: ") == wired.content.count(b"data: ")
    assert plain.content.endswith(b"data: [DONE]\n\n")
    assert plain.headers["content-type"] == "text/event-stream"


def test_another_server_offers_no_wire():
    assert Wire.of({"type": "http"}) is None
    assert Wire.of({"type": "http", "extensions": {"http.response.push": {}}}) is None


def test_a_header_that_would_end_its_line_is_not_written():
    assert _head(200, [(b"x-a", b"1\r\nx-b: 2")], b"", keep_alive=True) is None
    assert _head(200, [(b"x-a", b"1")], b"", keep_alive=False) == (
        b"HTTP/1.1 200 OK\r\nx-a: 1\r\nconnection: close\r\n\r\n"
    )


async def _plainly(loop, body: bytes) -> httpx2.Response:
    """The same application, asked without our server in between."""
    transport = httpx2.ASGITransport(loop.gateway.service.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return await client.post("/v1/chat/completions", content=body)

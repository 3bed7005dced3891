"""Every behaviour is the same on every API, in the words of that API."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.words import Api
from interlock_testing.answers import Act
from interlock_testing.behaviour import At, Behaviour, Kind, cut, fail, stall
from interlock_testing.upstream import SimulatedProvider
from interlock_testing.voices.asked import Asked
from interlock_testing.voices.paths import PATHS, api_of, voice_of
from interlock_testing.waiting import until
from tests.libs.interlock_testing.voices.wire import events, parsed, request, sent, stepped, wire

WORDS = "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages"
ONLY_WHOLE = "/v1/embeddings", "/v1/messages/count_tokens"
OPENING = {"/v1/chat/completions": 1, "/v1/completions": 0, "/v1/responses": 4, "/v1/messages": 3}
"""Events before content."""
FAILED = {"/v1/responses": "response.failed", "/v1/messages": "error"}
CASES = [(path, stream) for path in WORDS for stream in (False, True)] + [(p, False) for p in ONLY_WHOLE]

every_word = pytest.mark.parametrize("path", WORDS)
every_path = pytest.mark.parametrize("path", WORDS + ONLY_WHOLE)
every_case = pytest.mark.parametrize(("path", "stream"), CASES)


@pytest.fixture
async def http(atlas: SimulatedProvider) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=atlas.root_url, trust_env=False, verify=False) as client:
        yield client


def body_of(path: str, behaviour: Behaviour, *, stream: bool) -> bytes:
    return parsed(wire(path, request(stream=stream), behaviour))[2]


def test_every_path_is_here():
    assert {voice_of(path) for path in WORDS + ONLY_WHOLE} == {voice for _, _, voice in PATHS}


@pytest.mark.parametrize(
    ("path", "api"),
    [
        ("/v1/chat/completions", Api.CHAT),
        ("/openai/v1/completions", Api.COMPLETIONS),
        ("/responses", Api.RESPONSES),
        ("/v1/messages", Api.MESSAGES),
        ("/v1/messages/count_tokens", Api.MESSAGES),
        ("/v1/embeddings", Api.EMBEDDINGS),
        ("/v1/messages/batches", None),
        ("/v1/models", None),
        ("/v1/responses/resp_1", None),
    ],
)
def test_the_end_of_a_path_names_its_api(path, api):
    assert api_of(path) is api


@every_case
async def test_each_request_is_counted_and_kept(atlas, http, path, stream):
    seen: list[Asked] = []
    atlas.heard = seen.append
    await http.post(f"{path}?beta=true", content=request(stream=stream))
    (asked,) = atlas.requests
    assert (atlas.attempts, atlas.finished, seen) == (1, 1, [asked])
    assert (asked.path, asked.api, asked.model, asked.stream) == (path, api_of(path), "m-1", stream)


@every_path
async def test_only_a_post_is_an_inference(atlas, http, path):
    assert (await http.get(path)).status_code == 404
    assert (atlas.attempts, atlas.finished) == (0, 0)


@every_case
def test_a_failure_has_status_headers_and_body(path, stream):
    behaviour = fail(429, headers={"retry-after": "2"})
    status, headers, body = parsed(wire(path, request(stream=stream), behaviour))
    assert (status, headers["retry-after"]) == (429, "2")
    assert json.loads(body)["error"]["message"] == "simulated 429"
    assert ("request_id" in json.loads(body)) is (api_of(path) is Api.MESSAGES)
    assert parsed(wire(path, request(), fail(529, "plain words")))[2] == b"plain words"


@every_path
def test_only_requests_with_tools_fail(path):
    behaviour = Behaviour(kind=Kind.FAIL, only_tools=True)
    assert parsed(wire(path, request(), behaviour))[0] == 200
    assert parsed(wire(path, request(tools=[{}]), behaviour))[0] == 500


@every_case
def test_a_connection_can_go_before_any_answer(path, stream):
    body = request(stream=stream)
    assert sent(path, body, Behaviour(kind=Kind.RESET)) == [Act.RESET]
    assert sent(path, body, cut(At.HEADERS)) == [Act.CLOSE]
    assert sent(path, body, stall(At.HEADERS))[0] is Act.STALL


@every_word
@pytest.mark.parametrize(("at", "pieces"), [(At.PREAMBLE, 0), (At.CONTENT, 2)])
def test_a_stream_breaks_where_it_is_told_to(path, at, pieces):
    healthy = sent(path, request(stream=True))
    *broken, end = sent(path, request(stream=True), cut(at))
    assert (broken, end) == (healthy[: len(broken)], Act.CLOSE)
    body = parsed(b"".join(what for what in broken if isinstance(what, bytes)))[2]
    assert len(events(body) if body else []) == OPENING[path] + pieces
    assert sent(path, request(stream=True), cut(at, clean=True))[-1] == b"0\r\n\r\n"
    stalled = sent(path, request(stream=True), stall(at))
    assert [what for what in stalled if what is not Act.STALL] == healthy
    assert stalled.index(Act.STALL) == len(broken)


@every_path
def test_a_whole_answer_breaks_in_its_middle(path):
    healthy = wire(path, request())
    half, end = sent(path, request(), cut())
    assert end is Act.CLOSE
    assert isinstance(half, bytes)
    assert healthy.startswith(half)
    assert parsed(healthy)[2][: len(parsed(half)[2])] == parsed(half)[2] != b""
    assert len(parsed(half)[2]) < len(parsed(healthy)[2])
    first, act, rest = sent(path, request(), stall(At.CONTENT))
    assert act is Act.STALL
    assert (first, rest) == (half, healthy[len(half) :])


@every_word
@pytest.mark.parametrize(("at", "pieces"), [(At.PREAMBLE, 0), (At.CONTENT, 2)])
def test_an_error_ends_a_stream_in_order(path, at, pieces):
    behaviour = Behaviour(kind=Kind.ERROR, at=at, code="server_error")
    found = events(body_of(path, behaviour, stream=True))
    assert (
        found[: OPENING[path] + pieces]
        == events(body_of(path, Behaviour(), stream=True))[: OPENING[path] + pieces]
    )
    name, data = found[OPENING[path] + pieces]
    assert name == FAILED.get(path, "")
    assert (data.get("response") or data)["error"]["message"] == "simulated error inside a 200"
    assert found[OPENING[path] + pieces + 1 :] == ([("", "[DONE]")] if path == "/v1/responses" else [])


@every_path
def test_a_whole_200_can_be_an_error(path):
    error = json.loads(body_of(path, Behaviour(kind=Kind.ERROR), stream=False))["error"]
    assert error["message"] == "simulated error inside a 200"
    assert (error.get("code") == "server_error") is (api_of(path) is not Api.MESSAGES)


@every_word
@pytest.mark.parametrize("at", [At.PREAMBLE, At.CONTENT])
def test_a_malformed_event_is_the_only_one_that_cannot_be_read(path, at):
    found = events(body_of(path, Behaviour(kind=Kind.MALFORMED, at=at), stream=True))
    odd = [i for i, (_, data) in enumerate(found) if isinstance(data, str) and data != "[DONE]"]
    assert odd == [OPENING[path] + (2 if at is At.CONTENT else 0)]
    assert found[: odd[0]] + found[odd[0] + 1 :] == events(body_of(path, Behaviour(), stream=True))
    assert found[odd[0]][0] in ("", found[OPENING[path]][0], found[odd[0] + 1][0])


@every_path
def test_a_whole_answer_can_be_malformed(path):
    with pytest.raises(ValueError, match="line 1"):
        json.loads(body_of(path, Behaviour(kind=Kind.MALFORMED), stream=False))


@every_case
def test_a_200_can_be_a_page_or_nothing(path, stream):
    _, headers, body = parsed(wire(path, request(stream=stream), Behaviour(kind=Kind.HTML)))
    assert (headers["content-type"], body[:9]) == ("text/html", b"<!doctype")
    assert body_of(path, Behaviour(kind=Kind.EMPTY), stream=stream) == b""


@every_word
def test_a_stream_can_lack_its_last_event_alone(path):
    *whole, last = events(body_of(path, Behaviour(), stream=True))
    assert events(body_of(path, Behaviour(kind=Kind.NO_SENTINEL), stream=True)) == whole
    assert last == (("message_stop", {"type": "message_stop"}) if path == "/v1/messages" else ("", "[DONE]"))


@every_word
def test_a_stream_can_be_a_whole_answer(path):
    behaviour = Behaviour(kind=Kind.NO_STREAM)
    # The request's length is in the token numbers, so the same request without a stream differs there.
    whole = json.loads(body_of(path, behaviour, stream=False))
    found = json.loads(body_of(path, behaviour, stream=True))
    assert whole.keys() == found.keys()
    assert whole["id"] == found["id"]


@every_case
@pytest.mark.parametrize("at", list(At))
async def test_a_stall_lasts_until_it_is_released(atlas, http, path, stream, at):
    content = request(stream=stream)
    healthy = await http.post(path, content=content)
    atlas.requests.clear()
    atlas.attempts = 0
    atlas.behaviour = stall(at)
    answer = asyncio.create_task(http.post(path, content=content))
    await until(lambda: atlas.open, what="the request to arrive")
    assert not answer.done()
    atlas.release()
    assert (await answer).content == healthy.content


@every_case
async def test_a_caller_that_leaves_is_counted(atlas, http, path, stream):
    atlas.behaviour = stall(At.HEADERS)
    answer = asyncio.create_task(http.post(path, content=request(stream=stream)))
    await until(lambda: atlas.open, what="the request to arrive")
    answer.cancel()
    await until(lambda: atlas.abandoned == 1, what="the provider to notice")
    assert (atlas.open, atlas.finished) == (0, 0)


@every_word
def test_pieces_keep_their_distance(path):
    body = request(stream=True, tools=[{"name": "f", "input_schema": {}}])
    behaviour = Behaviour(latency_ms=1, first_token_ms=2, interval_ms=3, chunks=2, thinking=1, tool_calls=1)
    pauses = [delay_ms for delay_ms, _ in stepped(path, body, behaviour) if delay_ms]
    assert pauses == [1, 2, 3] + ([] if path == "/v1/completions" else [3, 3])


async def test_a_behaviour_with_thoughts_can_be_set_from_outside(atlas, http):
    wanted = {"thinking": 2, "tool_calls": 1, "flat_error": True}
    assert (await http.put("/_behaviour", json=wanted)).status_code == 200
    assert atlas.behaviour == Behaviour(thinking=2, tool_calls=1, flat_error=True)


@given(
    path=st.sampled_from(WORDS + ONLY_WHOLE),
    body=st.dictionaries(
        st.sampled_from(
            [
                "model",
                "stream",
                "prompt",
                "n",
                "input",
                "dimensions",
                "encoding_format",
                "tools",
                "tool_choice",
                "metadata",
                "text",
            ]
        ),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=3)
        | st.lists(st.integers(0, 9) | st.lists(st.integers(0, 9), max_size=2), max_size=3),
    ),
)
def test_odd_requests_are_answered_too(path, body):
    status, headers, got = parsed(wire(path, json.dumps(body).encode(), Behaviour(tool_calls=1, thinking=1)))
    assert status == 200
    if headers["content-type"] == "text/event-stream":
        assert all(data == "[DONE]" or isinstance(data, dict) for _, data in events(got))
    else:
        assert isinstance(json.loads(got), dict)

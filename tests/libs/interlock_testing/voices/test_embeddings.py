"""Embeddings as the openai SDK reads them: numbers and base64 are one vector."""

import asyncio
import json

import openai
import pytest

from interlock_domain.words import Api
from interlock_testing.behaviour import Behaviour, Kind, cut, fail
from interlock_testing.voices.embeddings import DIMENSIONS, MAX_DIMENSIONS, vector
from tests.libs.interlock_testing.voices.wire import parsed, request, wire

PATH = "/v1/embeddings"


@pytest.mark.parametrize("encoding_format", ["float", "base64"])
async def test_a_vector_says_who_answered(atlas, client, encoding_format):
    answer = await client.embeddings.create(model="m-1", input="hi", encoding_format=encoding_format)
    (one,) = answer.data
    got = one.embedding
    if encoding_format == "base64":  # who names it gets it as it came
        assert isinstance(got, str)
        answer = await client.embeddings.create(model="m-1", input="hi")
        got = answer.data[0].embedding
        assert json.loads(atlas.requests[-1].body)["encoding_format"] == "base64"
    assert got == vector("atlas", 0)
    assert (answer.object, answer.model) == ("list", "m-1")
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == len(atlas.requests[-1].body) // 4
    assert atlas.requests[-1].api is Api.EMBEDDINGS


@pytest.mark.parametrize(
    ("given", "count"), [("hi", 1), (["a", "b", "c"], 3), ([1, 2, 3], 1), ([[1], [2, 3]], 2)]
)
async def test_each_input_has_its_vector(client, given, count):
    answer = await client.embeddings.create(model="m-1", input=given, dimensions=16)
    assert [(each.index, each.embedding) for each in answer.data] == [
        (i, vector("atlas", i, 16)) for i in range(count)
    ]


async def test_vectors_are_read_without_asyncio_too(blocking):
    answer = await asyncio.to_thread(lambda: blocking.embeddings.create(model="m-1", input=["a", "b"]))
    assert [each.embedding for each in answer.data] == [vector("atlas", 0), vector("atlas", 1)]


def test_vectors_tell_providers_and_inputs_apart():
    vectors = [vector("atlas", 0), vector("atlas", 1), vector("breeze", 0)]
    assert all(a != b for i, a in enumerate(vectors) for b in vectors[:i])


@pytest.mark.parametrize("dimensions", [0, -1, MAX_DIMENSIONS + 1, "many", None])
def test_odd_dimensions_are_the_usual_ones(dimensions):
    _, _, body = parsed(wire(PATH, request(input="hi", dimensions=dimensions)))
    assert len(json.loads(body)["data"][0]["embedding"]) == DIMENSIONS


async def test_a_refusal_is_raised(atlas, client):
    atlas.behaviour = fail(401)
    with pytest.raises(openai.AuthenticationError, match="simulated 401"):
        await client.embeddings.create(model="m-1", input="hi")


async def test_a_cut_answer_is_an_error_of_the_connection(atlas, client):
    atlas.behaviour = cut()
    with pytest.raises(openai.APIConnectionError):
        await client.embeddings.create(model="m-1", input="hi")


def test_it_is_never_streamed():
    for behaviour in (Behaviour(), Behaviour(kind=Kind.NO_SENTINEL), Behaviour(kind=Kind.NO_STREAM)):
        _, headers, body = parsed(wire(PATH, request(stream=True, input="hi"), behaviour))
        assert headers["content-type"] == "application/json"
        assert json.loads(body)["object"] == "list"

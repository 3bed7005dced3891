"""What goes out is what the openai client makes an answer, or an error, of."""

import httpx2
import openai
import pytest

from interlock_protocols.errors import OwnError
from interlock_protocols.responses.scanner import ResponsesScanner
from tests.libs.interlock_protocols.responses.events import ANSWER, HELLO, PREAMBLE

BROKEN = OwnError(502, "truncated", "it broke off", None, "req-1", "upstream_error")


def _client(out: bytes) -> openai.OpenAI:
    """A client whose stream is these bytes and then a clean end."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=out)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    return openai.OpenAI(base_url="http://test/v1", api_key="k", max_retries=0, http_client=http)


def test_a_whole_answer_is_one_to_both_ways_of_reading() -> None:
    scanner = ResponsesScanner()
    scanner.feed(ANSWER)
    with _client(scanner.out) as client:
        seen = list(client.responses.create(model="m", input="hi", stream=True))
        assert seen[-1].type == "response.completed"
        with client.responses.stream(model="m", input="hi") as stream:
            assert stream.get_final_response().output_text == "hello wörld"


def test_our_own_error_is_raised_by_both_ways_of_reading() -> None:
    scanner = ResponsesScanner()
    scanner.feed(PREAMBLE + HELLO)
    with _client(scanner.out + scanner.in_band(BROKEN)) as client:
        with pytest.raises(openai.APIError, match="it broke off") as raised:
            list(client.responses.create(model="m", input="hi", stream=True))
        assert (raised.value.code, raised.value.type) == ("truncated", "upstream_error")
        with pytest.raises(openai.APIError, match="it broke off"):
            with client.responses.stream(model="m", input="hi") as stream:
                stream.until_done()

"""Telling one receiver one thing: which answers are final, which are tried again, and when."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.catalog.key import Alert
from interlock_reactors.alert import notice
from interlock_reactors.delivery import (
    JITTER,
    LONGEST_S,
    PAUSES_S,
    Answered,
    Delivery,
    GaveUp,
    Refused,
    Told,
    Unanswered,
)
from interlock_reactors.signing import signed_headers

NOTICE = notice("routing-1:5:0", "cooldown", subject="target/a/b", at_ms=0, source="interlock", data={})
SIGNED = Alert(url="https://hooks.example.com/secret-path", secret="env:HOOK")
PLAIN = Alert(url="https://hooks.example.com/secret-path")


class Post:
    """Answers by a list; a string is a failure to answer."""

    def __init__(self, *answers: Answered | str) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, bytes, Mapping[str, str]]] = []

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answered:
        self.asked.append((url, body, headers))
        answer = self._answers.pop(0) if self._answers else Answered(status=200)
        if isinstance(answer, str):
            raise Unanswered(answer)
        return answer


class Pauses:
    """A clock that is slept on."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.now = 1_000.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def delivery(
    post: Post, pauses: Pauses, variables: dict[str, str] | None = None, chance: float = 0.5
) -> Delivery:
    return Delivery(
        post, variables or {}, wall_s=lambda: pauses.now, sleep=pauses.sleep, chance=lambda: chance
    )


def ignored(_: str | None) -> None:
    """Nobody asks."""


@pytest.mark.parametrize("status", [200, 202, 204, 299])
async def test_any_2xx_is_told(status: int):
    post, pauses = Post(Answered(status=status)), Pauses()
    assert await delivery(post, pauses).deliver(PLAIN, NOTICE, ignored) == Told(1)
    assert pauses.slept == []


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 410, 413, 422])
async def test_redirects_and_other_4xx_are_final_at_once(status: int):
    post, pauses = Post(Answered(status=status)), Pauses()
    assert await delivery(post, pauses).deliver(PLAIN, NOTICE, ignored) == Refused(f"answered {status}")
    assert len(post.asked) == 1


@pytest.mark.parametrize(
    "answer", [Answered(status=408), Answered(status=429), Answered(status=500), Answered(status=503), "no"]
)
async def test_what_may_pass_is_tried_again_a_bounded_number_of_times(answer: Answered | str):
    post, pauses = Post(*[answer] * 99), Pauses()
    outcome = await delivery(post, pauses).deliver(PLAIN, NOTICE, ignored)
    assert isinstance(outcome, GaveUp)
    assert len(post.asked) == len(PAUSES_S) + 1
    assert pauses.slept == list(PAUSES_S)
    assert "secret-path" not in outcome.detail


async def test_a_receiver_that_comes_back_is_told_with_the_same_id_and_a_new_timestamp():
    post, pauses = Post("no answer", Answered(status=503)), Pauses()
    assert await delivery(post, pauses).deliver(PLAIN, NOTICE, ignored) == Told(3)
    headers = [asked[2] for asked in post.asked]
    assert {one["webhook-id"] for one in headers} == {"routing-1:5:0"}
    assert [one["webhook-timestamp"] for one in headers] == ["1000", "1001", "1003"]


async def test_a_pause_is_as_long_as_the_receiver_says_within_reason():
    stated = [Answered(status=429, retry_after_s=wait) for wait in (30.0, 0.1, 9_999.0)]
    post, pauses = Post(*stated), Pauses()
    await delivery(post, pauses).deliver(PLAIN, NOTICE, ignored)
    assert pauses.slept == [30.0, PAUSES_S[1], LONGEST_S]


@given(st.floats(0, 1))
async def test_a_pause_is_jittered_by_a_fifth_at_most(chance: float):
    post, pauses = Post(*["no"] * 99), Pauses()
    await delivery(post, pauses, chance=chance).deliver(PLAIN, NOTICE, ignored)
    for slept, plain in zip(pauses.slept, PAUSES_S, strict=True):
        assert plain * (1 - JITTER) - 1e-9 <= slept <= plain * (1 + JITTER) + 1e-9


async def test_a_missing_secret_holds_everything_back_and_says_what_to_set():
    post, pauses = Post(), Pauses()
    variables: dict[str, str] = {}
    said: list[str | None] = []

    def troubled(sentence: str | None) -> None:
        said.append(sentence)
        if len(said) == 3:
            variables["HOOK"] = "s"

    one = Delivery(post, variables, wall_s=lambda: 1.0, sleep=pauses.sleep)
    assert await one.deliver(SIGNED, NOTICE, troubled) == Told(1)
    assert [sentence is None for sentence in said] == [False, False, False, True]
    assert "HOOK" in (said[0] or "")
    assert "webhook-signature" in post.asked[0][2]


def test_a_signature_is_that_of_the_standards_own_example():
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        now_s=1614265330,
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_secret_that_only_looks_like_base64_is_taken_as_it_is():
    odd = signed_headers("a", b"", "whsec_***", now_s=1)
    assert odd != signed_headers("a", b"", "***", now_s=1)
    assert odd["webhook-signature"].startswith("v1,")

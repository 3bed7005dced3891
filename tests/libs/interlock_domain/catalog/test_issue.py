"""How places are called when people read about them."""

import pytest

from interlock_domain.catalog.issue import Path, place_words


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ((), "the configuration"),
        (("policy",), "`policy`"),
        (("pools",), "`pools`"),
        (("policy", "attempts", "backoff"), "`policy.attempts.backoff`"),
        (("pools", "chat"), "pool `chat`"),
        (("pools", "chat", "strategy"), "`strategy` of pool `chat`"),
        (("pools", "chat", "members", 0, "target"), "`members.1.target` of pool `chat`"),
        (("targets", "local/llama", "tier"), "`tier` of target `local/llama`"),
        (("keys", 1), "key 2"),
        (("alerts", 0, "url"), "`url` of alert 1"),
    ],
)
def test_a_path_is_told_in_the_words_of_the_file(path: Path, words: str) -> None:
    assert place_words(path) == words

"""What counts as a number of tokens."""

import pytest

from interlock_protocols.answers.answered import tokens_of


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (None, None),
        ([], None),
        ({}, (None, None)),
        ({"prompt_tokens": 3}, (3, None)),
        ({"prompt_tokens": "3", "completion_tokens": True}, (None, None)),
    ],
)
def test_only_whole_numbers_count_as_tokens(usage, tokens):
    assert tokens_of(usage) == tokens

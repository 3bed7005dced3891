"""Legacy completions: text without roles, a choice for each prompt and each `n`, no preamble at all.

Source: platform.openai.com, API reference, completions. Rule: each piece goes to every choice in turn, as
from servers that batch. One choice after the other was dropped: a scanner that relies on it would pass.
"""

from collections.abc import Iterator
from typing import Any, Final

from interlock_testing.voices.parts import spoken
from interlock_testing.voices.voice import CREATED, DONE, Voice, data_event

MAX_CHOICES: Final = 128
"""OpenAI's own bound of `n`; here of all choices, so that no request can make a test hang."""


class Completions(Voice):
    """See Voice."""

    sentinel = DONE
    broken = b'data: {"choices":[{"index":0,"text":"conte\n\n'

    def whole(self) -> Any:
        """See Voice."""
        said = "".join(self._words)
        choices = [_choice(said, i, "stop") for i in range(self._choices)]
        return self._completion(choices) | {"usage": self._usage}

    @property
    def pieces(self) -> int:
        """See Voice."""
        return len(self._words)

    def content(self) -> Iterator[bytes]:
        """See Voice."""
        choices = range(self._choices)
        for word in self._words:
            yield b"".join(data_event(self._completion([_choice(word, i)])) for i in choices)

    def closing(self) -> Iterator[bytes]:
        """See Voice."""
        for i in range(self._choices):
            yield data_event(self._completion([_choice("", i, "stop")]))
        if self._asked.include_usage:
            yield data_event(self._completion([]) | {"usage": self._usage})

    def _completion(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": f"cmpl-{self._provider}-{self._asked.n}",
            "object": "text_completion",
            "created": CREATED,
            "model": self._asked.model,
            "choices": choices,
        }

    @property
    def _words(self) -> list[str]:
        return spoken(self._provider, self._behaviour)

    @property
    def _choices(self) -> int:
        fields = self._asked.fields
        prompt, n = fields.get("prompt"), fields.get("n")
        # A list is one prompt if it is one of tokens, and else a list of prompts.
        prompts = len(prompt) if isinstance(prompt, list) and prompt and type(prompt[0]) is not int else 1
        return min(MAX_CHOICES, prompts * max(1, n if isinstance(n, int) else 1))

    @property
    def _usage(self) -> dict[str, int]:
        prompt, output = self.prompt_tokens, len(self._words) * self._choices
        return {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}


def _choice(said: str, index: int, finish_reason: str | None = None) -> dict[str, Any]:
    return {"text": said, "index": index, "logprobs": None, "finish_reason": finish_reason}

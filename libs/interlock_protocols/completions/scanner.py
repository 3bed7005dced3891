"""A streamed answer of the legacy completions API: content is the `text` of a choice.

Rule: as `choices` has it. The template that chat's bursts are proved by was left out: one decode of all
events of a chunk is well inside what an event may cost, and this API has few streams left.
"""

from typing import Any

from interlock_protocols.choices.scanner import ChoicesScanner


class CompletionScanner(ChoicesScanner):
    """Only text commits: a chunk may come with log probabilities or token ids and say nothing yet."""

    __slots__ = ()

    def _has_content(self, choice: dict[str, Any]) -> bool:
        return bool(choice.get("text"))

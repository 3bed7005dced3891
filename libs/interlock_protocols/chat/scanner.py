"""A streamed chat answer: content stands in the delta of a choice, and its bursts have one template.

Rule: as `choices` has it. See `scanner` for what is held and passed on, `template` and `chunk`
for why proving every event is affordable.
"""

from typing import Any

from interlock_protocols.chat.chunk import has_content, still_chunks
from interlock_protocols.chat.template import ContentTemplate
from interlock_protocols.choices.scanner import ChoicesScanner
from interlock_protocols.streams.verdict import End, Verdict

__all__ = ["ChatScanner", "End", "Verdict"]


class ChatScanner(ChoicesScanner):
    """Learns the template of its stream from the first content chunk that has one."""

    __slots__ = ("_template",)

    def __init__(self, *, hold_events: int = 8, hold_bytes: int = 65536) -> None:
        super().__init__(hold_events=hold_events, hold_bytes=hold_bytes)
        self._template: ContentTemplate | None = None

    def _has_content(self, choice: dict[str, Any]) -> bool:
        return has_content(choice.get("delta"))

    def _still(self, whole: bytes) -> int:
        """How many chunks of content for choice 0 these are, when they are nothing else; else 0."""
        template = self._template or self._first(whole)
        if template is not None and (found := template.count(whole)):
            return found
        found = still_chunks(whole)
        if found:  # their form is new: the next ones will look like the last of them
            self._template = ContentTemplate.learn(whole)
        return found

    def _first(self, whole: bytes) -> ContentTemplate | None:
        """The template of the first of these events: a burst that looks like it need not be decoded."""
        first = whole[: whole.find(b"\n\n") + 2]
        if len(first) < len(whole) and still_chunks(first):
            self._template = ContentTemplate.learn(first)
        return self._template

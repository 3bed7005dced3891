"""An answer that starts anew, compared with what a client was shown of another one and continued from there.

Rule (requirements C2): it goes on only if it begins with exactly all that was shown; until then nothing of
it goes out, and the event that says more is cut to what is new. Within a lane everything shown must have been
said before anything new is: an answer that thinks longer and then says the same is another answer. Continuing
at the first place that differs was dropped: nobody can tell what such a text means.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

import orjson

from interlock_protocols.continuing.joiner import Event, Joiner, Mismatch, Path, Said, events_of
from interlock_protocols.continuing.shown import numbered

MAX_HELD: Final = 1024 * 1024
"""Bytes of a lane that wait for the others; choices of one answer run beside each other."""


class Continuation:
    """State of one answer that shall continue another. `feed` whole events, `end` when no more will come.

    `texts`: what the answer must begin with, by place. `matched`: it has; whatever comes from now on is new.
    """

    __slots__ = ("_at", "_counts", "_held", "_held_bytes", "_joiner", "_left", "_texts", "matched")

    def __init__(self, joiner: Joiner, texts: Mapping[Path, str]) -> None:
        self._joiner = joiner
        self._texts = texts
        self._at: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}
        self._left: dict[str | int, int] = defaultdict(int)
        for path, text in texts.items():
            self._left[path[0]] += len(text)
        self.matched = not any(self._left.values())
        self._held: list[bytes] = []
        self._held_bytes = 0

    def feed(self, whole: bytes) -> bytes | Mismatch:
        """What of these events goes out, often nothing; a Mismatch is final."""
        found = []
        try:
            for event in events_of(whole):
                out = self._event(event)
                if isinstance(out, Mismatch):
                    return out
                found.append(out)
        except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
            return Mismatch.UNCUT  # too deep to be compared
        return self._in_step(b"".join(found))

    def end(self) -> Mismatch | None:
        """The new answer is over; None: the client has all of it."""
        return None if self.matched else Mismatch.SHORTER

    def _event(self, event: Event) -> bytes | Mismatch:
        joiner = self._joiner
        if not event.value:  # a comment, or the end of a stream of the OpenAI APIs
            return event.raw if self.matched else b""
        joiner.hears(event)
        said = joiner.said(event)
        known = []
        ahead = set()
        for each, place in zip(said, numbered(said, self._counts), strict=True):
            had = self._had(place)
            if had is None:
                return Mismatch.DIFFERS
            known.append((each, had))
            if had < len(each.text):
                ahead.add(each.path[0])
        if any(self._left[lane] for lane in ahead):
            return Mismatch.DIFFERS
        self.matched = self.matched or not any(self._left.values())
        if not ahead and (said or not self.matched):
            return b""
        return joiner.joined(event, known)

    def _had(self, said: Said) -> int | None:
        """How many characters of it the client was shown before; None: something else stood there."""
        path, text = said.path, said.text
        expected = self._texts.get(path, "")
        at = self._at.get(path, 0)
        had = min(len(expected) - at, len(text))
        if not expected.startswith(text[:had], at) or (said.whole and expected not in ("", text)):
            return None
        if had:
            self._at[path] = at + had
            self._left[path[0]] -= had
        return had

    def _in_step(self, out: bytes) -> bytes | Mismatch:
        """The same once every lane has caught up; until then the lanes ahead wait."""
        if self.matched and not self._held:
            return out
        if out:
            self._held.append(out)
            self._held_bytes += len(out)
        if not self.matched:
            return Mismatch.APART if self._held_bytes > MAX_HELD else b""
        out = b"".join(self._held)
        self._held.clear()
        return out

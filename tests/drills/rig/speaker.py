"""Operators of a cluster who do not give up: each word is said, at one control plane or the next, until it
is answered.

Rule: a word has one idempotency key, so that saying it again is safe; what was answered once is kept with the
answer, and the drill holds it against the journal and the log. A word that nobody answers stays the next
thing said, so at the end of an outage there is none whose fate is unknown.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import httpx2

from interlock_testing.waiting import until
from tests.drills.rig.cell import ControlProcess
from tests.drills.rig.word import Word, draw_word

ANSWER_S: Final = 4.0
"""Then the other control plane is asked; a decision takes milliseconds."""
AGAIN_S: Final = 0.1
AWAY: Final = frozenset((409, 429, 500, 502, 503, 504, 507))
"""Say it again: overtaken, or something is away. 500 is told apart as a mistake of the program."""
SILENCE_S: Final = 90.0


class Speaker:
    """Says random words about `targets`; `said` are those answered and not yet taken."""

    def __init__(
        self, controls: Sequence[ControlProcess], draw: random.Random, *, targets: Sequence[str], pool: str
    ) -> None:
        self.said: list[Word] = []
        self.answered = 0
        self.repeated = 0
        """Answers to words that had been heard before their first answer got lost."""
        self.unheard = 0
        """Tries without an answer."""
        self.refused: list[str] = []
        self._controls = controls
        self._draw = draw
        self._targets = targets
        self._pool = pool
        self._count = 0
        self._speaking = 0
        self._may = asyncio.Event()
        self._may.set()

    async def keep_speaking(self, every_s: float) -> None:
        """One word after another until cancelled."""
        while True:
            await self._may.wait()
            await self.say()
            await asyncio.sleep(self._draw.uniform(0.5, 1.5) * every_s)

    async def say(self) -> Word:
        """One random word, until it is answered."""
        self._count += 1
        word = draw_word(self._draw, f"word-{self._count}", self._targets, self._pool)
        at = self._count
        self._speaking += 1
        try:
            while not await self._say_at(self._controls[at % len(self._controls)], word):
                self.unheard += 1
                at += 1
                await asyncio.sleep(AGAIN_S)
        finally:
            self._speaking -= 1
        if word.position is not None:
            self.answered += 1
            self.said.append(word)
        return word

    @asynccontextmanager
    async def silence(self) -> AsyncIterator[None]:
        """Everybody lets the others finish, and says nothing meanwhile."""
        self._may.clear()
        try:
            await until(lambda: not self._speaking, timeout_s=SILENCE_S, what="an answer to every word")
            yield
        finally:
            self._may.set()

    async def _say_at(self, control: ControlProcess, word: Word) -> bool:
        headers = {"idempotency-key": word.reason, "x-interlock-actor": "drill"}
        try:
            answer = await control.http.request(
                word.method, word.path, json=word.body, headers=headers, timeout=ANSWER_S
            )
        except httpx2.TransportError:
            return False
        if answer.status_code != 200:
            if answer.status_code not in AWAY or answer.status_code == 500:
                self.refused.append(f"{word.path}: {answer.status_code} {answer.text[:300]}")
            return answer.status_code not in AWAY
        document = answer.json()
        word.position, word.version = int(document["position"].removeprefix("j")), document["version"]
        self.repeated += answer.headers.get("idempotent-replayed") == "true"
        return True

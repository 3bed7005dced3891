"""From suspicion to quarantine: the follower that turns what the fold observed into commands.

Rule: the fold observes (CredentialSuspect, CredentialProved) and never decides; what must outlive the log
is a decision. The event's id is derived from the position of the evidence, so however often the same
observation is read, by however many control planes, the log holds one decision. Dropped: deciding inside
the fold, because a replay would then quarantine credentials.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from interlock_control.commands import Accepted, Asked, CommandHandler
from interlock_domain.catalog.commands import QuarantineCredential, ReleaseCredential
from interlock_domain.health.classes import rule_of
from interlock_domain.projection.effects import Effect
from interlock_domain.words import EffectKind, FailureClass
from interlock_runtime.sqlite_errors import StorageError
from interlock_views.views import Views

ACTOR: Final = "interlock"
LOOK_S: Final = 5.0
"""Between two looks when nobody notices for us: the recheck itself is minutes away."""
PAGE: Final = 500
_FOLLOWED: Final = frozenset((EffectKind.CREDENTIAL_SUSPECT, EffectKind.CREDENTIAL_PROVED))

_log = logging.getLogger(__name__)


class CredentialFollower:
    """Follows transitions. `notice` is a projector's listener and only shortens the wait."""

    def __init__(
        self,
        views: Views,
        commands: CommandHandler,
        away: tuple[type[Exception], ...] = (),
        *,
        look_s: float = LOOK_S,
    ) -> None:
        """`away`: what both raise when a service behind them cannot be reached now."""
        self._views = views
        self._away: tuple[type[Exception], ...] = (StorageError, *away)
        self._look_s = look_s
        self._commands = commands
        self._noticed = asyncio.Event()
        self._after: int | None = None
        self._decided: dict[tuple[str, str], EffectKind] = {}
        """What each credential was last decided on: while a decision is on its way to the gateways, the same
        observation comes again with every request."""

    def notice(self, effects: Sequence[Effect]) -> None:
        """Look soon when there is something to follow."""
        if any(effect.kind in _FOLLOWED for effect in effects):
            self._noticed.set()

    async def run(self) -> None:
        """For ever; ends by cancellation. What the store cannot give now is read at the next look."""
        while True:
            self._noticed.clear()
            try:
                await self.follow()
            except self._away as error:
                _log.warning("transitions could not be followed: %s", error)
            try:
                async with asyncio.timeout(self._look_s):
                    await self._noticed.wait()
            except TimeoutError:
                continue

    async def follow(self) -> int:
        """Turn what was observed since the last look into commands; how many decisions were made."""
        if self._after is None:
            newest = await self._views.transitions(limit=PAGE, newest=True)
            self._after = newest[-1].position - 1 if newest else 0
        made = 0
        while True:
            page = await self._views.transitions(after=self._after, limit=PAGE)
            for effect in page:
                made += await self._carry_out(effect)
            if not page:
                return made
            self._after = page[-1].position

    async def _carry_out(self, effect: Effect) -> bool:
        if effect.kind not in _FOLLOWED or effect.fingerprint is None:
            return False
        provider = effect.subject.partition("/")[2]
        if self._decided.get((provider, effect.fingerprint)) is effect.kind:
            return False
        suspect = effect.kind is EffectKind.CREDENTIAL_SUSPECT
        command = _quarantine(provider, effect) if suspect else _release(provider, effect)
        asked = Asked(
            actor=ACTOR,
            reason=_REASONS[effect.kind].format(failure=(effect.failure or FailureClass.AUTH).value),
            id=f"{'quarantine' if suspect else 'release'}-{provider}-{effect.fingerprint}-{effect.position}",
            causation=f"position/{effect.position}",
        )
        answer = await self._commands.handle(command, asked)
        if not isinstance(answer, Accepted):
            _log.info("%s at position %d leads to nothing: %s", effect.kind, effect.position, answer)
            return False
        self._decided[provider, effect.fingerprint] = effect.kind
        return answer.changed and not answer.repeated


_REASONS: Final = {
    EffectKind.CREDENTIAL_SUSPECT: "the upstream refuses this credential ({failure})",
    EffectKind.CREDENTIAL_PROVED: "a recheck succeeded (it was refused: {failure})",
}


def _quarantine(provider: str, effect: Effect) -> QuarantineCredential:
    failure = effect.failure or FailureClass.AUTH
    return QuarantineCredential(
        provider=provider,
        fingerprint=effect.fingerprint or "",
        failure=failure,
        recheck_ms=rule_of(failure).recheck_ms or rule_of(FailureClass.AUTH).recheck_ms,
        evidence=effect.evidence,
    )


def _release(provider: str, effect: Effect) -> ReleaseCredential:
    return ReleaseCredential(provider=provider, fingerprint=effect.fingerprint or "")

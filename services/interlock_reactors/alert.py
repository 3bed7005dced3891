"""What a webhook is told: which effects belong to which word of `alerts.on`, and the body of a POST.

Rule: the body is a CloudEvent in JSON whose id is the effect's own, so whoever gets it twice can tell; times
are log time. An empty `on` means everything, because a webhook that is told nothing would not be declared.
`freeze` has no effect yet: the fold observes none, and the word waits for it.
"""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from interlock_domain.catalog.key import Alert
from interlock_domain.projection.effects import Effect
from interlock_domain.words import EffectKind

COOLDOWN: Final = "cooldown"
QUARANTINE: Final = "quarantine"
DEAD_LETTER: Final = "dead_letter"
STALE: Final = "stale"

WORDS: Final = {
    EffectKind.COOLDOWN_OPENED: COOLDOWN,
    EffectKind.COOLDOWN_EXTENDED: COOLDOWN,
    EffectKind.COOLDOWN_ENDED: COOLDOWN,
    EffectKind.TARGET_OUT: COOLDOWN,
    EffectKind.TARGET_BACK: COOLDOWN,
    EffectKind.CREDENTIAL_SUSPECT: QUARANTINE,
    EffectKind.CREDENTIAL_PROVED: QUARANTINE,
    EffectKind.GATEWAY_LOST: STALE,
}
"""The other effects (probe windows, ramps, a quorum that is missing, an expiry) are steps on a way: shown in
`interlock history`, not worth waking anybody."""
_LAST_MS: Final = 253_402_300_799_000
"""The last second that a date can say."""


class Notice(Struct, frozen=True, kw_only=True):
    """One thing to tell, ready for the wire."""

    id: str
    word: str
    body: bytes


def wants(alert: Alert, word: str) -> bool:
    """Whether the webhook asked for it."""
    return not alert.on or word in alert.on


def notice(id: str, word: str, *, subject: str, at_ms: int, source: str, data: Any) -> Notice:
    """A CloudEvent, structured mode."""
    kind = f"interlock.alert.{word}.v1"
    event = {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": kind,
        "subject": subject,
        "time": _time(at_ms),
        "datacontenttype": "application/json",
        "data": data,
    }
    return Notice(id=id, word=word, body=msgspec.json.encode(event))


def of_effect(id: str, effect: Effect, source: str) -> Notice | None:
    """What a webhook is told of an effect; None when no word covers it."""
    word = WORDS.get(effect.kind)
    if word is None:
        return None
    return notice(id, word, subject=effect.subject, at_ms=effect.at_ms, source=source, data=effect)


def _time(at_ms: int) -> str:
    moment = datetime.fromtimestamp(min(max(at_ms, 0), _LAST_MS) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

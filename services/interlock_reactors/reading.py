"""What stands on the topics that reactors read: effects, batches of request records, copies of dead letters.

Rule: total over any bytes; a record is believed when its key and its id agree with what is in it. Effects are
read in two steps, so that a kind of a newer version is told apart from nonsense.
"""

from typing import Final

import msgspec

from interlock_domain.attempt.record import RequestRecord
from interlock_domain.projection.effects import Effect
from interlock_domain.words import EffectKind
from interlock_eventlog.dead_letters import DeadLetter, DeadLetterReason
from interlock_reactors.taken import Taken, body, letter
from interlock_records.batches import TOO_LARGE, records_of
from interlock_records.paging import snapshot_place

ID: Final = "id"
EFFECT_BYTES: Final = 64 * 1024
"""An effect has some 300 bytes; its evidence is bounded by the fold's windows."""
BATCH_BYTES: Final = TOO_LARGE + 1024
"""A gateway sends 64 KiB at most, or one single record of half a MiB."""
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError)
_KINDS: Final = frozenset(kind.value for kind in EffectKind)
_BATCHES: Final = frozenset({"RequestsRecorded"})

_effects: Final = msgspec.json.Decoder(Effect)
_plain: Final = msgspec.json.Decoder(dict[str, object])


def read_effect(taken: Taken) -> Effect | DeadLetter:
    """The effect of a record of the transitions topic."""
    found = body(taken, kinds=_KINDS, most_bytes=EFFECT_BYTES)
    if isinstance(found, DeadLetter):
        return found
    try:
        plain = _plain.decode(found)
    except UNREADABLE as error:
        return letter(taken, DeadLetterReason.BAD_JSON, str(error))
    kind = plain.get("kind")
    if isinstance(kind, str) and kind not in _KINDS:
        return letter(taken, DeadLetterReason.UNKNOWN_TYPE, kind)
    try:
        effect = _effects.decode(found)
    except UNREADABLE as error:
        return letter(taken, DeadLetterReason.BAD_DATA, str(error))
    return _ours(taken, effect)


def _ours(taken: Taken, effect: Effect) -> Effect | DeadLetter:
    if taken.key != effect.subject.encode("utf-8", "surrogatepass"):
        return letter(taken, DeadLetterReason.WRONG_KEY, f"the body names {effect.subject}")
    name, _, place = (taken.header(ID) or "").partition(":")
    if not name or place != f"{effect.position}:{effect.n}":
        return letter(taken, DeadLetterReason.BAD_HEADER, "its id is not projection:position:n of the body")
    return effect


def read_records(taken: Taken) -> list[RequestRecord] | DeadLetter:
    """The request records of one batch; all of them or none."""
    found = body(taken, kinds=_BATCHES, most_bytes=BATCH_BYTES)
    if isinstance(found, DeadLetter):
        return found
    try:
        msgspec.json.decode(found)
    except UNREADABLE as error:
        return letter(taken, DeadLetterReason.BAD_JSON, str(error))
    try:
        records = records_of(found)
        for record in records:
            snapshot_place(record.snapshot)
    except UNREADABLE as error:
        return letter(taken, DeadLetterReason.BAD_DATA, str(error))
    strange = [one.gateway for one in records if one.gateway.encode("utf-8", "surrogatepass") != taken.key]
    if strange:
        return letter(taken, DeadLetterReason.WRONG_KEY, f"the body names gateway {strange[0]}")
    return records

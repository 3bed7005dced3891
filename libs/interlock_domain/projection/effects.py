"""Effects: what a fold observed while it folded one record (interlock.transitions.v1).

An effect is a function of the log, identified by (projection, position, n); receivers drop
duplicates by that id. A time transition is an effect of the first record whose clock passes it.
"""

from msgspec import Struct

from interlock_domain.words import EffectKind, EndedWhy, FailureClass, Provenance


class Effect(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One observation. `subject` is a feed row key: target/<id>, provider/<name>, gateway/<id>, pool/<name>.

    `position` is the record that caused it and `n` its number within that record; `at_ms` is the
    fold clock; `evidence` are the positions of the outcomes behind it.
    """

    kind: EffectKind
    subject: str
    position: int
    n: int
    at_ms: int
    shape: str | None = None
    why: EndedWhy | None = None
    failure: FailureClass | None = None
    provenance: Provenance | None = None
    until_ms: int | None = None
    level: int | None = None
    fingerprint: str | None = None
    evidence: tuple[int, ...] = ()

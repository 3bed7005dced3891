"""The one eligibility function: what stands against a candidate at one moment, worst first.

Rule: selection, `/v1/models`, admin views and preflight all ask `standing`; nobody else reads a row
to decide whether a target may be called. It judges one candidate by itself; what depends on the
other members (the cap, the last member, who is probed) is arrange.py's. Who holds a target back
matters later on, so each finding says so: somebody's decision (HARD), what upstream or an operator
said about time (FIRM), our own caution (CAUTION), this worker's breaker (LOCAL), a ramp (RAMP).
A rest whose time is over is our own caution whoever had asked for it: nobody asked for longer.
Dropped: stored phases in the rows, because a reader between two commits would see an old phase.
"""

from collections.abc import Collection, Mapping
from enum import IntEnum
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from interlock_domain.health.half_open import (
    lottery,
    ramp_fraction,
    slot_at,
    slot_end_ms,
    slot_owner,
    slot_worker,
)
from interlock_domain.routing.lane import Entry
from interlock_domain.rows import (
    CooldownPhase,
    CooldownRow,
    OutRow,
    PoolRow,
    QuarantineRow,
    StateRow,
    cooldown_phase,
)
from interlock_domain.snapshot.snapshot import CompiledTarget
from interlock_domain.words import ALL_SHAPES, AdminState, Eligibility, FailureClass, Provenance, Reason

STALE_AFTER_MS: Final = 300_000
"""A snapshot older than that knows no longer what is healthy (safety.md, "staleness"): our own caution is
dropped and local breakers decide alone; what operators and upstreams said stays to its end."""


class Hold(IntEnum):
    """Who holds a candidate back, the most binding first."""

    HARD = 0
    FIRM = 1
    CAUTION = 2
    LOCAL = 3
    RAMP = 4


class Turn(NamedTuple):
    """Whose probe ends a finding: one gateway per slot of `interval_ms` for (subject, shape)."""

    subject: str
    shape: str
    interval_ms: int


class Finding(Struct, frozen=True):
    """One thing that stands against a candidate. `turn`: its time is over and a probe may end it."""

    hold: Hold
    reason: Reason
    until_ms: int | None = None
    cause: int | None = None
    opened_ms: int = 0
    failure: FailureClass | None = None
    turn: Turn | None = None


class Asker(Struct, frozen=True):
    """The part of a judgement that belongs to a request; an operator's view has none."""

    gateway: str
    seed: int
    local: Collection[str]
    probed: Collection[str]
    gateways: tuple[str, ...]
    """Those that take turns in probing."""
    worker: int = 0
    workers: int = 1
    """A gateway's turn is that of one of its workers."""


class Moment(Struct, frozen=True):
    """When, and for whom, candidates are judged. `fingerprints` None: any quarantine counts."""

    as_of_ms: int
    stale: bool = False
    context_tokens: int | None = None
    stream: bool = False
    fingerprints: Mapping[str, str] | None = None
    asker: Asker | None = None


class Standing(Struct, frozen=True):
    """The findings, worst first, and whether this request may be the candidate's probe."""

    findings: tuple[Finding, ...] = ()
    may_probe: bool = False

    @property
    def worst(self) -> Hold | None:
        """The most binding hold; None when nothing stands against the candidate."""
        return self.findings[0].hold if self.findings else None

    @property
    def local(self) -> bool:
        """Is this worker's breaker among the findings?"""
        return any(f.hold is Hold.LOCAL for f in self.findings)

    @property
    def state(self) -> Eligibility:
        """The state before any rule of the pool."""
        return _STATES[self.worst]

    @property
    def until_ms(self) -> int | None:
        """When the last finding ends; None when a decision has no end, or nobody knows one."""
        if len(self.findings) == 1:
            return self.findings[0].until_ms
        if any(f.hold is Hold.HARD and f.until_ms is None for f in self.findings):
            return None
        return max((f.until_ms for f in self.findings if f.until_ms is not None), default=None)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Every reason once, worst first."""
        if len(self.findings) == 1:
            return (self.findings[0].reason,)
        return tuple(dict.fromkeys([f.reason for f in self.findings]))


_STATES: Final = {
    None: Eligibility.ELIGIBLE,
    Hold.HARD: Eligibility.HARD_EXCLUDED,
    Hold.FIRM: Eligibility.SOFT_EXCLUDED,
    Hold.CAUTION: Eligibility.SOFT_EXCLUDED,
    Hold.LOCAL: Eligibility.SOFT_EXCLUDED,
    Hold.RAMP: Eligibility.SOFT_EXCLUDED,
}

CLEAN: Final = Standing()


def standing(entry: Entry, pool_row: PoolRow | None, moment: Moment) -> Standing:
    """Judge one candidate at one moment."""
    findings = [Finding(Hold.HARD, reason) for reason in entry.structural]
    if entry.mute and moment.stream:
        findings.append(Finding(Hold.HARD, Reason.CAPABILITY_MISSING))
    if entry.window is not None and (moment.context_tokens or 0) > entry.window:
        findings.append(Finding(Hold.HARD, Reason.CONTEXT_WINDOW))
    if pool_row is not None and pool_row.state is not None:
        decided = _decided(pool_row.state, _POOL, moment)
        findings += [] if decided is None else [decided]
    if not entry.still:
        findings += _dynamic(entry, moment)
    target = entry.member.target.id
    if moment.asker is not None and target in moment.asker.local:
        findings.append(Finding(Hold.LOCAL, Reason.LOCAL_BREAKER))
    if not findings:
        return CLEAN
    if len(findings) > 1:
        findings.sort(key=_bindingness)
    return Standing(tuple(findings), _may_probe(target, findings, moment))


def _bindingness(finding: Finding) -> tuple[int, int]:
    """Sort key: the most binding hold first, within it the longest."""
    return finding.hold, -(finding.until_ms or 0)


_TARGET: Final = (Reason.TARGET_DISABLED, Reason.TARGET_DRAINED)
_PROVIDER: Final = (Reason.PROVIDER_DISABLED, Reason.PROVIDER_DRAINED)
_POOL: Final = (Reason.POOL_DISABLED, Reason.POOL_DRAINED)
_MEMBER: Final = (Reason.MEMBER_DISABLED, Reason.MEMBER_DRAINED)


def _dynamic(entry: Entry, moment: Moment) -> list[Finding]:
    """What rows say against a candidate."""
    member, row, provider = entry.member, entry.member.row, entry.member.provider_row
    found: list[Finding | None] = [_rest(entry, rest, moment) for rest in entry.rests]
    if provider is not None:
        found.append(_decided(provider.state, _PROVIDER, moment))
        found += [_quarantine(entry, one, moment) for one in provider.quarantines]
    found.append(_decided(member.state, _MEMBER, moment))
    if row is not None:
        found.append(_decided(row.state, _TARGET, moment))
        found.append(_out(entry, row.out, moment))
    return [one for one in found if one is not None]


def _decided(row: StateRow | None, reasons: tuple[Reason, Reason], moment: Moment) -> Finding | None:
    """An operator's state, until it expires."""
    if row is None or row.state is AdminState.ENABLED:
        return None
    if row.until_ms is not None and moment.as_of_ms >= row.until_ms:
        return None
    reason = reasons[0] if row.state is AdminState.DISABLED else reasons[1]
    return Finding(Hold.HARD, reason, row.until_ms, row.position or None)


def _quarantine(entry: Entry, row: QuarantineRow, moment: Moment) -> Finding | None:
    """A refused credential, if it is the one in use."""
    provider = entry.member.target.provider.name
    if moment.fingerprints is not None and moment.fingerprints.get(provider) != row.fingerprint:
        return None
    turn = Turn(f"{provider}/{row.fingerprint}", ALL_SHAPES, row.recheck_ms)
    found = Finding(
        Hold.HARD, Reason.QUARANTINED, row.recheck_at_ms, _last(row.evidence), row.since_ms, row.failure
    )
    return _recheck(found, turn, moment)


def _out(entry: Entry, row: OutRow | None, moment: Moment) -> Finding | None:
    """A target that upstream does not know or permit."""
    if row is None:
        return None
    turn = Turn(entry.member.target.id, ALL_SHAPES, row.recheck_ms)
    found = Finding(
        Hold.FIRM, Reason.TARGET_OUT, row.recheck_at_ms, _last(row.evidence), row.since_ms, row.failure
    )
    return _recheck(found, turn, moment)


def _recheck(found: Finding, turn: Turn, moment: Moment) -> Finding:
    """A finding whose recheck is due waits for the slot owner's one request."""
    if found.until_ms is None or moment.as_of_ms < found.until_ms:
        return found
    return replace(found, until_ms=slot_end_ms(moment.as_of_ms, turn.interval_ms), turn=turn)


_COOLING: Final = {
    Provenance.HEURISTIC: (Hold.CAUTION, Reason.COOLDOWN_HEURISTIC),
    Provenance.STATED: (Hold.FIRM, Reason.COOLDOWN_STATED),
    Provenance.OPERATOR: (Hold.FIRM, Reason.COOLDOWN_OPERATOR),
}


def _rest(entry: Entry, row: CooldownRow, moment: Moment) -> Finding | None:
    """A rest by its phase; of a stale snapshot only what somebody else than us asked for."""
    target = entry.member.target
    phase = cooldown_phase(row, target.policy.half_open, moment.as_of_ms)
    if phase is CooldownPhase.COOLING:
        hold, reason = _COOLING[row.provenance]
        if moment.stale and hold is Hold.CAUTION:
            return None
        return Finding(hold, reason, row.until_ms, _last(row.evidence), row.opened_ms, row.failure)
    if moment.stale or phase is CooldownPhase.OVER:
        return None
    if phase is CooldownPhase.RAMPING:
        return _ramp(target, row, moment)
    turn = Turn(target.id, row.shape, target.policy.half_open.probe_interval_ms)
    until = slot_end_ms(moment.as_of_ms, turn.interval_ms)
    return Finding(
        Hold.CAUTION, Reason.HALF_OPEN, until, _last(row.evidence), row.opened_ms, row.failure, turn
    )


def _ramp(target: CompiledTarget, row: CooldownRow, moment: Moment) -> Finding | None:
    """A returned target: this request's lottery says whether it counts as eligible already."""
    returned_ms, policy = row.returned_ms or 0, target.policy.half_open
    share = ramp_fraction(returned_ms, policy, moment.as_of_ms)
    if moment.asker is not None and lottery(moment.asker.seed, target.id) < share:
        return None
    end = returned_ms + policy.ramp_ms
    return Finding(Hold.RAMP, Reason.RAMPING, end, _last(row.evidence), row.opened_ms, row.failure)


def _may_probe(target: str, findings: list[Finding], moment: Moment) -> bool:
    """Is it our turn, and does nothing but what the probe would end stand against the candidate?

    Where several findings wait for a probe, the most binding one decides whose turn it is, `*` before
    a shape: two owners for one target would be two probes in a slot, or none.
    """
    asker = moment.asker
    if asker is None or _given_away(target, findings, asker.probed):
        return False
    waiting = [f for f in findings if f.hold is not Hold.RAMP]
    turns = [(f.hold, f.turn.shape, f.turn) for f in waiting if f.turn is not None]
    if not turns or len(turns) < len(waiting):
        return False
    turn = min(turns)[2]
    slot = slot_at(moment.as_of_ms, turn.interval_ms)
    if slot_owner(turn.subject, turn.shape, slot, asker.gateways) != asker.gateway:
        return False
    return asker.workers == 1 or slot_worker(turn.subject, turn.shape, slot, asker.workers) == asker.worker


def _given_away(target: str, findings: list[Finding], probed: Collection[str]) -> bool:
    """Has the probe been given away? That of a credential counts for all targets of its provider."""
    if findings[0].reason is Reason.QUARANTINED:
        provider = target.partition("/")[0] + "/"
        return any(other.startswith(provider) for other in probed)
    return target in probed


def _last(evidence: tuple[int, ...]) -> int | None:
    return evidence[-1] if evidence else None

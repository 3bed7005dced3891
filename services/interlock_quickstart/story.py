"""The live view: what happened, one line one fact, for people who watch the terminal.

Rule: the lines come from what the parts tell anyway (effects of the fold once they are durable, request
records as they are stored), never from a look of its own, so the view cannot disagree with the log. Plain
lines, no cursor tricks: what scrolls by can be piped, kept and searched. A failing pool does not flood the
screen: of equal failovers one a second is shown, with the number of those left out.
"""

from collections.abc import Callable, Sequence
from typing import Final

from interlock_domain.attempt.record import RequestRecord, path
from interlock_domain.catalog.policy import TargetPolicy
from interlock_domain.projection.effects import Effect
from interlock_domain.words import ALL_SHAPES, EffectKind, EndedWhy, Outcome, Provenance, Result

SHOW_EVERY_S: Final = 1.0
"""Equal failovers closer together than this are counted instead of shown."""
SUBJECT_WIDTH: Final = 14
WHAT_WIDTH: Final = 28


class Story:
    """Turns effects and records into lines; `say` prints one."""

    def __init__(
        self,
        say: Callable[[str], None],
        *,
        monotonic: Callable[[], float],
        policy_of: Callable[[str], TargetPolicy],
        where: str = "",
    ) -> None:
        self._say = say
        self._monotonic = monotonic
        self._policy_of = policy_of
        self._where = where
        self._since = monotonic()
        self._shown: dict[tuple[str, ...], float] = {}
        self._left_out: dict[tuple[str, ...], int] = {}
        self._told = ""
        self.last_failover = ""

    def effects(self, found: Sequence[Effect]) -> None:
        """What the fold observed; called after each commit."""
        for effect in found:
            line = self._of_effect(effect)
            if line is not None:
                self._line(effect.subject.partition("/")[2], *line)
            if effect.kind is EffectKind.RAMP_STARTED:
                self._hint()

    def records(self, found: Sequence[RequestRecord]) -> None:
        """Requests that ended; the ones that went as planned are no news."""
        for record in found:
            self._of_record(record)

    def _of_effect(self, effect: Effect) -> tuple[str, str] | None:
        told = _TOLD.get(effect.kind)
        return None if told is None else told(effect, self._policy_of(effect.subject.partition("/")[2]))

    def _of_record(self, record: RequestRecord) -> None:
        path = _path(record)
        if len(path) < 2 and record.result in _NO_NEWS:
            return
        key = (record.result.value, *path)
        now = self._monotonic()
        if now - self._shown.get(key, -SHOW_EVERY_S) < SHOW_EVERY_S:
            self._left_out[key] = self._left_out.get(key, 0) + 1
            return
        self._shown[key] = now
        more = self._left_out.pop(key, 0)
        also = f"  (and {more} more like it)" if more else ""
        self._line(f"req {record.request_id[:6]}", " -> ".join(path) or record.pool, _ending(record) + also)
        if len(path) > 1:
            self.last_failover = record.request_id

    def _line(self, subject: str, what: str, detail: str) -> None:
        at = self._monotonic() - self._since
        self._say(f"{at:5.1f}s  {subject:{SUBJECT_WIDTH}} {what:{WHAT_WIDTH}} {detail}".rstrip())

    def _hint(self) -> None:
        if self.last_failover and self.last_failover != self._told:
            self._told = self.last_failover
            self._say(
                f"        explain the last failover:  interlock explain {self.last_failover[:6]}{self._where}"
            )


_NO_NEWS: Final = {Result.ANSWERED, Result.CLIENT_ABORT, Result.SHUTDOWN, Result.UPSTREAM_REFUSED}


def _path(record: RequestRecord) -> list[str]:
    """The targets in the order they were called, each once; the loser of a race is no news."""
    return list(path(record.attempts))


def _ending(record: RequestRecord) -> str:
    if record.result is Result.ANSWERED:
        return f"answered in {record.duration_ms} ms, the client saw nothing"
    if record.result is Result.BROKEN:
        return f"broke off after its first content ({record.reason}), the client was told in-band"
    failed = sum(attempt.outcome is Outcome.FAILED for attempt in record.attempts)
    return f"failed with {record.status}: {record.reason or record.result} after {failed} failed attempts"


def _opened(effect: Effect, _: TargetPolicy) -> tuple[str, str]:
    rest = seconds(max(0, (effect.until_ms or effect.at_ms) - effect.at_ms))
    shape = "all shapes" if effect.shape == ALL_SHAPES else effect.shape
    if effect.provenance is Provenance.OPERATOR:
        return "operator", f"cooled {rest} for {shape}"
    count = f" x{len(effect.evidence)}" if len(effect.evidence) > 1 else ""
    what = f"{effect.failure or 'failing'}{count}"
    stated = ", as the upstream asked" if effect.provenance is Provenance.STATED else ""
    doubled = (
        "" if not effect.level else ", doubled" if effect.level == 1 else f", doubled {effect.level} times"
    )
    return what, f"cooled {rest} for {shape}{stated}{doubled}"


def _half_open(_: Effect, policy: TargetPolicy) -> tuple[str, str]:
    return "half-open", f"one probe each {seconds(policy.half_open.probe_interval_ms)} until a verdict"


def _ramp(_: Effect, policy: TargetPolicy) -> tuple[str, str]:
    half_open = policy.half_open
    return "recovered", f"ramp {half_open.ramp_from:.0%} -> 100% over {seconds(half_open.ramp_ms)}"


def _ended(effect: Effect, _: TargetPolicy) -> tuple[str, str] | None:
    # A rest that ran out is told as half-open, one that a success ended as recovered.
    ends = {EndedWhy.OPERATOR: "restored by an operator", EndedWhy.REDEFINED: "its definition changed"}
    return ("cooldown over", ends[effect.why]) if effect.why in ends else None


_TOLD: Final[dict[EffectKind, Callable[[Effect, TargetPolicy], tuple[str, str] | None]]] = {
    EffectKind.COOLDOWN_OPENED: _opened,
    EffectKind.COOLDOWN_EXTENDED: _opened,
    EffectKind.COOLDOWN_ENDED: _ended,
    EffectKind.PROBE_WINDOW_OPENED: _half_open,
    EffectKind.RAMP_STARTED: _ramp,
    EffectKind.RAMP_ENDED: lambda *_: ("back", "takes its full share again"),
    EffectKind.TARGET_OUT: lambda effect, _: ("out", f"{effect.failure}: one recheck each 5 min"),
    EffectKind.TARGET_BACK: lambda *_: ("back", "found again"),
    EffectKind.CREDENTIAL_SUSPECT: lambda effect, _: (
        "credential refused",
        f"{effect.failure}: check the key",
    ),
    EffectKind.CREDENTIAL_PROVED: lambda *_: ("credential works", "its targets are in use again"),
    EffectKind.STATE_EXPIRED: lambda *_: ("enabled", "the operator's time is over"),
    EffectKind.GATEWAY_LOST: lambda *_: ("lost", "no report for 10 s"),
}


def seconds(ms: int) -> str:
    """`3.0s`, `15s`, `2 min`."""
    if ms >= 120_000:
        return f"{ms / 60_000:.0f} min"
    return f"{ms / 1000:.0f}s" if ms >= 10_000 else f"{ms / 1000:.1f}s"

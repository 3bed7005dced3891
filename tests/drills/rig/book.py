"""What must be in force, kept by hand: a few dictionaries beside the program under test.

Rule: the book knows what operators said and when the log recorded it, and the learned rests as the log folds;
what the control plane answers after a restart is held against it, times within a second. An end that is
closer than half a second is neither expected nor forbidden.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from time import time_ns
from typing import Any, Final, TypeVar

from msgspec import Struct, field

from interlock_domain.projection.state import State
from interlock_testing.waiting import until
from tests.drills.rig.report import Findings
from tests.drills.rig.word import Word

T = TypeVar("T")

CLOSE_MS: Final = 500
SHORT_MS: Final = 300
"""A read that took longer does not say when its answer was true."""
READ_S: Final = 60.0
RIGHT_S: Final = 1.0
FAR_MS: Final = 3_000
"""Beyond every slot and ramp of the drill's policy, so that the longest rest decides what is shown."""
SHAPES: Final = ("text", "tools")

IN_FORCE: Final = "states and cooldowns are in force after a restart"
IN_TIME: Final = "the remaining time is right within 1 s"
OVER: Final = "what is over or lifted is not in force"


async def moment(read: Callable[[], Awaitable[T]]) -> tuple[T, int]:
    """What a read gave, and when (wall ms): the first one that the machine did not hold up."""

    async def soon() -> tuple[T, int] | None:
        began_ms = time_ns() // 1_000_000
        found = await read()
        now_ms = time_ns() // 1_000_000
        return (found, now_ms) if now_ms - began_ms <= SHORT_MS else None

    found: tuple[T, int] = await until(soon, timeout_s=READ_S, what="a read that takes no time")
    return found


class Manual(Struct, frozen=True):
    """A state that an operator set; `until_ms` None: until changed."""

    state: str
    reason: str
    until_ms: int | None

    def holds(self, now_ms: int) -> bool | None:
        """In force at that moment? None: too close to tell."""
        if self.state == "enabled":
            return False
        if self.until_ms is None or self.until_ms > now_ms + CLOSE_MS:
            return True
        return False if self.until_ms < now_ms - CLOSE_MS else None


class Book(Struct, kw_only=True):
    """`states` by `target/<id>`, `provider/<name>`, `pool/<name>/<target>`; `rests` by target and shape."""

    states: dict[str, Manual] = field(default_factory=dict)
    rests: dict[tuple[str, str], int] = field(default_factory=dict)
    checked: dict[str, int] = field(default_factory=dict)
    worst_s: float = 0.0

    def enter(self, word: Word) -> None:
        """A word that stands in the log."""
        data, at_ms = word.data, word.recorded_ms or 0
        if word.type == "CooldownSet":
            self.rests[data["target"], data["shape"]] = at_ms + data["duration_ms"]
        elif word.type == "CooldownLifted":
            lifted = {"*", data["shape"]} if data["shape"] == "*" else {data["shape"]}
            for key in [
                k for k in self.rests if k[0] == data["target"] and ("*" in lifted or k[1] in lifted)
            ]:
                del self.rests[key]
        else:
            expires = data.get("expires_in_ms")
            until = None if expires is None else at_ms + expires
            self.states[_key(word)] = Manual(data["state"], word.reason, until)

    def compare(self, shown: Mapping[str, Any], state: State, now_ms: int, findings: Findings) -> None:
        """Hold `/state` of a fresh start against the book and the learned rests."""
        manual = dict(_shown_states(shown))
        for key, expected in self.states.items():
            self._compare_state(key, expected, manual.get(key), now_ms, findings)
        for target in shown["targets"]:
            for shape, seen in target["shapes"].items():
                if shape in SHAPES:
                    self._compare_rests(
                        target["id"], shape, seen, self._holding(target["id"], shape, state), now_ms, findings
                    )

    def _compare_state(
        self, key: str, expected: Manual, seen: dict[str, Any] | None, now_ms: int, findings: Findings
    ) -> None:
        holds = expected.holds(now_ms)
        if holds is None:
            return
        if not holds:
            findings.check(OVER, held=seen is None, seen=(key, expected, seen))
            return
        self._count("manual states")
        same = seen is not None and (seen["state"], seen["reason"]) == (expected.state, expected.reason)
        findings.check(IN_FORCE, held=same, seen=(key, expected, seen))
        if same and seen is not None and expected.until_ms is not None:
            self._time(key, seen["remaining_s"], expected.until_ms, now_ms, findings)
        elif same and seen is not None:
            findings.check(IN_TIME, held=seen["remaining_s"] is None, seen=(key, seen))

    def _compare_rests(
        self,
        target: str,
        shape: str,
        seen: dict[str, Any],
        holding: dict[str, int],
        now_ms: int,
        findings: Findings,
    ) -> None:
        reasons = set(seen["reasons"])
        for reason, until_ms in holding.items():
            if until_ms > now_ms + CLOSE_MS:
                self._count(f"{reason.removeprefix('cooldown_')} cooldowns")
                findings.check(
                    IN_FORCE, held=reason in reasons, seen=(target, shape, reason, until_ms - now_ms, seen)
                )
        running = {reason for reason in reasons if reason.startswith("cooldown_")}
        ended = running - {reason for reason, until_ms in holding.items() if until_ms > now_ms - CLOSE_MS}
        findings.check(OVER, held=not ended, seen=(target, shape, ended, seen))
        states = [
            self.states.get(f"target/{target}"),
            self.states.get(f"provider/{target.partition('/')[0]}"),
        ]
        standing = [one for one in states if one is not None and one.holds(now_ms) is not False]
        if any(one.until_ms is None for one in standing) or not holding:
            return
        last = max([*holding.values(), *(one.until_ms for one in standing if one.until_ms is not None)])
        if last > now_ms + FAR_MS:
            self._time(f"{target} {shape}", seen["remaining_s"], last, now_ms, findings)

    def _holding(self, target: str, shape: str, state: State) -> dict[str, int]:
        """Reason code -> end, of every rest of that shape or of all."""
        found: dict[str, int] = {}
        for known in ("*", shape):
            if (target, known) in self.rests:
                _longest(found, "cooldown_operator", self.rests[target, known])
            row = state.targets[target].learned.get(known) if target in state.targets else None
            if row is not None and row.returned_ms is None:
                _longest(found, f"cooldown_{row.provenance.value}", row.until_ms)
        return found

    def _time(self, what: str, shown_s: float | None, until_ms: int, now_ms: int, findings: Findings) -> None:
        off = abs((shown_s if shown_s is not None else 1e6) - (until_ms - now_ms) / 1000)
        self._count("remaining times")
        self.worst_s = max(self.worst_s, round(off, 3))
        findings.check(IN_TIME, held=off <= RIGHT_S, seen=(what, shown_s, until_ms - now_ms))

    def _count(self, what: str) -> None:
        self.checked[what] = self.checked.get(what, 0) + 1


def _longest(found: dict[str, int], reason: str, until_ms: int) -> None:
    found[reason] = max(found.get(reason, 0), until_ms)


def _key(word: Word) -> str:
    data = word.data
    if word.type == "MemberStateSet":
        return f"pool/{data['pool']}/{data['target']}"
    return f"target/{data['target']}" if "target" in data else f"provider/{data['provider']}"


def _shown_states(shown: Mapping[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Every operator's state that `/state` shows, by the book's keys."""
    listed = [(f"target/{one['id']}", one) for one in shown["targets"]]
    listed += [(f"provider/{one['name']}", one) for one in shown["providers"]]
    listed += [
        (f"pool/{pool['name']}/{one['target']}", one) for pool in shown["pools"] for one in pool["members"]
    ]
    return [(key, one["set_by"]) for key, one in listed if one["set_by"] is not None]

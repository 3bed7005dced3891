"""What two moments of the routing state show differently.

Rule: the same answers that people see at either moment are compared, thing by thing; what merely counts
down (remaining seconds, ages) is no difference. Dropped: comparing rows, which shows deadlines where people
ask what may be called.
"""

from typing import Any, Final

import msgspec

from interlock_control.answers import Changed, DiffAnswer
from interlock_control.scene import Scene
from interlock_control.showing import Kind, shown

_KINDS: Final = (Kind.TARGETS, Kind.POOLS, Kind.PROVIDERS)
_COUNTING: Final = frozenset(("remaining_s", "recheck_in_s"))
_NAMES: Final = ("id", "name")


def difference(before: Scene, after: Scene) -> DiffAnswer:
    """Everything that differs, in the order of the later catalog, what is gone last."""
    changed: list[Changed] = []
    for kind in _KINDS:
        old, new = _things(before, kind), _things(after, kind)
        for name in (*new, *(name for name in old if name not in new)):
            was, became = old.get(name), new.get(name)
            if was != became:
                changed.append(Changed(kind=kind.value.removesuffix("s"), id=name, before=was, after=became))
    return DiffAnswer(
        from_position=before.state.position, to_position=after.state.position, changed=tuple(changed)
    )


def _things(scene: Scene, kind: Kind) -> dict[str, Any]:
    """Answers by id or name, as plain values without countdowns."""
    plain = msgspec.to_builtins(shown(scene, kind))
    return {next(thing[name] for name in _NAMES if name in thing): _still(thing) for thing in plain}


def _still(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _still(inner) for key, inner in value.items() if key not in _COUNTING}
    return [_still(inner) for inner in value] if isinstance(value, list | tuple) else value

"""Who is worth a call after a failure: the plan's order, but for two things that a failure can teach.

Rules (E2, D1):
- A prompt that was too long for one target goes only to targets that declare a larger window, in the plan's
  order. A target that declares none may be as small; one that refused without having declared anything has
  said by that how small it is.
- After a failure that can be the software's, the next call goes to another version of it, where versions are
  declared: the same request may well meet the same bug. This is a preference and excludes nobody: a target in
  doubt is never put first for it, and the rest follow in the plan's order.

Dropped: deciding anew with what was learnt. Then no single value could say why a request went where it went.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from interlock_domain.words import FailureClass

_OF_SOFTWARE: Final = frozenset(
    (
        FailureClass.SERVER_ERROR,
        FailureClass.DISCONNECT,
        FailureClass.TIMEOUT,
        FailureClass.TRUNCATED,
        FailureClass.MALFORMED,
    )
)
"""What a bug in the serving software looks like; limits, credentials and names are nobody's bug."""


class Ahead(Struct, frozen=True, kw_only=True):
    """A candidate as these rules see it: what its target declares, and whether the plan trusts it."""

    target: str
    window: int | None = None
    """Declared context window, in tokens."""
    version: str | None = None
    """Declared version of the serving software."""
    eligible: bool = True


def with_room(left: Sequence[Ahead], too_small: Ahead) -> tuple[str, ...]:
    """The targets that a prompt may fit which was too long for one; none: it is the caller's to shorten."""
    least = too_small.window or 0
    return tuple(one.target for one in left if one.window is not None and one.window > least)


def preferred(left: Sequence[Ahead], failed: Ahead, failure: FailureClass) -> tuple[str, ...]:
    """The targets that are left, another version of the software first."""
    targets = tuple(one.target for one in left)
    if failed.version is None or failure not in _OF_SOFTWARE or not left or left[0].version != failed.version:
        return targets
    other = (one.target for one in left if one.eligible and one.version not in (None, failed.version))
    first = next(other, None)
    return targets if first is None else (first, *(target for target in targets if target != first))

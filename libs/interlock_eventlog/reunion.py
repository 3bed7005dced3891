"""One history again: what a restored journal has to take back from the log. Pure.

Rule: the log wins, because gateways route by its fold; a decision that stands there and not in the journal
was accepted by a journal that is gone, and is taken back under its own id and version. Only whole batches
are, and only next versions: exactly what the fold itself applied. A journal that decided otherwise meanwhile
is not mended: the fold keeps the first of two decisions of one version, so the second never was in force.

Dropped: listing the decisions and leaving them. Every later command on their streams would get a version that
the fold has seen already and passes over, so an accepted command would silently do nothing.
"""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from interlock_domain.recorded import BatchPart


class Decided(Struct, frozen=True, kw_only=True):
    """A decision as the log holds it; `body` is the envelope, whatever version of it."""

    position: int
    recorded_ms: int
    stream: str
    version: int
    id: str
    type: str
    body: bytes
    batch: BatchPart | None = None
    actor: str | None = None


class TakenBack(Struct, frozen=True, kw_only=True):
    """What to take back, in order, and what no fold can apply either."""

    taken: tuple[Decided, ...] = ()
    left: tuple[Decided, ...] = ()
    """Of a batch that is not whole, or behind a version that is missing."""


class Agreement(Struct, frozen=True, kw_only=True):
    """What one look at both found. `same`: the log is the one that the journal's notes are about."""

    same: bool
    begin: int
    """Position before the first record that is still there."""
    end: int
    """The log's last position."""
    last: int = 0
    """Where the journal's last note says that a decision stands; 0 without any note."""


class Reunited(Struct, frozen=True, kw_only=True):
    """What was done. `valid`: up to there the log is what the views may have folded."""

    agreement: Agreement
    valid: int
    taken: tuple[tuple[int, Decided], ...] = ()
    """What the journal took back, with the positions that it gave."""
    left: tuple[Decided, ...] = ()
    again: int = 0
    """How many decisions wait to be published again."""


class Divided(Exception):
    """Journal and log hold different decisions as one version of a stream; one sentence for the operator."""


def take_back(found: Sequence[Decided], *, known: Collection[str], versions: Mapping[str, int]) -> TakenBack:
    """Judge the log's decisions, in its order. `known`: ids of the journal; `versions`: of its streams."""
    stand = dict(versions)
    taken: list[Decided] = []
    left: list[Decided] = []
    for unit in _units(found):
        fresh = [one for one in unit if one.id not in known]
        if not fresh:
            continue
        after = _after(stand, fresh) if _is_whole(unit) else None
        if after is None:
            left += fresh
        else:
            stand.update(after)
            taken += fresh
    return TakenBack(taken=tuple(taken), left=tuple(left))


def first_copies(found: Sequence[Decided]) -> list[Decided]:
    """The relay may send a decision again; the fold applies the first copy."""
    firsts: dict[str, Decided] = {}
    for one in found:
        firsts.setdefault(one.id, one)
    return list(firsts.values())


def _units(found: Sequence[Decided]) -> list[list[Decided]]:
    """Batches and single decisions, in the order in which they begin."""
    units: dict[str, list[Decided]] = {}
    for one in first_copies(found):
        units.setdefault(one.batch.id if one.batch is not None else one.id, []).append(one)
    return list(units.values())


def _is_whole(unit: Sequence[Decided]) -> bool:
    batch = unit[0].batch
    return batch is None or len(unit) == batch.size


def _after(versions: Mapping[str, int], unit: Sequence[Decided]) -> dict[str, int] | None:
    """The streams' versions afterwards; None when one before them is missing."""
    after: dict[str, int] = {}
    for one in unit:
        stands = after.get(one.stream, versions.get(one.stream, 0))
        if one.version <= stands:
            raise Divided(
                f"the journal holds another decision as {one.stream} version {one.version} than the log at "
                f"position {one.position}: control planes ran on the restored database; stop them, restore "
                "the copy again, and run `interlock migrate --new-generation` before they start"
            )
        if one.version > stands + 1:
            return None
        after[one.stream] = one.version
    return after

"""The view store port: a projection's rows, its position and what it observed, changed together.

Rule: rows, effects and position move in one transaction guarded by the old position and the
owner's epoch, so a paused former owner can write nothing. A checkpoint (saved fold state) is a
cache: a missing or unreadable one means folding again, never an error.
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct, field

from interlock_domain.projection.effects import Effect


class Placed(Protocol):
    """Where a record stands in the brokers' topics."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def recorded_ms(self) -> int: ...


class AsItCame(Protocol):
    """A record's bytes."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def headers(self) -> tuple[tuple[str, bytes], ...]: ...
    @property
    def value(self) -> bytes | None: ...


class DeadLetter(Placed, AsItCame, Protocol):
    """A record that the log's reader had to pass over: its place, its bytes, and why.

    Described by its shape, because the reader that makes it stands beside this library, not below it.
    """

    @property
    def reason(self) -> str:
        """One word of a closed set."""
        ...

    @property
    def detail(self) -> str:
        """What exactly, for people."""
        ...


class ViewCommit(Struct, frozen=True, kw_only=True):
    """One step of a projection from `expected_position` to `position`; None removes a row.

    `dead_letters` are kept where there is a table of them (a cluster) and once each, however often told.
    """

    projection: str
    epoch: int
    expected_position: int
    position: int
    rows: dict[str, bytes | None]
    effects: tuple[Effect, ...] = ()
    dead_letters: tuple[DeadLetter, ...] = ()


class Checkpoint(Struct, frozen=True, kw_only=True):
    """Saved fold state at a position; `schema` names the state's layout.

    `epoch` guards the saving as it guards a commit: a former owner saves nothing. 0: no guard, and what is
    read back.
    """

    projection: str
    epoch: int = 0
    schema: int
    position: int
    recorded_ms: int
    digest: str
    state: bytes


class ViewTable(Struct, frozen=True, kw_only=True):
    """All rows of a projection and the position they stand for (0 = nothing folded)."""

    position: int = 0
    rows: dict[str, bytes] = field(default_factory=dict)


class Views(Protocol):
    """At most six methods."""

    async def claim(self, projection: str) -> int:
        """Become the owner: returns a new epoch, higher than every earlier one."""
        ...

    async def load(self, projection: str) -> ViewTable:
        """The rows and position as last committed."""
        ...

    async def commit(self, step: ViewCommit) -> bool:
        """Write the step, all or nothing; False: position or epoch moved, the caller lost ownership."""
        ...

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint beside the earlier ones, and thin out old ones."""
        ...

    async def checkpoint(self, projection: str, *, at_or_before: int | None = None) -> Checkpoint | None:
        """The newest checkpoint, or the newest at or before a position."""
        ...

    async def transitions(
        self, *, subject: str | None = None, after: int = 0, limit: int = 500, newest: bool = False
    ) -> Sequence[Effect]:
        """Effects in log order (newest=True: latest first), of one subject or of all.

        `after` is the position where the previous page ended, in reading order: with newest=True the
        page goes on below it. A page ends between positions, so it may be a few longer than `limit`.
        """
        ...

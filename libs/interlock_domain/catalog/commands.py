"""What an operator, or the control plane in their name, may ask for.

A command says what is wanted; who asks and why travels beside it in the envelope of the events it leads
to. Durations are milliseconds; `expires_in_ms` None means until changed.
"""

from msgspec import Struct

from interlock_domain.catalog.config import Config
from interlock_domain.words import ALL_SHAPES, AdminState, FailureClass


class ApplyConfig(Struct, frozen=True, kw_only=True):
    """Make `config` the configuration; `base_revision` None: whatever the present one is."""

    config: Config
    digest: str
    origin: str
    """file, api or demo."""
    base_revision: int | None = None
    allow_removal: bool = False


class SetProviderState(Struct, frozen=True, kw_only=True):
    provider: str
    state: AdminState
    expires_in_ms: int | None = None


class SetTargetState(Struct, frozen=True, kw_only=True):
    target: str
    state: AdminState
    expires_in_ms: int | None = None


class SetPoolState(Struct, frozen=True, kw_only=True):
    pool: str
    state: AdminState
    expires_in_ms: int | None = None


class SetMemberState(Struct, frozen=True, kw_only=True):
    """For this pool's candidate only."""

    pool: str
    target: str
    state: AdminState
    expires_in_ms: int | None = None


class SetCooldown(Struct, frozen=True, kw_only=True):
    """Rest a target; shape `*` rests all its shapes."""

    target: str
    duration_ms: int
    shape: str = ALL_SHAPES


class LiftCooldown(Struct, frozen=True, kw_only=True):
    target: str
    shape: str = ALL_SHAPES


class QuarantineCredential(Struct, frozen=True, kw_only=True):
    """Follows CredentialSuspect: the upstream refuses this credential."""

    provider: str
    fingerprint: str
    failure: FailureClass
    recheck_ms: int
    evidence: tuple[int, ...] = ()


class ReleaseCredential(Struct, frozen=True, kw_only=True):
    provider: str
    fingerprint: str


Command = (
    ApplyConfig
    | SetProviderState
    | SetTargetState
    | SetPoolState
    | SetMemberState
    | SetCooldown
    | LiftCooldown
    | QuarantineCredential
    | ReleaseCredential
)

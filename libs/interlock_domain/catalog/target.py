"""A target: provider + exact upstream model; the unit that is called and cooled."""

from typing import Final

from msgspec import Struct

from interlock_domain.catalog.policy import TargetPolicy

CAPABILITIES: Final = ("tools", "vision", "audio", "json_schema")
"""What a request may need and a target may declare; closed, so that a slip cannot exclude a target."""


class Target(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Declared facts about one exact model; id is `provider/model`.

    `capabilities` None: nothing is assumed missing. `streams` False: it gives whole answers only. `policy`
    None: the global fold-side policy.
    """

    id: str
    provider: str
    model: str
    upstream_model: str | None = None
    capabilities: tuple[str, ...] | None = None
    context_window: int | None = None
    max_in_flight: int | None = None
    software_version: str | None = None
    accepts_prefill: bool = False
    streams: bool | None = None
    template_ok: bool | None = None
    tier: str = "paid"
    policy: TargetPolicy | None = None


def target_id(provider: str, model: str) -> str:
    """`provider/model`; the model itself may contain slashes."""
    return f"{provider}/{model}"


def split_target_id(target: str) -> tuple[str, str]:
    """(provider, model) of a target id; model is empty when there is no slash."""
    provider, _, model = target.partition("/")
    return provider, model

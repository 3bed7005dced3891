"""Gateway keys and admins: names, hashes and what they may reach; never a raw key."""

from msgspec import Struct


class GatewayKey(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A client's key at the gateway; `pools` None: all pools and exact targets."""

    name: str
    sha256: str
    pools: tuple[str, ...] | None = None
    max_in_flight: int | None = None
    max_rps: float | None = None


class Admin(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An admin token's name and role: viewer, operator, admin or gateway."""

    name: str
    role: str
    sha256: str


class Alert(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A webhook to call on transitions; `secret` is a reference (env:NAME or file:PATH)."""

    url: str
    on: tuple[str, ...] = ()
    secret: str | None = None

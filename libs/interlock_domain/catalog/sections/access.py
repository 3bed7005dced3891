"""Sections `keys`, `admins` and `alerts`: who may call, who may change things, who is told.

Rule: keys and tokens are kept as SHA-256 only. Whatever else stands in `sha256` may be a raw key, so
the message never repeats it.
"""

from typing import Any, Final

from msgspec import Struct

from interlock_domain.catalog.issue import IssueCode
from interlock_domain.catalog.key import Admin, Alert, GatewayKey
from interlock_domain.catalog.kinds.blocks import Block, Key, ListOf, optional
from interlock_domain.catalog.kinds.place import REFUSED, JsonSchema, Place, Plain
from interlock_domain.catalog.kinds.references import ReferenceText, Url
from interlock_domain.catalog.kinds.scalars import Choice, Name, Number, Whole

_HEX: Final = frozenset("0123456789abcdef")
ALERT_EVENTS: Final = ("cooldown", "quarantine", "freeze", "dead_letter", "stale")
ROLES: Final = ("viewer", "operator", "admin", "gateway")


class Sha256(Plain, Struct, frozen=True):
    """The SHA-256 of a key, in hex."""

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        if not isinstance(raw, str) or len(raw) != 64 or not _HEX.issuperset(raw.lower()):
            hint = 'Hash the key first: printf %s "$KEY" | sha256sum. Put the 64 digits into quotes.'
            return place.refuse(IssueCode.LITERAL_SECRET, f"{place.words} wants {self.words}", hint)
        return raw.lower()

    def write(self, value: str) -> object:
        return value

    def schema(self) -> JsonSchema:
        return {"type": "string", "pattern": "^[0-9A-Fa-f]{64}$"}

    @property
    def words(self) -> str:
        return "64 hex digits, the SHA-256 of the key"


def _key(pools: tuple[str, ...] | None) -> Block[GatewayKey]:
    return Block(
        GatewayKey,
        (
            Key("name", Name("the name of a key"), "Whose key it is", required=True),
            Key("sha256", Sha256(), "SHA-256 of the key", required=True),
            Key(
                "pools",
                optional(ListOf(Name("the name of a pool", pools), what="pool")),
                "Pools it may use; absent: all pools and exact targets",
            ),
            Key(
                "max_in_flight",
                optional(Whole(1)),
                "Concurrent requests at each gateway; its workers share them",
            ),
            Key(
                "max_rps",
                optional(Number(0.0, 1_000_000.0, above=True)),
                "Requests per second at each gateway; its workers share them",
            ),
        ),
    )


_ADMIN = Block(
    Admin,
    (
        Key(
            "name",
            Name("the name of an admin"),
            "Who acts; for role `gateway` the gateway's id",
            required=True,
        ),
        Key("role", Choice(ROLES), "What they may do", required=True),
        Key("sha256", Sha256(), "SHA-256 of the token", required=True),
    ),
)

_ALERT = Block(
    Alert,
    (
        Key("url", Url(), "Where to post", required=True),
        Key("secret", ReferenceText(), "Signs the request"),
        Key("on", ListOf(Choice(ALERT_EVENTS)), "What to tell; empty: everything"),
    ),
)


class _Whole(Struct, frozen=True):
    """An entry that exists only when its required keys could be read."""

    block: Block[Any]

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        given = self.block.given(raw, place)
        if given is REFUSED or any(key.attribute not in given for key in self.block.keys if key.required):
            return REFUSED
        return self.block.struct(**given)

    def write(self, value: Any) -> object:
        return self.block.write(value)

    def schema(self) -> JsonSchema:
        return {**self.block.schema(), "type": "object"}

    @property
    def words(self) -> str:
        return self.block.words

    @property
    def inside(self) -> Block[Any]:
        return self.block


def keys(pools: tuple[str, ...] | None) -> ListOf:
    """The section; `pools` are those that exist, None: not checked."""
    return ListOf(_Whole(_key(pools)), identity=lambda key: key.name, what="key")


ADMINS: Final = ListOf(_Whole(_ADMIN), identity=lambda admin: admin.name, what="admin")
ALERTS: Final = ListOf(_Whole(_ALERT), identity=lambda alert: alert.url, what="alert")

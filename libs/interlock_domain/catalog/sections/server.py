"""Sections `server` and `retention`: limits of one process, and how long stores keep what they hold."""

from typing import Final

from interlock_domain.catalog.kinds.blocks import Block, Key, ListOf, span
from interlock_domain.catalog.kinds.scalars import Size, Text, Whole
from interlock_domain.catalog.policy import Retention, ServerLimits

_HOUR_MS: Final = 3_600_000

SERVER: Final = Block(
    ServerLimits,
    (
        Key("max_body", Size(1024), "Largest request body"),
        Key("max_headers", Size(1024), "Largest request head"),
        Key("max_concurrent", Whole(1, 1_000_000), "Requests at once, per process"),
        span("drain", "Time that running requests get at a stop", low_ms=0),
        Key(
            "cors_origins",
            ListOf(
                Text(pattern=r"\*|https?://[!-.0-~]+", what="`*` or an origin such as https://example.org")
            ),
            "Browser origins that may call",
        ),
    ),
)

# No fold looks back further than minutes; an hour leaves room for a stopped projector to catch up.
RETENTION: Final = Block(
    Retention,
    (
        span("events", "The event log", low_ms=_HOUR_MS),
        span("requests", "Request records", low_ms=_HOUR_MS),
        span("transitions", "What the fold observed", low_ms=_HOUR_MS),
        Key("max_disk", Size(16 * 1024**2), "Disk for everything, when embedded"),
    ),
)

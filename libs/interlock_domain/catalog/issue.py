"""What is wrong in a configuration: one issue per mistake, with the path that leads to it.

Rule: reading a configuration never stops at the first mistake and never raises; every mistake becomes
an issue with a closed code, a sentence and a hint that says what to do. Positions in a file are not
known here: an issue names its path, and the reader of the file turns that into line and column.
Dropped: an exception per mistake, which shows people one mistake per attempt.
"""

from enum import StrEnum

from msgspec import Struct

Path = tuple[str | int, ...]

ENTITIES = {
    "providers": "provider",
    "targets": "target",
    "pools": "pool",
    "keys": "key",
    "admins": "admin",
    "alerts": "alert",
}
"""Sections whose entries have a name or a number of their own, and what one entry is called."""


class IssueCode(StrEnum):
    """Why a configuration is refused."""

    UNKNOWN_KEY = "unknown_key"
    MISSING = "missing"
    WRONG_TYPE = "wrong_type"
    BAD_VALUE = "bad_value"
    BAD_DURATION = "bad_duration"
    BAD_SIZE = "bad_size"
    OUT_OF_RANGE = "out_of_range"
    BAD_NAME = "bad_name"
    BAD_URL = "bad_url"
    BAD_MEMBER = "bad_member"
    LITERAL_SECRET = "literal_secret"
    UNKNOWN_PROVIDER = "unknown_provider"
    UNKNOWN_POOL = "unknown_pool"
    DUPLICATE = "duplicate"
    EMPTY_POOL = "empty_pool"
    WRONG_SCOPE = "wrong_scope"
    NOT_AVAILABLE = "not_available"


class Issue(Struct, frozen=True, kw_only=True):
    """One mistake. `on_key`: the key at the end of the path is wrong, not the value behind it."""

    path: Path
    code: IssueCode
    message: str
    hint: str = ""
    on_key: bool = False


def place_words(path: Path) -> str:
    """The path for people: `policy.attempts`, pool `chat`, `strategy` of pool `chat`."""
    if not path:
        return "the configuration"
    if path[0] not in ENTITIES or len(path) == 1:
        return f"`{dotted(path)}`"
    name = path[1]
    entity = f"{ENTITIES[str(path[0])]} {name + 1 if isinstance(name, int) else f'`{name}`'}"
    return entity if len(path) == 2 else f"`{dotted(path[2:])}` of {entity}"


def dotted(path: Path) -> str:
    """The steps of a path joined by dots; list places count from 1, as people do."""
    return ".".join(str(step + 1) if isinstance(step, int) else step for step in path)

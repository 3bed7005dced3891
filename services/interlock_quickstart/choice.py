"""Which configuration a start brings: the file's, the demo's, or what the journal holds already.

Rule: the file is applied when it is not the one applied last from a file; otherwise the journal wins, and
when it has moved on since, that is said. The demo comes only into an empty journal or over itself. Dropped:
applying the file at each start, which would undo what was applied through the API since.
"""

from msgspec import Struct

from interlock_domain.catalog.config import Config, config_digest, parse_config
from interlock_domain.catalog.declared import Declared
from interlock_runtime.config_file import LoadedConfig

DEMO = "demo"
FILE = "file"


class Apply(Struct, frozen=True, kw_only=True):
    """This configuration is to be applied."""

    config: Config
    digest: str
    origin: str


class JournalWins(Struct, frozen=True, kw_only=True):
    """Nothing is applied; `drift` says how the journal differs from the file, when it does."""

    drift: str | None = None


def choose(declared: Declared, file: LoadedConfig | None, demo: dict[str, object]) -> Apply | JournalWins:
    """The rule of a start."""
    if file is not None:
        return _with_file(declared, file)
    if declared.revision == 0 or declared.origin == DEMO:
        return _with_demo(declared, demo)
    return JournalWins()


def is_demo(declared: Declared, file: LoadedConfig | None) -> bool:
    """Whether a start without anything else would run the demo."""
    return file is None and (declared.revision == 0 or declared.origin == DEMO)


def _with_file(declared: Declared, file: LoadedConfig) -> Apply | JournalWins:
    if file.digest != declared.file_digest:
        return Apply(config=file.config, digest=file.digest, origin=FILE)
    if declared.origin == FILE:
        return JournalWins()
    drift = (
        f"the file is as it was when it was last applied, but revision {declared.revision} came by "
        f"{declared.origin} since: the journal wins; change the file to apply it again"
    )
    return JournalWins(drift=drift)


def _with_demo(declared: Declared, demo: dict[str, object]) -> Apply | JournalWins:
    digest = config_digest(demo)
    if declared.origin == DEMO and declared.digest == digest:
        return JournalWins()
    config = parse_config(demo)
    assert isinstance(config, Config), config  # the demo is ours
    return Apply(config=config, digest=digest, origin=DEMO)

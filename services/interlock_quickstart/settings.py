"""What quickstart is told: options of the command line over variables of the environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from interlock_runtime.settings import RuntimeSettings, SettingsProblem, misspelt, runtime_settings

CONFIG_NAME: Final = "interlock.yaml"
QUIET: Final = "WARNING"
"""Level of the log unless somebody sets one: the live view says what happens, the log what is wrong."""


class Options(Struct, frozen=True, kw_only=True):
    """The options of the command line; `config` None: the current folder's interlock.yaml, or the demo."""

    data_dir: Path
    config: Path | None = None
    port: int = 8080
    control_port: int = 8081
    allow_removal: bool = False


class Environment(Struct, frozen=True, kw_only=True):
    """The environment as quickstart uses it; `variables` only so that secrets can be looked up."""

    runtime: RuntimeSettings
    log_level: str
    misspelt: tuple[SettingsProblem, ...]
    variables: Mapping[str, str]

    def __repr__(self) -> str:
        """Without the variables: some of them are secrets."""
        return f"Environment(runtime={self.runtime!r}, ...)"


def read_environment() -> Environment | tuple[SettingsProblem, ...]:
    """The process environment, or everything that is wrong with it."""
    variables = dict(os.environ)
    runtime = runtime_settings(variables)
    if isinstance(runtime, tuple):
        return runtime
    return Environment(
        runtime=runtime,
        log_level=runtime.log_level if variables.get("INTERLOCK_LOG_LEVEL") else QUIET,
        misspelt=misspelt(variables),
        variables=variables,
    )

"""What one gateway process is told: by its command line, by its supervisor, and by its environment.

The order goes to a worker as JSON on its standard input: settings hold secrets, and arguments are for all to
read. The environment itself is inherited, because provider credentials are looked up in it by name.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from interlock_runtime.settings import RuntimeSettings

FOLDER: Final = "gateway"
"""Below the data folder, so that a projector or control plane of the same machine may have the same one."""


class Order(Struct, frozen=True, kw_only=True):
    """One worker's part. `worker` 0: the only one of its gateway; several count from 1."""

    settings: RuntimeSettings
    host: str
    port: int
    worker: int = 0
    workers: int = 1

    def __repr__(self) -> str:
        """Without the settings' values."""
        return f"Order({self.settings!r}, {self.host}:{self.port}, worker={self.worker})"

    @property
    def folder(self) -> Path:
        """Where the gateway keeps its files, all workers of it."""
        return Path(self.settings.data_dir) / FOLDER

    @property
    def snapshot_file(self) -> Path:
        """Where this worker keeps its last known good table."""
        return self.folder / (f"last-known-good-{self.worker}" if self.worker else "last-known-good")

    @property
    def url(self) -> str:
        """Where clients call."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def variables() -> Mapping[str, str]:
    """The environment, for secrets and proxies."""
    return dict(os.environ)

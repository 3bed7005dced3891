"""What a start needs before anything runs: a good configuration, the data folder, both ports.

Rule: the cheap refusals come first and nothing is written before they are over; each is a sentence. A file
with mistakes never falls back to an older configuration, because nobody would notice.
"""

import socket
from pathlib import Path

from msgspec import Struct

from interlock_quickstart.listen import PortRefused, listen, port_of
from interlock_quickstart.settings import CONFIG_NAME, Options
from interlock_runtime.config_file import LoadedConfig, load_config
from interlock_runtime.data_dir import DataDir, Held


class Refused(Struct, frozen=True):
    """Why this start ends here; every line is for people."""

    lines: tuple[str, ...]


class Ground(Struct, kw_only=True):
    """What is ours until the end: the file as read (None: there is none), the folder, the sockets."""

    file: LoadedConfig | None
    file_name: str
    data_dir: DataDir
    gateway: socket.socket
    control: socket.socket

    @property
    def gateway_url(self) -> str:
        """Where clients call."""
        return f"http://127.0.0.1:{port_of(self.gateway)}"

    @property
    def control_url(self) -> str:
        """Where the control plane is."""
        return f"http://127.0.0.1:{port_of(self.control)}"

    def release(self) -> None:
        """Give everything up; what a server closed already is closed twice."""
        self.gateway.close()
        self.control.close()
        self.data_dir.release()


def prepare(options: Options) -> Ground | Refused:
    """Everything that may be refused without having touched the log."""
    path = options.config or Path(CONFIG_NAME)
    file: LoadedConfig | None = None
    if options.config is not None or path.exists():
        loaded = load_config(path)
        if not isinstance(loaded, LoadedConfig):
            return Refused(tuple(map(str, loaded)))
        file = loaded
    held = _owned(options.data_dir)
    if isinstance(held, Refused):
        return held
    listening = _sockets(options)
    if isinstance(listening, Refused):
        held.release()
        return listening
    gateway, control = listening
    return Ground(file=file, file_name=path.name, data_dir=held, gateway=gateway, control=control)


def _owned(path: Path) -> DataDir | Refused:
    try:
        held = DataDir.acquire(path)
    except OSError as error:
        reason = (error.strerror or "error").lower()
        return Refused((f"the data folder {path} cannot be used ({reason}): choose another with --data-dir",))
    return Refused((held.message,)) if isinstance(held, Held) else held


def _sockets(options: Options) -> tuple[socket.socket, socket.socket] | Refused:
    gateway = listen(options.port, option="--port")
    if isinstance(gateway, PortRefused):
        return Refused((gateway.sentence,))
    control = listen(options.control_port, option="--control-port")
    if isinstance(control, PortRefused):
        gateway.close()
        return Refused((control.sentence,))
    return gateway, control

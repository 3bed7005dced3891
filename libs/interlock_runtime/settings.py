"""Process settings: the environment, read once, by name, in one place.

Rule: only composition roots call this, with the environment as an argument; nothing else reads it. All
mistakes are told at once. Dropped: a settings library; it costs a tenth of a second at the start of
every command, and these are a dozen plain values.
"""

import platform
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from msgspec import Struct

PREFIX: Final = "INTERLOCK_"
OF_FILE: Final = "_FILE"
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")


class SettingsProblem(Struct, frozen=True):
    """One variable that cannot be used; the message says what to do."""

    variable: str
    message: str

    def __str__(self) -> str:
        return f"{self.variable}: {self.message}"


class RuntimeSettings(Struct, frozen=True, kw_only=True):
    """What a process is told by its environment; every value has a default that works on one machine."""

    data_dir: str = ".interlock"
    database_url: str | None = None
    feed: str | None = None
    kafka_bootstrap: tuple[str, ...] = ()
    kafka_security_protocol: str = "PLAINTEXT"
    kafka_sasl_mechanism: str | None = None
    kafka_sasl_username: str | None = None
    kafka_sasl_password: str | None = None
    kafka_ca: str | None = None
    topic_prefix: str = "interlock"
    gateway_id: str
    admin_token: str | None = None
    control_url: str | None = None
    open: bool = False
    log_level: str = "INFO"

    def __repr__(self) -> str:
        """Without the values: three of them are or hold secrets."""
        return f"RuntimeSettings(data_dir={self.data_dir!r}, gateway_id={self.gateway_id!r}, ...)"


VARIABLES: Final = {
    "DATA_DIR": "Folder of an embedded run: database, lock, keys",
    "DATABASE_URL": "`postgresql://user@host:5432/db` or `sqlite:///path`",
    "DATABASE_URL_FILE": "File that holds the address of the database, instead of the address itself",
    "FEED": "Where a gateway follows the state: `kafka` or `http(s)://control:8081`",
    "KAFKA_BOOTSTRAP": "`host:port,host:port`",
    "KAFKA_SECURITY_PROTOCOL": "`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`",
    "KAFKA_SASL_MECHANISM": "`PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`",
    "KAFKA_SASL_USERNAME": "Name for SASL",
    "KAFKA_SASL_PASSWORD": "Password for SASL",
    "KAFKA_SASL_PASSWORD_FILE": "File that holds the password for SASL, instead of the password itself",
    "KAFKA_CA": "File with the certificate authority",
    "TOPIC_PREFIX": "What the names of all topics start with: another one makes another cell",
    "GATEWAY_ID": "Name of this gateway; the host's name when not set",
    "ADMIN_TOKEN": "Token for the control plane",
    "CONTROL_URL": "Control plane that the command line talks to",
    "OPEN": "`1`: a gateway without gateway keys serves whoever reaches its port, on any address",
    "LOG_LEVEL": "`DEBUG`, `INFO`, `WARNING` or `ERROR`",
}

_PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_CHECKS: Final = {
    "DATABASE_URL": (r"(postgresql|sqlite)://.+", "wants postgresql://user@host:5432/db or sqlite:///path"),
    "FEED": (r"kafka|https?://.+", "wants `kafka` or the address of a control plane"),
    "KAFKA_BOOTSTRAP": (r"[^\s,]+:\d+(,[^\s,]+:\d+)*", "wants host:port, several with commas"),
    "KAFKA_SECURITY_PROTOCOL": ("|".join(_PROTOCOLS), f"wants {', '.join(_PROTOCOLS)}"),
    "KAFKA_SASL_MECHANISM": ("|".join(_MECHANISMS), f"wants {', '.join(_MECHANISMS)}"),
    "TOPIC_PREFIX": (r"[A-Za-z0-9._-]{1,200}", "wants letters, digits and - _ . only"),
    "GATEWAY_ID": (r"[A-Za-z0-9._:-]{1,200}", "wants letters, digits and - _ . : only"),
    "CONTROL_URL": (r"https?://.+", "wants an address such as http://127.0.0.1:8081"),
    "OPEN": ("[01]", "wants 1 or 0"),
    "LOG_LEVEL": ("|".join(LOG_LEVELS), f"wants {', '.join(LOG_LEVELS)}"),
}


def runtime_settings(
    environ: Mapping[str, str], *, host: str | None = None
) -> RuntimeSettings | tuple[SettingsProblem, ...]:
    """The settings, or everything that is wrong with them. An empty variable counts as not set."""
    given = {name: value for name in VARIABLES if (value := environ.get(PREFIX + name, ""))}
    if "LOG_LEVEL" in given:
        given["LOG_LEVEL"] = given["LOG_LEVEL"].upper()
    problems = _read_files(given)
    problems += [problem for name, value in given.items() if (problem := _problem(name, value)) is not None]
    problems += _incomplete(given)
    if problems:
        return tuple(problems)
    values: dict[str, object] = {name.lower(): value for name, value in given.items()}
    if "KAFKA_BOOTSTRAP" in given:
        values["kafka_bootstrap"] = tuple(given["KAFKA_BOOTSTRAP"].split(","))
    if "OPEN" in given:
        values["open"] = given["OPEN"] == "1"
    values.setdefault("gateway_id", host_id(host if host is not None else platform.node()))
    return RuntimeSettings(**values)  # type: ignore[arg-type]


def host_id(host: str) -> str:
    """A host's name as a gateway id: what an id may not hold becomes a dash."""
    return re.sub(r"[^A-Za-z0-9._:-]", "-", host)[:200] or "gateway"


def misspelt(environ: Mapping[str, str]) -> tuple[SettingsProblem, ...]:
    """Variables that look like one of ours but are none: worth a warning, never a refusal.

    Kubernetes sets variables of its own for every service in a namespace, `INTERLOCK_CONTROL_PORT` for
    one called interlock-control, so an unknown name alone says nothing.
    """
    found: list[SettingsProblem] = []
    for variable in sorted(environ):
        name = variable.removeprefix(PREFIX)
        near = get_close_matches(name, VARIABLES, n=1, cutoff=0.8) if variable.startswith(PREFIX) else []
        if near and name not in VARIABLES:
            found.append(SettingsProblem(variable, f"no such variable. Did you mean {PREFIX}{near[0]}?"))
    return tuple(found)


def _read_files(given: dict[str, str]) -> list[SettingsProblem]:
    """Put what `..._FILE` variables name in the place of the variables that they stand for."""
    problems = []
    for name in [name for name in given if name.endswith(OF_FILE)]:
        path, stands_for = given.pop(name), name.removesuffix(OF_FILE)
        if stands_for in given:
            problems.append(SettingsProblem(PREFIX + name, f"set it or {PREFIX}{stands_for}, not both"))
            continue
        try:
            text = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = (getattr(error, "strerror", None) or "it holds no text").lower()
            problems.append(SettingsProblem(PREFIX + name, f"{path} cannot be read: {why}"))
            continue
        if not text:
            problems.append(SettingsProblem(PREFIX + name, f"{path} is empty"))
        given[stands_for] = text
    return problems


def _incomplete(given: Mapping[str, str]) -> list[SettingsProblem]:
    """SASL proves who we are, so it needs a name and a password."""
    protocol = given.get("KAFKA_SECURITY_PROTOCOL", "")
    if not protocol.startswith("SASL_"):
        return []
    missing = [name for name in ("KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD") if name not in given]
    return [SettingsProblem(PREFIX + name, f"{protocol} needs it") for name in missing]


def _problem(name: str, value: str) -> SettingsProblem | None:
    pattern, message = _CHECKS.get(name, ("", ""))
    if not pattern or re.fullmatch(pattern, value):
        return None
    return SettingsProblem(PREFIX + name, message)

"""Opening what the environment asks for: nothing, or exporters, or a sentence why not.

Rule: OpenTelemetry is imported here, and only once something is to be exported; without an OTEL_ variable a
process does not even load it.
"""

import logging
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from interlock_runtime.telemetry.names import conventions
from interlock_runtime.telemetry.wanted import MISSING, NotExported, wanted

if TYPE_CHECKING:
    from interlock_runtime.telemetry.export import Telemetry

_log = logging.getLogger(__name__)


def open_telemetry(environ: Mapping[str, str], *, service: str, instance: str) -> "Telemetry | None":
    """Where spans and measurements go; None: nowhere, and whoever asked for more finds a line in the log."""
    asked = wanted(environ)
    if asked is None:
        return None
    if isinstance(asked, NotExported):
        _log.warning("%s", asked.sentence)
        return None
    try:
        export = import_module("interlock_runtime.telemetry.export")
    except ModuleNotFoundError:
        _log.warning("%s", MISSING)
        return None
    try:
        opened: Telemetry = export.exporting(
            environ,
            asked,
            conventions(environ),
            service=service,
            instance=instance,
            version=_version(),
        )
    except (ValueError, OSError) as error:  # a number that is none, a certificate that is not there
        _log.warning("an OTEL_ variable cannot be used, so nothing is exported: %s", error)
        return None
    return opened


def _version() -> str:
    try:
        return version("interlock")
    except PackageNotFoundError:
        return "0"

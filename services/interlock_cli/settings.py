"""What the command line takes from its environment: the token of a control plane, and a service's settings.

There is no option for the token, because arguments are for everybody on the machine to read.
"""

import os
from collections.abc import Mapping

from interlock_runtime.settings import RuntimeSettings, SettingsProblem, misspelt, runtime_settings


def admin_token(environ: Mapping[str, str] | None = None) -> str | None:
    """INTERLOCK_ADMIN_TOKEN; empty counts as not set."""
    return (os.environ if environ is None else environ).get("INTERLOCK_ADMIN_TOKEN") or None


def service_settings() -> tuple[RuntimeSettings | tuple[SettingsProblem, ...], tuple[SettingsProblem, ...]]:
    """The settings of a service, or everything that is wrong with them; and variables that look misspelt."""
    return runtime_settings(os.environ), misspelt(os.environ)

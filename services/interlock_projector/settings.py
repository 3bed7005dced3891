"""What the projector takes from its environment beside its settings: the OTEL_ variables, not our own."""

import os
from collections.abc import Mapping


def variables() -> Mapping[str, str]:
    """The environment of this process."""
    return dict(os.environ)

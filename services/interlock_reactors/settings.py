"""The environment of the reactors: where the secrets of webhooks are found by reference."""

import os
from collections.abc import Mapping


def variables() -> Mapping[str, str]:
    """The environment, for secrets."""
    return dict(os.environ)

"""Limits are positive."""

import pytest

from interlock_upstream import Limits


@pytest.mark.parametrize("name", ["max_connections", "idle_expiry_s", "max_header_bytes", "buffer_bytes"])
def test_no_limit_is_zero(name: str) -> None:
    with pytest.raises(ValueError, match="above zero"):
        Limits(**{name: 0})

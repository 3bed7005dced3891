"""Rows as people see them."""

from interlock_domain.rows import ClusterRow


def test_the_key_that_gateways_share_is_never_shown() -> None:
    row = ClusterRow(key=b"canary-of-the-cell")
    assert "canary" not in f"{row} {row!r} {[row]}"

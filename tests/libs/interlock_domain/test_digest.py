"""The content digest of a table."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from interlock_domain import digest

tables = st.dictionaries(st.text(max_size=6), st.binary(max_size=8), max_size=6)


def test_a_row_hash_is_the_first_half_of_a_sha256_over_key_zero_and_payload() -> None:
    expected = hashlib.sha256(b"target/a/b\x00{}").digest()[:16]
    assert digest.row_hash("target/a/b", b"{}") == int.from_bytes(expected, "big")


def test_an_empty_table_has_the_digest_zero() -> None:
    assert digest.table_digest({}) == "0" * 32


def test_the_commit_and_the_cluster_key_are_outside_the_digest() -> None:
    rows = {"catalog": b"{}"}
    assert digest.table_digest(rows | {"_commit": b"x", "_cluster": b"y"}) == digest.table_digest(rows)


def test_key_and_payload_cannot_be_exchanged() -> None:
    assert digest.table_digest({"ab": b"c"}) != digest.table_digest({"a": b"bc"})


@given(tables, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows, random) -> None:
    items = list(rows.items())
    random.shuffle(items)
    assert digest.table_digest(dict(items)) == digest.table_digest(rows)


@given(tables, tables)
def test_a_sum_kept_row_by_row_equals_the_sum_of_the_table(before, changes) -> None:
    total, rows = digest.EMPTY, dict[str, bytes]()
    for key, payload in [*before.items(), *changes.items()]:
        if key in rows:
            total = digest.remove(total, key, rows[key])
        total = digest.add(total, key, payload)
        rows[key] = payload
    assert digest.digest_text(total) == digest.table_digest(rows)

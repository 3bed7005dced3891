"""Target ids."""

from hypothesis import given
from hypothesis import strategies as st

from interlock_domain.catalog.target import split_target_id, target_id


@given(provider=st.text("abc.-", min_size=1), model=st.text("abc/:-", min_size=1))
def test_an_id_is_split_where_it_was_joined(provider: str, model: str) -> None:
    assert split_target_id(target_id(provider, model)) == (provider, model)


def test_a_word_without_a_slash_has_no_model() -> None:
    assert split_target_id("llama") == ("llama", "")

"""The models list reads the same on every call and for both client libraries."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock_protocols.models import Page, model_body, models_body, read_page
from interlock_protocols.requests.bad_request import BadRequest


def test_a_model_has_the_fields_of_both_apis():
    model = json.loads(model_body("fast", "interlock"))
    assert model == {
        "id": "fast",
        "object": "model",
        "created": 0,
        "owned_by": "interlock",
        "type": "model",
        "display_name": "fast",
        "created_at": "1970-01-01T00:00:00Z",
    }


def test_a_list_is_sorted_and_names_its_ends():
    listed = json.loads(models_body([("b", "x"), ("a", "y")]))
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["a", "b"]
    assert (listed["first_id"], listed["last_id"], listed["has_more"]) == ("a", "b", False)


def test_an_empty_list_is_a_list():
    listed = json.loads(models_body([]))
    assert (listed["data"], listed["first_id"], listed["last_id"]) == ([], None, None)


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3))), st.randoms())
def test_the_order_they_come_in_does_not_matter(models, random):
    shuffled = list(models)
    random.shuffle(shuffled)
    assert models_body(shuffled) == models_body(models)
    ids = [model["id"] for model in json.loads(models_body(models))["data"]]
    assert ids == sorted(set(ids))


names = st.lists(st.text("abc", min_size=1, max_size=4), unique=True, max_size=12)


@given(names, st.integers(1, 5))
def test_pages_forwards_and_backwards_are_the_list(listed, limit):
    models = [(name, "x") for name in listed]
    forwards, backwards = _walked(models, limit, back=False), _walked(models, limit, back=True)
    assert [name for page in forwards for name in page] == sorted(listed)
    assert [name for page in reversed(backwards) for name in page] == sorted(listed)
    assert all(len(page) == limit for page in (*forwards[:-1], *backwards[:-1]))


def _walked(models: list[tuple[str, str]], limit: int, *, back: bool) -> list[list[str]]:
    found: list[list[str]] = []
    page = Page(limit=limit, before_id="d" if back else None)
    while True:
        body = json.loads(models_body(models, page))
        found.append([model["id"] for model in body["data"]])
        if not body["has_more"]:
            return found
        page = Page(
            limit=limit,
            after_id=None if back else body["last_id"],
            before_id=body["first_id"] if back else None,
        )


def test_a_page_may_begin_behind_a_name_that_is_gone():
    body = json.loads(models_body([("a", "x"), ("c", "x")], Page(limit=1, after_id="b")))
    assert ([model["id"] for model in body["data"]], body["has_more"]) == (["c"], False)


@pytest.mark.parametrize(
    ("query", "page"),
    [
        (b"", Page()),
        (b"beta=true", Page()),
        (b"limit=1000", Page(limit=1000)),
        (b"after_id=a%2Fb&limit=5", Page(limit=5, after_id="a/b")),
        (b"before_id=%C3%A9", Page(before_id="\u00e9")),
        (b"after_id=", Page()),
        (b"limit=007", Page(limit=7)),
    ],
)
def test_a_query_is_read_as_the_vendor_reads_it(query, page):
    assert read_page(query) == page


@given(st.binary(max_size=60))
def test_no_query_is_an_exception(query):
    assert isinstance(read_page(query), Page | BadRequest)

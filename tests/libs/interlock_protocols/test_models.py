"""The models list reads the same on every call and for both client libraries."""

import json

from hypothesis import given
from hypothesis import strategies as st

from interlock_protocols.models import model_body, models_body


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

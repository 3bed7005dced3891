"""What a configuration would change, over HTTP: told before it is applied, and nothing is written."""

from typing import Any

from tests.services.facts import CONFIG_TEXT
from tests.services.interlock_control.rig import Serving

HEAD = "providers:\n  atlas: {base_url: 'http://x/v1', api_key: none}\npools:\n"


async def plan(serving: Serving, text: str, query: str = "", **headers: str) -> dict[str, Any]:
    """The answer of a plan that was made."""
    answer = await serving.http.post(f"/admin/v1/config/plan{query}", content=text, headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_given_an_empty_journal_then_everything_is_added_and_nothing_is_written(each: Serving) -> None:
    before = await each.stores.log.head()
    found = await plan(each, CONFIG_TEXT)
    assert (found["revision"], found["changed"], found["refused"]) == (0, True, None)
    added = [(one["kind"], one["section"], one["name"]) for one in found["changes"]]
    assert ("+", "providers", "atlas") in added
    assert ("+", "pools", "chat") in added
    assert await each.stores.log.head() == before


async def test_given_what_is_declared_already_then_there_is_no_change(each: Serving) -> None:
    await each.declare()
    found = await plan(each, CONFIG_TEXT + "\n# a comment\n")
    assert (found["revision"], found["changed"], found["changes"]) == (1, False, [])


async def test_given_changed_values_then_old_and_new_are_in_the_words_of_the_file(one: Serving) -> None:
    await one.declare()
    text = CONFIG_TEXT.replace("[atlas/large, breeze/org/large]", "[atlas/large, breeze/org/small]")
    found = await plan(one, f"{text}policy: {{cooldown: {{initial: 30s}}}}\n")
    told = {(c["section"], c["name"], c["path"]): (c["kind"], c["old"], c["new"]) for c in found["changes"]}
    assert told["policy", "", "cooldown.initial"] == ("~", "15s", "30s")
    assert told["pools", "chat", "member breeze/org/large"][0] == "-"
    assert told["pools", "chat", "member breeze/org/small"][0] == "+"


async def test_given_only_another_order_of_equal_members_then_it_is_still_a_change(one: Serving) -> None:
    equal = "{{strategy: weighted_random, members: [{{target: atlas/{0}}}, {{target: atlas/{1}}}]}}"
    await one.declare(f"{HEAD}  chat: {equal.format('a', 'b')}\n")
    found = await plan(one, f"{HEAD}  chat: {equal.format('b', 'a')}\n")
    assert (found["changed"], found["changes"]) == (True, [])


async def test_given_a_removal_of_many_targets_then_the_plan_says_what_an_apply_would(one: Serving) -> None:
    many = ", ".join(f"atlas/m{n}" for n in range(10))
    await one.declare(f"{HEAD}  chat: [{many}]\n")
    small = f"{HEAD}  chat: [atlas/m0]\n"
    refused = (await plan(one, small))["refused"]
    answer = await one.http.post("/admin/v1/config/apply", content=small, headers={"if-match": "*"})
    assert refused == answer.json()["detail"]
    assert (await plan(one, small, "?allow_removal=true"))["refused"] is None


async def test_given_a_pool_that_nothing_backs_then_it_is_a_warning(one: Serving) -> None:
    found = await plan(one, CONFIG_TEXT)
    assert found["warnings"] == [
        "pool `other` has breeze/org/large alone: nothing takes over when it fails",
    ]


async def test_given_another_base_then_the_plan_is_refused_like_an_apply(one: Serving) -> None:
    await one.declare()
    late = await one.http.post("/admin/v1/config/plan", content=CONFIG_TEXT, headers={"if-match": '"0"'})
    assert (late.status_code, late.json()["type"]) == (412, "urn:interlock:problem:stale_revision")
    made = await one.http.post("/admin/v1/config/plan", content=CONFIG_TEXT, headers={"if-match": '"1"'})
    assert made.headers["etag"] == '"1"'


async def test_given_a_bad_file_then_every_mistake_is_told(one: Serving) -> None:
    answer = await one.http.post("/admin/v1/config/plan", content="pols: {}\nserver: {drian: 1s}\n")
    assert answer.status_code == 422
    assert [mistake["line"] for mistake in answer.json()["mistakes"]] == [1, 2]

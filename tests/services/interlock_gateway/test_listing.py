"""`GET /v1/models` as both vendors' clients, Claude Code's discovery and a plain script read it."""

import anthropic
import openai
import pytest

from interlock_domain.catalog.commands import SetTargetState
from interlock_domain.words import AdminState
from interlock_testing.running import RunningLoop, declaring, running
from interlock_testing.upstream import SimulatedProvider
from tests.services.interlock_gateway.test_keys import KEY, WRONG, keys

NAMES = ["chat", "claude-large", "claude-small", "fast", "slow"]
ANTHROPIC = {"anthropic-version": "2023-06-01"}


def config(atlas: SimulatedProvider, more: str = "") -> str:
    pools = ", ".join(f"{name}: [atlas/large]" for name in reversed(NAMES))
    return declaring({"atlas": atlas.url}, pools=f"{{{pools}}}", more=more)


def openai_client(loop: RunningLoop, key: str = "any") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{loop.url}/v1", api_key=key, max_retries=0)


def anthropic_client(loop: RunningLoop, key: str = "any") -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=loop.url, api_key=key, max_retries=0)


async def test_both_clients_read_the_list_and_one_of_it(atlas):
    async with running(config(atlas)) as loop:
        async with openai_client(loop) as one, anthropic_client(loop) as two:
            listed = [model async for model in one.models.list()]
            paged = [model async for model in two.models.list(limit=2)]
            backwards = await two.models.list(limit=2, before_id="fast")
            assert (await one.models.retrieve("fast")).owned_by == "interlock"
            assert (await two.models.retrieve("fast")).display_name == "fast"
    assert [model.id for model in listed] == NAMES
    assert {(model.object, model.created) for model in listed} == {("model", 0)}
    assert [model.id for model in paged] == NAMES
    assert {(model.type, model.created_at.year) for model in paged} == {("model", 1970)}
    assert [model.id for model in backwards.data] == ["claude-large", "claude-small"]
    assert backwards.has_more


async def test_claude_codes_discovery_gets_ids_and_names_in_one_page(atlas):
    async with running(config(atlas)) as loop:
        answer = await loop.http.get("/v1/models?limit=1000", headers=ANTHROPIC)
    page = answer.json()
    assert [(one["id"], one["display_name"]) for one in page["data"]] == [(name, name) for name in NAMES]
    assert (page["has_more"], page["first_id"], page["last_id"]) == (False, NAMES[0], NAMES[-1])


@pytest.mark.parametrize("path", ["atlas/large", "atlas%2Flarge", "atlas%2Forg%2Fmodel%3Av1"])
async def test_an_id_may_hold_slashes_written_out_or_encoded(atlas, path):
    async with running(config(atlas)) as loop:
        answer = await loop.http.get(f"/v1/models/{path}")
        async with anthropic_client(loop) as client:
            assert (await client.models.retrieve("atlas/large")).id == "atlas/large"
    assert answer.status_code == 200
    assert answer.json()["id"] == path.replace("%2F", "/").replace("%3A", ":")


async def test_a_name_that_is_none_is_404_in_the_callers_form(atlas):
    async with running(config(atlas)) as loop, openai_client(loop) as one, anthropic_client(loop) as two:
        with pytest.raises(openai.NotFoundError) as unknown:
            await one.models.retrieve("boreas/large")
        with pytest.raises(anthropic.NotFoundError) as unknown_too:
            await two.models.retrieve("boreas/large")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    assert unknown_too.value.type == "not_found_error"
    assert unknown_too.value.request_id


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "", "1e2", "9" * 5_000])
async def test_a_limit_that_is_none_is_400_in_the_callers_form(atlas, limit):
    async with running(config(atlas)) as loop:
        plain = await loop.http.get("/v1/models", params={"limit": limit})
        other = await loop.http.get("/v1/models", params={"limit": limit}, headers=ANTHROPIC)
    assert (plain.status_code, plain.json()["error"]["param"]) == (400, "limit")
    assert (other.status_code, other.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_a_bad_key_is_each_clients_own_exception(atlas):
    async with running(config(atlas, keys(""))) as loop:
        async with openai_client(loop, WRONG) as one, anthropic_client(loop, WRONG) as two:
            with pytest.raises(openai.AuthenticationError) as refused:
                await one.models.list()
            with pytest.raises(anthropic.AuthenticationError) as refused_too:
                await two.models.list()
        async with openai_client(loop, KEY) as one, anthropic_client(loop, KEY) as two:
            assert len((await one.models.list()).data) == len((await two.models.list()).data) == len(NAMES)
    assert refused.value.code == "invalid_api_key"
    assert refused_too.value.type == "authentication_error"
    assert "invalid x-api-key" in str(refused_too.value)


async def test_what_nobody_may_call_now_is_not_listed_and_asking_moves_no_counter(atlas):
    async with running(config(atlas)) as loop:
        for _ in range(3):
            assert len((await loop.http.get("/v1/models")).json()["data"]) == len(NAMES)
        assert (await loop.http.head("/v1/models")).content == b""
        metrics = (await loop.http.get("/metrics")).text
        await loop.command(SetTargetState(target="atlas/large", state=AdminState.DISABLED))
        await loop.settle()
        assert (await loop.http.get("/v1/models")).json()["data"] == []
    assert "interlock_requests_total{" not in metrics
    assert atlas.attempts == 0
